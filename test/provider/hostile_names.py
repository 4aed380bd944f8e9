# SPDX-License-Identifier: Apache-2.0
"""Writes a C file that defines, as functions which end the process, every name that clientct.so and libjansson call or
have and that is neither OpenSSL's (of this version) nor libc's: hostile_names.py clientct.so libjansson.so OUT.c"""
import re
import subprocess
import sys
from pathlib import Path

COMPONENT, JANSSON, OUT = sys.argv[1:]
FOREIGN = re.compile(r"@+(GLIBC|OPENSSL|LIBSSL|GCC|LIBJANSSON_PRIVATE)")


def names(*arguments):
    listed = subprocess.run(["nm", *arguments], check=True, stdout=subprocess.PIPE).stdout.decode()
    return [(line.split()[-2], line.split()[-1]) for line in listed.splitlines()]


undefined = [name for path in (COMPONENT, JANSSON) for kind, name in names("-D", "--undefined-only", path)
             if kind == "U" and not FOREIGN.search(name)]
what_a_newer_openssl_has = [name for kind, name in names("-D", "--undefined-only", COMPONENT)
                            if kind == "w" and re.match("[A-Z]", name) and not FOREIGN.search(name)]
# Names of a library that is loaded beside us can be defined by the program as well, and so can ours.
defined = [name for kind, name in names("-D", "--defined-only", JANSSON) if kind in "TW"]
ours = [name for kind, name in names("--defined-only", COMPONENT)
        if kind in "Tt" and re.match("ct_|clientct_|json_", name)]
every = sorted({re.sub("@.*|[.].*", "", name) for name in undefined + what_a_newer_openssl_has + defined + ours})
assert "json_delete" in every and "clientct_decide_sized" in every, every

Path(OUT).write_text("".join([
    "#include <stdlib.h>\n#include <unistd.h>\n",
    "static void called(const char *name, size_t len)\n{\n    (void)!write(2, name, len);\n    abort();\n}\n",
    *(f'void {name}(void);\nvoid {name}(void)\n{{\n    called("the host\'s {name} was called\\n", '
      f'sizeof "the host\'s {name} was called");\n}}\n' for name in every)]))
