# SPDX-License-Identifier: Apache-2.0
"""scripts/check-readme and check-statements: what README.md or a page says and is not so any more is missed."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder
from tap import case, contains, equal, main, table

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
BUILD = os.environ["CLIENTCT_BUILD"]
TOOL = "module/man/clientct.1"


def check(copy, name, *arguments):
    done = subprocess.run([sys.executable, "-B", SOURCE / "scripts" / name, *arguments, copy], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stderr


@case
def the_tree_as_it_is():
    equal(check(COPY, "check-readme", BUILD), (0, ""), "status and output")


@case
def a_build_without_network_code():
    """As where libcurl goes with another OpenSSL than the build: four verbs have no options to look at."""
    with TemporaryFolder() as folder:
        (folder / "tool").mkdir()
        (folder / "pki").symlink_to(next(Path(BUILD).glob("**/pki/ctpki")).parent.resolve())
        tool = folder / "tool" / "clientct"
        tool.write_text(f"""#!/bin/sh
case $1 in submit | prove | monitor | reconcile)
    [ "$2" = --help ] || exit 2
    echo "$1: this build has no network code; build with libcurl"
    exit ;;
esac
exec {next(Path(BUILD).glob("**/tool/clientct")).resolve()} "$@"
""")
        tool.chmod(0o755)
        equal(check(COPY, "check-readme", folder), (0, ""), "status and output")


READ, STATE = "check-readme", "check-statements"
PROOF = "    test/unit/test_decision.c: embedded_scts_decide\n"


@table(
    ("a verb", READ, "README.md", "clientct inspect client.pem", "clientct expect client.pem",
     "expect`, which clientct --help"),
    ("an option", READ, "README.md", "clientct report --html", "clientct report --paper", "--paper`, an option"),
    ("an option in a page", READ, TOOL, "clientct check --strict", "clientct check --lax", "--lax`, an option"),
    ("an exit code", READ, TOOL, "Exit status: 0 some log counts, 1 none does, 2", "Exit status: 0 some log counts, 2",
     "exit codes of logs"),
    ("a path", READ, "README.md", "`module/examples/private-ca-one-log.cnf`", "`module/examples/private-ca-1-log.cnf`",
     "private-ca-1-log.cnf, which is not in the tree"),
    ("a script", READ, "README.md", "scripts/demo    #", "scripts/show    #", "scripts/show, which is not"),
    ("a page", READ, "README.md", "provider-clientct(7)", "openssl-clientct(7)", "openssl-clientct(7), a page"),
    ("a line of openssl.cnf", READ, "README.md", "properties = clientct=loaded", "properties = clientct=there",
     "in no example configuration"),
    ("a clientct.cnf", READ, "README.md", "min_operators = 2", "min_operators = two", "does not pass"),
    ("an untrue sentence, by both", READ, "README.md", "promised to publish is refused",
     "promised to publish is accepted", "no test is named"),
    ("an untrue sentence", STATE, "README.md", "promised to publish is refused", "promised to publish is accepted",
     "no test is named"),
    ("its test then proves nothing", STATE, "README.md", "promised to publish is refused", "promised is refused",
     "it was changed or removed"),
    ("a sentence that is gone", STATE, TOOL, "Each finding is\n", "Each finding was\n", "it was changed or removed"),
    ("a new sentence", STATE, "module/man/clientct.cnf.5", ".SH DESCRIPTION\n",
     ".SH DESCRIPTION\nOn Sundays nobody is refused.\n", "no test is named in test/statements.txt for \"On Sundays"),
    ("other exit codes", STATE, TOOL, "2 wrong usage, 3 could not tell", "3 wrong usage, 2 could not tell",
     "no test is named"),
    ("a test that is gone", STATE, "test/servers/test_doctor.py", "def misspelt_config_of_a_provider", "def a_provider",
     "there is no misspelt_config_of_a_provider_shows_in_what_is_read in test/servers/test_doctor.py"),
    ("a proof that is none", STATE, "test/statements.txt", PROOF, "    it is so\n", "expected \"FILE: NAME\""),
    ("a proof without a reason", STATE, "test/statements.txt", PROOF, "    none: so\n", "expected \"FILE: NAME\""),
)
def what_is_no_longer_true_is_said(_what, script, name, text, instead, said):
    file = COPY / name
    was = file.read_text(encoding="utf-8")
    equal(was.count(text) > 0, True, f"whether {name} has {text!r}")
    file.write_text(was.replace(text, instead, 1), encoding="utf-8")
    try:
        status, output = check(COPY, script, *([BUILD] if script == READ else []))
    finally:
        file.write_text(was, encoding="utf-8")
    equal(status, 1, f"exit status, with {output}")
    contains(output, said, "output")


with TemporaryFolder() as temporary:
    COPY = temporary / "tree"
    shutil.copytree(SOURCE, COPY, ignore=shutil.ignore_patterns(".git", "build*", "corpus", "vectors"))
    main()
