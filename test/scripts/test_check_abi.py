# SPDX-License-Identifier: Apache-2.0
"""scripts/check-abi: growth has to be accepted, and what would break a program cannot be."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder, program
from tap import case, contains, equal, main, need, table

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
HEADER = SOURCE / "include" / "clientct" / "clientct.h"
need(program("abidiff"), "abidiff")
need(program("gcc"), "gcc")


def library(folder, name, header, soname="libclientct.so.0"):
    """A library of empty functions with the interface of `header`, and the directory of the header."""
    headers = folder / name
    (headers / "clientct").mkdir(parents=True)
    (headers / "clientct" / "clientct.h").write_text(header)
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^static inline.*?^}", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\s*#.*?[^\\]$", "", text, flags=re.DOTALL | re.MULTILINE)
    stub = ["#include <clientct/clientct.h>", "struct clientct_checker { int inside; };"]
    declaration = r"^((?!typedef)[^;{}]*?\bclientct_\w+\([^;{]*?\))( CLIENTCT_MUST_USE)?;"
    for match in re.finditer(declaration, text, re.MULTILINE):
        signature = match[1].strip()
        stub.append(signature + (" { }" if signature.startswith("void ") else " { return 0; }"))
    (folder / f"{name}.c").write_text("\n".join(stub) + "\n")
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-I", headers, f"-Wl,-soname,{soname}", "-o",
                    folder / f"{name}.so", folder / f"{name}.c"], check=True)
    return folder / f"{name}.so", headers


def check(folder, *arguments):
    said = subprocess.run([sys.executable, folder / "scripts" / "check-abi", *arguments], capture_output=True,
                          text=True, check=False)
    return said.returncode, said.stdout + said.stderr


def compare(folder, before, after, soname="libclientct.so.0"):
    """Status of the check of `after` where `before` was promised, what it said, and status of accepting it."""
    for name in ("scripts", "provider"):
        (folder / name).mkdir()
    shutil.copy(SOURCE / "scripts" / "check-abi", folder / "scripts")
    equal(check(folder, "--accept", *library(folder, "before", before))[0], 0, "status of the first promise")
    changed = library(folder, "after", after, soname)
    status, said = check(folder, *changed)
    accepted, _ = check(folder, "--accept", *changed)
    again, _ = check(folder, *changed)
    return status, said, accepted, again


def changed(pattern, replacement):
    header = HEADER.read_text()
    text = re.sub(pattern, replacement, header, count=1, flags=re.MULTILINE)
    if text == header:
        raise AssertionError(f"clientct.h has nothing like {pattern}")
    return header, text


@case
def the_same_passes():
    with TemporaryFolder() as folder:
        equal(compare(folder, HEADER.read_text(), HEADER.read_text())[0], 0, "status")


@table(
    ("a member at the end of the verdict", r"(struct clientct_verdict \{[^}]*)\}", r"\1    int64_t more;\n}"),
    ("a member at the end of the input", r"(struct clientct_input \{[^}]*)\}", r"\1    const char *more;\n}"),
    ("a member at the end of a result", r"(struct clientct_sct_result \{[^}]*)\}", r"\1    int64_t more;\n}"),
    ("a reason at the end", r'^(    .*"\))$', r'\1 X(MORE, "more", "more")'),
    ("a function", r"^const char \*clientct_version\(void\);", r"\g<0>\nint clientct_more(int how);"),
)
def growth_is_seen_and_can_be_accepted(what, pattern, replacement):
    with TemporaryFolder() as folder:
        status, said, accepted, again = compare(folder, *changed(pattern, replacement))
        equal((status, accepted, again), (1, 0, 0), f"the statuses of check, --accept and check again; it said {said}")
        contains(said, "has grown", "what the check says")


BREAKING = (
    ("a member within the verdict", r"^    bool cached;", r"\g<0>\n    int64_t more;"),
    ("a member in the padding of the input", r"^    uint16_t client_port;", r"\g<0>\n    uint16_t more;"),
    ("a longer text", r"char detail\[320\]", r"char detail[640]"),
    ("another type of the same size", r"^    uint64_t generation;", "    double generation;"),
    ("a wider type in padding", r"^    bool explain;", "    int explain;"),
    ("another name", r"^    bool cached;", "    bool kept;"),
    ("a reason before others", r"^    X\(REVOKED,", r'    X(MORE, "more", "more") X(REVOKED,'),
    ("a source before others", r"^    CLIENTCT_SOURCE_STORE,", r"    CLIENTCT_SOURCE_MORE, \g<0>"),
    ("a function that is gone", r"^void clientct_checker_free.*$", ""),
    ("another parameter", r"(size_t verdict_size, )uint64_t elapsed_ns", r"\1uint32_t elapsed_ns"),
    ("a shorter verdict", r"^    uint8_t leaf_sha256\[32\];.*$", ""),
)


@table(*BREAKING)
def what_breaks_a_program_is_refused(what, pattern, replacement):
    with TemporaryFolder() as folder:
        status, said, accepted, again = compare(folder, *changed(pattern, replacement))
        equal((status, accepted, again), (1, 1, 1), f"the statuses of check, --accept and check again; it said {said}")
        contains(said, "would break", "what the check says")


@case
def a_new_soname_is_a_new_promise():
    with TemporaryFolder() as folder:
        equal(compare(folder, *changed(*BREAKING[0][1:]), soname="libclientct.so.1")[2:], (0, 0), "status of --accept")


if __name__ == "__main__":
    main()
