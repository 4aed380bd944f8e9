# SPDX-License-Identifier: Apache-2.0
"""clientct replay: certificates without an archive, moments in time, damaged archives; with a server: nginx_replay."""
import datetime
import hashlib
import json
import os
import ssl
import unittest

import ctlog
from cli import Case, needs_network, run


def utc(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


class Replay(Case):
    def changed(self, answer, change="locked-out"):
        return {row["name"] for row in answer["differences"] if row["change"] == change}

    def test_files_folders_and_bundles(self):
        config = self.config(top="policy = one")
        names = [name for name, wanted in self.fixture.items() if wanted["issuer"] == "ca"]
        refused = [name for name in names if self.fixture[name]["expect"] == "refuse"]
        end = b"-----END CERTIFICATE-----\n"
        leaves = [self.read(f"client-{name}.pem").split(end)[0] + end for name in names]
        bundle = self.write("bundle.txt", b"".join(leaves) + self.read("ca.pem"))  # the issuer last
        answer = self.ask("replay", "--config", config, bundle, code=1)
        self.assertEqual((answer["certificates"], answer["locked_out"]), (len(names), len(refused)))
        self.assertEqual({row["after"] for row in answer["differences"]},
                         {self.fixture[name]["reason"] for name in refused})
        self.assertEqual(sum(row["locked-out"] for row in answer["issuers"]), len(refused))
        folder = self.path("folder")
        os.mkdir(folder)
        for name in ("good", "unlogged"):
            os.link(self.path(f"client-{name}.pem"), os.path.join(folder, f"{name}.pem"))
        os.link(self.path("ca.pem"), os.path.join(folder, "ca.pem"))
        answer = self.ask("replay", "--config", config, folder, code=1)
        self.assertEqual((answer["certificates"], answer["locked_out"]), (2, 1))
        der = self.path("good.der")
        with open(der, "wb") as file:
            file.write(der_of(self.path("client-good.pem")))
        self.assertEqual(self.ask("replay", "--config", config, "--issuer", self.path("ca.pem"), der,
                                  code=0)["certificates"], 1)

    def put_log(self, log, folder):
        """The log as its storage, or a mirror of it, holds it (c2sp.org/static-ct-api)."""
        for index in range(0, len(log.entries), 256):
            width = min(256, len(log.entries) - index)
            name = f"{index // 256:03d}" + ("" if width == 256 else f".p/{width}")
            path = os.path.join(folder, "tile", "data", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(log.bundle(index // 256, width))
        os.makedirs(os.path.join(folder, "issuer"))
        for name, der in log.issuers.items():
            with open(os.path.join(folder, "issuer", name), "wb") as file:
                file.write(der)

    @needs_network
    def test_a_log_as_the_monitor_reads_it(self):
        names = [name for name, wanted in self.fixture.items() if wanted["issuer"] == "ca" and name != "poison"]
        refused = [name for name in names if self.fixture[name]["expect"] == "refuse"]
        issuer = der_of(self.path("ca.pem"))
        log = ctlog.Log()
        while len(log.entries) < 300:  # more than one bundle
            for name in names:
                log.add(ctlog.Entry(der_of(self.path(f"client-{name}.pem")), chain=[issuer]))
        pre = der_of(self.path("client-poison.pem"))
        log.add(ctlog.Entry(ctlog.without_poison(pre), hashlib.sha256(ctlog.spki_of(issuer)).digest(), pre, [issuer]))
        log.publish()
        folder, config = self.path("log"), self.config(top="policy = one")
        self.put_log(log, folder)
        if b"\n  monitor" in run("--help").stdout:
            with ctlog.Serving(log) as serving:
                listed = self.write("served.json", ctlog.list_of(("Ours", log, serving.url, 86400)))
                done = run("monitor", "--once", "--log-list", listed, "--state", self.path("state"), "--watch",
                           self.write("watch.cnf", "[nobody]\nuri = spiffe://nobody.example/\n"))
            self.assertEqual(done.returncode, 0, done)
        answer = self.ask("replay", "--config", config, folder, code=1)
        self.assertEqual((answer["certificates"], answer["locked_out"], answer["decisions"]),
                         (len(names), len(refused), len(log.entries) - 1))
        self.assertEqual(answer["precertificates"], 1)
        self.assertEqual({row["after"] for row in answer["differences"]},
                         {self.fixture[name]["reason"] for name in refused})
        # The same as of the same certificates in files.
        files = [self.path(f"client-{name}.pem") for name in names] + [self.path("ca.pem")]
        of_files = self.ask("replay", "--config", config, *files, code=1)
        self.assertEqual(sorted(map(str, answer["differences"])), sorted(map(str, of_files["differences"])))
        # Without its issuer an SCT in a certificate cannot be checked: nobody else is judged in its place.
        os.unlink(os.path.join(folder, "issuer", hashlib.sha256(issuer).hexdigest()))
        answer = self.ask("replay", "--config", config, folder, code=1)
        self.assertEqual(answer["locked_out"], len(names))
        self.assertIn("issuer-unknown", {row["after"] for row in answer["differences"]})
        with open(os.path.join(folder, "tile", "data", "000"), "r+b") as file:
            file.truncate(5000)
        self.assertEqual(run("replay", "--config", config, folder).returncode, 3)

    def test_a_log_that_retires_is_told_and_happens(self):
        text = json.loads(self.read("log_list.json"))
        soon = NOW + datetime.timedelta(days=12)
        for operator in text["operators"]:
            for log in operator["logs"]:
                if log["description"] == "Log A":
                    log["state"] = {"retired": {"timestamp": utc(soon)}}
        config = self.write("retires.cnf", f"log_list = {self.write('retires.json', json.dumps(text))}\n"
                            "policy = two\n[two]\nmin_scts = 1\n")
        names = ("good", "good-one", "good-rsa-log", "duplicate-log")
        files = [self.path(f"client-{name}.pem") for name in names] + [self.path("ca.pem")]
        before = utc(soon - datetime.timedelta(seconds=1))
        self.assertEqual(self.ask("replay", "--config", config, "--at", before, *files, code=0)["locked_out"], 0)
        later = utc(soon + datetime.timedelta(days=1))
        answer = self.ask("replay", "--config", config, "--at", later, *files, code=1)
        self.assertEqual([(row["time"], row["change"], row["certificates"]) for row in answer["moments"]],
                         [(utc(soon), "locked-out", 2)])
        wanted = {hashlib.sha256(der_of(self.path(f"client-{name}.pem"))).hexdigest()
                  for name in ("good-one", "duplicate-log")}
        self.assertEqual({row["sha256"] for row in answer["differences"] if row["change"] == "locked-out"}, wanted)
        self.assertRegex(run("replay", "--config", config, "--at", later, *files).stdout.decode(),
                         r"\(in 1[12] days\): 2 certificates locked out: " + answer["moments"][0]["reason"])
        # And then it is so: the same list when that day has come, which is what the clock of a server would say.
        text = json.dumps(text).replace(utc(soon), utc(NOW - datetime.timedelta(seconds=5)))
        self.write("retires.json", text)
        for name in names:
            done = self.ask("verify", "--config", config, "--issuer", self.path("ca.pem"),
                            self.path(f"client-{name}.pem"))
            self.assertEqual((done["verdict"], done["reason"]),
                             ("refuse", answer["moments"][0]["reason"]) if name in ("good-one", "duplicate-log")
                             else ("accept", "compliant"))

    def test_against_other_settings(self):
        one = self.write("one.cnf", f"log_list = {self.path('log_list.json')}\npolicy = one\n")
        two = self.write("two.cnf", f"log_list = {self.path('log_list.json')}\npolicy = two\n[two]\nmin_scts = 2\n"
                         "min_operators = 2\n")
        files = [self.path(f"client-{name}.pem") for name in ("good", "good-one", "unlogged")] + [self.path("ca.pem")]
        answer = self.ask("replay", "--config", two, "--against", one, *files, code=1)
        self.assertEqual((answer["locked_out"], answer["let_in"], answer["otherwise"]), (1, 0, 2))
        self.assertEqual([(row["before"], row["after"]) for row in answer["differences"]
                          if row["change"] == "locked-out"], [("compliant", "too-few-scts")])
        answer = self.ask("replay", "--config", one, "--against", two, *files, code=1)
        self.assertEqual((answer["locked_out"], answer["let_in"]), (0, 1))
        answer = self.ask("replay", "--config", one, "--against", one, *files, code=0)
        self.assertEqual((answer["identical"], answer["certificates"]), (3, 3))
        text = run("replay", "--config", two, "--against", one, *files).stdout.decode()
        self.assertIn("1 certificate locked out", text)
        self.assertIn("compliant -> too-few-scts", text)

    def test_a_list_that_becomes_stale_is_told_to_the_second(self):
        text = json.loads(self.read("log_list.json"))
        text["log_list_timestamp"] = utc(NOW - datetime.timedelta(days=30))
        listed = self.write("aging.json", json.dumps(text))
        config = self.write("aging.cnf", f"log_list = {listed}\nlog_list_max_age = 35d\non_stale = refuse\n")
        files = (self.path("client-good.pem"), self.path("client-unlogged.pem"), self.path("ca.pem"))
        answer = self.ask("replay", "--config", config, "--at", utc(NOW + datetime.timedelta(days=4)), *files, code=0)
        self.assertEqual(answer["moments"], [])
        answer = self.ask("replay", "--config", config, "--at", utc(NOW + datetime.timedelta(days=6)), *files, code=1)
        moments = [(row["time"], row["change"], row["reason"], row["certificates"]) for row in answer["moments"]]
        stale = (NOW + datetime.timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%S.001Z")
        self.assertEqual(moments, [(stale, "locked-out", "log-list-stale", 1),
                                   (stale, "otherwise", "log-list-stale", 1)])
        text = run("replay", "--config", config, "--at", utc(NOW + datetime.timedelta(days=6)), *files).stdout.decode()
        self.assertRegex(text, r"\(in (5 days|120 hours|4 days)\): 1 certificate locked out: log-list-stale")

    def test_certificates_expire_by_themselves(self):
        answer = self.ask("replay", "--config", self.config(), "--at", utc(NOW + datetime.timedelta(days=36500)),
                          self.path("client-good.pem"), self.path("ca.pem"), code=0)
        self.assertEqual((answer["expires"], answer["locked_out"]), (1, 0))
        self.assertEqual([row["change"] for row in answer["moments"]], ["expires"])

    def test_archives_that_are_damaged(self):
        config = self.config()
        chain = "".join(self.read(name).decode().split("-----END")[0].split("-----")[-1].replace("\n", "") + " "
                        for name in ("client-good.pem", "ca.pem")).split()
        record = {"clientct_archive": 1, "time": utc(NOW), "chain": chain,
                  "verdict": {"accept": False, "decided": True, "compliant": False, "reason": "no-scts",
                              "mode": "enforce", "policy": "one", "detail": ""}}
        good = json.dumps(record, separators=(",", ":"))
        cases = {
            "whole": (good + "\n", 1, (1, 0, 0)),
            "no newline": (good, 1, (1, 0, 0)),
            "cut": (good[:len(good) // 2], 3, (0, 1, 0)),
            "torn before": (good[:100] + good + "\n", 1, (1, 0, 0)),
            "newer": (good.replace('_archive":1', '_archive":2') + "\n" + good, 3, (1, 0, 1)),
            "certificate that is none": (good.replace(chain[0], "AAAA"), 3, (1, 0, 0)),
            "a huge line": ("x" * (5 << 20) + "\n" + good + "\n", 1, (1, 1, 0)),
            "bytes": ("\x00\xff\n" * 10 + good, 1, (1, 10, 0)),
            "empty": ("", 3, (0, 0, 0)),
        }
        for name, (text, code, counts) in cases.items():
            with self.subTest(name=name):
                path = self.write("archive", text.encode("latin-1"))
                answer = self.ask("replay", "--config", config, path, code=code)
                self.assertEqual((answer["records"], answer["foreign_lines"], answer["newer_records"]), counts)
                if name == "whole":
                    self.assertEqual((answer["let_in"], self.changed(answer, "let-in") != set()), (1, True))
        again = self.ask("replay", "--config", config, "-", code=1, stdin=(good + "\n").encode() * 50)
        self.assertEqual((again["records"], again["repeated_records"], again["decisions"]), (50, 49, 1))

    def test_wrong_usage(self):
        good = self.path("client-good.pem")
        self.assertEqual(run("replay", "--config", self.path("missing.cnf"), good).returncode, 2)
        self.assertEqual(run("replay", "--config", self.config(), "--at", "tomorrow", good).returncode, 2)
        self.assertEqual(run("replay", "--config", self.config(), self.path("missing.pem")).returncode, 3)
        broken = self.write("broken.cnf", "polcy = one\n")
        done = run("replay", "--config", self.config(), "--against", broken, good)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"broken.cnf", done.stderr)


def der_of(pem):
    with open(pem, encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read().split("-----END", 1)[0] + "-----END CERTIFICATE-----\n")


if __name__ == "__main__":
    unittest.main()
