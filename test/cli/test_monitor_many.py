# SPDX-License-Identifier: Apache-2.0
"""clientct monitor and a large log: ten planted rogues of ten kinds are found, and nothing else; cost and memory.

usage: test_monitor_many.py [ENTRIES]   (default 100,000, or $CLIENTCT_MONITOR_ENTRIES)
"""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import ctlog
from cli import CLIENTCT
from issued import Authority, dns, email, name, uri

ENTRIES = int(os.environ.get("CLIENTCT_MONITOR_ENTRIES", "100000"))
OURS, OTHERS, TWIN = Authority("Device CA"), Authority("Somebody's CA"), Authority("Device CA")
START = int(time.time()) - 3600

# What is planted, and the watch that must find it.
ROGUES = {
    "twin-of-our-ca": (TWIN, {"subject": name(CN="device-1")}, f"issuer_name = Device CA\nissuer = "
                                                               f"sha256:{TWIN.key_hash.hex()}"),
    "our-trust-domain": (OTHERS, {"names": uri("spiffe://ours.example/ns/prod/sa/pay")}, "trust_domain = ours.example"),
    "our-uri": (OTHERS, {"names": uri("urn:ours:meter:7")}, "uri = urn:ours:"),
    "our-mail": (OTHERS, {"names": email("chief@ours.example")}, "email = ours.example"),
    "our-host": (OTHERS, {"names": dns("vpn.ours.example")}, "dns = .ours.example"),
    "our-organization": (OTHERS, {"subject": name(organizationIdentifier="NTRDE-HRB99")},
                         "subject = organizationIdentifier=NTRDE-HRB99"),
    "our-serial-number": (OTHERS, {"subject": name(serialNumber="METER-0007")}, "subject = serialNumber=METER-0007"),
    "a-revoked-one-again": (OTHERS, {"serial": 0x0badc0de0badc0de}, "serial = 0BADC0DE0BADC0DE"),
    "any-usage": (OTHERS, {"usages": ("anyExtendedKeyUsage",)}, "extended_key_usage = anyExtendedKeyUsage"),
    "valid-for-ever": (OTHERS, {"days": 9000}, "longer_than = 3650d"),
}


def make_log(entries):
    """Others' certificates, and the rogues spread among them: every other one a precertificate, each kind as both."""
    log = ctlog.Log()
    planted = {}
    places = {entries * (2 * i + 1) // (2 * len(ROGUES)): key for i, key in enumerate(ROGUES)}
    subjects = [name(O="Others", OU="Padding" * 8, CN=f"device-{i}") for i in range(97)]
    for index in range(entries):
        key = places.get(index)
        if key is None:
            tbs = OTHERS.tbs(index + 1, subjects[index % 97], uri(f"spiffe://others.example/device/{index}") +
                             email(f"d{index}@ours.example.others.example") + dns(f"ours.example.d{index}.example"),
                             start=START)
            log.add(OTHERS.entry(tbs, pre=index % 2 == 0))
            continue
        owner, details, _ = ROGUES[key]
        what = {"serial": index + 1, "subject": subjects[0], "start": START, **details}
        log.add(owner.entry(owner.tbs(what.pop("serial"), what.pop("subject"), **what), pre=index % 2 == 0))
        planted[key] = index
    log.publish()
    log.gzip = False
    return log, planted


class Peak(threading.Thread):
    """The most memory that a process has had, read while it runs: what wait4 says includes its parent's."""

    def __init__(self, pid):
        super().__init__()
        self.path, self.kib = f"/proc/{pid}/status", 0

    def run(self):
        try:
            while True:
                with open(self.path, encoding="ascii") as file:
                    self.kib = max(self.kib, *(int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
                time.sleep(0.02)
        except (OSError, TypeError, ValueError):
            pass  # it has ended


class ManyEntries(unittest.TestCase):
    def test_ten_rogues_of_ten_kinds_and_nothing_else(self):
        folder = tempfile.mkdtemp(prefix="clientct-cli-")
        self.addCleanup(shutil.rmtree, folder)
        log, planted = make_log(ENTRIES)
        watch = os.path.join(folder, "watch.cnf")
        with open(watch, "w", encoding="utf-8") as file:
            file.write("".join(f"[{key}]\n{text}\n" for key, (_, _, text) in ROGUES.items()))
        with ctlog.Serving(log) as serving:
            logs = os.path.join(folder, "logs.json")
            with open(logs, "w", encoding="utf-8") as file:
                file.write(ctlog.list_of(("Many", log, serving.url, 86400)))
            with subprocess.Popen([CLIENTCT, "monitor", "--log-list", logs, "--state", os.path.join(folder, "state"),
                                   "--once", "--watch", watch, "--json"], stdout=subprocess.PIPE) as process:
                sampler = Peak(process.pid)
                sampler.start()
                found = [json.loads(line) for line in process.stdout]
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                sampler.join()
        self.assertEqual(process.returncode, 1)
        self.assertEqual({one["clientct.entry.index"]: one["clientct.watches"] for one in found},
                         {index: [key] for key, index in planted.items()})
        path, = glob.glob(os.path.join(folder, "state", "*", "state.json"))
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        self.assertEqual((kept["entries"], kept["head"]["root"]), (ENTRIES, log.tree.root(0, ENTRIES).hex()))
        print(f"{ENTRIES} entries: {ENTRIES / (used.ru_utime + used.ru_stime):,.0f} a processor-second, "
              f"{sampler.kib / 1024:.1f} MiB at most", file=sys.stderr)
        # What it needs does not grow with the log; a build with sanitizers needs more of everything.
        if not os.environ.get("CLIENTCT_SANITIZERS", "none").strip("none"):
            self.assertLess(sampler.kib, 32 * 1024)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        ENTRIES = int(sys.argv.pop(1))
    unittest.main()
