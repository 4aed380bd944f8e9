# SPDX-License-Identifier: Apache-2.0
"""scripts/check-docs: each text that no longer says what is there is missed."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder
from tap import case, contains, equal, main, table

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
POLICY = "module/man/clientct-policy.7"
HEADER = "include/clientct/clientct.h"


def check(folder, *changes):
    """What the check says of this tree with changes: (file, text, what stands there instead)."""
    copy = folder / "tree"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns(".git", "build*"))
    for name, text, instead in changes:
        was = (copy / name).read_text(encoding="utf-8")
        equal(was.count(text) > 0, True, f"whether {name} has {text!r}")
        (copy / name).write_text(was.replace(text, instead, 1), encoding="utf-8")
    said = subprocess.run([sys.executable, SOURCE / "scripts/check-docs", copy], capture_output=True, text=True,
                          check=False)
    return said.returncode, said.stderr


@case
def the_tree_as_it_is():
    with TemporaryFolder() as folder:
        equal(check(folder), (0, ""), "status and output")


@table(
    ("a reason that is not explained", POLICY, ".I precertificate\n", ".I preliminary\n", "explains precertificate 0"),
    ("a reason that is none", POLICY, ".I precertificate\n", ".I preliminary\n",
     "preliminary, which is no such reason"),
    ("a refusal that nobody is helped with", "module/man/clientct-reasons.7", ".I revoked\n", ".I recalled\n",
     "clientct-reasons.7: REASONS explains revoked 0"),
    ("a reason twice", POLICY, ".I no-scts\n", ".I no-scts\n.TQ\n.I no-scts\n", "explains no-scts 2 times"),
    ("a server that is told otherwise", "module/man/clientct-servers.7", ": enforces", ": may enforce", "not what"),
    ("a server that is left out", "README.md", "nghttpx, nginx, ", "nghttpx, ", "README.md is not what"),
    ("a client that is left out", "module/man/clientct-clients.7", "Wget", "Get", "clients.7 is not what"),
    ("a new reason", HEADER, '    X(VALID, "valid",', '    X(NEW, "brand-new", "x") \\\n    X(VALID, "valid",',
     "explains brand-new 0"),
    ("a page that is not there", POLICY, ".BR provider-clientct (7)", ".BR openssl-clientct (7)",
     "refers to openssl-clientct(7)"),
    ("another section", "provider/provider-clientct.7", ".BR clientct.cnf (5)", ".BR clientct.cnf (8)",
     "refers to clientct.cnf(8)"),
    ("a page in README", "README.md", "clientct-audit(5)", "clientct-audits(5)", "refers to clientct-audits(5)"),
    ("a path", "ARCHITECTURE.md", "`module/checker.c`", "`module/chequer.c`", "names module/chequer.c"),
)
def what_is_no_longer_true_is_said(_, name, text, instead, said):
    with TemporaryFolder() as folder:
        status, output = check(folder, (name, text, instead))
        equal(status, 1, "exit status")
        contains(output, said, "output")


main()
