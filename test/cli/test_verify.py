# SPDX-License-Identifier: Apache-2.0
"""clientct verify: verdicts, explanations, exit codes."""

import hashlib
import gzip
import os
import ssl
import subprocess
import time
import unittest

from cli import VECTORS, Case, needs_vectors, pki, run

MEMBERS = {"verdict", "reason", "policy", "rule", "scts", "mode", "decided", "compliant", "detail", "advice",
           "conditions", "shadow", "at", "leaf_sha256", "subject", "issuer", "chain_length", "config", "remarks"}


class Verify(Case):
    def test_every_certificate_of_the_fixture(self):
        config = self.config(top="policy = one")
        for name, wanted in self.fixture.items():
            with self.subTest(name=name):
                accept = wanted["expect"] == "accept"
                certificate = self.path(f"client-{name}.pem")
                answer = self.ask("verify", "--config", config, certificate, code=0 if accept else 1)
                self.assertEqual((answer["verdict"], answer["reason"]), (wanted["expect"], wanted["reason"]))
                self.assertEqual(answer["compliant"], accept)
                text = run("verify", "--config", config, certificate)
                self.assertEqual(text.returncode, 0 if accept else 1)
                headline = f"{wanted['expect']}: {wanted['reason']} ("
                self.assertTrue(text.stdout.startswith(headline.encode()), text.stdout)

    def test_json_has_the_promised_members(self):
        config = self.config(top="policy = one\nshadow_policy = chrome")
        answer = self.ask("verify", "--config", config, self.path("client-good.pem"), code=0)
        self.assertEqual(set(answer), MEMBERS)
        self.assertEqual(answer["policy"], "one")
        self.assertIsNone(answer["rule"])
        self.assertEqual(answer["shadow"], {"policy": "chrome", "compliant": True, "reason": "compliant"})
        self.assertEqual(answer["config"], config)
        der = ssl.PEM_cert_to_DER_cert(self.read("client-good.pem").decode().split("-----END", 1)[0] +
                                       "-----END CERTIFICATE-----\n")
        self.assertEqual(answer["leaf_sha256"], hashlib.sha256(der).hexdigest())
        self.assertEqual([sct["log"] for sct in answer["scts"]], ["Log A", "Log B"])
        for sct in answer["scts"]:
            self.assertEqual(set(sct), {"source", "log_id", "log", "operator", "timestamp", "status"})
            self.assertEqual((sct["source"], sct["status"]), ("embedded", "valid"))
            self.assertRegex(sct["log_id"], r"^[0-9a-f]{64}$")
            self.assertRegex(sct["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$")
        for condition in answer["conditions"]:
            self.assertEqual(set(condition), {"name", "met", "seen", "needed"})

    def test_refusal_says_what_to_do(self):
        config = self.config("[two]\nmin_scts = 2\nmin_operators = 2", top="policy = two")
        answer = self.ask("verify", "--config", config, self.path("client-good-one.pem"), code=1)
        self.assertEqual(answer["reason"], "too-few-scts")
        self.assertIn("Alpha", answer["advice"])
        by_name = {condition["name"]: condition for condition in answer["conditions"]}
        self.assertFalse(by_name["min_scts"]["met"])
        text = run("verify", "--config", config, self.path("client-good-one.pem")).stdout.decode()
        self.assertIn("What to do\n  " + answer["advice"], text)

    def test_report_mode_accepts_and_says_so_plainly(self):
        config = self.config(top="policy = one\nmode = report")
        answer = self.ask("verify", "--config", config, self.path("client-unlogged.pem"), code=0)
        self.assertEqual((answer["verdict"], answer["reason"], answer["mode"], answer["compliant"]),
                         ("accept", "no-scts", "report", False))
        text = run("verify", "--config", config, self.path("client-unlogged.pem")).stdout
        self.assertIn(b"with mode = enforce this certificate would be refused", text)

    def test_mode_off_evaluates_nothing(self):
        config = self.config(top="mode = off")
        done = run("verify", "--config", config, self.path("client-unlogged.pem"))
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"mode = off: nothing is evaluated", done.stdout)

    def test_rules_are_explained(self):
        config = self.config(f"[rules]\nother = other\nhost = host\n"
                             f"[other]\nissuer = {self.path('other-ca.pem')}\npolicy = one\n"
                             "[host]\nserver_name = *.example.com\nexempt = yes\n",
                             top="policy = chrome\nrules = rules")
        answer = self.ask("verify", "--config", config, self.path("client-unlogged.pem"), code=1)
        self.assertEqual((answer["rule"], answer["policy"]), (None, "chrome"))
        names = [condition["name"] for condition in answer["conditions"]]
        self.assertEqual(names[:2], ["rule other", "rule host"])
        answer = self.ask("verify", "--config", config, "--server-name", "api.example.com",
                          self.path("client-unlogged.pem"), code=0)
        self.assertEqual((answer["rule"], answer["reason"]), ("host", "exempt"))
        answer = self.ask("verify", "--config", config, self.path("client-other-ca-good.pem"), code=0)
        self.assertEqual((answer["rule"], answer["policy"]), ("other", "one"))

    def test_mode_of_a_rule_is_shown_beside_that_of_the_top(self):
        config = self.config("[rules]\nwatched = watched\n[watched]\nserver_name = a.example\nmode = report\n",
                             top="rules = rules")
        certificate = self.path("client-unlogged.pem")
        text = run("verify", "--config", config, "--server-name", "a.example", certificate).stdout.decode()
        self.assertRegex(text, r"(?m)^mode +report \(enforce at the top\)$")
        self.assertRegex(run("verify", "--config", config, certificate).stdout.decode(), r"(?m)^mode +enforce$")

    def test_rule_names_the_root_of_a_long_chain(self):
        pki("ca", "--out", self.path("long-0"), "--cn", "Long 0")
        for i in range(1, 20):
            pki("ca", "--out", self.path(f"long-{i}"), "--cn", f"Long {i}", "--issuer", self.path(f"long-{i - 1}"))
        pki("cert", "--out", self.path("long"), "--ca", self.path("long-19"))
        chain = self.write("chain.pem", b"".join(self.read(f"long-{i}.pem") for i in range(20)))
        config = self.config(f"[rules]\nroot = root\n[root]\nissuer = {self.path('long-0.pem')}\nmode = report\n",
                             top="rules = rules")
        answer = self.ask("verify", "--config", config, "--chain", chain, self.path("long.pem"), code=0)
        self.assertEqual((answer["rule"], answer["chain_length"]), ("root", 21))

    def test_broken_configuration_is_exit_2_with_every_error(self):
        config = self.config(top="mod = report\npolicy = nosuch")
        done = run("verify", "--config", config, self.path("client-good.pem"), "--json")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b'"reason": "config-error"', done.stdout)
        self.assertIn(f"{config}:2: ".encode(), done.stderr)
        self.assertIn(f"{config}:3: ".encode(), done.stderr)

    def test_missing_configuration_is_exit_2(self):
        answer = self.ask("verify", "--config", self.path("nothing.cnf"), self.path("client-good.pem"), code=2)
        self.assertEqual((answer["verdict"], answer["reason"], answer["decided"]), ("refuse", "config-error", False))

    def test_nothing_temporary_stays_behind(self):
        before = set(os.listdir(self.dir))
        done = run("verify", "--log-list", self.path("log_list.json"), self.path("client-good.pem"), TMPDIR=self.dir)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(set(os.listdir(self.dir)), before)

    def test_log_list_in_every_format_that_the_fixture_has(self):
        for name in ("log_list.json", "log_list.cnf"):
            self.ask("verify", "--log-list", self.path(name), self.path("client-good.pem"), code=0)

    def test_presets_without_configuration(self):
        for policy, code in (("one", 0), ("chrome", 1), ("apple", 1)):
            answer = self.ask("verify", "--log-list", self.path("log_list.json"), "--policy", policy,
                              self.path("client-good-one.pem"), code=code)
            self.assertEqual(answer["policy"], policy)


class Input(Case):
    def ask_list(self, *arguments, code, stdin=None):
        return self.ask("verify", "--log-list", self.path("log_list.json"), *arguments, code=code, stdin=stdin)

    def test_der_and_standard_input(self):
        self.ask_list("--issuer", self.path("ca.pem"), self.path("client-good.der"), code=0)
        self.ask_list("-", stdin=self.read("client-good.pem"), code=0)
        self.ask_list("--issuer", self.path("ca.pem"), "-", stdin=self.read("client-good.der"), code=0)

    def test_key_in_the_same_file_is_passed_over(self):
        both = self.write("both.pem", self.read("client-good.key") + self.read("client-good.pem"))
        self.ask_list(both, code=0)

    def test_without_issuer_embedded_scts_cannot_be_checked(self):
        answer = self.ask_list(self.path("client-good.der"), code=3)  # a server, which has the issuer, accepts it
        self.assertEqual((answer["verdict"], answer["reason"]), ("undecided", "issuer-unknown"))
        self.assertIn("--issuer FILE", answer["remarks"][0])
        self.assertEqual(answer["advice"], answer["remarks"][0], "more SCTs would not help")

    def test_an_issuer_whose_key_cannot_be_read_is_said_to_be_that(self):
        ca = self.write("unreadable-ca.pem", self.unreadable_ca())
        for options in (["--issuer", ca], ["--chain", ca]):
            with self.subTest(options=options):
                leaf = self.write("leaf.pem", self.read("client-good.pem").decode().split("-----END", 1)[0] +
                                  "-----END CERTIFICATE-----\n")
                answer = self.ask("verify", "--config", self.config(top="policy = one"), *options, leaf, code=3)
                self.assertEqual((answer["verdict"], answer["reason"]), ("undecided", "issuer-unknown"))
                said = " ".join(answer["remarks"])
                self.assertIn("cannot read the public key of", said)
                self.assertNotIn("did not issue", said)
                text = run("verify", "--config", self.config(top="policy = one"), *options, leaf).stdout
                self.assertIn(b"(given, but its key cannot be read here)", text)

    def test_issuer_is_used_only_if_it_issued(self):
        pki("ca", "--out", self.path("twin"), "--cn", "Fixture CA")
        for name, found in (("other-ca.pem", "Other fixture CA"), ("twin.pem", "Fixture CA")):
            with self.subTest(name=name):
                answer = self.ask_list("--issuer", self.path(name), self.path("client-good.der"), code=3)
                self.assertEqual((answer["reason"], answer["chain_length"]), ("issuer-unknown", 1))
                self.assertIn(f'"CN={found}" did not issue this certificate', answer["remarks"][0])

    def test_issuer_of_the_same_name_must_have_signed(self):
        # without key identifiers in the certificate, only the signature tells twins apart
        pki("ca", "--out", self.path("twin"), "--cn", "Fixture CA")
        pki("cert", "--out", self.path("bare"), "--ca", self.path("ca"), "--only-sct",
            "--sct", f"log={self.path('log-a')}")
        answer = self.ask_list("--issuer", self.path("twin.pem"), self.path("bare.der"), code=3)
        self.assertEqual((answer["reason"], answer["chain_length"]), ("issuer-unknown", 1))
        self.assertIn("signature failure", answer["remarks"][0])
        both = self.write("twins.pem", self.read("twin.pem") + self.read("ca.pem"))
        self.ask_list("--chain", both, self.path("bare.der"), code=0)

    def test_issuer_is_found_among_others(self):
        answer = self.ask_list("--chain", self.path("other-ca.pem"), "--issuer", self.path("ca.pem"),
                               self.path("client-good.der"), code=0)
        self.assertEqual((answer["chain_length"], answer["remarks"]), (2, []))
        answer = self.ask_list("--chain", self.path("ca.pem"), "--issuer", self.path("other-ca.pem"),
                               self.path("client-good.der"), code=0)
        self.assertIn("another one that was given did", answer["remarks"][0])

    def test_chain_in_the_wrong_order_is_noticed(self):
        leaf_then_ca = self.read("client-good.pem").decode()
        leaf = leaf_then_ca[:leaf_then_ca.index("-----END CERTIFICATE-----") + 26]
        turned = self.write("turned.pem", self.read("ca.pem") + leaf.encode())
        answer = self.ask_list(turned, code=1)
        self.assertEqual(answer["subject"], "CN=Fixture CA")
        self.assertIn("the leaf must come first", " ".join(answer["remarks"]))

    def test_the_shadow_policy_is_shown_beside_the_verdict(self):
        config = self.config("[two]\nmin_scts = 2\n", top="policy = one\nshadow_policy = two\naudit = none")
        done = run("verify", "--config", config, self.path("client-good-one.pem"))
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"Shadow policy two", done.stdout)
        self.assertIn(b"would refuse: too-few-scts", done.stdout)

    def test_what_is_no_certificate_is_exit_2(self):
        der, pem = self.read("client-good.der"), self.read("client-good.pem")
        rows = [
            ("empty", b"", "is empty"),
            ("noise", b"\x00\xff" * 40, "expected PEM"),
            ("text", b"hello\n", "expected PEM"),
            ("cut.der", der[:-1], "cut off or damaged"),
            ("zipped.pem.gz", gzip.compress(pem), "gunzip"),
            ("line.pem", pem[:pem.index(b"-----END CERTIFICATE-----") + 26].replace(b"\n", b""), "on one line"),
            ("escaped.pem", pem.replace(b"\n", b"\\n"), "written as \\n"),
            ("bare.b64", b"".join(pem.splitlines()[1:5]), "base64 without PEM's lines"),
            ("some.p12", b"\x30\x82\x01\x00\x02\x01\x03\x30\x80", "openssl pkcs12 -nokeys"),
            ("some.p7b", b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "pkcs7 -inform DER"),
            ("p7.pem", b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "openssl pkcs7 -print_certs"),
            ("trailing.der", der + b"\0", "1 bytes behind"),
            ("two.der", der + der, "behind the DER certificate"),
            ("cut.pem", pem[:200], "does not decode"),
            ("broken.pem", pem.replace(b"MII", b"M!I", 1), "does not decode"),
            ("second-broken.pem", pem + pem[:200], "certificate 3"),
            ("key.pem", self.read("client-good.key"), "no \"BEGIN CERTIFICATE\""),
            ("large", b"x" * (1024 * 1024 + 1), "larger than 1024 KiB"),
        ]
        for name, content, words in rows:
            with self.subTest(name=name):
                path = self.write(name, content)
                self.assert_usage_error(run("verify", "--log-list", self.path("log_list.json"), path), words, name)

    def test_time_as_text_and_as_number(self):
        late = int(time.time()) + 400 * 86400
        for when in (str(late), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(late))):
            answer = self.ask_list("--at", when, self.path("client-good.pem"), code=0)
            self.assertEqual(answer["at"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(late)))
            self.assertIn("has expired", answer["remarks"][0])

    def test_the_epoch_is_a_time_and_not_now(self):
        answer = self.ask_list("--at", "0", self.path("client-good.pem"), code=1)
        self.assertEqual(answer["reason"], "future-timestamp")
        self.assertEqual(answer["at"], "1970-01-01T00:00:00Z")

    def test_scts_from_tls_and_ocsp(self):
        cert, ca = self.path("client-unlogged"), self.path("ca")
        pki("scts", "--out", self.path("tls.sct"), "--cert", cert, "--issuer", ca, "--entry", "x509",
            "--sct", f"log={self.path('log-a')}")
        pki("ocsp", "--out", self.path("good.ocsp"), "--cert", cert, "--ca", ca, "--sct", f"log={self.path('log-b')}")
        pki("ocsp", "--out", self.path("revoked.ocsp"), "--cert", cert, "--ca", ca, "--status", "revoked")
        answer = self.ask_list("--tls-scts", self.path("tls.sct"), "--ocsp", self.path("good.ocsp"),
                               self.path("client-unlogged.pem"), code=0)
        self.assertEqual({(sct["source"], sct["log"]) for sct in answer["scts"]}, {("tls", "Log A"), ("ocsp", "Log B")})
        answer = self.ask_list("--ocsp", self.path("revoked.ocsp"), self.path("client-good.pem"), code=0)
        self.assertEqual(answer["reason"], "compliant", "the response is about another certificate")
        answer = self.ask_list("--ocsp", self.path("revoked.ocsp"), self.path("client-unlogged.pem"), code=1)
        self.assertEqual(answer["reason"], "revoked")

    def test_evidence_that_the_configuration_does_not_read_is_remarked(self):
        pki("scts", "--out", self.path("tls.sct"), "--cert", self.path("client-unlogged"), "--issuer", self.path("ca"),
            "--entry", "x509", "--sct", f"log={self.path('log-a')}")
        config = self.config(top="sources = embedded")
        answer = self.ask("verify", "--config", config, "--tls-scts", self.path("tls.sct"),
                          self.path("client-unlogged.pem"), code=1)
        self.assertIn("--tls-scts is not used", answer["remarks"][0])

    def test_hostile_names_do_not_reach_the_terminal(self):
        name = "evil\x1b]0;owned\x07\u202egpj.exe\rok\x9b31m"
        pki("cert", "--out", self.path("hostile"), "--ca", self.path("ca"), "--cn", name,
            "--sct", f"log={self.path('log-a')}")
        for arguments in (["verify", "--log-list", self.path("log_list.json")], ["inspect"]):
            done = run(*arguments, self.path("hostile.pem"))
            self.assertEqual(done.returncode, 0, done)
            text = done.stdout.decode()
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
            self.assertIn("evil", text)
            self.ask(*arguments, self.path("hostile.pem"), code=0)

    def test_hostile_file_names_do_not_reach_the_terminal(self):
        done = run("verify", self.path("no\x1b[2Jsuch\nclientct: all is well"))
        self.assertEqual(done.returncode, 2)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)


class Certificates(Case):
    """As other programs and CAs write them."""

    def make(self, name, *extensions, subject="/CN=x"):
        options = [option for extension in extensions for option in ("-addext", extension)]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"), "-subj", subject,
                        "-days", "5", *options], check=True, capture_output=True)
        return self.path(name + ".pem")

    def ask_list(self, path):
        return self.ask("verify", "--log-list", self.path("log_list.json"), path, code=1)

    def test_clients_that_have_no_subject_are_named(self):
        path = self.make("spiffe", "subjectAltName=URI:spiffe://td.example/pay,DNS:a.example,IP:::1", subject="/")
        self.assertIn(b"certificate   uri:spiffe://td.example/pay\n", run("verify", "--log-list",
                                                                           self.path("log_list.json"), path).stdout)
        names = self.ask("inspect", path, code=0)["certificates"][0]["alternative_names"]
        self.assertEqual(names, ["uri:spiffe://td.example/pay", "dns:a.example", "ip:0:0:0:0:0:0:0:1"])

    def test_trusted_certificate(self):
        path = self.make("plain")
        subprocess.run(["openssl", "x509", "-in", path, "-trustout", "-addtrust", "clientAuth", "-out",
                        self.path("trusted.pem")], check=True, capture_output=True)
        with open(self.path("trusted.pem"), encoding="ascii") as file:
            self.assertIn("BEGIN TRUSTED CERTIFICATE", file.read())
        self.assertEqual(self.ask_list(self.path("trusted.pem"))["leaf_sha256"],
                         self.ask_list(path)["leaf_sha256"])

    def test_no_client_usage_is_remarked(self):
        for usages, remarked in (("serverAuth", True), ("serverAuth,clientAuth", False),
                                 ("anyExtendedKeyUsage", False)):
            answer = self.ask_list(self.make("usage", "extendedKeyUsage=" + usages))
            self.assertEqual("(clientAuth)" in " ".join(answer["remarks"]), remarked, usages)

    def test_rfc_9162_is_seen_and_named(self):
        path = self.make("v2", "1.3.101.75=DER:0403020100")
        answer = self.ask_list(path)
        self.assertEqual(answer["reason"], "no-scts")
        self.assertIn("1.3.101.75", answer["advice"])
        self.assertIn("RFC 9162", " ".join(answer["remarks"]))
        self.assertIn("1.3.101.75", self.ask("inspect", path, code=0)["certificates"][0]["rfc9162"])
        self.assertNotIn("have the certificate logged", answer["detail"])

    def test_a_certificate_that_differs_from_its_precertificate_is_to_be_reissued(self):
        pki("cert", "--out", self.path("before"), "--ca", self.path("ca"), "--sct", "log=" + self.path("log-a"),
            "--sct", "log=" + self.path("log-b"))
        pki("cert", "--out", self.path("differs"), "--ca", self.path("ca"), "--sct-from", self.path("before.pem"))
        answer = self.ask_list(self.path("differs.pem"))
        self.assertEqual(answer["reason"], "bad-signature")
        self.assertIn("differs from its precertificate", answer["advice"])
        self.assertIn("have it reissued", answer["advice"])
        self.assertNotIn("one more SCT", answer["advice"])


class Mistakes(Case):
    """CAs that had a log sign something else than the certificate says: made by putting other SCTs into a good one."""

    POISON = bytes.fromhex("3013060a2b06010401d6790204030101ff04020500")
    SCT_LIST = bytes.fromhex("060a2b06010401d679020402")

    class Unlucky(Exception):
        """One signature in a hundred is shorter than the others by so much that another one is hardly found."""

    def sign(self, key, data, length):
        """An ECDSA signature of that many bytes."""
        for _ in range(200):
            signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path(key)], input=data, check=True,
                                       capture_output=True).stdout
            if len(signature) == length:
                return signature
        raise self.Unlucky(f"no signature of {length} bytes")

    def element(self, der, at):
        """(where its contents begin, where it ends)"""
        length, begin = der[at + 1], at + 2
        if length & 0x80:
            begin += length & 0x7f
            length = int.from_bytes(der[at + 2:begin], "big")
        return begin, begin + length

    def header(self, tag, content):
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        if 128 <= size < 256:
            length = bytes([0x81, size])
        return bytes([tag]) + length + content

    def spoilt(self, name, entry):
        """A certificate whose SCTs of logs a and b sign what entry(tbs, poisoned tbs, certificate) gives."""
        pki("cert", "--out", self.path(name), "--ca", self.path("ca"), "--sct", "log=" + self.path("log-a"), "--sct",
            "log=" + self.path("log-b"))
        with open(self.path(name + ".der"), "rb") as file:
            der = bytearray(file.read())
        outer = self.element(der, 0)[0]
        tbs_begin, tbs_end = self.element(der, outer)
        at = tbs_begin
        while der[at] != 0xa3:
            at = self.element(der, at)[1]
        fields, extensions, sequence = bytes(der[tbs_begin:at]), [], self.element(der, at)[0]
        at, end = self.element(der, sequence)
        while at < end:
            extensions.append((at, self.element(der, at)[1]))
            at = extensions[-1][1]
        found = [i for i, (begin, end) in enumerate(extensions) if self.SCT_LIST in der[begin:end]][0]
        others = [bytes(der[begin:end]) for begin, end in extensions]

        def tbs(parts):
            inner = self.header(0x30, b"".join(parts))
            return self.header(0x30, fields + self.header(0xa3, inner))

        signed = entry(tbs(others[:found] + others[found + 1:]),
                       tbs(others[:found] + [self.POISON] + others[found + 1:]), bytes(der))
        value = self.element(der, der.index(self.SCT_LIST) + len(self.SCT_LIST))[0]
        at = self.element(der, value)[0] + 2
        for key in ("log-a.key", "log-b.key"):
            sct = at + 2
            begin = sct + 43
            length = int.from_bytes(der[begin + 2:begin + 4], "big")
            data = b"\0\0" + bytes(der[sct + 33:sct + 41]) + signed + b"\0\0"
            der[begin + 4:begin + 4 + length] = self.sign(key, data, length)
            at = begin + 4 + length
        at = self.element(der, tbs_end)[1]
        signature, end = self.element(der, at)
        signature += 1
        der[signature:end] = self.sign("ca.key", bytes(der[outer:tbs_end]), end - signature)
        with open(self.path(name + ".spoilt.der"), "wb") as file:
            file.write(der)
        answer = self.ask("verify", "--log-list", self.path("log_list.json"), "--issuer", self.path("ca.pem"),
                          "--chain", self.path("other-ca.pem"), self.path(name + ".spoilt.der"))
        return answer["reason"], answer["advice"]

    def spoilt_by_luck(self, name, entry):
        for _ in range(9):
            try:
                return self.spoilt(name, entry)
            except self.Unlucky:
                pass
        return self.spoilt(name, entry)

    def spki_hash(self, name):
        pem = subprocess.run(["openssl", "x509", "-in", self.path(name), "-noout", "-pubkey"], check=True,
                             capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True,
                             capture_output=True).stdout
        return hashlib.sha256(der).digest()

    def vector(self, data):
        return len(data).to_bytes(3, "big") + data

    def test_each_mistake_is_found_by_trying(self):
        ca, other_ca = self.spki_hash("ca.pem"), self.spki_hash("other-ca.pem")
        with open(self.path("ca.pem"), encoding="ascii") as file:
            whole = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).digest()
        for name, entry, words in (
                ("right", lambda tbs, poisoned, der: b"\0\1" + ca + self.vector(tbs), None),
                ("poison", lambda tbs, poisoned, der: b"\0\1" + ca + self.vector(poisoned), "poison extension left in"),
                ("whole", lambda tbs, poisoned, der: b"\0\1" + whole + self.vector(tbs), "whole certificate"),
                ("zero", lambda tbs, poisoned, der: b"\0\1" + bytes(32) + self.vector(tbs), "zeros as issuer_key_hash"),
                ("own", lambda tbs, poisoned, der: b"\0\1" + self.spki_hash("own.pem") + self.vector(tbs),
                 "certificate's own key as issuer_key_hash"),
                ("another", lambda tbs, poisoned, der: b"\0\1" + other_ca + self.vector(tbs),
                 "key of another CA as the issuer's"),
                ("x509", lambda tbs, poisoned, der: b"\0\0" + self.vector(tbs), "as an x509 entry"),
                ("other", lambda tbs, poisoned, der: b"\0\1" + ca + self.vector(tbs + b"\0"), "differs from its pre")):
            reason, advice = self.spoilt_by_luck(name, entry)
            self.assertEqual(reason, "compliant" if words is None else "bad-signature", name)
            self.assertIn(words or "", advice or "", name)


@needs_vectors
class RealWorld(Case):
    def ask_vector(self, log_list, *arguments, code=0):
        return self.ask("verify", "--log-list", os.path.join(VECTORS, log_list),
                        *[os.path.join(VECTORS, a) if "/" in a else a for a in arguments], code=code)

    def test_2015_three_scts(self):
        answer = self.ask_vector("real-2015/log_list.cnf", "--issuer", "real-2015/embeddedSCTs3_issuer.pem",
                                 "--at", "2016-06-01T00:00:00Z", "real-2015/embeddedSCTs3.pem")
        self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid"] * 3)
        self.assertEqual(answer["remarks"], [])

    def test_2025_satisfies_chrome_inside_its_validity(self):
        for policy in ("one", "chrome"):
            answer = self.ask_vector("real-2025/log_list.json", "--policy", policy, "--issuer",
                                     "real-2025/google-we1.pem", "--at", "2025-10-15T00:00:00Z",
                                     "real-2025/cloudflare.pem")
            self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid"] * 2)
            self.assertEqual({sct["operator"] for sct in answer["scts"]}, {"Google", "Cloudflare"})

    def test_2025_before_its_time_is_refused(self):
        answer = self.ask_vector("real-2025/log_list.json", "--issuer", "real-2025/google-we1.pem", "--at",
                                 "2025-09-01T00:00:00Z", "real-2025/cloudflare.pem", code=1)
        self.assertEqual(answer["reason"], "future-timestamp")

    def test_private_log(self):
        answer = self.ask_vector("private-log/trusted_root.json", "--issuer", "private-log/issuer.der",
                                 "--at", "2024-04-02T19:25:00Z", "private-log/leaf.der")
        self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid"])


if __name__ == "__main__":
    unittest.main()
