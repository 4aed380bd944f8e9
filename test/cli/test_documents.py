# SPDX-License-Identifier: Apache-2.0
"""Every command that README.md and the manual pages show is run as it stands there, or by the test that is named."""

import datetime
import json
import os
import re
import subprocess
import unittest
from pathlib import Path

import cli

SOURCE = Path(os.environ["CLIENTCT_SOURCE"])
TOMORROW = f"{datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"

GUIDE = "scripts/test-readme"  # types its block "guide"
PARTS = "test/cli/test_report_partial.py: test_parts_add_up_to_the_whole"
RANGES = "test/cli/test_monitor_parts.py: test_parts_add_up_to_the_root_that_the_log_signed"

# What each ends with, on the files of the fixture; or the test that runs it.
COMMANDS = {
    "clientct doctor -- nginx": "test/servers/test_doctor.py: tries_the_programs_own_openssl",
    "clientct doctor --unit nginx.service": "test/servers/test_doctor_units.py: reads_units_as_systemd_does",
    'clientct doctor --pid "$(pidof -s nginx)"': "test/servers/test_doctor.py: all_processes_of_a_server",
    "clientct doctor --connect localhost:443 --cert unlogged.pem --key unlogged.key --good-cert logged.pem --good-key "
    "logged.key": "test/servers/test_doctor_connect.py: servers_that_judge_after_the_handshake",
    "clientct verify --config /etc/clientct/clientct.cnf client.pem": 0,
    "clientct inspect client.pem": 0,
    "clientct logs --config /etc/clientct/clientct.cnf": 0,
    "journalctl -t clientct -o json | clientct report --journal -": "test/servers/test_journal.py: "
                                                                    "entries_of_a_real_journal",
    "clientct report --html report.html /var/log/clientct/audit.json": 1,
    "clientct report --exempt-list /var/log/clientct/audit.json": 1,
    "clientct verify --issuer ca.pem client.pem": 0,
    "clientct verify --at 2027-06-01T00:00:00Z --server-name api.example.com chain.pem": 0,
    "clientct check --strict --config ./clientct.cnf": 0,
    'clientct report --partial "$(hostname).part" /var/log/clientct/audit.json*': PARTS,
    "clientct report --html fleet.html parts/*.part": PARTS,
    "clientct report --key-usage parts/*.part": "test/cli/test_report_partial.py: test_who_must_move_and_until_when",
    "clientct logs --make --description Ours --operator We --url http://127.0.0.1:6962/ --monitoring-url "
    "http://127.0.0.1:6963/ --mmd 60 log.pub > logs.json": GUIDE,
    "clientct submit --store --log Ours issued": GUIDE,
    "clientct prove --origin Ours=log.example/2026 --keep proofs device-chain.pem": GUIDE,
    "clientct prove --origin Ours=log.example/2026 --kept proofs device-chain.pem": GUIDE,
    "clientct monitor --origin Ours=log.example/2026 --state monitor --issued issued --interval 10s > notices 2>&1 &":
        GUIDE,
    "clientct submit --store --log Ours rogue-chain.pem": GUIDE,
    "clientct reconcile --issued issued --state monitor audit.json || true": GUIDE,
    "clientct monitor --part 0-268435456 --state a --once": RANGES,
    "clientct monitor --part 268435456-536870912 --state b --once": RANGES,
    "clientct monitor --join a --join b --state all": RANGES,
    "clientct replay --config new.cnf /var/log/clientct/archive.jsonl":
        "test/cli/test_replay.py: test_against_other_settings",
    "clientct replay --at 2027-06-01T00:00:00Z /var/log/clientct/archive.jsonl":
        "test/cli/test_replay.py: test_a_list_that_becomes_stale_is_told_to_the_second",
}


def shown():
    """The commands in blocks of code, on one line each, without what is said about them."""
    pages = [SOURCE / "README.md",
             *(path for room in ("module", "provider") for path in (SOURCE / room).rglob("*.[1357]"))]
    for page in pages:
        text = page.read_text(encoding="utf-8").replace("\\-", "-").replace("\\(dq", '"')
        block = r"^```sh\n(.*?)^```" if page.suffix == ".md" else r"^\.nf\n(.*?)^\.fi"
        for lines in re.findall(block, text, re.MULTILINE | re.DOTALL):
            for line in lines.replace("\\\n", " ").splitlines():
                if re.search(r"(?<![\w/.-])clientct [a-z]", line):
                    yield " ".join(re.split(r"\s#\s", line)[0].split())


class Documents(cli.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(cls.dir)
        for name, of in (("client.pem", "client-good.pem"), ("client-chain.pem", "client-good.pem"),
                         ("chain.pem", "client-good.pem")):
            (folder / name).write_bytes((folder / of).read_bytes())
        (folder / "clientct.cnf").write_text(f"log_list = {folder}/log_list.json\npolicy = one\naudit = none\n")
        line = json.dumps({
            "@timestamp": "2026-11-01T10:00:00Z", "event.module": "clientct", "event.action": "client-certificate",
            "tls.client.hash.sha256": "AB" * 32, "tls.client.not_after": "2098-01-01T00:00:00Z",
            "clientct.verdict": "accept", "clientct.would_be": "refuse", "clientct.reason": "no-scts"}) + "\n"
        (folder / "audit.json").write_text(line)

    def test_each_is_run_or_has_its_test(self):
        commands = list(dict.fromkeys(shown()))
        self.assertEqual([one for one in commands if one not in COMMANDS], [], "commands without an expectation")
        self.assertEqual([one for one in COMMANDS if one not in commands], [], "expectations without a command")
        for command, expected in COMMANDS.items():
            with self.subTest(command=command):
                if isinstance(expected, str):
                    file, _, name = expected.partition(": ")
                    if file.startswith("scripts/"):
                        self.assertTrue(os.access(SOURCE / file, os.X_OK), file)
                        continue
                    self.assertIn(f"def {name}(", (SOURCE / file).read_text(encoding="utf-8"))
                    continue
                typed = command.replace("/etc/clientct/", f"{self.dir}/").replace("/var/log/clientct/", f"{self.dir}/")
                typed = typed.replace("clientct ", f"{cli.CLIENTCT} ", 1)
                typed = typed.replace("2027-06-01T00:00:00Z", TOMORROW)
                if "--config" not in typed and " verify " in typed:
                    typed += f" --config {self.dir}/clientct.cnf"  # in place of the one in /etc
                done = subprocess.run(["sh", "-c", typed], cwd=self.dir, stdin=subprocess.DEVNULL, capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, expected, done)

    def test_exit_codes_of_verify_as_the_readme_says(self):
        said = re.search(r"^clientct verify .*# (exit code .*)$", (SOURCE / "README.md").read_text(), re.MULTILINE)[1]
        self.assertEqual(said, "exit code 0 yes, 1 no, 2 usage, 3 undecided")
        leaf = self.write("leaf.pem", self.read("client.pem").decode().split("-----END", 1)[0] +
                          "-----END CERTIFICATE-----\n")
        for code, words in ((0, ["client.pem"]), (1, ["client-unlogged.pem"]), (2, ["--nonsense", "client.pem"]),
                            (3, [leaf])):
            done = cli.run("verify", "--config", self.path("clientct.cnf"), *(
                word if word.startswith("-") else self.path(word) for word in words))
            self.assertEqual(done.returncode, code, done)


if __name__ == "__main__":
    unittest.main()
