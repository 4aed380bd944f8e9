# SPDX-License-Identifier: Apache-2.0
"""clientct logs: what a list says, and which of its logs count."""

import base64
import functools
import hashlib
import http.server
import json
import os
import subprocess
import threading
import unittest

from cli import VECTORS, Case, needs_network, needs_vectors, pki, run

LISTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors", "lists")


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Logs(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("a", "b", "c", "d"):
            pki("log", "--out", cls.path(f"own-{name}"))

    def make(self, name, *specs, form="v3", timestamp="-2d"):
        path = self.path(name)
        pki("list", "--out", path, "--format", form, "--timestamp", timestamp,
            *(self.path(f"own-{spec}") for spec in specs))
        return path

    def by_name(self, answer):
        return {log["description"]: log for log in answer["logs"]}

    def test_every_kind_of_log(self):
        path = self.make("kinds.json",
                         "a,description=A,operator=One,url=https://a.example/,no-interval",
                         "b,description=B,operator=Two,tiled,state=retired,state-since=-10d,previous=Old@-300d",
                         "c,description=C,operator=Two,state=rejected",
                         "d,description=D,operator=One,start=-400d,end=-5d,log-type=test")
        answer = self.ask("logs", path, code=0)
        self.assertEqual([log["description"] for log in answer["logs"]], ["A", "D", "B", "C"], "by operator")
        (listed,) = answer["lists"]
        self.assertEqual((listed["file"], listed["format"], listed["logs"], listed["has_timestamp"]),
                         (path, "v3", 4, True))
        self.assertAlmostEqual(listed["age_seconds"], 2 * 86400, delta=600)
        logs = self.by_name(answer)
        self.assertEqual({name: log["counts"] for name, log in logs.items()},
                         {"A": "yes", "B": "older", "C": "no", "D": "no"})
        self.assertEqual((logs["A"]["operator"], logs["A"]["url"], logs["A"]["why"], logs["A"]["interval_start"]),
                         ("One", "https://a.example/", None, None))
        self.assertTrue(logs["B"]["tiled"])
        self.assertEqual(logs["B"]["previous_operators"][0]["name"], "Old")
        self.assertIn("only SCTs made until", logs["B"]["why"])
        self.assertIn("does not take rejected logs", logs["C"]["why"])
        self.assertTrue(logs["D"]["test"])
        self.assertIn("it takes certificates that end before", logs["D"]["why"])
        text = run("logs", path).stdout.decode()
        self.assertIn("v3", text)
        self.assertIn("2 days old", text)
        self.assertIn("4 logs: 1 counts, 1 for older SCTs only, 2 not", text)

    def test_operator_is_the_one_at_the_time(self):
        path = self.make("operators.json", "a,description=A,operator=New,previous=Old@-100d")
        for at, operator in ((None, "New"), ("2001-01-01T00:00:00Z", "Old")):
            answer = json.loads(run("logs", path, "--json", *(["--at", at] if at else [])).stdout)
            self.assertEqual(answer["logs"][0]["operator"], operator)

    def make_list(self, *arguments, code=0):
        """What --make prints, and what it says."""
        result = run("logs", "--make", *arguments)
        self.assertEqual(result.returncode, code, result.stderr.decode())
        return json.loads(result.stdout) if code == 0 else result.stdout, result.stderr.decode()

    def public_key(self, form="PEM"):
        name = self.path(f"public-{form}")
        subprocess.run(["openssl", "pkey", "-in", self.path("own-a.key"), "-pubout", "-outform", form,
                        "-out", name], check=True)
        return name

    def test_a_list_is_made_of_a_key(self):
        for form in ("PEM", "DER"):
            made, said = self.make_list("--operator", "We", "--description", "Ours", "--url", "https://log.example/1/",
                                        "--mmd", "60", "--at", "2026-01-02T03:04:05Z", self.public_key(form))
            self.assertEqual(said, "")
            (log,) = made["operators"][0]["logs"]
            self.assertEqual((made["operators"][0]["name"], made["operators"][0]["tiled_logs"]), ("We", []))
            with open(self.public_key("DER"), "rb") as file:
                key = file.read()
            self.assertEqual(log, {
                "description": "Ours", "key": base64.b64encode(key).decode(), "url": "https://log.example/1/",
                "log_id": base64.b64encode(hashlib.sha256(key).digest()).decode(), "mmd": 60,
                "state": {"usable": {"timestamp": "2026-01-02T03:04:05Z"}}})
        made, _ = self.make_list("--operator", "We", "--description", "Ours", "--url", "https://log.example/1/",
                                 "--monitoring-url", "https://read.example/1/", self.public_key())
        (log,) = made["operators"][0]["tiled_logs"]
        self.assertEqual((log["submission_url"], log["monitoring_url"]),
                         ("https://log.example/1/", "https://read.example/1/"))

    def test_a_list_is_made_of_lists_and_says_the_same(self):
        first = self.make("first.json",
                          "a,description=A,operator=One,url=https://a.example/,start=-10d,end=+90d,previous=Old@-300d",
                          "b,description=B,operator=Two,tiled,state=retired,state-since=-10d,log-type=test")
        second = self.make("second.json", "c,description=C,operator=Two,state=readonly,state-since=-1d",
                           "a,description=A again,operator=Three")
        made, said = self.make_list(first, second)
        self.assertIn('log "A again" is in the list already', said)
        path = self.path("made.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(made, file)
        facts = [{name: log[name] for name in log if name not in ("list", "url")}
                 for source in (first, second, path) for log in self.ask("logs", source, code=0)["logs"]
                 if log["description"] != "A again"]
        facts.sort(key=lambda log: log["description"])
        self.assertEqual(len(facts), 6)
        for one, other in zip(facts[::2], facts[1::2]):
            self.assertEqual(one, other)

    @needs_network
    def test_what_a_list_cannot_say_is_no_list(self):
        key = self.public_key()
        for arguments, words in (
                ([key], "say who does with --operator NAME"),
                (["--operator", "We", "--description", "X", key, key], "are about one log"),
                (["--operator", "We", "--mmd", "soon", key], "expected seconds"),
                (["--operator", "We", self.path("own-a.key")], "private"),
                (["--operator", "We", self.path("nothing")], "No such file"),
                (["--operator", "We", "http://log.example/"], "http"),
                (["--operator", "We"], "as its operands"),
                (["--operator", "We", "--json", key], "as its operands")):
            printed, said = self.make_list(*arguments, code=2)
            self.assertEqual(printed, b"", arguments)
            self.assertIn(words, said)
        self.assertIn("go with --make", run("logs", "--operator", "We", key).stderr.decode())
        trusted_root = os.path.join(LISTS, "sigstore-production.json")
        self.assertIn("which a v3 list cannot say", self.make_list("--operator", "We", trusted_root, code=2)[1])

    def test_a_log_that_cannot_count_is_left_out_of_a_list(self):
        tomorrow = os.path.join(LISTS, "google-with-kinds-of-tomorrow.json")
        made, said = self.make_list(tomorrow)
        self.assertIn('log "Yew post-quantum" is left out', said)
        logs = [log for entry in made["operators"] for log in entry["logs"] + entry["tiled_logs"]]
        descriptions = [log["description"] for log in logs]
        self.assertNotIn("Yew post-quantum", descriptions)
        self.assertGreater(len(descriptions), 1)

    @needs_network
    def test_a_log_says_itself_what_it_is(self):
        own = self.make("log.v3.json", "a,description=A,operator=One,url=https://a.example/", form="single")
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(QuietFiles, directory=os.path.dirname(own)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        at = f"http://127.0.0.1:{server.server_address[1]}"
        for url in (at, at + "/", at + "/log.v3.json"):
            made, _ = self.make_list("--operator", "We", url)
            self.assertEqual([log["description"] for log in made["operators"][0]["logs"]], ["A"])
        self.assertIn("404", self.make_list("--operator", "We", at + "/nothing.json", code=2)[1])

    def test_a_list_may_be_named_as_elsewhere(self):
        path = self.make("named.json", "a,description=A,operator=One")
        self.assertEqual(self.ask("logs", "--log-list", path, code=0)["logs"], self.ask("logs", path, code=0)["logs"])
        self.assert_usage_error(run("logs", "--log-list", path, path), "one list")

    def test_time_decides(self):
        path = self.make("time.json", "a,description=A,start=2030-01-01T00:00:00Z,end=2031-01-01T00:00:00Z")
        self.assertEqual(self.ask("logs", path, "--at", "2030-06-01T00:00:00Z", code=0)["logs"][0]["counts"], "yes")
        self.assertEqual(self.ask("logs", path, "--at", "2031-01-01T00:00:00Z", code=1)["logs"][0]["counts"], "no")

    def test_other_formats(self):
        for form in ("single", "sigstore", "openssl", "pem"):
            with self.subTest(form):
                path = self.make(f"list.{form}", "a", form=form, timestamp="none")
                answer = self.ask("logs", path, code=0)
                self.assertEqual(answer["lists"][0]["format"], {"single": "log.v3"}.get(form, form))
                self.assertIsNone(answer["lists"][0]["timestamp"])
                self.assertEqual(answer["logs"][0]["counts"], "yes")

    def test_policy_of_the_configuration(self):
        config = self.config("[strict]\naccept_states = qualified", top="policy = strict")
        answer = self.ask("logs", "--config", config, code=1)
        self.assertEqual(answer["policy"], "strict")
        self.assertEqual({log["counts"] for log in answer["logs"]}, {"no"})
        self.assertIn("policy strict does not take usable logs", answer["logs"][0]["why"])
        answer = self.ask("logs", "--config", self.config(), code=0)
        self.assertEqual(answer["lists"][0]["file"], self.path("log_list.json"))

    def test_list_that_cannot_be_used(self):
        path = self.write("broken.json", '{"operators":[{"name":"x","logs":[{"key":5}]}]}')
        done = run("logs", path)
        self.assert_usage_error(done, f"{path}: expected at least one log, found none that can count: ",
                                "operators[0].logs[0].key: expected base64, found a number",
                                "log_id: expected base64, found nothing")
        self.assert_usage_error(run("logs", "--config", self.config(top=f"log_list = {path}")), "operators[0]")
        self.assert_usage_error(run("logs", self.path("not there")), "not there")
        self.assert_usage_error(run("logs", path, "--config", "x"), "not both")
        self.assert_usage_error(run("logs", path, "--at", "noon"), "noon")

    def test_standard_input(self):
        answer = self.ask("logs", "-", stdin=self.read("log_list.json"), code=0)
        self.assertEqual(answer["lists"][0]["file"], "standard input")

    @needs_vectors
    def test_real_lists(self):
        answer = self.ask("logs", os.path.join(VECTORS, "real-2025", "log_list.json"), "--at", "2026-02-01T00:00:00Z",
                          code=0)
        self.assertEqual((len(answer["logs"]), answer["lists"][0]["version"]), (75, "81.14"))
        answer = self.ask("logs", os.path.join(VECTORS, "private-log", "trusted_root.json"), code=0)
        older = [log for log in answer["logs"] if log["counts"] == "older"]
        self.assertEqual({log["scts_until"] for log in older}, {"2022-07-31T00:00:00Z"})
        answer = self.ask("logs", os.path.join(VECTORS, "real-2015", "log_list.cnf"), code=0)
        self.assertEqual(len(answer["logs"]), 9)


if __name__ == "__main__":
    unittest.main()
