# SPDX-License-Identifier: Apache-2.0
"""Log lists as they are published, alone and together, and OpenSSL's own list from list to verdict."""

import base64
import gzip
import hashlib
import json
import os
import unittest

from cli import Case, pki, run

LISTS = os.path.join(os.environ["VECTORS"], "lists")
AT = "2026-09-01T00:00:00Z"  # when they were published


def listed(name):
    return os.path.join(LISTS, name)


def warnings_of(done):
    return [line for line in done.stderr.decode().splitlines() if line.startswith("clientct: warning: ")]


class Published(Case):
    def test_each_is_read_or_refused_in_the_right_words(self):
        with open(listed("cases.json"), encoding="utf-8") as file:
            cases = json.load(file)
        self.assertEqual(sorted(cases), sorted(set(os.listdir(LISTS)) - {"README.md", "cases.json"}))
        for name, case in cases.items():
            with self.subTest(name):
                done = run("logs", "--json", "--at", AT, listed(name))
                if "refused" in case:
                    self.assert_usage_error(done, listed(name), case["refused"])
                    continue
                self.assertEqual(done.returncode, 0, done)
                self.assertEqual({log["description"]: log["counts"] for log in json.loads(done.stdout)["logs"]},
                                 case["logs"])
                said = warnings_of(done)
                self.assertEqual(len(said), len(case["warnings"]), said)
                for line, words in zip(said, case["warnings"]):
                    self.assertIn(words, line)

    def test_kinds_of_tomorrow_change_nothing_for_the_others(self):
        before, after = (self.ask("logs", "--at", AT, listed(name), code=0)["logs"]
                         for name in ("google-log-list.json", "google-with-kinds-of-tomorrow.json"))
        for log in before + after:
            del log["list"]
        known = {log["description"] for log in before}
        self.assertEqual([log for log in after if log["description"] in known], before)


P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def key_of(der):
    return base64.b64encode(der).decode(), base64.b64encode(hashlib.sha256(der).digest()).decode()


P384 = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200") + b"\4" + bytes(96)
ED25519 = bytes.fromhex("302a300506032b6570032100") + bytes(32)
ML_DSA = bytes.fromhex("308207b2300b0609608648016503040312038207a100") + bytes(1952)
RSA_1024 = bytes.fromhex("30819f300d06092a864886f70d010101050003818d0030818902818100") + b"\xc1" * 128 + \
    bytes.fromhex("0203010001")


def make_lists(case):
    """The fixture's logs in the formats that it does not have."""
    logs = [f"{case.path(name)},description={name}" for name in ("log-a", "log-b")]
    for name, form, count in (("trusted_root.json", "sigstore", 2), ("log_list.pem", "pem", 2),
                              ("log.v3.json", "single", 1)):
        pki("list", "--out", case.path(name), "--format", form, *logs[:count])


class OneMoreLog(Case):
    """A list of any format that gains a log which nobody knows today: nothing changes for the others."""

    def v3_entries(self, entry):
        def changed(**members):
            return {**entry, "description": "Odd", **members}

        for der in (P384, ED25519, ML_DSA, RSA_1024, b"", b"\0", bytes(3000)):
            key, log_id = key_of(der)
            yield changed(key=key, log_id=log_id)
        for state in ("suspended", "RETIRED", "deprecated"):
            yield changed(state={state: {"timestamp": "2026-01-01T00:00:00Z", "why": [{"a": {"b": None}}]}})
        for name, values in {
                "key": (None, 1, [], {}, "", "****", "A" * 100000),
                "log_id": (None, 1, {}, "", "AAAA"),
                "state": (1, [], {}, "usable", {"usable": {}}, {"usable": 1}, {"usable": {"timestamp": 1e300}},
                          {"usable": {"timestamp": "2026-13-01T00:00:00Z"}},
                          {"usable": {"timestamp": "2026-01-01"}}),
                "temporal_interval": (1, [], {}, {"start_inclusive": "2027-01-01T00:00:00Z"},
                                      {"start_inclusive": "2027-01-01T00:00:00Z",
                                       "end_exclusive": "2026-01-01T00:00:00Z"}),
                "log_type": ("quantum", 7, {}, []),
                "previous_operators": (1, {}, [1], [None], [{}], [{"name": ""}]),
                "description": ()}.items():
            for value in values:
                yield changed(**{name: value})
        for whole in (None, 1, 10**400, -1e-300, "log", [], [[]], True):
            yield whole

    def sigstore_entries(self, entry):
        def changed(**members):
            return {**entry, "baseUrl": "https://odd.example", **members}

        for der, details in ((P384, "PKIX_ECDSA_P384_SHA_384"), (ED25519, "PKIX_ED25519"), (ML_DSA, "ML_DSA_65"),
                             (RSA_1024, "PKIX_RSA_PKCS1V15_2048_SHA256"), (b"", "PKIX_ECDSA_P256_SHA_256")):
            key, log_id = key_of(der)
            yield changed(publicKey={"rawBytes": key, "keyDetails": details, "validFor": {}}, logId={"keyId": log_id})
        for name, values in {"publicKey": (None, 1, [], {}, "", {"rawBytes": 1}, {"keyDetails": "X"}),
                             "logId": (None, 1, [], {}, {"keyId": None}, {"keyId": "AAAA"}),
                             "hashAlgorithm": (None, 1, "SHA3_256", {})}.items():
            for value in values:
                yield changed(**{name: value})
        for window in (1, [], "x", {"start": 1}, {"start": "soon"},
                       {"start": "2027-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}):
            yield changed(publicKey={**entry["publicKey"], "validFor": window})
        for whole in (None, 1, 10**400, "log", [], True):
            yield whole

    def logs_of(self, path):
        done = run("logs", "--json", path)
        self.assertEqual(done.returncode, 0, done)
        logs = json.loads(done.stdout)["logs"]
        for log in logs:
            del log["list"]
        return logs, warnings_of(done)

    def check(self, name, before, text):
        """All but at most one are as they were, in their order; and that one is warned of."""
        logs, said = self.logs_of(self.write(name, text))
        others = [log for log in logs if log in before]
        self.assertEqual(others, before, text[:1500])
        self.assertLessEqual(len(logs), len(before) + 1)
        for log in logs:
            self.assertTrue(log in before or log["counts"] == "no", log)
        self.assertGreaterEqual(len(said), 1, text[:1500])
        for line in said:
            self.assertIn("does not count: ", line)

    def test_v3(self):
        with open(listed("google-log-list.json"), encoding="utf-8") as file:
            document = json.load(file)
        before, said = self.logs_of(listed("google-log-list.json"))
        self.assertEqual(said, [])
        fresh = dict(zip(("key", "log_id"), key_of(P256 + hashlib.sha512(b"odd").digest())))
        for number, entry in enumerate(self.v3_entries({**document["operators"][0]["logs"][0], **fresh})):
            changed = json.loads(json.dumps(document))
            operator, kind = changed["operators"][number % 2], ("logs", "tiled_logs")[number % 2]
            operator[kind] = [entry, *(operator.get(kind) or [])]
            with self.subTest(entry=str(entry)[:300]):
                self.check("gained.json", before, json.dumps(changed))

    def test_sigstore(self):
        with open(listed("sigstore-staging.json"), encoding="utf-8") as file:
            document = json.load(file)
        before, said = self.logs_of(listed("sigstore-staging.json"))
        self.assertEqual(said, [])
        key, log_id = key_of(P256 + hashlib.sha512(b"odd").digest())
        first = document["ctlogs"][0]
        fresh = {**first, "publicKey": {**first["publicKey"], "rawBytes": key}, "logId": {"keyId": log_id}}
        for entry in self.sigstore_entries(fresh):
            with self.subTest(entry=str(entry)[:300]):
                self.check("gained.json", before, json.dumps({**document, "ctlogs": [entry, *document["ctlogs"]]}))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_lists(cls)

    def test_openssl(self):
        plain = self.read("log_list.cnf").decode()
        before, said = self.logs_of(self.path("log_list.cnf"))
        self.assertEqual(said, [])
        enabled = next(line for line in plain.splitlines() if line.startswith("enabled_logs"))
        for section in ("", "key = \n", "description = Odd\n", "description = Odd\nkey = x\n",
                        "key = " + key_of(P256 + bytes(64))[0] + "\n",
                        *(f"description = Odd\nkey = {key_of(der)[0]}\n" for der in (P384, ED25519, ML_DSA, RSA_1024)),
                        f"description = Odd\nkey = {key_of(P384)[0]}\nkey = x\nkind = new\n"):
            for heading in ("[odd]\n", "[https://odd.example/]\n"):
                name = heading.strip("[]\n")
                with self.subTest(section=section[:200]):
                    self.check("gained.cnf", before,
                               plain.replace(enabled, f"{enabled}, {name}") + f"\n{heading}{section}")
        with self.subTest("a section that is not there"):
            self.check("gained.cnf", before, plain.replace(enabled, enabled + ", nowhere"))

    def test_pem(self):
        plain = self.read("log_list.pem").decode()
        before, said = self.logs_of(self.path("log_list.pem"))
        self.assertEqual(said, [])
        for label, der in (("PUBLIC KEY", P384), ("PUBLIC KEY", ED25519), ("PUBLIC KEY", ML_DSA),
                           ("PUBLIC KEY", RSA_1024), ("PUBLIC KEY", b"\0"), ("CERTIFICATE", ED25519),
                           ("ML-DSA-65 PUBLIC KEY", ML_DSA), ("PKCS7", b"\x30\0")):
            block = f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
            for text in (block + plain, plain + block):
                with self.subTest(label=label, der=der[:8]):
                    self.check("gained.pem", before, text)

    def test_a_single_log_is_read_whatever_stands_beside_it(self):
        """log.v3.json has one log and cannot gain one; it can gain members."""
        plain = json.loads(self.read("log.v3.json"))
        before, said = self.logs_of(self.path("log.v3.json"))
        self.assertEqual(said, [])
        for more in ({"quantum": {"a": [{"b": [None, 1e300, 10**300]}]}}, {"": ""}, {"logs": None}, {"ctlogs2": []},
                     {"mmd": 10**400}, {"state": plain.get("state"), "tls_only": True}, {"log_type": None},
                     {"previous_operators": []}, {"x" * 1000: "y" * 100000}):
            with self.subTest(more=str(more)[:100]):
                logs, said = self.logs_of(self.write("log.json", json.dumps({**plain, **more})))
                self.assertEqual((logs, said), (before, []))


class AsTheyAreSaved(Case):
    """What editors, downloads and shells do to a file of each format."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_lists(cls)

    FORMATS = ("log_list.json", "log.v3.json", "trusted_root.json", "log_list.cnf", "log_list.pem")

    def logs_of(self, name, data):
        path = self.write(name, data)
        done = run("logs", "--json", path)
        return done, json.loads(done.stdout)["logs"] if done.returncode == 0 else None

    def test_what_changes_nothing(self):
        for name in self.FORMATS:
            plain = self.read(name)
            before = self.logs_of("saved", plain)[1]
            self.assertTrue(before, name)
            for kind, data in (("CRLF", plain.replace(b"\n", b"\r\n")), ("BOM", b"\xef\xbb\xbf" + plain),
                               ("blank lines before", b"\n \r\n" + plain), ("blank lines behind", plain + b"\n\n \n"),
                               ("no last line end", plain.rstrip(b"\n"))):
                with self.subTest(name=name, kind=kind):
                    done, logs = self.logs_of("saved", data)
                    self.assertEqual(logs, before, done)
                    self.assertEqual(warnings_of(done), [])

    def test_what_is_refused_in_words(self):
        for name in self.FORMATS:
            plain = self.read(name)
            rows = [("gzip", gzip.compress(plain), "gunzip"), ("UTF-16", plain.decode().encode("utf-16"), "UTF-16")]
            if name.endswith("json"):
                rows += [("a page", b"<!DOCTYPE html>\n<title>403</title>" + plain, "HTML"),
                         ("data behind", plain + b"{}", "expected JSON"), ("a NUL byte", plain + b"\0", "NUL byte"),
                         ("cut off", plain[:len(plain) // 2], "expected JSON"),
                         ("UTF-16 without a mark", plain.decode().encode("utf-16-le"), "NUL byte"),
                         ("an array", b"[" + plain + b"]", "a JSON array")]
            if name.endswith("pem"):
                rows += [("cut off", plain[:-60], "cut off or damaged"),
                         ("one line", plain.replace(b"\n", b""), "on one line")]
            if name.endswith("cnf"):
                rows += [("not enabled", plain[plain.index(b"["):], "without enabled_logs"),
                         ("a NUL byte", plain + b"\0", "NUL byte")]
            for kind, data, words in rows:
                with self.subTest(name=name, kind=kind):
                    path = self.write("saved", data)
                    self.assert_usage_error(run("logs", path), path, words)


class Together(Case):
    def logs(self, *names):
        config = self.write("together.cnf", "".join(f"log_list = {listed(name)}\n" for name in names))
        done = run("logs", "--json", "--at", AT, "--config", config)
        return {log["description"]: log for log in json.loads(done.stdout)["logs"]}, warnings_of(done)

    def test_the_stricter_state_and_the_first_operator_count(self):
        google, apple = "google-all-logs.json", "apple.json"
        for names, fir, yew in (((google, apple), "Fir", "Yew"), ((apple, google), "Fir LLC", "Yew Trust")):
            with self.subTest(names):
                logs, said = self.logs(*names)
                self.assertEqual({name: log["counts"] for name, log in logs.items()}, {
                    "Fir 2027h1": "yes", "Fir 2025h2": "no", "Fir readonly": "yes", "Fir test": "no",
                    "Fir tiles": "yes", "Yew 2027h1": "no", "Yew pending": "no", "Yew monitored": "no",
                    "Elm retired": "older",
                    "Elm rejected": "no"})
                self.assertIn("pending", logs["Yew 2027h1"]["why"])
                operators = {name: log["operator"] for name, log in logs.items()}
                # Those that only one list has are of the same operator, also where a list gives him a log of another.
                self.assertEqual({operators[name] for name in operators if name.startswith("Fir")}, {fir})
                self.assertEqual({operators[name] for name in operators if name.startswith("Yew")}, {yew})
                line, = said
                self.assertIn("4 of the 4 logs that stand in more than one list differ there", line)
                for name in "Fir 2027h1", "Fir readonly", "Yew 2027h1", "Elm rejected":
                    self.assertIn(name + " (", line)

    def test_a_list_beside_itself_says_nothing(self):
        with open(listed("apple.json"), "rb") as file:
            copy = self.write("apple.json", file.read())
        logs, said = self.logs("apple.json", copy)
        self.assertEqual((len(logs), said), (5, []))


class Openssl(Case):
    """A ct_log_list.cnf whose sections are named by the logs' URLs, which OpenSSL's grammar allows."""

    def lists(self):
        pki("list", "--format", "openssl", "--timestamp", "none", "--out", self.path("plain.cnf"), self.path("log-a"),
            self.path("log-b"))
        plain = self.read("plain.cnf").decode()
        first, second = "https://ct.example:8443/2026/a/", "Log of 2026 no. 2"
        named = plain.replace("log0,log1", f"{first} ,  {second}")
        named = named.replace("[log0]", f"[ {first} ]").replace("[log1]", f"[{second}]")
        yield "named by URLs and with spaces", named
        yield "CRLF", named.replace("\n", "\r\n")
        yield "enabled_logs in [default]", "[default]\n" + named
        yield "continued lines", named.replace(" ,  ", ", \\\n  ")
        key = plain.split("key = ")[1].split("\n")[0]
        # Every P-256 key begins MFk; an escaped k is a k.
        yield "quotes and escapes", named.replace(key, f'"{key[:2]}"\\k{key[3:-4]}\'{key[-4:]}\'')

    def test_a_certificate_is_accepted(self):
        for name, text in self.lists():
            with self.subTest(name):
                path = self.write("urls.cnf", text)
                answer = self.ask("verify", "--log-list", path, self.path("client-good.pem"), code=0)
                self.assertEqual(answer["verdict"], "accept")
                self.assertEqual([sct["status"] for sct in answer["scts"]], ["valid", "valid"])

    def test_what_openssl_would_fetch_from_elsewhere_is_refused(self):
        os.environ["CLIENTCT_TEST_KEY"] = base64.b64encode(b"x" * 91).decode()
        self.addCleanup(os.environ.pop, "CLIENTCT_TEST_KEY")
        text = dict(self.lists())["named by URLs and with spaces"]
        for more, words in (("key = $ENV::CLIENTCT_TEST_KEY\n", "variables and the environment are not read here"),
                            (".include /etc/ssl/openssl.cnf\n", "no other files are read from here"),
                            (".include = /etc/ssl\n", "no other files are read from here")):
            with self.subTest(more):
                path = self.write("elsewhere.cnf", text + "[more]\n" + more)
                self.assert_usage_error(run("logs", path), f"{path}:{text.count(chr(10)) + 2}: ", words)


if __name__ == "__main__":
    unittest.main()
