# SPDX-License-Identifier: Apache-2.0
"""clientct monitor: honest logs, liars in named ways, what is watched for, and what is kept when it is killed."""

import glob
import json
import os
import signal
import subprocess
import time
import unittest

import ctlog
from cli import CLIENTCT, Case, run
from issued import Authority, dns, email, name, uri

CA = Authority("Device CA")


def honest(size, tiled=True, key=None, first=1):
    log = ctlog.Log(tiled, key)
    grow(log, size, first)
    return log


def grow(log, size, first=None):
    for serial in range(len(log.entries) + (first or 1), size + (first or 1)):
        log.add(CA.entry(CA.tbs(serial, name(CN=f"device-{serial}"), uri(f"spiffe://example.org/device/{serial}")),
                         pre=serial % 2 == 0))
    log.publish()


class Monitor(Case):
    def setUp(self):
        self.state = self.path(self.id().rsplit(".", 1)[-1])

    def monitor(self, serving, *more, state=None, mmd=86400):
        self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, mmd)))
        return run("monitor", "--log-list", self.path("logs.json"), "--state", state or self.state, "--once",
                   "--max-wait", "0", "--timeout", "4s", "--json", *more)

    def round(self, serving, code, *more, **options):
        done = self.monitor(serving, *more, **options)
        self.assertEqual(done.returncode, code, done)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def kept(self, state=None):
        path, = glob.glob(f"{state or self.state}/*/state.json")
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def notices(self, state=None):
        path, = glob.glob(f"{state or self.state}/*/notices.jsonl")
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def watch(self, text):
        return ("--watch", self.write("watch.cnf", text))

    nobody = "[nobody]\nuri = spiffe://nobody.example/\n"

    def alarm(self, serving, reason, *words, **options):
        found = self.round(serving, 1, *self.watch(self.nobody), **options)
        self.assertEqual([one["event.reason"] for one in found if one["event.action"] == "log-alarm"], [reason], found)
        for word in words:
            self.assertIn(word, found[-1]["message"])
        return found[-1]

    # --- honest logs ---

    def test_reads_every_entry_of_growing_logs(self):
        for tiled in (True, False):
            log = ctlog.Log(tiled)
            state = f"{self.state}-{tiled}"
            with ctlog.Serving(log) as serving:
                for size in (0, 1, 2, 255, 256, 257, 600, 600, 1100):
                    grow(log, size)
                    self.assertEqual(self.round(serving, 0, *self.watch(self.nobody), state=state), [])
                    kept = self.kept(state)
                    self.assertEqual((kept["head"]["size"], kept["known"]["size"], kept["entries"]), (size, size, size))
                    self.assertEqual(kept["head"]["root"], log.tree.root(0, size).hex())

    def test_an_entry_is_looked_at_once(self):
        log = honest(700)
        with ctlog.Serving(log) as serving:
            found = self.round(serving, 1)
            self.assertEqual([one["clientct.entry.index"] for one in found], list(range(700)))
            self.assertEqual(self.round(serving, 0), [])
            grow(log, 800)
            found = self.round(serving, 1)
            self.assertEqual([one["clientct.entry.index"] for one in found], list(range(700, 800)))
        self.assertEqual(len(self.notices()), 800)

    def test_a_notice_has_the_fields_of_the_audit(self):
        log = ctlog.Log()
        log.add(CA.entry(CA.tbs(0xABC, name(CN="x", OU="Meters"),
                                uri("spiffe://example.org/a") + email("a@b.example"))))
        log.publish()
        with ctlog.Serving(log) as serving:
            one, = self.round(serving, 1)
        self.assertEqual((one["event.module"], one["event.kind"], one["event.action"], one["event.reason"]),
                         ("clientct", "alert", "log-entry", "matched"))
        self.assertEqual((one["tls.client.subject"], one["tls.client.issuer"], one["tls.client.x509.serial_number"]),
                         ("OU=Meters,CN=x", "CN=Device CA,O=Example", "0ABC"))
        self.assertEqual(one["tls.client.x509.alternative_names"], ["uri:spiffe://example.org/a", "email:a@b.example"])
        self.assertRegex(one["tls.client.hash.sha256"], "^[0-9A-F]{64}$")
        self.assertEqual((one["clientct.log"], one["clientct.log_id"], one["clientct.entry.type"]),
                         ("Ours", log.key.id.hex(), "certificate"))

    def test_a_precertificate_and_its_certificate_are_one_notice(self):
        log = ctlog.Log()
        tbs = CA.tbs(5, name(CN="x"), uri("spiffe://example.org/x"))
        log.add(CA.entry(tbs, pre=True))
        log.add(CA.entry(CA.tbs(5, name(CN="x"), uri("spiffe://example.org/x"), scts=b"\0\4\0\2ab")))
        log.add(CA.entry(CA.tbs(5, name(CN="x"), uri("spiffe://example.org/y"))))  # the same serial, another name
        log.publish()
        with ctlog.Serving(log) as serving:
            found = self.round(serving, 1)
            self.assertEqual([one["clientct.entry.index"] for one in found], [0, 2])
            log.add(CA.entry(tbs))
            log.publish()
            self.assertEqual(self.round(serving, 0), [], "also in a later run")

    # --- liars ---

    def test_liars_are_caught_each_with_its_reason(self):
        for lie, tiled, reason, word in (
                ("wrong-origin", True, "wrong-origin", "--origin"),
                ("wrong-key-id", True, "not-signed-by-the-log", "key id"),
                ("bad-signature", True, "bad-checkpoint-signature", "does not verify"),
                ("bad-signature", False, "bad-checkpoint-signature", "does not verify"),
                ("changed-byte", True, "entry-differs", "entry 350 "),
                ("changed-byte", False, "wrong-entries", "700 entries"),
                ("dropped-entry", True, "wrong-leaf-index", "entry 350 "),
                ("truncated-bundle", True, "malformed-entries", "is cut"),
                ("surplus-entry", True, "malformed-entries", "more than the 256"),
                ("gzip-bomb", True, "oversized", "cut off"),
                ("wrong-leaf-index", True, "wrong-leaf-index", "entry 350 ")):
            log = honest(700, tiled)
            log.lie = lie
            ctlog.bomb()  # made beforehand: that takes longer than an answer may
            if lie == "wrong-leaf-index":
                log = ctlog.Log()
                grow(log, 350)
                entry = CA.entry(CA.tbs(350, name(CN="x")))
                log.add(entry)
                entry.extensions = ctlog.leaf_index(349)
                log.tree = ctlog.Tree()
                for one in log.entries:
                    log.tree.append(one.leaf_hash())
                log.publish()
            with self.subTest(lie=lie, tiled=tiled), ctlog.Serving(log) as serving:
                state = f"{self.state}-{lie}-{tiled}"
                self.alarm(serving, reason, word, state=state)
                self.assertEqual(self.round(serving, 1, *self.watch(self.nobody), state=state), [], "said once")
                self.assertEqual(self.kept(state)["head"]["size"], 0, "nothing was verified")
                log.lie = None
                if lie != "wrong-leaf-index":
                    self.assertEqual(self.round(serving, 0, *self.watch(self.nobody), state=state), [], "mended")
                    self.assertEqual(self.kept(state)["alarm"], "")

    def follow_then(self, change, reason, *words, tiled=True, size=700, state=None):
        """The log is followed while it is honest, then it changes."""
        log = honest(size, tiled)
        state = state or f"{self.state}-{reason}-{tiled}"
        with ctlog.Serving(log) as serving:
            self.round(serving, 0, *self.watch(self.nobody), state=state)
            serving.log = change(log) or log
            found = self.alarm(serving, reason, *words, state=state)
            kept = self.kept(state)
            self.assertEqual((kept["head"]["size"], kept["head"]["root"]), (size, log.tree.root(0, size).hex()))
            return found

    def test_forks(self):
        def fork(log):
            other = log.fork(300)
            grow(other, 900)
            return other
        for tiled in (True, False):
            found = self.follow_then(fork, "forked", "700 entries", tiled=tiled)
            with open(found["clientct.evidence"], "rb") as file:
                notes = file.read()
            self.assertEqual(notes.count(b"log.example/test\n" if tiled else b"127.0.0.1"), 2 if tiled else 4)

    def test_two_roots_of_one_size(self):
        for tiled in (True, False):
            self.follow_then(lambda log: log.fork(300), "two-roots", tiled=tiled)

    def test_rolls_back(self):
        def roll_back(log):
            log.published = 500
        for tiled in (True, False):
            self.follow_then(roll_back, "rolled-back", "700", "500", tiled=tiled)

    def test_serves_an_old_checkpoint(self):
        def old(log):
            log.timestamp = ctlog.now_ms() - 3600000
            log.published = 500
        self.follow_then(old, "old-checkpoint")

    def test_does_not_sign_any_more(self):
        log = honest(10)
        log.timestamp = ctlog.now_ms() - 3600000
        with ctlog.Serving(log) as serving:
            self.alarm(serving, "frozen", mmd=60)

    def test_tiles_that_are_wrong_are_no_fork(self):
        def with_lie(lie):
            def change(log):
                grow(log, 900)
                log.lie = lie
            return change
        for lie, reason in (("truncated-tile", "malformed-tile"), ("other-width", "malformed-tile"),
                            ("wrong-tile", "wrong-tiles")):
            self.follow_then(with_lie(lie), reason, state=f"{self.state}-{lie}")

    def test_two_faces(self):
        log = honest(700)
        face = log.fork(650)
        states = [self.state + "-a", self.state + "-b"]
        for shown, state in ((log, states[0]), (face, states[1])):
            with ctlog.Serving(shown) as serving:
                self.round(serving, 0, *self.watch(self.nobody), state=state)
        grow(log, 900)
        with ctlog.Serving(log) as serving:
            found = self.round(serving, 1, "--compare", states[1], state=states[0])
            self.assertEqual(found[0]["event.reason"], "two-faces")
            self.round(serving, 0, *self.watch(self.nobody), state=states[0])
            found = self.round(serving, 1, "--compare", states[1], state=states[0])
            self.assertEqual(found[0]["event.reason"], "two-faces", "of different sizes")
            other = self.state + "-c"
            self.round(serving, 0, *self.watch(self.nobody), state=other)
            self.assertEqual(self.round(serving, 0, "--compare", other, state=other), [])

    # --- logs that are in trouble are not blamed ---

    def test_trouble_is_no_lie_and_is_gone_on_from(self):
        for step in ({"path": "/tile/data/001", "status": 503}, {"path": "/tile/data/001", "cut": True},
                     {"path": "/tile/data/001", "pause": 9}, {"path": "/checkpoint", "status": 500},
                     {"path": "/tile/data/001", "status": 429, "headers": {"Retry-After": "3600"}}):
            log = honest(700)
            state = f"{self.state}-{step.get('status')}-{step.get('cut')}-{step['path'][1]}"
            with self.subTest(step=step), ctlog.Serving(log) as serving:
                serving.script = [dict(step)]
                self.assertEqual(self.round(serving, 3, *self.watch(self.nobody), state=state), [])
                read = self.kept(state)["reading"]["size"]
                self.assertEqual(read, 256 if "data" in step["path"] else 0)
                serving.requests.clear()
                self.assertEqual(self.round(serving, 0, *self.watch(self.nobody), state=state), [])
                self.assertEqual("/tile/data/000" in serving.requests, read == 0, "what is read stays read")
        with ctlog.Serving(log) as serving:
            pass
        self.round(serving, 3, *self.watch(self.nobody))

    def test_a_partial_bundle_that_is_gone_has_a_full_one_in_its_place(self):
        log = honest(700)
        log.published = 400
        with ctlog.Serving(log) as serving:
            serving.script = [{"path": "/tile/data/001.p/144", "status": 404}]
            log.published, shown = 700, log.checkpoint(400)
            log.answers["checkpoint"] = shown
            self.assertEqual(self.round(serving, 0, *self.watch(self.nobody)), [])
            self.assertEqual(self.kept()["head"]["size"], 400)
            self.assertIn("/tile/data/001", serving.requests)

    # --- what is watched for ---

    def test_watches(self):
        other = Authority("Other CA")
        twin = Authority("Device CA")  # the same name, another key
        start = int(time.time())
        rows = {
            "plain": CA.tbs(1, name(CN="x"), uri("spiffe://example.org/x")),
            "other": other.tbs(2, name(CN="x"), uri("spiffe://example.org/x")),
            "twin": twin.tbs(3, name(CN="x")),
            "deeper": CA.tbs(4, name(CN="x"), uri("spiffe://example.org/ns/prod/sa/pay")),
            "lookalike": CA.tbs(5, name(CN="x"), uri("spiffe://example.org.evil.example/ns/prod")),
            "capitals": CA.tbs(6, name(CN="x"), uri("SPIFFE://Example.ORG/y")),
            "mail": CA.tbs(7, name(CN="x"), email("Ann@Mail.Example.net")),
            "mail-in-subject": CA.tbs(8, name(emailAddress="bob@example.net")),
            "host": CA.tbs(9, name(CN="x"), dns("a.b.example.com")),
            "host-in-cn": CA.tbs(10, name(CN="b.example.com")),
            "wildcard": CA.tbs(11, name(CN="x"), dns("*.example.com")),
            "meter": CA.tbs(12, name(OU="Meters", organizationIdentifier="NTRDE-HRB1")),
            "serial": CA.tbs(0xdeadbeef, name(CN="x")),
            "server": CA.tbs(14, name(CN="x"), usages=("serverAuth",)),
            "any": CA.tbs(15, name(CN="x"), usages=("anyExtendedKeyUsage", "clientAuth")),
            "no-eku": CA.tbs(16, name(CN="x"), usages=None),
            "long": CA.tbs(17, name(CN="x"), days=800),
            "early": CA.tbs(18, name(CN="x"), start=start - 400 * 86400, days=500),
        }
        owners = {"other": other, "twin": twin}
        issuer = self.write("issuer.der", CA.certificate)
        wanted = {
            f"issuer = sha256:{other.key_hash.hex()}": {"other"},
            f"issuer = {issuer}\nlonger_than = 700d": {"long"},
            "issuer_name = other ca": {"other"},
            f"issuer_name = Device CA\nissuer = sha256:{twin.key_hash.hex()}": {"twin"},
            "uri = spiffe://example.org/ns/": {"deeper"},
            "trust_domain = example.org": {"plain", "other", "deeper", "capitals"},
            "email = ann@mail.example.net": {"mail"},
            "email = example.net": {"mail", "mail-in-subject"},
            "dns = .example.com": {"host", "host-in-cn", "wildcard"},
            "dns = b.example.com": {"host-in-cn", "wildcard"},
            "subject = OU=meters": {"meter"},
            "subject = organizationIdentifier=*": {"meter"},
            "serial = DE:AD:BE:EF": {"serial"},
            "extended_key_usage = serverAuth": {"server"},
            "extended_key_usage = anyExtendedKeyUsage": {"any"},
            "extended_key_usage = none": {"no-eku"},
            "longer_than = 365d\nuri = spiffe://": set(),
            f"starts_before = {time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime(start - 200 * 86400))}": {"early"},
            "uri = spiffe://example.org/ns/\nuri = spiffe://example.org.evil.example/": {"deeper", "lookalike"},
        }
        watch = "".join(f"[w{number}]\n{text}\n" for number, text in enumerate(wanted))
        for tiled in (True, False):
            for pre in (False, True):
                log = ctlog.Log(tiled)
                for row, tbs in rows.items():
                    log.add(owners.get(row, CA).entry(tbs, pre=pre))
                log.publish()
                with self.subTest(tiled=tiled, pre=pre), ctlog.Serving(log) as serving:
                    found = self.round(serving, 1, *self.watch(watch), state=f"{self.state}-{tiled}-{pre}")
                    asked = [one for one in serving.requests if one.startswith("/issuer/")]
                    self.assertEqual(len(asked), 3 if tiled and not pre else 0, "each issuer once")
                order = list(rows)
                got = {text: {order[one["clientct.entry.index"]] for one in found
                              if f"w{number}" in one["clientct.watches"]} for number, text in enumerate(wanted)}
                self.assertEqual(got, wanted)

    def test_what_is_no_strict_der_is_never_passed_over(self):
        log = honest(5)
        ber = CA.certify(CA.tbs(9, name(CN="x")))
        body = ber[4:] if ber[1] == 0x82 else ber[2:]
        log.add(ctlog.Entry(b"\x30\x83\x00" + len(body).to_bytes(2, "big") + body))
        log.publish()
        with ctlog.Serving(log) as serving:
            found = self.round(serving, 1, *self.watch(self.nobody))
        self.assertEqual([(one["event.reason"], one["clientct.entry.index"]) for one in found], [("unreadable", 5)])

    def test_watch_files_that_are_wrong(self):
        log = honest(1)
        with ctlog.Serving(log) as serving:
            for text, word in (("[a]\nurl = x\n", "did you mean `uri`"), ("uri = x\n", "before the first"),
                               ("[a]\n", "no condition"), ("", "no section"), ("[a]\nserial = xyz\n", "hexadecimal"),
                               ("[a]\nsubject = Meters\n", "ATTRIBUTE=VALUE"), ("[a]\nlonger_than = 9\n", "90d"),
                               ("[a]\nissuer = sha256:12\n", "64 hexadecimal"),
                               ("[a]\nextended_key_usage = nosuchthing\n", "clientAuth")):
                with self.subTest(text):
                    self.assert_usage_error(self.monitor(serving, *self.watch(text)), word)

    # --- what the CA says ---

    def test_what_is_in_the_records_is_no_alarm(self):
        log = honest(20)
        folder = self.path("issued")
        os.makedirs(folder)
        for serial in range(1, 21):
            with open(os.path.join(folder, f"{serial}.der"), "wb") as file:
                file.write(CA.certify(CA.tbs(serial, name(CN=f"device-{serial}"),
                                             uri(f"spiffe://example.org/device/{serial}"),
                                             start=None)) if serial != 7 else log.entries[6].body)
        log = ctlog.Log()
        start = int(time.time()) - 3600
        for serial in range(1, 21):
            tbs = CA.tbs(serial, name(CN=f"device-{serial}"), start=start)
            log.add(CA.entry(tbs, pre=serial % 2 == 0))
            with open(os.path.join(folder, f"{serial}.der"), "wb") as file:
                file.write(CA.certify(tbs))
        log.add(CA.entry(CA.tbs(99, name(CN="rogue"))))
        log.add(CA.entry(CA.tbs(7, name(CN="rogue with a number that is known"))))
        log.publish()
        lines = self.write("serials", "\n".join(f"{serial:x}" for serial in range(1, 21)))
        index = self.write("index.txt", "".join(
            f"V\t{time.strftime('%y%m%d%H%M%SZ', time.gmtime(start + 90 * 86400))}\t\t{serial:02X}\tunknown\t"
            f"/CN=device-{serial}\n" for serial in range(1, 21)))
        for records, strict in ((folder, True), (index, True), (lines, False)):
            with self.subTest(records), ctlog.Serving(log) as serving:
                found = self.round(serving, 1, "--issued", records, state=self.state + os.path.basename(records))
                reasons = {one["clientct.entry.index"]: one["event.reason"] for one in found}
                self.assertEqual([reasons[index] for index in range(20)], ["in-records"] * 20)
                self.assertEqual((reasons[20], reasons[21]),
                                 ("not-in-records", "serial-number-of-another" if strict else "in-records"))
        log.entries, log.tree = log.entries[:20], ctlog.Tree()
        for one in log.entries:
            log.tree.append(one.leaf_hash())
        log.publish()
        with ctlog.Serving(log) as serving:
            self.assertEqual(len(self.round(serving, 0, "--issued", folder, state=self.state + "only-known")), 20)

    # --- what is kept ---

    def test_killed_at_any_instant_it_loses_nothing_and_repeats_nothing(self):
        log = honest(6000)
        log.gzip = False
        with ctlog.Serving(log) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
            for attempt in range(12):
                with subprocess.Popen([CLIENTCT, "monitor", "--log-list", self.path("logs.json"), "--state",
                                       self.state, "--once"], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL) as process:
                    try:
                        process.wait(0.02 * (attempt + 1))
                    except subprocess.TimeoutExpired:
                        process.send_signal(signal.SIGKILL)
            self.monitor(serving)
        self.assertEqual([one["clientct.entry.index"] for one in self.notices()], list(range(6000)))
        self.assertEqual(self.kept()["head"]["size"], 6000)

    def test_a_hook_runs_once_for_each_notice(self):
        log = honest(3)
        out = self.path("hooked")
        hook = self.write("hook", f'#!/bin/sh\necho "$CLIENTCT_ACTION $CLIENTCT_SERIAL_NUMBER $CLIENTCT_SUBJECT" '
                                  f'>> {out}\ncat >> {out}.json\n')
        os.chmod(hook, 0o755)
        with ctlog.Serving(log) as serving:
            self.round(serving, 1, "--hook", hook)
            self.round(serving, 0, "--hook", hook)
            log.lie = "bad-signature"
            self.round(serving, 1, "--hook", hook)
        self.assertEqual(self.read("hooked").decode().splitlines(),
                         ["log-entry 01 CN=device-1", "log-entry 02 CN=device-2", "log-entry 03 CN=device-3",
                          "log-alarm  "])
        self.assertEqual(len([json.loads(line) for line in self.read("hooked.json").splitlines()]), 4)

    def test_metrics_and_page(self):
        log = ctlog.Log()
        log.add(CA.entry(CA.tbs(1, name(CN="<script>alert(1)</script>"))))
        log.publish()
        metrics, page = self.path("monitor.prom"), self.path("monitor.html")
        with ctlog.Serving(log) as serving:
            self.round(serving, 1, "--metrics", metrics, "--html", page)
        text = self.read("monitor.prom").decode()
        for line in ('clientct_monitor_tree_size{log="Ours"} 1', 'clientct_monitor_reachable{log="Ours"} 1',
                     'clientct_monitor_alarm{log="Ours"} 0', 'clientct_monitor_unknown_total{log="Ours"} 1'):
            self.assertIn(line + "\n", text)
        html = self.read("monitor.html").decode()
        self.assertIn("&lt;script", html)
        self.assertNotIn("<script", html)

    def test_one_monitor_a_folder_and_states_that_are_not_ours(self):
        log = honest(3)
        with ctlog.Serving(log) as serving:
            self.round(serving, 1)
            path, = glob.glob(self.state + "/*/state.json")
            notices = os.path.join(os.path.dirname(path), "notices.jsonl")
            with open(notices, "rb") as file:
                good = file.read()
            os.truncate(notices, 10)
            self.assert_usage_error(self.monitor(serving), "were taken out")
            with open(notices, "wb") as file:
                file.write(good)
            with open(path, "wb") as file:
                file.write(b"{}")
            self.assert_usage_error(self.monitor(serving), "not a state")
        self.assert_usage_error(run("monitor", "--log-list", self.path("logs.json")), "--state")

    def test_two_monitors_do_not_share_a_state(self):
        log = honest(3)
        with ctlog.Serving(log) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
            with subprocess.Popen([CLIENTCT, "monitor", "--log-list", self.path("logs.json"), "--state", self.state,
                                   "--interval", "60s"], stdout=subprocess.PIPE) as first:
                try:
                    first.stdout.readline()
                    self.assert_usage_error(self.monitor(serving), "in use by another monitor")
                finally:
                    first.kill()
            self.assertEqual(self.monitor(serving).returncode, 0, "and once it is gone, nothing was lost or repeated")
        self.assertEqual(len(self.notices()), 3)

    def test_it_goes_on_until_it_is_told_to_end(self):
        log = honest(3)
        with ctlog.Serving(log) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
            with subprocess.Popen([CLIENTCT, "monitor", "--log-list", self.path("logs.json"), "--state", self.state,
                                   "--interval", "1s", *self.watch("[rogue]\nsubject = CN=rogue\n"), "--json"],
                                  stdout=subprocess.PIPE) as process:
                try:
                    end = time.monotonic() + 20
                    while not glob.glob(self.state + "/*/checkpoint") and time.monotonic() < end:
                        time.sleep(0.05)
                    log.add(CA.entry(CA.tbs(66, name(CN="rogue"))))
                    log.publish()
                    self.assertEqual(json.loads(process.stdout.readline())["tls.client.subject"], "CN=rogue")
                    process.terminate()
                    self.assertEqual(process.wait(10), 1)
                finally:
                    process.kill()


if __name__ == "__main__":
    unittest.main()
