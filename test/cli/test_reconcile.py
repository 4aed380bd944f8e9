# SPDX-License-Identifier: Apache-2.0
"""clientct reconcile: the CA's records, the logs and the servers, one against the other."""

import datetime
import hashlib
import json
import os
import time
import unittest

import ctlog
from cli import Case, run
from issued import Authority, name

CA = Authority("Device CA")
START = int(time.time()) - 3600


def tbs(serial, subject=None, **more):
    return CA.tbs(serial, name(CN=subject or f"device-{serial}"), start=START, **more)


def audit_line(der, serial, days=90, **more):
    end = datetime.datetime.fromtimestamp(START + days * 86400, datetime.timezone.utc)
    line = {"@timestamp": "2026-11-01T10:00:00Z", "event.module": "clientct", "event.action": "client-certificate",
            "tls.client.hash.sha256": hashlib.sha256(der).hexdigest().upper(),
            "tls.client.subject": f"CN=device-{serial}", "tls.client.issuer": "CN=Device CA,O=Example",
            "tls.client.x509.serial_number": f"{serial:02X}",
            "tls.client.not_after": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "clientct.verdict": "accept", "clientct.would_be": "accept", "clientct.reason": "compliant", **more}
    return json.dumps({key: value for key, value in line.items() if value is not None}) + "\n"


class Reconcile(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.final = {serial: CA.certify(tbs(serial, scts=b"\0\4\0\2ab" if serial % 2 == 0 else None))
                     for serial in range(1, 11)}
        log = ctlog.Log()
        for serial in (1, 2, 3, 4, 5, 6, 7, 8):
            log.add(CA.entry(tbs(serial), pre=serial % 2 == 0))
        log.add(CA.entry(tbs(0x66, "rogue")))
        log.add(CA.entry(tbs(5, "rogue-5")))
        log.publish()
        folder = cls.path("issued")
        os.mkdir(folder)
        with open(cls.path("index.txt"), "w", encoding="ascii") as index, \
                open(cls.path("serials"), "w", encoding="ascii") as serials:
            for serial, der in cls.final.items():
                with open(os.path.join(folder, f"{serial}.der"), "wb") as file:
                    file.write(der)
                end = time.strftime("%y%m%d%H%M%SZ", time.gmtime(START + 90 * 86400))
                index.write(f"V\t{end}\t\t{serial:02X}\tunknown\t/CN=device-{serial}\n")
                serials.write(f"{serial:02x}\n")
        with ctlog.Serving(log) as serving:
            with open(cls.path("logs.json"), "w", encoding="utf-8") as file:
                file.write(ctlog.list_of(("Ours", log, serving.url, 86400)))
            done = run("monitor", "--log-list", cls.path("logs.json"), "--state", cls.path("state"), "--once")
            assert done.returncode == 1, done

    def reconcile(self, *files, issued="issued", code=None):
        done = run("reconcile", "--issued", self.path(issued), "--state", self.path("state"), *files, "--json")
        self.assertEqual(done.returncode, code, done)
        answer = json.loads(done.stdout)
        return {key: sorted(int(row["serial_number"], 16) for row in rows) for key, rows in answer.items()
                if isinstance(rows, list)}

    def test_records_and_logs(self):
        want = {"issued_not_logged": [9, 10], "logged_not_issued": [5, 0x66], "served_not_logged": [],
                "served_not_issued": []}
        self.assertEqual(self.reconcile(code=16 + 3), want)
        # The others know less of a certificate: a serial number that is used again is not seen.
        for issued in ("index.txt", "serials"):
            self.assertEqual(self.reconcile(issued=issued, code=16 + 3), {**want, "logged_not_issued": [0x66]})

    def test_and_servers(self):
        stranger = CA.certify(tbs(0x77, "never logged"))
        old = CA.certify(tbs(3, days=80))
        text = (audit_line(self.final[1], 1) + audit_line(self.final[1], 1) + audit_line(self.final[2], 2) +
                audit_line(self.final[9], 9) + audit_line(stranger, 0x77) + audit_line(old, 3, days=80) +
                audit_line(b"x", 0x88, **{"clientct.chain": "rejected"}) + "not a line of ours\n")
        self.assertEqual(self.reconcile(self.write("audit.json", text), code=16 + 15), {
            "issued_not_logged": [9, 10], "logged_not_issued": [5, 0x66], "served_not_logged": [3, 9, 0x77],
            "served_not_issued": [0x77]})
        done = run("reconcile", "--issued", self.path("index.txt"), "--state", self.path("state"),
                   self.path("audit.json"))
        self.assertEqual(done.returncode, 16 + 15, done)
        self.assertIn(b"the break-in", done.stdout)
        self.assertIn(b"10 issued, 10 logged, 5 seen by servers: 2 not logged, 1 not issued, 3 seen and not logged, "
                      b"2 seen and not issued", done.stdout)

    def test_lines_of_before_there_were_serial_numbers(self):
        lines = [audit_line(self.final[serial], serial, **{"tls.client.x509.serial_number": None})
                 for serial in (1, 9)]
        done = run("reconcile", "--issued", self.path("issued"), "--state", self.path("state"),
                   self.write("old.json", "".join(lines)), "--json")
        self.assertEqual(done.returncode, 16 + 7, done)
        row, = json.loads(done.stdout)["served_not_logged"]
        self.assertEqual((row["subject"], row["serial_number"]), ("CN=device-9", ""), "found by its hash")

    def test_agreement(self):
        log = ctlog.Log()
        log.add(CA.entry(tbs(1)))
        log.publish()
        with ctlog.Serving(log) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
            run("monitor", "--log-list", self.path("logs.json"), "--state", self.path("one"), "--once")
        self.write("one.txt", "# the only one\n0001\n")
        done = run("reconcile", "--issued", self.path("one.txt"), "--state", self.path("one"),
                   self.write("one.json", audit_line(CA.certify(tbs(1)), 1)))
        self.assertEqual(done.returncode, 0, done)

    def test_usage(self):
        base = ("reconcile", "--issued", self.path("index.txt"), "--state", self.path("state"))
        self.assert_usage_error(run("reconcile", "--issued", "x"), "--state")
        self.assert_usage_error(run(*base[:3]), "--state")
        self.assert_usage_error(run(*base[:3], "--state", self.path("issued")), "no folder of clientct monitor")
        self.assert_usage_error(run(*base, self.path("nothing")), "nothing")
        self.assert_usage_error(run(*base, "--since", "x"), "--since")
        self.assert_usage_error(run("reconcile", "--issued", self.write("bad", "xyz\n"), "--state",
                                    self.path("state")), "bad:1")


if __name__ == "__main__":
    unittest.main()
