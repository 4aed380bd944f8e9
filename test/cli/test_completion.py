# SPDX-License-Identifier: Apache-2.0
"""Completion: what the shells propose is what the command has."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from cli import Case, run

NAMES = {"bash": "clientct.bash", "zsh": "_clientct", "fish": "clientct.fish"}
FILES = pathlib.Path(os.environ["COMPLETION"])


class Completion(Case):
    def propose(self, *words):
        """What bash offers for the last word."""
        line = f"COMP_WORDS=(clientct {' '.join(words)}); COMP_CWORD={len(words)}"
        script = f'source {FILES / NAMES["bash"]}; {line}; _clientct; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def verbs(self):
        return re.findall(r"^  ([a-z]+) +\S", run("--help").stdout.decode(), re.MULTILINE)

    def test_all_verbs(self):
        self.assertGreater(len(self.verbs()), 5)
        self.assertEqual(self.propose("''"), {*self.verbs(), "help", "--help", "--version"})
        self.assertIn("verify", self.propose("ver"))
        self.assertNotIn("inspect", self.propose("ver"))

    def test_all_options_of_all_verbs(self):
        for verb in self.verbs():
            options = set(re.findall(r"^  (--[a-z-]+)", run(verb, "--help").stdout.decode(), re.MULTILINE))
            self.assertEqual(self.propose(verb, "--"), options, verb)
            for name in ("zsh", "fish"):
                text = (FILES / NAMES[name]).read_text(encoding="utf-8")
                for option in options:
                    self.assertIn(option if name == "zsh" else f"-l {option[2:]}", text, f"{name}: {verb}")

    def test_files_where_a_file_is_wanted(self):
        self.assertIn("/etc/passwd", self.propose("verify", "--config", "/etc/passw"))
        self.assertIn("/etc/passwd", self.propose("verify", "/etc/passw"))

    def test_the_other_shells_can_read_theirs(self):
        for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            if shutil.which(shell):
                with self.subTest(shell):
                    subprocess.run([*check, FILES / NAMES[shell]], check=True)


if __name__ == "__main__":
    unittest.main()
