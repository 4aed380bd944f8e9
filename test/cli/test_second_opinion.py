# SPDX-License-Identifier: Apache-2.0
"""A second implementation (second_opinion.py, on Debian's python3-cryptography) must say of every SCT what clientct
verify says, and rebuild the same bytes that the logs signed."""

import collections
import datetime
import os
import random
import subprocess
import sys
import time
import unittest

from cli import Case, pki

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import ocsp
    from cryptography.x509.oid import NameOID, ObjectIdentifier

    import second_opinion as second
except ImportError as error:
    print(f"skipped: {error}: install python3-cryptography (scripts/install-dependencies test)")
    sys.exit(77)

CERTIFICATES = 120
SCT_FAULTS = ("signature", "hash-alg", "sig-alg", "version", "trailing", "der", "ber", "log-id", "truncated",
              "entry-type", "extensions")
LIST_FAULTS = ("trailing", "short", "empty", "zero-entry")
OCTET_FAULTS = ("octet-trailing", "octet-ber")
# Contents of a private extension, around the sizes where lengths of DER grow by a byte.
PADDING = (0, 1, 60, 90, 110, 127, 128, 200, 255, 256, 300, 30_000, 60_000)
LOGS = ("log-a", "log-b", "log-c", "log-tiled", "log-x")
DAY = datetime.timedelta(days=1)


class Plan:
    """One certificate and all that is delivered with it, chosen at random."""

    def __init__(self, random, number):
        self.random = random
        self.name = f"minted-{number}"
        self.logs = list(LOGS) * 3
        random.shuffle(self.logs)

    def shape(self):
        """Arguments for ctpki cert, but for SCTs."""
        choose = self.random.choice
        arguments = ["--cn", choose(("client", "x", "Ünïcode Ü", "a" * 60))]
        if choose((True, False)):
            arguments += ["--not-after", choose(("+1d", "+180d", "+400d", "2049-12-31T23:59:59Z",
                                                     "2050-01-01T00:00:00Z"))]
        arguments += choose(([], ["--ed25519"], ["--key-from", "rsa-ca"], ["--key-from", "ca"]))
        if choose((True,) * 4 + (False,)):
            padding = choose(PADDING)
            arguments += ["--pad", str(padding)] if padding else []
            arguments += choose(([], ["--san", "DNS:a.example.com,IP:192.0.2.1"], ["--policy", "2.999.1"],
                                 ["--server"]))
            arguments += ["--sct-position", choose(("first", "middle", "last"))]
        else:
            arguments += ["--only-sct"]
        return arguments

    def scts(self, where, least):
        """SPECs for a list. Of a log at most a few, so that no limit on signature checks is met."""
        specs = []
        for _ in range(self.random.randint(least, 3)):
            log = self.logs.pop()
            spec = f"log={where(log)}"
            if log == "log-tiled":
                spec += self.random.choice((",tiled=7",) * 3 + ("", ",ext=0000050000000001000005000000000a", ",ext=01"))
            elif self.random.random() < 0.3:
                spec += self.random.choice((",tiled=1099511627775", ",ext=0100020405", ",ext=ff"))
            spec += self.random.choice(("", ",time=-400d", ",time=-1s", ",time=+2h"))
            if self.random.random() < 0.35:
                spec += ",bad=" + self.random.choice(
                    [fault for fault in SCT_FAULTS if (log, fault) != ("log-c", "ber")])
            specs += ["--sct", spec]
        return specs

    def list_fault(self, faults):
        return ["--list-bad", self.random.choice(faults)] if self.random.random() < 0.15 else []


class SecondOpinion(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pki("log", "--out", cls.path("log-tiled"))
        pki("ca", "--out", cls.path("rsa-ca"), "--rsa", "--cn", "RSA CA")
        pki("ca", "--out", cls.path("middle-ca"), "--issuer", cls.path("ca"), "--cn", "Intermediate CA")
        # the same name and key as middle-ca, issued by another CA
        pki("ca", "--out", cls.path("crossed-ca"), "--issuer", cls.path("rsa-ca"), "--cn", "Intermediate CA",
            "--key-from", cls.path("middle-ca"))
        pki("list", "--out", cls.path("list.json"),
            *(cls.path(log) + (",no-interval,tiled" if log == "log-tiled" else ",no-interval")
              for log in LOGS if log != "log-x"))
        cls.logs = {}
        for name in LOGS[:-1]:
            log = second.Log(serialization.load_pem_public_key(cls.read(cls, f"{name}.pub.pem")), name == "log-tiled")
            cls.logs[log.id] = log
        os.mkdir(cls.path("store"))

    def setUp(self):
        self.configuration = self.write("second.cnf", f"log_list = {self.path('list.json')}\n"
                                                      f"sct_store = {self.path('store')}\npolicy = one\n")

    def certificate(self, name):
        return x509.load_pem_x509_certificate(self.read(f"{name}.pem"))

    def ask_clientct(self, leaf, *arguments):
        done = self.ask("verify", "--config", self.configuration, *arguments, leaf)
        found = collections.defaultdict(list)
        for sct in done["scts"]:
            found[sct["source"]].append(sct["status"])
        return done, found

    def compare_objects(self, listed, objects):
        """cryptography's own SCT objects against ours; it takes no list in which one SCT does not decode."""
        scts = [second.Sct(item) for item in second.split_list(listed)]
        self.assertEqual(len(objects), len(scts))
        for ours, theirs in zip(scts, objects):
            self.assertTrue(second.same_fields(ours, theirs), (vars(ours), theirs))
        self.counts["SCT objects"] += len(scts)

    def embedded(self, leaf, issuer):
        certificate = self.certificate(leaf)
        entry = second.precert_entry(second.tbs_without_list(certificate), issuer)
        try:
            listed = second.list_in_extension(certificate.public_bytes(serialization.Encoding.DER), second.SCT_LIST)
        except second.Malformed:
            return []
        statuses = second.judge_list(listed, entry, self.logs)
        if statuses and not {"malformed-sct-list", "unsupported-version"} & set(statuses):
            self.compare_objects(listed, list(certificate.extensions.get_extension_for_class(
                x509.PrecertificateSignedCertificateTimestamps).value))
        return statuses

    def stapled(self, leaf, response):
        entry = second.x509_entry(self.certificate(leaf))
        try:
            listed = second.list_in_extension(response, second.OCSP_SCT_LIST)
        except second.Malformed:
            return []
        if listed is None:
            return []
        statuses = second.judge_list(listed, entry, self.logs)
        if statuses and not {"malformed-sct-list", "unsupported-version"} & set(statuses):
            extensions = ocsp.load_der_ocsp_response(response).single_extensions
            self.compare_objects(listed, list(extensions.get_extension_for_class(
                x509.SignedCertificateTimestamps).value))
        return statuses

    def test_every_sct_of_every_source(self):
        self.counts = collections.Counter()
        choices = random.Random(6962)
        names = []
        for number in range(CERTIFICATES):
            plan = Plan(choices, number)
            ca = choices.choice(("ca", "rsa-ca", "middle-ca", "crossed-ca"))
            shape = plan.shape()
            if "--key-from" in shape:
                at = shape.index("--key-from") + 1
                shape[at] = self.path(shape[at])
            leaf, authority = self.path(plan.name), self.path(ca)
            pki("cert", "--out", leaf, "--ca", authority, *shape, *plan.scts(self.path, 1),
                *plan.list_fault(LIST_FAULTS + OCTET_FAULTS))
            pki("scts", "--out", leaf + ".tls", "--cert", leaf, "--issuer", authority, *plan.scts(self.path, 1),
                *plan.list_fault(LIST_FAULTS))
            pki("scts", "--store", self.path("store"), "--out", leaf + ".sct", "--cert", leaf, "--issuer", authority,
                *plan.scts(self.path, 1), *plan.list_fault(LIST_FAULTS))
            pki("ocsp", "--out", leaf + ".ocsp", "--cert", leaf, "--ca", authority, *plan.scts(self.path, 1),
                *plan.list_fault(LIST_FAULTS + OCTET_FAULTS))
            names.append(plan.name)

            entry = second.x509_entry(self.certificate(plan.name))
            ours = {
                "embedded": self.embedded(plan.name, self.certificate(ca)),
                "tls": second.judge_list(self.read(plan.name + ".tls"), entry, self.logs),
                "ocsp": self.stapled(plan.name, self.read(plan.name + ".ocsp")),
                "store": second.judge_list(self.read(plan.name + ".sct"), entry, self.logs),
            }
            answer, theirs = self.ask_clientct(leaf + ".pem", "--tls-scts", leaf + ".tls", "--ocsp", leaf + ".ocsp")
            for source, statuses in ours.items():
                with self.subTest(certificate=number, shape=shape, ca=ca, source=source):
                    self.assertEqual(theirs[source], statuses, answer)
                self.counts.update((source, status) for status in statuses)
            self.assertEqual(answer["compliant"], any("valid" in statuses for statuses in ours.values()), answer)
        self.compare_rebuilt(names)
        for source in ("embedded", "tls", "ocsp", "store"):
            for status in ("valid", "bad-signature", "unknown-log", "future-timestamp", "bad-extensions",
                           "unsupported-version", "malformed-sct-list"):
                self.assertGreater(self.counts[source, status], 0, f"the plans leave out {status} from {source}")
        self.assertGreater(self.counts["SCT objects"], 100)

    def compare_rebuilt(self, names):
        done = subprocess.run([os.environ["REBUILT_TBS"], *(self.path(name + ".der") for name in names)],
                              stdout=subprocess.PIPE, check=True, timeout=60)
        rebuilt = done.stdout.decode().splitlines()
        self.assertEqual(len(rebuilt), len(names))
        for name, tbs in zip(names, rebuilt):
            self.assertEqual(tbs, second.tbs_without_list(self.certificate(name)).hex(), name)

    def test_the_fixture(self):
        self.counts = collections.Counter()
        for name, wanted in self.fixture.items():
            if wanted["reason"] in ("bad-extensions", "precertificate"):
                continue # two lists, or a precertificate: refused whole
            with self.subTest(name=name):
                _, theirs = self.ask_clientct(self.path(f"client-{name}.pem"))
                if name == "unlogged":
                    self.assertEqual(theirs, {})
                    continue
                statuses = self.embedded(f"client-{name}", self.certificate(wanted["issuer"]))
                self.assertEqual(theirs["embedded"], statuses)

    def test_two_lists_are_taken_by_nobody(self):
        self.assertRaises(x509.DuplicateExtension, lambda: self.certificate("client-two-sct-ext").extensions)
        answer, theirs = self.ask_clientct(self.path("client-two-sct-ext.pem"))
        self.assertEqual((answer["reason"], theirs), ("bad-extensions", {}))

    def test_a_precertificate_signing_certificate_needs_nothing_special(self):
        """RFC 6962, 3.1: the log saw a precertificate of another issuer, and signed the final issuer's form of it."""
        ca, ca_key = self.certificate("ca"), self.private_key("ca")
        signer_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

        def builder(issuer_name, subject, key):
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
            return (x509.CertificateBuilder().issuer_name(issuer_name).subject_name(name).public_key(key.public_key())
                    .not_valid_before(now - DAY).not_valid_after(now + 90 * DAY))

        signer = (builder(ca.subject, "Precertificate signer", signer_key).serial_number(2)
                  .add_extension(x509.BasicConstraints(True, 0), True)
                  .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier("1.3.6.1.4.1.11129.2.4.4")]), False)
                  .sign(ca_key, hashes.SHA256()))

        def leaf(issuer, last):
            key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
            return (builder(issuer.subject, "client", leaf_key).serial_number(3)
                    .add_extension(x509.BasicConstraints(False, None), True)
                    .add_extension(key_id, False)
                    .add_extension(x509.ExtendedKeyUsage([ObjectIdentifier("1.3.6.1.5.5.7.3.2")]), False)
                    .add_extension(last, last.oid == x509.PrecertPoison.oid))

        precertificate = leaf(signer, x509.PrecertPoison()).sign(signer_key, hashes.SHA256())
        logged = second.as_logged(precertificate, ca)
        for issuer, status in ((ca, "valid"), (signer, "bad-signature")):
            with self.subTest(issuer=issuer.subject.rfc4514_string()):
                sct = second.issue_sct(self.private_key("log-a"), second.precert_entry(logged, issuer),
                                       int(time.time() * 1000) - 60_000)
                item = len(sct).to_bytes(2, "big") + sct
                listed = second.tlv(0x04, len(item).to_bytes(2, "big") + item)
                final = leaf(ca, x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), listed)).sign(
                    ca_key, hashes.SHA256())
                self.assertEqual(second.tbs_without_list(final), logged)
                pem = (final.public_bytes(serialization.Encoding.PEM) + ca.public_bytes(serialization.Encoding.PEM))
                answer, theirs = self.ask_clientct(self.write("logged-by-signer.pem", pem))
                self.assertEqual(theirs["embedded"], [status], answer)
        pem = precertificate.public_bytes(serialization.Encoding.PEM)
        answer, _ = self.ask_clientct(self.write("precertificate.pem", pem))
        self.assertEqual(answer["reason"], "precertificate")

    def private_key(self, name):
        return serialization.load_pem_private_key(self.read(f"{name}.key"), None)


if __name__ == "__main__":
    unittest.main()
