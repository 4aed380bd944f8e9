# SPDX-License-Identifier: Apache-2.0
"""clientct report --partial: parts add up to the whole, what others wrote is left out, what is forged is refused."""

import json
import os
import random
import struct
import subprocess
import unittest

from cli import CLIENTCT, Case, run
from test_report_input import line, mixed, time_of, zstd

MAGIC = b"clientct report, partial, 1\n"
HEAD = struct.Struct(">Q B 14Q q q q H")
NOTHING = (-2**63) & (2**64 - 1)


class Partial(Case):
    def figures(self, *options, code=None):
        answer = self.ask("report", *options, code=code)
        answer.pop("sources")
        return answer

    def partial(self, name, text, *options):
        source = self.write(name, text)
        done = run("report", "--partial", self.path(name + ".part"), source, *options)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        return self.path(name + ".part")

    def test_parts_add_up_to_the_whole(self):
        for seed in range(6):
            dice = random.Random(seed)
            lines = mixed(dice.choice((1, 40, 3000)), seed) + ["foreign\n"] * dice.randrange(4)
            whole = self.figures(self.write("whole", "".join(lines)))
            parts = [[] for _ in range(dice.randrange(1, 9))]
            for row in lines:
                dice.choice(parts).append(row)
            names = [self.partial(f"part {i}", "".join(part)) for i, part in enumerate(parts)]
            dice.shuffle(names)
            with self.subTest(seed=seed, parts=len(names)):
                self.assertEqual(self.figures(*names), whole)
                half = len(names) // 2  # parts of parts, and parts beside lines
                run("report", "--partial", self.path("half.part"), *names[:half + 1])
                self.assertEqual(self.figures(self.path("half.part"), *names[half + 1:], "--jobs", "2"), whole)
                self.assertEqual(self.figures(*names[1:], names[0][:-len(".part")]), whole)

    def test_parts_add_up_where_numbers_are_estimates(self):
        rows = [line(n, f"hourly {n}", n % 60, n % 60 < 6, second=n * 8, until=time_of(n * 8 + 3600))
                for n in range(130000)]
        whole = self.figures(self.write("whole", "".join(rows)))
        self.assertTrue(whole["estimated"])
        random.Random(4).shuffle(rows)
        names = [self.partial(f"part {i}", "".join(rows[i::3])) for i in range(3)]
        self.assertFalse(self.figures(names[0])["estimated"])
        self.assertEqual(self.figures(*names), whole)

    def test_what_others_may_write_is_left_out(self):
        name = self.partial("mine", "".join(mixed(100)))
        os.chmod(name, 0o666)
        answer = self.ask("report", name, code=3)
        self.assertEqual((answer["decisions"], answer["unvouched_lines"], answer["vouched_lines"]), (0, 100, 0))
        self.assertIn(b"may be written by", run("report", name).stderr)
        answer = self.ask("report", "--unvouched", name, code=1)
        self.assertEqual((answer["decisions"], answer["unvouched_lines"], answer["vouched_lines"]), (100, 100, 0))
        os.chmod(name, 0o600)
        self.assertEqual(os.stat(name).st_mode & 0o777, 0o600)
        with open(name, "rb") as file:
            self.assertEqual(self.ask("report", "-", stdin=file.read(), code=3)["unvouched_lines"], 100)
        loose = self.partial("loose", "".join(mixed(100)), "--unvouched")
        self.assert_usage_error(run("report", loose), "--unvouched")
        self.assertEqual(self.ask("report", loose, "--unvouched")["vouched_lines"], 100)

    def test_choices_that_do_not_go_together(self):
        name = self.partial("since", "".join(mixed(10)), "--since", "2026-11-01T00:00:10Z")
        self.assert_usage_error(run("report", name), "--since")
        self.assertEqual(self.figures(name, "--since", "2026-11-01T00:00:10Z")["lines"], 10)
        for wrong in (("--json",), ("--html", "-"), ("--exempt-list",), ("--key-usage",)):
            self.assert_usage_error(run("report", "--partial", "-", *wrong, self.path("since")), "--partial")
        self.assert_usage_error(run("report", "--partial", self.path("no/where"), self.path("since")),
                                "cannot be written")
        with open("/dev/full", "wb") as full:
            self.assertNotEqual(subprocess.run([CLIENTCT, "report", "--partial", "-", self.path("since")], stdout=full,
                                               stderr=subprocess.DEVNULL, check=False).returncode, 0)

    def refused(self, data, *words):
        with open(self.path("forged"), "wb") as file:
            file.write(data)
        self.assert_usage_error(run("report", self.path("forged")), *words)

    def head(self, decisions=0, accept=0, refuse=0, first=2**63 - 1, last=-2**63):
        sums = [0] * 10 + [decisions, accept, refuse, 0]
        return MAGIC + HEAD.pack(NOTHING, 0, *sums, first, last, -2**63, 0)

    def test_forged_files(self):
        groups = struct.pack(">QIB", 2**64 - 1, 0, 0) * 5
        no_things = struct.pack(">QI", 2**64 - 1, 0)
        end = no_things * 3 + b"\0\0"
        whole = self.head() + groups + end
        with open(self.path("empty"), "wb") as file:
            file.write(whole)  # not compressed is as good
        self.assertEqual(self.ask("report", self.path("empty"), code=3)["lines"], 0)
        state = struct.pack(">qqQBB", 0, 0, 0, 1, 0)
        client = struct.pack(">IH", 1, 3) + b"abc" + bytes(8) + state + struct.pack(">q", 0)
        for words, data in (
                ("ends in the middle", MAGIC), ("ends in the middle", whole[:-1]),
                ("behind its end", whole + b"\0"),
                ("contradict", self.head(decisions=1) + groups + end),
                ("contradict", self.head(accept=2**64 - 1) + groups + end),
                ("more of something", self.head() + groups + struct.pack(">QI", 2**64 - 1, 2**32 - 1)),
                ("more of something", self.head() + struct.pack(">QI", 2**64 - 1, 1) + b"\xff\xff" + bytes(65535)),
                ("beyond all calendars", self.head(decisions=1, first=-2**62, last=0) + groups + end),
                ("beyond all calendars", self.head() + groups + no_things * 3 + b"\0\1" + struct.pack(">q", 2**62) +
                 bytes(16)),
                ("without a text", self.head() + groups + struct.pack(">QI", 2**64 - 1, 1) + bytes(200)),
                ("a NUL", self.head() + groups + struct.pack(">QI", 2**64 - 1, 1) +
                 client.replace(b"abc", b"a\0c") + bytes(32) + end),
                ("contradict", self.head() + groups + struct.pack(">QI", 2**64 - 1, 1) + client +
                 struct.pack(">QQ", 1, 2) + bytes(16) + no_things * 2 + b"\0\0"),
                ("ends in the middle", zstd(whole)[:-3])):
            with self.subTest(words):
                self.refused(data, words)
        # Sums beyond 2^64 stay there.
        large = self.head(2**64 - 1, 2**63, 2**63 - 1, 0, 1) + groups + end
        with open(self.path("large"), "wb") as file:
            file.write(large)
        answer = self.ask("report", self.path("large"), self.path("large"))
        self.assertEqual(answer["would_accept"], answer["decisions"])
        run("report", self.path("large"), self.path("large"), "--html", self.path("large.html"))

    def test_a_line_that_only_looks_like_it(self):
        text = "clientct report\n" + line(0, 1, 1, True)
        self.assertEqual(self.ask("report", self.write("looks", text))["decisions"], 1)
        self.assertEqual(self.ask("report", self.write("c", "c"), code=3)["foreign_lines"], 1)


class KeyUsage(Case):
    def row(self, name, issuer, usages, until="2098-01-01T00:00:00Z"):
        row = json.loads(line(0, name, 1, False, until=until))
        row.update({"tls.client.issuer": issuer, "clientct.extended_key_usage": usages})
        return json.dumps({key: value for key, value in row.items() if value is not None}) + "\n"

    def usage(self, text, *options, code):
        answer = self.ask("report", "--key-usage", self.write("usage", text), *options, code=code)
        return {(row["issuer"], row["kind"]): (row["must_move"], row["certificates"], row["first_end"], row["last_end"])
                for row in answer["key_usage"]}

    def test_who_must_move_and_until_when(self):
        text = (self.row("a", "CN=Public", ["serverAuth", "clientAuth"], "2027-01-01T00:00:00Z") +
                self.row("b", "CN=Public", ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], "2027-03-01T00:00:00Z") +
                self.row("c", "CN=Web", ["serverAuth"]) + self.row("d", "CN=House", ["clientAuth"]) +
                self.row("e", "CN=House", ["clientAuth", "emailProtection"]) + self.row("f", "CN=Old", None) +
                self.row("g", "CN=Old", ["2.5.29.37.0", "serverAuth"]) + self.row("h", "CN=Odd", []) +
                self.row("i", "CN=Odd", ["codeSigning"]))
        far = "2098-01-01T00:00:00Z"
        self.assertEqual(self.usage(text, code=1), {
            ("CN=Public", "server_and_client"): (True, 2, "2027-01-01T00:00:00Z", "2027-03-01T00:00:00Z"),
            ("CN=Web", "server_only"): (True, 1, far, far), ("CN=House", "client"): (False, 2, far, far),
            ("CN=Old", "any"): (False, 2, far, far), ("CN=Odd", "neither"): (True, 2, far, far)})
        shown = run("report", "--key-usage", self.path("usage")).stdout.decode()
        self.assertIn("2 certificates, the first ends 2027-01-01, the last 2027-03-01  CN=Public", shown)
        self.assertIn("--public", shown)
        self.usage(self.row("d", "CN=House", ["clientAuth"]), code=0)
        self.usage("nothing\n", code=3)

    def test_public_cas_are_known_by_name(self):
        subject = subprocess.run(["openssl", "x509", "-in", self.path("ca.pem"), "-noout", "-subject", "-nameopt",
                                  "RFC2253"], check=True, stdout=subprocess.PIPE).stdout.decode()
        name = subject.strip().removeprefix("subject=")
        text = (self.row("a", name, ["clientAuth"]) + self.row("b", name, ["serverAuth"]) +
                self.row("c", "CN=House", ["serverAuth", "clientAuth"]))
        found = self.usage(text, "--public", self.path("ca.pem"), code=1)
        self.assertEqual({key: value[:2] for key, value in found.items()},
                         {(name, "public"): (True, 2), ("CN=House", "server_and_client"): (False, 1)})
        self.assert_usage_error(run("report", "--key-usage", "--public", self.path("nothing"), self.path("usage")),
                                "nothing")
        self.assert_usage_error(run("report", "--public", self.path("ca.pem"), self.path("usage")), "--key-usage")

    def test_those_that_are_over_and_do_not_come_back(self):
        past = self.row("a", "CN=Past", ["serverAuth"], "2026-10-01T00:00:00Z")
        renewed = self.row("b", "CN=Renewed", ["serverAuth"], "2026-10-01T00:00:00Z")
        renewed = renewed.replace(time_of(0), time_of(1000000))
        self.assertEqual([key[0] for key in self.usage(past + renewed, code=1)], ["CN=Renewed"])


if __name__ == "__main__":
    unittest.main()
