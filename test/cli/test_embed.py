# SPDX-License-Identifier: Apache-2.0
"""Embedding SCTs with one's own CA: the recipes of the README, by `openssl ca` and by Python's cryptography."""

import base64
import datetime
import hashlib
import json
import os
import pty
import subprocess
import time
import unittest

import ctlog
from cli import CLIENTCT, Case, read_terminal, run
from issued import Authority, name

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:  # the meson file asks for Debian's own python3
    x509 = None

CA_CONF = """
[ca_pre]
database = {dir}/pre.txt
serial = {dir}/pre.serial
x509_extensions = pre
{common}
[ca_final]
database = {dir}/final.txt
serial = {dir}/final.serial
x509_extensions = final
{common}
[policy]
commonName = supplied
[pre]
{extensions}
1.3.6.1.4.1.11129.2.4.3 = critical,ASN1:NULL
[final]
{extensions}
{scts}
"""
TODAY = datetime.datetime.now(datetime.timezone.utc)
SINCE, NEXT, UNTIL = (TODAY + datetime.timedelta(days=days) for days in (-100, 1, 265))
EXTENSIONS = """basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://example.org/device/7
authorityKeyIdentifier = keyid"""


class Embed(Case):
    def setUp(self):
        self.name = self.id().rsplit(".", 1)[-1]
        self.log, self.second = ctlog.Log(), ctlog.Log(tiled=False, origin="other.example")
        self.serving = [ctlog.Serving(self.log), ctlog.Serving(self.second)]
        for one in self.serving:
            one.__enter__()
            self.addCleanup(one.__exit__)
        self.write("logs.json", ctlog.list_of(("Tiled", self.log, self.serving[0].url, 60),
                                              ("Old", self.second, self.serving[1].url, 60)).replace(
            '"submission_url": "https://log.example/test/"', f'"submission_url": "{self.serving[0].url}"'))
        self.settings = self.write("embed.cnf", f"log_list = {self.path('logs.json')}\naudit = none\n"
                                                "policy = both\n[both]\nmin_scts = 2\n")
        self.folder = self.path(self.name)
        os.mkdir(self.folder)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=self.folder, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def submit(self, *more, code=0):
        done = run("submit", "--log-list", self.path("logs.json"), "--log", "Tiled", "--log", "Old",
                   "--precertificate", "--max-wait", "0", *more)
        self.assertEqual(done.returncode, code, done)
        return done.stdout

    def in_folder(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        return path

    def configure(self, scts="", extensions=EXTENSIONS):
        common = (f"certificate = {self.folder}/ca.pem\nprivate_key = {self.folder}/ca.key\nnew_certs_dir = "
                  f"{self.folder}\ndefault_md = sha256\npolicy = policy\nunique_subject = no")
        return self.in_folder("ca.cnf", CA_CONF.format(dir=self.folder, common=common, extensions=extensions,
                                                       scts=scts))

    def make_ca(self):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     "ca.key", "-out", "ca.pem", "-subj", "/CN=Device CA", "-days", "30")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     "client.key", "-out", "client.csr", "-subj", "/CN=device 7")
        for name in ("pre", "final"):
            self.in_folder(f"{name}.txt", "")
            self.in_folder(f"{name}.serial", "0A1B2C3D4E5F60718293\n")

    def issue(self, section, out):
        self.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-name", section, "-in", "client.csr", "-out",
                     out, "-startdate", f"{SINCE:%Y%m%d%H%M%SZ}", "-enddate", f"{UNTIL:%Y%m%d%H%M%SZ}")
        chain = self.in_folder(out.replace(".pem", "-chain.pem"))
        with open(chain, "wb") as file:
            for name in (out, "ca.pem"):
                with open(self.in_folder(name), "rb") as part:
                    file.write(part.read())
        return chain

    def verify(self, chain):
        return self.ask("verify", "--config", self.settings, "--at", f"{NEXT:%Y-%m-%dT%H:%M:%SZ}", chain)

    def test_openssl_ca(self):
        self.make_ca()
        self.configure()
        line = self.submit(self.issue("ca_pre", "pre.pem")).decode()
        self.assertRegex(line, r"^1\.3\.6\.1\.4\.1\.11129\.2\.4\.2 = DER:04[0-9a-f]+\n$")
        self.configure(scts=line)
        answer = self.verify(self.issue("ca_final", "final.pem"))
        self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid", "valid"], answer)
        done = run("prove", "--log-list", self.path("logs.json"), "--origin", f"Tiled={self.log.origin}",
                   "--mmd", "60s", self.in_folder("final-chain.pem"))
        self.assertEqual(done.returncode, 0, done)
        # The order of the extensions is part of what the logs signed.
        lines = EXTENSIONS.split("\n")
        self.in_folder("final.txt", "")
        self.in_folder("final.serial", "0A1B2C3D4E5F60718293\n")
        self.configure(scts=line, extensions="\n".join(lines[1:] + lines[:1]))
        answer = self.verify(self.issue("ca_final", "other.pem"))
        self.assertEqual({sct["status"] for sct in answer["scts"]}, {"bad-signature"})

    @unittest.skipIf(x509 is None, "there is no cryptography for this python3")
    def test_python_cryptography(self):
        key, ca_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Device CA")])
        now = datetime.datetime.utcnow().replace(microsecond=0)

        def builder(subject, public, serial):
            return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
                    .serial_number(serial).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=30)))

        ca = (builder(issuer, ca_key.public_key(), 1).add_extension(x509.BasicConstraints(True, None), True)
              .sign(ca_key, hashes.SHA256()))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device 7")])
        common = (builder(subject, key.public_key(), x509.random_serial_number())
                  .add_extension(x509.SubjectAlternativeName([
                      x509.UniformResourceIdentifier("spiffe://example.org/7")]), False)
                  .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False))
        pem = serialization.Encoding.PEM
        pre = common.add_extension(x509.PrecertPoison(), True).sign(ca_key, hashes.SHA256())
        chain = self.in_folder("pre.pem", (pre.public_bytes(pem) + ca.public_bytes(pem)).decode())
        extension = self.submit("--form", "der", chain)
        # SEQUENCE { OID, OCTET STRING { the value } }
        value = ctlog.read_der(ctlog.elements(ctlog.read_der(extension)[1])[1])[1]
        final = common.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), value), False).sign(
                ca_key, hashes.SHA256())
        chain = self.in_folder("final.pem", (final.public_bytes(pem) + ca.public_bytes(pem)).decode())
        answer = self.ask("verify", "--config", self.settings, chain)
        self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid", "valid"], answer)

    def test_no_extension_without_every_log(self):
        self.make_ca()
        self.configure()
        chain = self.issue("ca_pre", "pre.pem")
        self.serving[1].script = [{"status": 400}]
        out = self.in_folder("kept.scts")
        self.assertEqual(self.submit("--out", out, chain, code=1), b"")
        self.assertTrue(os.path.exists(out), "what came is kept")
        asked = len(self.serving[0].requests)
        self.assertTrue(self.submit("--out", out, chain).startswith(b"1.3.6.1.4.1.11129.2.4.2 = DER:"))
        self.assertEqual(len(self.serving[0].requests), asked, "who has signed is not asked again")

    def test_forms_say_the_same(self):
        self.make_ca()
        self.configure()
        chain, out = self.issue("ca_pre", "pre.pem"), self.in_folder("kept.scts")
        line = self.submit("--out", out, chain)
        extension = self.submit("--out", out, "--form", "der", chain)
        value = ctlog.read_der(ctlog.elements(ctlog.read_der(extension)[1])[1])[1]
        self.assertEqual(line.split(b":")[1].strip(), value.hex().encode())
        with open(out, "rb") as file:
            self.assertEqual(ctlog.read_der(value)[1], file.read())
        self.in_folder("ext.pem", self.submit("--out", out, "--form", "pem", chain).decode())
        self.openssl("asn1parse", "-in", "ext.pem")

    def test_what_is_no_precertificate(self):
        done = run("submit", "--log-list", self.path("logs.json"), "--log", "Old", "--precertificate",
                   self.path("client-good.pem"))
        self.assert_usage_error(done, "no poison")
        done = run("submit", "--log-list", self.path("logs.json"), "--log", "Old", "--precertificate", "--store",
                   self.path("client-good.pem"))
        self.assert_usage_error(done, "--store")
        self.assertEqual(self.serving[1].requests, [])

    def many(self):
        """A folder of 60 certificates, an empty store, and the words that submit the one to the other."""
        folder, store = os.path.join(self.folder, "many"), os.path.join(self.folder, "store")
        os.mkdir(folder)
        os.mkdir(store)
        authority = Authority("Device CA")
        for serial in range(1, 61):
            with open(f"{folder}/{serial}.der", "wb") as file:
                file.write(authority.certify(authority.tbs(serial, name(CN=f"d{serial}"))))
        settings = self.write("many.cnf", f"log_list = {self.path('logs.json')}\naudit = none\nsct_store = {store}\n")
        return folder, store, ["submit", "--config", settings, "--store", "--log", "Tiled", "--max-wait", "0"]

    def slow_down(self, seconds):
        """The tiled log takes so long for an answer; what it was asked for, by the certificate's hash."""
        log, asked, busy = self.serving[0].log, [], []
        submitted = log.submitted

        def slow(path, body):
            busy.append(path)
            asked.append(hashlib.sha256(base64.b64decode(json.loads(body)["chain"][0])).hexdigest())
            time.sleep(seconds)
            try:
                return submitted(path, body)
            finally:
                busy.pop()
        log.submitted = slow
        return asked, busy

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def test_a_folder_that_is_killed_in_the_middle_asks_for_nothing_twice(self):
        folder, store, arguments = self.many()
        asked, busy = self.slow_down(0.1)

        def kept():
            return {file[:-4] for file in os.listdir(store) if file.endswith(".sct")}
        with subprocess.Popen([CLIENTCT, *arguments, "--at-once", "4", folder], stdout=subprocess.DEVNULL) as process:
            self.wait_for(lambda: len(kept()) >= 10, "submissions")
            process.kill()
        self.wait_for(lambda: not busy, "the log's answers")
        before = kept()
        self.assertLess(len(before), 60)
        self.assertLessEqual(len(asked), len(before) + 4)
        asked.clear()
        done = run(*arguments, folder)
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stderr, rb"^clientct: warning: .* \(said once for all\)\n$")
        self.assertEqual(sorted(asked), sorted(kept() - before), "what is kept is not asked for again")
        self.assertEqual(len(kept()), 60)

    def test_progress_is_for_terminals(self):
        folder, _, arguments = self.many()
        self.slow_down(0.2)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([CLIENTCT, *arguments, "--at-once", "10", folder], stdout=subprocess.PIPE, stderr=slave,
                              timeout=60, check=False)
        os.close(slave)
        self.assertEqual((done.returncode, done.stdout), (0, b"60 of 60 certificates have the SCTs of all logs\n"))
        said = read_terminal(master)
        self.assertRegex(said, rb"^clientct: warning: .* \(said once for all\)\r\n"
                               rb"(\r\x1b\[K\d+ of 60 certificates, 0 of them not complete)+\r\x1b\[K$")

    def test_a_folder_goes_at_once_and_is_gone_on_with(self):
        folder, store, arguments = self.many()
        arguments += ["--log", "Old"]
        self.serving[0].script = [{"status": 400}] * 5
        done = run(*arguments, folder)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"55 of 60 certificates have the SCTs of all logs", done.stdout)
        self.assertEqual(len(os.listdir(store)), 60)
        before = [len(one.requests) for one in self.serving]
        done = run(*arguments, "--json", folder)
        self.assertEqual(done.returncode, 0, done)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["complete"], len(answer["certificates"])), (True, 60))
        self.assertEqual([len(one.requests) - count for one, count in zip(self.serving, before)], [5, 0])
        with open(f"{folder}/7.der", "rb") as file:
            path = f"{store}/{hashlib.sha256(file.read()).hexdigest()}.sct"
        with open(path, "rb") as file:
            self.assertEqual(int.from_bytes(file.read(2), "big"), os.path.getsize(path) - 2)
        self.assert_usage_error(run(*arguments[:3], "--out", os.path.join(self.folder, "one"), *arguments[4:], folder),
                                "several certificates")


if __name__ == "__main__":
    unittest.main()
