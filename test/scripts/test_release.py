# SPDX-License-Identifier: Apache-2.0
"""scripts/release: what keeps a version from being released is said, notes are CHANGELOG.md's, and the tag is last."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from processes import TemporaryFolder
from tap import case, contains, equal, main, table

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
CHANGELOG = """# Changelog

## [1.2.3] - 2027-01-15

### Added

- A thing.

## [1.2.2] - 2026-12-01

- Another.
"""
FILES = {
    "meson.build": "project('clientct', 'c',\n  version: '1.2.3',\n  meson_version: '>= 1.0')\n",
    "debian/changelog": "clientct (1.2.3) unstable; urgency=medium\n",
    "scripts/clientct.spec": "Name: clientct\nVersion:        1.2.3\n",
    "CHANGELOG.md": CHANGELOG,
}
IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a.example", "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@a.example"}


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True,
                          env=os.environ | IDENTITY).stdout


def release(tree, *arguments, changes=None, more=()):
    for name, text in (FILES | (changes or {})).items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copy(SOURCE / "scripts/release", tree / "scripts/release")
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "all")
    for command in more:
        git(tree, *command)
    return subprocess.run([sys.executable, tree / "scripts/release", *arguments], capture_output=True, text=True,
                          check=False, env=os.environ | IDENTITY)


@case
def a_dry_run_prints_the_notes_and_makes_nothing():
    with TemporaryFolder() as folder:
        said = release(folder / "tree", "--dry-run", folder / "out")
        equal((said.returncode, said.stderr), (0, ""), "status and what is wrong")
        contains(said.stdout, "the tag v1.2.3\n\n### Added\n\n- A thing.\n", "notes")
        equal("Another" in said.stdout, False, "whether there are notes of before")
        equal(((folder / "out").exists(), git(folder / "tree", "tag")), (False, ""), "what was made")


WRONG = {
    "a version": ({"meson.build": FILES["meson.build"].replace("1.2.3", "1.2.4")}, "debian/changelog has 1.2.3, meson"),
    "no section": ({"CHANGELOG.md": "## [1.2.2] - 2026-12-01\n"}, "CHANGELOG.md has no section for 1.2.3"),
    "no day": ({"CHANGELOG.md": CHANGELOG.replace("2027-01-15", "unreleased")}, 'CHANGELOG.md: 1.2.3 is "unreleased"'),
    "Debian's word": ({"debian/changelog": "clientct (1.2.3) UNRELEASED; urgency=medium\n"}, "says UNRELEASED"),
}


@table(*((name,) for name in WRONG))
def what_is_wrong_is_said_and_nothing_made(name):
    changes, said = WRONG[name]
    for arguments in (["--dry-run"], []):
        with TemporaryFolder() as folder:
            got = release(folder / "tree", *arguments, folder / "out", changes=changes)
            equal(got.returncode, 1, "exit status")
            contains(got.stderr, said, "what is wrong")
            equal(((folder / "out").exists(), git(folder / "tree", "tag")), (False, ""), "what was made")


@case
def a_tag_that_exists_stays():
    with TemporaryFolder() as folder:
        got = release(folder / "tree", folder / "out", more=[("tag", "v1.2.3")])
        equal(got.returncode, 1, "exit status")
        contains(got.stderr, "the tag v1.2.3 exists", "what is wrong")


@case
def the_tag_is_the_last_thing():
    every = [word for step in ("source", "bookworm", "trixie", "rpm") for word in ("--skip", step)]
    with TemporaryFolder() as folder:
        got = release(folder / "tree", *every, folder / "out")
        equal((got.returncode, got.stderr), (0, ""), "status and what is wrong")
        equal(git(folder / "tree", "tag"), "v1.2.3\n", "tags")
        equal((folder / "out/NOTES.md").read_text(encoding="utf-8"), "### Added\n\n- A thing.\n", "notes")
        equal((folder / "out/SHA256SUMS").read_text(encoding="utf-8").split()[1], "NOTES.md", "what has a sum")
    with TemporaryFolder() as folder:
        got = release(folder / "tree", *every[2:], folder / "out")  # there is nothing to build
        equal(got.returncode != 0, True, "whether it failed")
        equal(git(folder / "tree", "tag"), "", "tags")


main()
