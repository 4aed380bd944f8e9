# SPDX-License-Identifier: Apache-2.0
"""scripts/check-rooms: each wall that is taken away is missed."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder, program
from tap import case, contains, equal, main, need, table

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
need(program("nm"), "nm")
need(program("gcc"), "gcc")


def house(folder):
    (folder / "scripts").mkdir()
    shutil.copy(SOURCE / "scripts" / "check-rooms", folder / "scripts")
    shutil.copytree(SOURCE / "module", folder / "module")


def check(folder, *arguments):
    said = subprocess.run([sys.executable, folder / "scripts" / "check-rooms", *arguments], capture_output=True,
                          text=True, check=False)
    return said.returncode, said.stdout + said.stderr


@case
def the_house_stands():
    with TemporaryFolder() as folder:
        house(folder)
        equal(check(folder), (0, ""), "status and output")


@table(
    ("base/bytes.c", "policy/policy.h", "comes after"),
    ("evidence/sct.c", "logs/log.h", "comes after"),
    ("logs/log.h", "policy/admission.h", "comes after"),
    ("policy/tally.c", "config/settings.h", "comes after"),
    ("config/snapshot.c", "decision/decision.h", "comes after"),
    ("decision/decision.c", "record/recorder.h", "comes after"), # the two do not know each other
    ("record/audit.c", "decision/cache.h", "comes after"),
    ("record/audit.c", "checker.h", "comes after"),
    ("checker.c", "tool/tool.h", "comes after"),
    ("policy/tally.h", "policy/policy.h", "in a circle"),
    ("policy/tally.c", "admission.h", "not a path from module/"),
    ("policy/tally.c", "../policy/admission.h", "not a path from module/"),
)
def an_include_through_a_wall_is_told(name, included, words):
    with TemporaryFolder() as folder:
        house(folder)
        with open(folder / "module" / name, "a", encoding="utf-8") as file:
            file.write(f'#include "{included}"\n')
        status, said = check(folder)
        equal(status, 1, "status")
        contains(said, words, "what is said")
        contains(said, name.removesuffix(".c").removesuffix(".h"), "what is said")


@case
def a_room_that_nobody_knows_is_told():
    with TemporaryFolder() as folder:
        house(folder)
        (folder / "module" / "attic").mkdir()
        (folder / "module" / "attic" / "box.c").write_text("")
        status, said = check(folder)
        equal(status, 1, "status")
        contains(said, "attic/ is no room", "what is said")


def compile_as(folder, name, text):
    """An object where the build has that of module/`name`."""
    objects = folder / "build" / "module" / "libclientct_module.a.p"
    objects.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-c", "-o", objects / (name.replace("/", "_") + ".o"), "-"], input=text,
                   text=True, check=True)


# Declared by hand, which no include shows: the call is seen all the same.
@table(
    ("base/bytes.c", "policy/policy.c", None, "comes after"),
    ("evidence/sct.c", "logs/log.c", None, "comes after"),
    ("decision/decision.c", "record/audit.c", None, "comes after"),
    ("logs/v3.c", "logs/json.c", "logs/v3.c", "call each other in a circle"),
)
def a_call_through_a_wall_is_told(caller, called, back, words):
    with TemporaryFolder() as folder:
        house(folder)
        compile_as(folder, caller, "void b(void); void a(void); void a(void) { b(); }\n")
        compile_as(folder, called, "void a(void); void b(void); void b(void) { " + ("a();" if back else "") + " }\n")
        status, said = check(folder, folder / "build")
        equal(status, 1, "status")
        contains(said, words, "what is said")


@case
def a_build_without_objects_proves_nothing():
    with TemporaryFolder() as folder:
        house(folder)
        (folder / "build").mkdir()
        status, said = check(folder, folder / "build")
        equal(status, 1, "status")
        contains(said, "no objects", "what is said")


if __name__ == "__main__":
    main()
