# SPDX-License-Identifier: Apache-2.0
"""scripts/check-licence: a file without its licence is named, and so is one that has it twice."""
import os
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder
from tap import case, contains, equal, main, table

SCRIPT = Path(os.environ["CLIENTCT_SOURCE"]) / "scripts/check-licence"
TAG = "SPDX-License" + "-Identifier: Apache-2.0"
HOLDER = 'SPDX-FileCopyrightText = "2026 Somebody"\n'
REUSE = (f'# {TAG}\nversion = 1\n[[annotations]]\npath = "**"\n{HOLDER}'
         f'[[annotations]]\npath = ["**.json", "data/*"]\n{HOLDER}SPDX-License-Identifier = "Apache-2.0"\n')
TREE = {
    "REUSE.toml": REUSE,
    "LICENSE": "the text",
    "LICENSES/Apache-2.0.txt": "the text",
    "a/b/list.json": "{}",
    "data/blob": "\0",
    "empty": "",
    "main.c": f"/* {TAG} */\n",
    "page.1": f"'\\\" t\n.\\\" {TAG}\n",
    "query.sql": f"-- {TAG}\n",
    "script": f"#!/bin/sh\n# {TAG}\n",
    "README.md": f"<!-- {TAG} -->\n",
    "server.ml": f"(* {TAG} *)\n",
    "server.lisp": f"; {TAG}\n",
    "server.escript": f"#!/usr/bin/env escript\n% {TAG}\n",
    "main.go": f"// {TAG}\n",
}


def check(folder, **changes):
    for name, text in (TREE | changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", "-C", folder, *command], check=True)
    said = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)
    return said.returncode, said.stderr


@case
def every_kind_of_comment():
    with TemporaryFolder() as folder:
        equal(check(folder), (0, ""), "status and output")


CHANGES = {
    "a new file": ("new.c", "int x;\n", "new.c: no line"),
    "another licence": ("main.c", f"/* {TAG} OR MIT */\n", "main.c: no line"),
    "within other words": ("main.c", f"/* this is {TAG} */\n", "main.c: no line"),
    "too far down": ("main.c", "\n" * 5 + f"/* {TAG} */\n", "main.c: no line"),
    "a folder below the glob": ("data/more/blob", "\0", "data/more/blob: no line"),
    "twice": ("data/blob", f"# {TAG}\n", "data/blob: has its licence in itself, and in REUSE.toml by data/*"),
    "a glob for nothing": ("REUSE.toml", REUSE.replace("data/*", 'data/*", "*.pem'), "*.pem matches no file"),
    "rights of nobody": ("REUSE.toml", REUSE.replace(HOLDER, ""), "main.c: REUSE.toml says of nobody"),
    "another text": ("LICENSES/Apache-2.0.txt", "a text", "differ"),
}


@table(*((change,) for change in CHANGES))
def what_is_missing_is_named(change):
    name, text, said = CHANGES[change]
    with TemporaryFolder() as folder:
        status, output = check(folder, **{name: text})
        equal(status, 1, "exit status")
        contains(output, said, "output")


main()
