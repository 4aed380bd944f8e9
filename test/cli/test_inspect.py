# SPDX-License-Identifier: Apache-2.0
"""clientct inspect: what is there, without judging."""

import base64
import hashlib
import json
import unittest

from cli import Case, pki, run


class Inspect(Case):
    def test_certificate(self):
        answer = self.ask("inspect", self.path("client-good.pem"), code=0)
        self.assertEqual(answer["kind"], "certificate")
        leaf, ca = answer["certificates"]
        sha256 = hashlib.sha256(self.read("client-good.der")).hexdigest()
        self.assertEqual(leaf["sha256"], sha256)
        self.assertEqual(leaf["file_in_sct_store"], sha256 + ".sct")
        self.assertEqual(leaf["file_in_ocsp_store"], sha256 + ".ocsp")
        self.assertEqual((leaf["ca"], ca["ca"]), (False, True))
        self.assertEqual(leaf["issuer_key_hash"], ca["spki_sha256"])
        self.assertEqual((leaf["strict_der"], leaf["precertificate"], leaf["two_sct_extensions"]), (True, False, False))
        self.assertIsNone(ca["sct_list"])
        scts = leaf["sct_list"]["scts"]
        self.assertEqual(len(scts), 2)
        self.assertEqual(scts[0]["version"], "v1")
        self.assertEqual(scts[0]["signature"]["hash"], "sha256 (4)")
        self.assertEqual(scts[0]["signature"]["algorithm"], "ecdsa (3)")

    def test_facts_about_bad_certificates(self):
        poison = self.ask("inspect", self.path("client-poison.pem"), code=0)["certificates"][0]
        self.assertTrue(poison["precertificate"])
        two = self.ask("inspect", self.path("client-two-sct-ext.pem"), code=1)["certificates"][0]
        self.assertTrue(two["two_sct_extensions"])
        mixed = self.ask("inspect", self.path("client-mixed.pem"), code=1)["certificates"][0]["sct_list"]
        self.assertTrue(mixed["well_formed"])
        self.assertEqual([sct["decoded"] for sct in mixed["scts"]], [False, True, True])
        trailing = self.ask("inspect", self.path("client-trailing.pem"), code=1)["certificates"][0]["sct_list"]
        self.assertFalse(trailing["well_formed"])

    def make_list(self, *specs):
        arguments = [a for spec in specs for a in ("--sct", f"log={self.path('log-a')}{spec}")]
        pki("scts", "--out", self.path("list.sct"), "--cert", self.path("client-unlogged"), "--issuer", self.path("ca"),
            "--entry", "x509", *arguments)
        return self.path("list.sct")

    def test_sct_list_and_its_wrappings(self):
        path = self.make_list("", ",tiled=1099511627775", ",ext=0500")
        plain = self.ask("inspect", path, code=1)  # 0500 is no sequence of extensions
        self.assertEqual(plain["kind"], "sct-list")
        scts = plain["sct_list"]["scts"]
        self.assertEqual([sct.get("leaf_index") for sct in scts], [None, 1099511627775, None])
        self.assertEqual(scts[1]["extensions"][0]["type"], "leaf_index (0)")
        self.assertIn("problem", scts[2]["extensions"][0])
        content = self.read("list.sct")
        wrapped = self.write("wrapped", b"\x04\x82" + len(content).to_bytes(2, "big") + content)
        self.assertEqual(self.ask("inspect", wrapped), plain)

    def test_a_logs_answer(self):
        path = self.make_list(",tiled=7")
        sct = self.read("list.sct")[4:]
        size = int.from_bytes(sct[41:43], "big")
        text = json.dumps({"sct_version": 0, "id": base64.b64encode(sct[1:33]).decode(),
                           "timestamp": int.from_bytes(sct[33:41], "big"),
                           "extensions": base64.b64encode(sct[43:43 + size]).decode(),
                           "signature": base64.b64encode(sct[43 + size:]).decode()})
        answer = self.write("answer.json", "\n " + text)
        shown = self.ask("inspect", answer, code=0)
        self.assertEqual(shown["kind"], "log-answer")
        self.assertEqual(shown["sct"], self.ask("inspect", path, code=0)["sct_list"]["scts"][0])
        # The same as what a client has shown in TLS.
        verdicts = [self.ask("verify", "--log-list", self.path("log_list.json"), "--tls-scts", scts,
                             self.path("client-unlogged.pem"))["scts"] for scts in (path, answer)]
        self.assertEqual(len(verdicts[0]), 1)
        self.assertEqual(verdicts[0], verdicts[1])
        for broken, words in (("{}", "sct_version"), (text.replace('"id"', '"di"'), "sct_version"),
                              (text.replace('"sct_version": 0', '"sct_version": 1'), "v1")):
            done = run("inspect", self.write("answer.json", broken))
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(words, done.stderr.decode())

    def test_timestamps_that_no_calendar_has(self):
        for ms in 253402300800000, 2**63 - 1, 2**63, 2**64 - 1:
            sct = b"\0" + b"i" * 32 + ms.to_bytes(8, "big") + bytes.fromhex("0000" "0403" "0002" "4141")
            path = self.write("far.sct", sct)
            one = self.ask("inspect", path)["sct"]
            self.assertEqual(one["timestamp"], f"{ms} ms after 1970")
            self.assertEqual(one["timestamp_ms"], ms if ms < 2**63 else str(ms))
            self.assertIn(f"timestamp in ms: {ms}\n", run("inspect", path).stdout.decode())

    def test_single_sct(self):
        content = self.read(self.make_list(""))[4:]
        # The second has a log id that makes it start as a list of this length does.
        for one in content, content[:1] + bytes([len(content) - 2]) + content[2:]:
            answer = self.ask("inspect", self.write("single", one), code=0)
            self.assertEqual(answer["kind"], "sct")

    def test_ocsp_response(self):
        pki("ocsp", "--out", self.path("r.ocsp"), "--cert", self.path("client-unlogged"), "--ca", self.path("ca"),
            "--sct", f"log={self.path('log-b')}")
        answer = self.ask("inspect", self.path("r.ocsp"), code=0)
        self.assertEqual(answer["kind"], "ocsp-response")
        single = answer["response"]["responses"][0]
        self.assertEqual(single["status"], "good")
        self.assertEqual(len(single["sct_list"]["scts"]), 1)

    def test_text_and_json_know_the_same(self):
        answer = self.ask("inspect", self.path("client-good.pem"), code=0)
        text = run("inspect", self.path("client-good.pem")).stdout.decode()
        leaf = answer["certificates"][0]
        for value in (leaf["sha256"], leaf["spki_sha256"], leaf["sct_list"]["scts"][1]["log_id"],
                      leaf["sct_list"]["scts"][1]["signature"]["value"]):
            self.assertIn(value, text)

    def test_noise_is_exit_2(self):
        cut = self.read(self.make_list(""))[:-1]
        for name, content in (("noise", b"\xde\xad\xbe\xef" * 9), ("short", b"\0"), ("cut", cut)):
            with self.subTest(name=name):
                self.assert_usage_error(run("inspect", self.write(name, content)), "neither a certificate", name)

    def test_an_extension_that_holds_no_list_is_said(self):
        """Of a certificate and of an OCSP response."""
        pki("cert", "--out", self.path("octet"), "--ca", self.path("ca"), "--sct", "log=" + self.path("log-a"),
            "--list-bad", "octet-trailing")
        pki("ocsp", "--out", self.path("octet.ocsp"), "--cert", self.path("client-good"), "--ca", self.path("ca"),
            "--sct", "log=" + self.path("log-a"), "--list-bad", "octet-trailing")
        for name in ("octet.der", "octet.ocsp"):
            with self.subTest(name):
                done = run("inspect", self.path(name))
                self.assertNotEqual(done.returncode, 2, done)
                self.assertIn(b"not exactly one DER OCTET STRING", done.stdout)

    def test_cut_certificates_never_crash(self):
        der = self.read("client-good.der")
        for cut in range(0, len(der), 37):
            broken = self.write("broken", der[:cut] + b"\xff" + der[cut + 1:])
            self.assertIn(run("inspect", broken).returncode, (0, 1, 2), cut)


if __name__ == "__main__":
    unittest.main()
