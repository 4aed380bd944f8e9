# SPDX-License-Identifier: Apache-2.0
"""clientct prove: every verdict, from a log that is honest and from liars; proofs that are kept."""

import base64
import hashlib
import json
import os
import ssl
import subprocess
import tempfile
import unittest

import ctlog
from cli import Case, pki, run

REBUILT_TBS = os.environ["REBUILT_TBS"]
DAY = 86400 * 1000


class Prove(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pki("ca", "--out", cls.path("own-ca"), "--cn", "Own CA")
        pki("log", "--out", cls.path("own-log"))
        cls.certificate = cls.path("leaf.pem")
        pki("cert", "--out", cls.path("leaf"), "--ca", cls.path("own-ca"), "--cn", "client", "--no-sct-ext")
        with open(cls.path("leaf.der"), "rb") as file:
            cls.der = file.read()
        with open(cls.path("own-ca.pem"), encoding="ascii") as file:
            cls.ca = ssl.PEM_cert_to_DER_cert(file.read())

    def log(self, tiled=True, entries=700, timestamp=None, **more):
        """A log with the certificate at entry 300, and the SCT for it in a file."""
        log = ctlog.Log(tiled, ctlog.key_of(self.path("own-log.key")), **more)
        for index in range(entries):
            entry = ctlog.Entry(self.der if index == 300 else b"\x30\x02" + index.to_bytes(2, "big"),
                                timestamp=timestamp or ctlog.now_ms() - 60000)
            log.add(entry)
        log.publish()
        sct = log.sct(log.entries[300])
        self.write("client.scts", ctlog.u16(ctlog.u16(sct)))
        return log

    def prove(self, serving, *more, mmd=86400):
        self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, mmd)))
        done = run("prove", "--log-list", self.path("logs.json"), "--scts", self.path("client.scts"), "--max-wait",
                   "0", "--timeout", "2s", "--json", *more, self.certificate)
        try:
            return done.returncode, json.loads(done.stdout)["certificates"][0]["scts"][0]
        except ValueError:
            raise AssertionError(done) from None

    def check(self, serving, code, verdict, *words, more=(), mmd=86400):
        status, answer = self.prove(serving, *more, mmd=mmd)
        self.assertEqual((status, answer["verdict"]), (code, verdict), answer)
        for word in words:
            self.assertIn(word, answer["detail"])
        return answer

    def test_included_in_a_tiled_log(self):
        for size in (301, 512, 513, 700):
            with ctlog.Serving(self.log(entries=size)) as serving:
                answer = self.check(serving, 0, "included")
                self.assertEqual((answer["leaf_index"], answer["tree_size"]), (300, size))

    def test_included_in_a_log_of_rfc_6962(self):
        for size in (301, 700):
            with ctlog.Serving(self.log(tiled=False, entries=size)) as serving:
                self.check(serving, 0, "included", f"entry 300 of {size}")

    def test_not_yet_and_then_broken(self):
        for tiled in (True, False):
            for age, mmd, code, verdict in ((60000, 86400, 4, "not-yet"), (2 * DAY, 86400, 1, "promise-broken"),
                                            (100000, 20, 1, "promise-broken"), (60000, 20, 4, "not-yet")):
                log = self.log(tiled=tiled, timestamp=ctlog.now_ms() - age)
                log.published = 300
                with ctlog.Serving(log) as serving:
                    self.check(serving, code, verdict, "maximum merge delay", mmd=mmd)

    def test_another_entry_in_its_place_is_a_broken_promise_at_once(self):
        log = self.log()
        with ctlog.Serving(log.fork(300)) as serving:
            self.check(serving, 1, "promise-broken", "another entry stands in its place")

    def test_liars(self):
        for lie, word in (("wrong-origin", "wrong-origin"), ("wrong-key-id", "not-signed-by-the-log"),
                          ("bad-signature", "bad-checkpoint-signature"), ("truncated-tile", "expected 8192 bytes"),
                          ("other-width", "cut off"), ("two-roots", "do not lead to the root"),
                          ("wrong-tile", "do not lead to the root")):
            log = self.log()
            log.lie = lie
            with self.subTest(lie=lie), ctlog.Serving(log) as serving:
                self.check(serving, 1, "log-misbehaves", word)
        log = self.log(tiled=False)
        log.lie = "two-roots"
        with ctlog.Serving(log) as serving:
            self.check(serving, 1, "log-misbehaves", "does not lead to the root")

    def test_a_log_that_cannot_be_asked_is_not_blamed(self):
        log = self.log()
        for step in ({"status": 503}, {"status": 429, "headers": {"Retry-After": "3600"}}, {"status": 404},
                     {"cut": True}, {"pause": 5}):
            with self.subTest(step=step), ctlog.Serving(log) as serving:
                serving.script = [step]
                self.check(serving, 3, "log-unreachable")
        with ctlog.Serving(log) as serving:
            pass
        self.check(serving, 3, "log-unreachable")

    def test_it_asks_again_when_the_log_says_when(self):
        with ctlog.Serving(self.log()) as serving:
            serving.script = [{"status": 429, "headers": {"Retry-After": "1"}}, {"cut": True}]
            self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 60)))
            done = run("prove", "--log-list", self.path("logs.json"), "--scts", self.path("client.scts"),
                       "--max-wait", "20s", self.certificate)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(b"trying again", done.stderr)

    def test_a_partial_tile_that_is_gone_has_a_full_one_in_its_place(self):
        log = self.log(entries=700)
        log.published = 400
        with ctlog.Serving(log) as serving:
            serving.script = [{"path": "/tile/0/001.p/144", "status": 404}]
            self.check(serving, 0, "included", "entry 300 of 400")
            self.assertIn("/tile/0/001", serving.requests)

    def test_what_is_no_promise(self):
        log = self.log()
        other = ctlog.Log(True)
        good = self.read("client.scts")[4:]
        for name, sct, word in (("signature", good[:-1] + bytes([good[-1] ^ 1]), "does not verify"),
                                ("log", good[:1] + other.key.id + good[33:], "not in the list"),
                                ("leaf_index", good[:41] + b"\0\0" + good[51:], "leaf_index")):
            self.write("client.scts", ctlog.u16(ctlog.u16(sct)))
            with self.subTest(name), ctlog.Serving(log) as serving:
                self.check(serving, 1, "no-promise", word)
        done = run("prove", "--log-list", self.path("logs.json"), self.certificate)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"no SCT was found", done.stdout)

    def test_origin_is_pinned_where_it_is_not_the_url(self):
        with ctlog.Serving(self.log(origin="log.example/test")) as serving:
            serving.log.origin = "elsewhere.example"
            self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 60)).replace(
                "https://elsewhere.example/", "https://log.example/test/"))
            arguments = ["prove", "--log-list", self.path("logs.json"), "--scts", self.path("client.scts")]
            done = run(*arguments, self.certificate)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(b"--origin", done.stdout)
            done = run(*arguments, "--origin", "Ours=elsewhere.example", self.certificate)
            self.assertEqual(done.returncode, 0, done)

    def test_embedded_scts(self):
        log = ctlog.Log(True, ctlog.key_of(self.path("own-log.key")))
        stamp = ctlog.now_ms() - 60000
        pki("cert", "--out", self.path("embedded"), "--ca", self.path("own-ca"), "--cn", "embedded", "--sct",
            f"log={self.path('own-log')},time={stamp},tiled=5")
        done = subprocess.run([REBUILT_TBS, self.path("embedded.der")], stdout=subprocess.PIPE, check=True, timeout=30)
        spki = subprocess.run(["openssl", "pkey", "-in", self.path("own-ca.key"), "-pubout", "-outform", "DER"],
                              stdout=subprocess.PIPE, check=True, timeout=30).stdout
        for index in range(9):
            log.add(ctlog.Entry(bytes.fromhex(done.stdout.decode()) if index == 5 else b"\x30\x00",
                                hashlib.sha256(spki).digest(), b"pre", timestamp=stamp))
        log.publish()
        with ctlog.Serving(log) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 60)))
            done = run("prove", "--log-list", self.path("logs.json"), self.path("embedded.pem"))
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(b"included (embedded): entry 5 of 9", done.stdout)

    def test_proofs_are_kept_and_checked_without_the_log(self):
        os.mkdir(self.path("proofs"))
        for tiled in (True, False):
            with ctlog.Serving(self.log(tiled=tiled)) as serving:
                answer = self.check(serving, 0, "included", more=("--keep", self.path("proofs")))
            path = answer["proof"]
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
            offline = ("--kept", self.path("proofs"))
            self.assertEqual(self.check(serving, 0, "included", more=offline)["proof"], path)
            with open(path, "rb") as file:
                good = file.read()
            self.assertEqual("— witness.example ".encode() in good, tiled, "cosignatures are kept as they came")
            for name, text, word in (("first line", good.replace(b"@v1", b"@v2"), "tlog-proof@v1"),
                                     ("index", good.replace(b"index 300\n", b"index 301\n"),
                                      "of entry 301" if tiled else "does not lead"),
                                     ("a hash", good[:60] + (b"A" if good[60:61] != b"A" else b"B") + good[61:],
                                      "does not lead"),
                                     ("size", good.replace(b"\n700\n", b"\n701\n"), "bad-checkpoint-signature"),
                                     ("origin", good.replace(b"\nlog.example", b"\nlag.example"), "wrong-origin")):
                if not tiled and name == "origin":
                    continue
                with self.subTest(name), open(path, "wb") as file:
                    file.write(text)
                self.check(serving, 1, "no-proof", word, more=offline)
            os.unlink(path)
            self.check(serving, 1, "no-proof", "No such file", more=offline)
            self.assertEqual(os.listdir(self.path("proofs")), [])

    def verify(self, policy):
        self.write("clientct.cnf", f"log_list = {self.path('logs.json')}\nsct_store = {self.path('store')}\n"
                   f"proof_store = {self.path('store')}\npolicy = p\n[p]\n{policy}")
        done = run("verify", "--config", self.path("clientct.cnf"), "--json", self.certificate)
        answer = json.loads(done.stdout)
        return done.returncode, answer["reason"], answer.get("advice") or ""

    def test_kept_proofs_are_what_a_policy_can_ask_for(self):
        os.mkdir(self.path("store"))
        for tiled in (True, False):
            with ctlog.Serving(self.log(tiled=tiled, timestamp=ctlog.now_ms() - 2 * DAY)) as serving:
                self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 60)))
                name = os.path.join("store", hashlib.sha256(self.der).hexdigest())
                self.write(name + ".sct", self.read("client.scts"))
                self.assertEqual(self.verify("require_inclusion = no\n")[:2], (0, "compliant"))
                status, reason, advice = self.verify("require_inclusion = yes\n")
                self.assertEqual((status, reason), (1, "inclusion-missing"))
                self.assertIn("clientct prove --keep", advice)
                self.assertEqual(self.verify("require_inclusion = yes\ninclusion_grace = 3d\n")[0], 0)
                self.assertEqual(self.verify("require_inclusion = yes\ninclusion_grace = 1d\n")[0], 1)
                # Twice: the new proof takes the place of the old one.
                for _ in range(2):
                    self.check(serving, 0, "included", more=("--keep", self.path("store")))
                    self.assertEqual(self.read(name + ".tlog-proof").count(b"tlog-proof@v1"), 1)
                self.assertEqual(self.verify("require_inclusion = yes\n")[:2], (0, "compliant"))
                # Proofs of others in the file are left alone.
                origin = b"\nlog.example" if tiled else b"\n127.0.0.1"
                stranger = self.read(name + ".tlog-proof").replace(origin, b"\nlag.example")
                self.write(name + ".tlog-proof", stranger + b"c2sp.org/tlog-proof@v1\nspoilt\n")
                self.assertEqual(self.verify("require_inclusion = yes\n")[:2], (1, "inclusion-unusable"))
                self.check(serving, 0, "included", more=("--keep", self.path("store")))
                kept = self.read(name + ".tlog-proof")
                self.assertTrue(kept.endswith(stranger), "the stranger's stays, behind the new one")
                self.assertEqual(kept.count(b"tlog-proof@v1"), 2, "what nobody can read goes")
                self.assertEqual(self.verify("require_inclusion = yes\n")[:2], (0, "compliant"))
                os.unlink(self.path(name + ".tlog-proof"))

    def test_many_certificates_ask_for_the_head_once(self):
        folder = self.path("folder")
        os.mkdir(folder)
        for name in ("b.pem", "a.pem", "notes.txt"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(self.read("leaf.pem") if name != "notes.txt" else b"no certificate")
        with ctlog.Serving(self.log()) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 60)))
            done = run("prove", "--log-list", self.path("logs.json"), "--scts", self.path("client.scts"), folder)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(b"in all: 2 included", done.stdout)
            self.assertEqual(serving.requests.count("/checkpoint"), 1)
            self.assertEqual(len(serving.requests), len(set(serving.requests)), "no tile twice")

    # --- archives and stores ---

    def ask(self, *operands, more=()):
        done = run("prove", "--log-list", self.path("logs.json"), "--max-wait", "0", "--timeout", "2s", "--json", *more,
                   *operands)
        try:
            return done.returncode, json.loads(done.stdout), done.stderr.decode()
        except ValueError:
            raise AssertionError(done) from None

    def record(self, **more):
        """A line of an archive, as a server writes it."""
        chain = [base64.b64encode(one).decode() for one in (self.der, self.ca)]
        return json.dumps({"clientct_archive": 1, "time": "2026-01-02T03:04:05Z", "chain": chain, **more}) + "\n"

    def serve(self, log):
        serving = ctlog.Serving(log)
        self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
        return serving

    def test_an_archive(self):
        log = self.log()
        scts = base64.b64encode(self.read("client.scts")).decode()
        broken = log.sct(ctlog.Entry(self.der, timestamp=ctlog.now_ms() - 3 * DAY))[:-1] + b"?"
        other = base64.b64encode(ctlog.u16(ctlog.u16(broken))).decode()
        once = self.record(store=scts)
        with self.serve(log):
            for name, text, code, verdicts, without, foreign, newer in (
                    ("store", once, 0, ["included"], 0, 0, 0),
                    ("tls", self.record(tls_scts=scts), 0, ["included"], 0, 0, 0),
                    ("again the next day", once + self.record(store=scts, time="2026-01-03T00:00:00Z"), 0,
                     ["included"], 0, 0, 0),
                    ("no SCT", self.record() + once, 0, ["included"], 1, 0, 0),
                    ("two sources", self.record(store=scts, tls_scts=scts), 0, ["included"] * 2, 0, 0, 0),
                    ("one that does not verify", once + self.record(tls_scts=other), 1, ["included", "no-promise"], 0,
                     0, 0),
                    ("torn", once + once[:200] + "\n", 0, ["included"], 0, 1, 0),
                    ("cut short", once + once[:-40], 0, ["included"], 0, 1, 0),
                    ("a longer line than any", once + "{" + " " * (3 << 20) + "\n" + once, 0, ["included"], 0, 1, 0),
                    ("newer", self.record(clientct_archive=2) + once, 3, ["included"], 0, 0, 1),
                    ("no certificate", self.record(chain=["MAA="]), 0, [], 0, 1, 0)):
                with self.subTest(name):
                    status, answer, _ = self.ask(self.write("archive", text.encode()))
                    self.assertEqual([one["verdict"] for certificate in answer["certificates"]
                                      for one in certificate["scts"]], verdicts)
                    self.assertEqual((status, answer["without_scts"], answer["foreign_lines"],
                                      answer["newer_records"]), (code, without, foreign, newer))

    def test_an_archive_by_a_pipe_and_its_proofs_kept(self):
        os.mkdir(self.path("archive-proofs"))
        with self.serve(self.log()):
            scts = base64.b64encode(self.read("client.scts")).decode()
            done = run("prove", "--log-list", self.path("logs.json"), "--keep", self.path("archive-proofs"), "-",
                       stdin=self.record(store=scts).encode())
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(b"standard input  CN=client", done.stdout)
        status, answer, _ = self.ask(self.write("archive", self.record(store=scts).encode()),
                                     more=("--kept", self.path("archive-proofs")))
        self.assertEqual((status, answer["verdict"]), (0, "included"))
        # What a client got after it was seen: it is in the store by now.
        os.mkdir(self.path("archive-store"))
        self.write(f"archive-store/{hashlib.sha256(self.der).hexdigest()}.sct", self.read("client.scts"))
        self.write("archive.cnf", f"log_list = {self.path('logs.json')}\naudit = none\nsources = store\n"
                   f"sct_store = {self.path('archive-store')}\n")
        done = run("prove", "--config", self.path("archive.cnf"), "--kept", self.path("archive-proofs"), "-",
                   stdin=(self.record() + self.record(store=scts)).encode())
        self.assertEqual((done.returncode, done.stdout.count(b" included (store)")), (0, 1), done)
        done = run("prove", "--log-list", self.path("logs.json"), "--kept", self.path("archive-proofs"), "--scts",
                   self.path("client.scts"), "-", stdin=self.read("leaf.pem"))
        self.assertEqual(done.returncode, 0, done)

    def store(self, log, *certificates):
        """A store with the SCTs of these certificates in the log, and its name."""
        folder = tempfile.mkdtemp(dir=self.path("."))
        for certificate in certificates:
            entry = next(one for one in log.entries if one.body == certificate)
            self.write(os.path.join(folder, hashlib.sha256(certificate).hexdigest() + ".sct"),
                       ctlog.u16(ctlog.u16(log.sct(entry))))
        return folder

    def many(self, tiled, count=3):
        """A log with some certificates, each in another bundle."""
        log, ders = ctlog.Log(tiled, ctlog.key_of(self.path("own-log.key"))), []
        for index in range(700):
            body = b"\x30\x02" + index.to_bytes(2, "big")
            if index % 250 == 7 and len(ders) < count:
                pki("cert", "--out", self.path(f"one-{index}"), "--ca", self.path("own-ca"), "--cn", f"client {index}",
                    "--no-sct-ext")
                body = self.read(f"one-{index}.der")
                ders.append(body)
            log.add(ctlog.Entry(body, timestamp=ctlog.now_ms() - 60000))
        log.publish()
        return log, ders

    def test_a_store_of_a_tiled_log_finds_its_certificates_there(self):
        log, ders = self.many(True)
        with self.serve(log) as serving:
            status, answer, _ = self.ask(self.store(log, *ders))
            self.assertEqual((status, [one["subject"] for one in answer["certificates"]]),
                             (0, ["CN=client 7", "CN=client 257", "CN=client 507"]))
            self.assertEqual(len(serving.requests), len(set(serving.requests)), "nothing is fetched twice")
            # A partial tile that is gone.
            serving.script = [{"path": "/tile/data/002.p/188", "status": 404}]
            for _ in range(68):
                log.add(ctlog.Entry(b"\x30\x00"))
            log.bundle = lambda index, width: b"".join(
                one.tile_leaf() for one in log.entries[256 * index:256 * index + width])
            self.assertEqual(self.ask(self.store(log, ders[2]))[0], 0)

    def test_a_store_without_certificates(self):
        log, ders = self.many(False, 2)
        folder = self.store(log, *ders)
        with self.serve(log):
            status, answer, _ = self.ask(folder)
            self.assertEqual((status, answer["verdict"]), (3, "no-certificate"))
            self.assertIn("name the certificate beside the store", answer["certificates"][0]["scts"][0]["detail"])
            # One of them beside it, and then both.
            status, answer, _ = self.ask(folder, self.path("one-7.pem"))
            self.assertEqual((status, sorted(one["scts"][0]["verdict"] for one in answer["certificates"])),
                             (3, ["included", "no-certificate"]))
            self.assertEqual(self.ask(folder, self.path("one-7.pem"), self.path("one-257.pem"))[0], 0)
            # In a record, whose server had no store then.
            archive = self.record(chain=[base64.b64encode(ders[0]).decode()]) + \
                self.record(chain=[base64.b64encode(ders[1]).decode()])
            self.assertEqual(self.ask(folder, self.write("archive", archive.encode()))[0], 0)

    def test_what_the_log_has_in_place_of_a_certificate_of_the_store(self):
        log, ders = self.many(True, 1)
        folder = self.store(log, *ders)
        other = log.fork(0)
        other.entries[7].body = self.der
        short = log.fork(700)
        short.published = 5
        hidden = log.fork(700)
        hidden.bundle = lambda index, width: None
        for name, serving, code, verdict, word in (
                ("another", other, 3, "no-certificate", "entry 7 of the log is not the certificate"),
                ("not there", short, 3, "no-certificate", "the log has 5 entries"),
                ("hidden", hidden, 1, "log-misbehaves", "404"),
                ("honest", log, 0, "included", "entry 7")):
            with self.subTest(name), self.serve(serving):
                status, answer, _ = self.ask(folder)
                one = answer["certificates"][0]["scts"][0]
                self.assertEqual((status, one["verdict"]), (code, verdict))
                self.assertIn(word, one["detail"])
        # The log is gone; nobody is to be asked.
        status, answer, _ = self.ask(folder)
        self.assertEqual((status, answer["verdict"]), (3, "log-unreachable"))
        self.assertEqual(self.ask(folder, more=("--kept", folder))[1]["verdict"], "no-certificate")
        # With the certificate beside it, the same lie is a broken promise.
        with self.serve(other):
            self.assertEqual(self.ask(folder, self.path("one-7.pem"))[1]["verdict"], "promise-broken")

    def test_a_file_of_the_store_that_is_no_list(self):
        log, ders = self.many(True, 1)
        folder = self.store(log, *ders)
        self.write(os.path.join(folder, "ab" * 32 + ".sct"), b"\0\1")
        self.write(os.path.join(folder, "notes.sct"), b"no list of ours")
        with self.serve(log):
            status, answer, said = self.ask(folder)
        self.assertEqual((status, answer["verdict"]), (2, "included"))
        self.assertIn("ab" * 32 + ".sct is no list of SCTs", said)

    def test_usage(self):
        self.assert_usage_error(run("prove"), "CERT")
        self.log()
        with ctlog.Serving(self.log()) as serving:
            self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 60)))
        base = ("prove", "--log-list", self.path("logs.json"))
        self.assert_usage_error(run(*base, "--keep", "a", "--kept", "b", self.certificate), "--keep", "--kept")
        self.assert_usage_error(run(*base, "--origin", "Ours", self.certificate), "LOG=ORIGIN")
        self.assert_usage_error(run(*base, "--log", "Hours", self.certificate), "did you mean \"Ours\"")
        self.assert_usage_error(run(*base, "--mmd", "soon", self.certificate), "--mmd")
        self.assert_usage_error(run(*base, "--log", "Ours=http://log.example/", self.certificate), "--insecure-http")


if __name__ == "__main__":
    unittest.main()
