# SPDX-License-Identifier: Apache-2.0
"""The command itself: verbs, options, output."""

import os
import pty
import subprocess
import unittest

from cli import CLIENTCT, Case, read_terminal, run

VERBS = ["verify", "inspect", "check", "doctor", "metrics", "version"]


class Command(Case):
    def test_help_names_every_verb(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 0)
            for verb in VERBS:
                self.assertIn(f"  {verb} ", done.stdout.decode())

    def test_every_verb_has_help(self):
        for verb in VERBS:
            done = run(verb, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout.startswith(f"usage: clientct {verb} ".encode()), done.stdout)
            self.assertEqual(run("help", verb).stdout, done.stdout)
            self.assertIn(b"--json", done.stdout)

    def test_usage_errors_say_what_was_meant(self):
        good = self.path("client-good.pem")
        rows = [
            ([], ["a verb is missing"]),
            (["verfy"], ['"verfy"', 'did you mean "verify"']),
            (["xyzzyplugh"], ["--help"]),
            (["help", "chekc"], ['did you mean "check"']),
            (["verify"], ["missing", "CERT"]),
            (["verify", good, good], ["one argument too many"]),
            (["verify", "--confg", "x", good], ["--confg", 'did you mean "--config"']),
            (["verify", "--conf", "x", good], ["--conf"]),  # no abbreviations
            (["verify", "-x", good], ["-x"]),
            (["verify", good, "--config"], ["--config needs a value"]),
            (["verify", "--config=", good], ["--config needs a value"]),
            (["verify", "--json=yes", good], ["--json=yes takes no value"]),
            (["verify", "--json", "--json", good], ["--json is given twice"]),
            (["verify", "--at", "tomorrow", good], ["tomorrow", "2026-01-31T12:00:00Z"]),
            (["verify", "--at", "-1", good], ["-1"]),
            (["verify", "--at", "99999999999999", good], ["99999999999999"]),
            (["verify", "--policy", "one", good], ["--log-list"]),
            (["verify", "--log-list", "a", "--config", "b", good], ["only one of them"]),
            (["verify", "--log-list", "a", "--policy", "chrom", good], ['did you mean "chrome"']),
            (["verify", "--log-list", "/nonexistent/list", good], ["/nonexistent/list", "No such file"]),
            (["verify", self.path("nothing")], ["nothing", "No such file"]),
            (["verify", self.dir], ["Is a directory"]),
            (["verify", "--issuer", "-", "-"], ["standard input"]),
            (["check", "operand"], ["one argument too many"]),
            (["version", "--jsno"], ['did you mean "--json"']),
        ]
        for arguments, words in rows:
            with self.subTest(arguments=arguments):
                self.assert_usage_error(run(*arguments, stdin=self.read("client-good.pem")), *words)

    def test_operand_may_look_like_an_option_behind_two_dashes(self):
        self.assert_usage_error(run("verify", "--", "--json"), "the certificate: --json cannot be read")

    def test_version(self):
        answer = self.ask("version", code=0)
        self.assertEqual(set(answer), {"version", "openssl", "openssl_built_with", "jansson", "default_config"})
        self.assertIn(answer["version"].encode(), run("--version").stdout)
        self.assertEqual(answer["default_config"], "/etc/clientct/clientct.cnf")

    def test_lost_output_is_no_answer(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([CLIENTCT, "version"], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"standard output", done.stderr)

    def on_a_terminal(self, **environment):
        arguments = [CLIENTCT, "verify", "--log-list", self.path("log_list.json"), self.path("client-good.pem")]
        ours, theirs = pty.openpty()
        env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        with subprocess.Popen(arguments, stdout=theirs, env={**env, "TERM": "xterm", **environment}) as process:
            os.close(theirs)
            output = read_terminal(ours)
            process.wait(timeout=30)
        os.close(ours)
        self.assertIn(b"accept", output)
        return output

    def test_colour_only_on_a_terminal_and_not_with_no_color(self):
        self.assertIn(b"\x1b[", self.on_a_terminal())
        self.assertNotIn(b"\x1b[", self.on_a_terminal(NO_COLOR="1"))
        self.assertNotIn(b"\x1b[", self.on_a_terminal(TERM="dumb"))
        self.assertIn(b"\x1b[", self.on_a_terminal(NO_COLOR=""))
        piped = run("verify", "--log-list", self.path("log_list.json"), self.path("client-good.pem"))
        self.assertNotIn(b"\x1b", piped.stdout)


if __name__ == "__main__":
    unittest.main()
