# SPDX-License-Identifier: Apache-2.0
"""clientct verify: every refusal says what would mend it, and doing that mends it."""

import unittest

from cli import Case, pki, run

POLICY = "[p]\nmin_scts = 2, 3 over 180d\nmin_operators = 2\n"
RULE = "[rules]\nr = r\n[r]\n"

# Certificate, arguments of ctpki cert; settings; reason; what the advice says.
REFUSALS = (
    ("unlogged", "", "policy = one", "no-scts", "one more SCT from a log that is current now"),
    ("unlogged-two", "", "policy = p\n" + POLICY, "no-scts", "2 more SCTs, from different operators, 1 of them from"),
    ("one", "--sct log=a", "policy = p\n" + POLICY, "too-few-scts", "one more SCT from an operator other than Alpha"),
    ("same-operator", "--sct log=a --sct log=a2", "policy = p\n" + POLICY, "too-few-operators",
     "one more SCT from an operator other than Alpha"),
    ("required", "--sct log=a", "policy = p\n[p]\nrequire_log = Log-b\n", "required-log-missing",
     "one more SCT from Log-b"),
    ("future", "--sct log=a,time=2040-01-02T03:04:05Z", "policy = one", "future-timestamp",
     "or wait, or set the clock right: SCT 1 (Log-a) counts from 2040-01-02T03:03:05Z on"),
    ("tampered", "--sct log=a,bad=signature", "policy = one", "bad-signature",
     "SCT 1 (Log-a) was made for another certificate or issuer, or was changed"),
    ("unknown", "--sct log=x", "policy = one", "unknown-log", "the log of SCT 1 in a log list: id "),
    ("beside-unknown", "--sct log=a --sct log=x", "policy = p\n" + POLICY, "too-few-scts",
     "one more SCT from an operator other than Alpha; or, if it deserves trust, the log of SCT 2"),
    ("interval", "--sct log=shard", "policy = one", "outside-interval",
     "SCT 1 (Log-shard) is from a log for certificates that expire from 2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z"),
    ("retired", "--sct log=old", "policy = one", "log-retired",
     "SCT 1 (Log-old) would count had it and the certificate been issued before 2024-05-06T00:00:00Z"),
    ("retired-only", "--not-before 2024-01-01T00:00:00Z --sct log=old,time=2024-01-02T00:00:00Z", "policy = one",
     "no-current-log", "one more SCT from a log that is current now"),
    ("pending", "--sct log=pending", "policy = one", "log-not-trusted", "SCT 1 (Log-pending) is from a log that is "
                                                                         "pending"),
    ("aged", "--sct log=a", "policy = p\n[p]\nsct_max_age = 5m\n", "sct-too-old",
     "SCT 1 (Log-a) is older than sct_max_age, 5 min"),
    ("static", "--sct log=static", "policy = one", "bad-extensions",
     "SCT 1 (Log-static) is from a static-ct log and lacks its leaf_index (`leaf_index = ignore` counts it)"),
    ("version", "--sct log=a,bad=version", "policy = one", "unsupported-version", "SCT 1: the SCT is not of version"),
    ("truncated", "--sct log=a,bad=truncated", "policy = one", "malformed-sct-list", "SCT 1: an SCT or a list"),
    ("broken-list", "--sct log=a --list-bad trailing", "policy = one", "malformed-sct-list",
     "or a list of SCTs that decodes"),
    ("poison", "--sct log=a --poison", "policy = one", "precertificate", "the final certificate"),
    ("two-lists", "--sct log=a --sct log=b --two-sct-ext", "policy = one", "bad-extensions",
     "a certificate with extensions that are well-formed"),
    ("twice", "--sct log=a --policy 1.2.3 --second-policy 1.2.4",
     f"rules = rules\n{RULE}certificate_policy = 1.2.4\nexempt = yes\n", "bad-extensions",
     "a certificate with extensions that are well-formed"),
    ("flood", "--sct log=a,bad=signature,count=40", "policy = one", "not-checked", "was made for another certificate"),
    ("long", "--not-after +500d --sct log=a --sct log=b --sct log=a2", "policy = apple", "too-few-scts",
     "one more SCT by TLS, OCSP or the store"),
)


class Advice(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for log in ("a", "a2", "b", "x", "shard", "old", "pending", "static"):
            pki("log", "--out", cls.path(log))
        cls.logs = [cls.path("a") + ",description=Log-a,operator=Alpha", cls.path("a2") + ",operator=Alpha",
                    cls.path("b") + ",description=Log-b,operator=Beta",
                    cls.path("shard") + ",description=Log-shard,start=2020-01-01T00:00:00Z,end=2021-01-01T00:00:00Z",
                    cls.path("old") + ",description=Log-old,state=retired,state-since=2024-05-06T00:00:00Z",
                    cls.path("pending") + ",description=Log-pending,state=pending",
                    cls.path("static") + ",description=Log-static,tiled"]
        pki("list", "--out", cls.path("list.json"), *cls.logs)

    def settings(self, text, name="advice.cnf"):
        return self.write(name, f"log_list = {self.path('list.json')}\naudit = none\n{text}\n")

    def mint(self, name, words):
        pki("cert", "--out", self.path("made-" + name), "--ca", self.path("ca"),
            *(word.replace("log=", "log=" + self.dir + "/") for word in words.split()))
        return self.path(f"made-{name}.pem")

    def test_every_refusal(self):
        for name, words, settings, reason, advice in REFUSALS:
            with self.subTest(name=name):
                config = self.settings(settings)
                certificate = self.mint(name, words)
                answer = self.ask("verify", "--config", config, certificate, code=1)
                self.assertEqual(answer["reason"], reason, answer["detail"])
                self.assertIn(advice, answer["advice"])
                text = run("verify", "--config", config, certificate).stdout.decode()
                self.assertIn("What to do\n  " + answer["advice"], text)

    def test_nothing_to_do_where_it_is_accepted(self):
        certificate = self.mint("accepted", "--sct log=a --sct log=b")
        for settings in ("policy = one", "policy = p\n" + POLICY, "policy = apple"):
            answer = self.ask("verify", "--config", self.settings(settings), certificate, code=0)
            self.assertEqual(answer["advice"], "")

    def test_advice_is_given_while_watching(self):
        answer = self.ask("verify", "--config", self.settings("mode = report"), self.mint("watched", ""), code=0)
        self.assertEqual(answer["advice"], "one more SCT from a log that is current now")

    def test_what_is_no_matter_of_scts(self):
        certificate = self.mint("stale", "--sct log=a")
        pki("list", "--out", self.path("stale.json"), "--timestamp", "-40d", *self.logs)
        stale = self.write("stale.cnf", f"log_list = {self.path('stale.json')}\non_stale = refuse\naudit = none\n")
        answer = self.ask("verify", "--config", stale, certificate, code=1)
        self.assertEqual((answer["reason"], answer["advice"]),
                         ("log-list-stale", "a fresh log list in the place of the stale one"))
        answer = self.ask("verify", "--config", self.settings("mod = report", "wrong.cnf"), certificate, code=2)
        self.assertEqual(answer["reason"], "config-error")
        self.assertIn('"clientct check" shows all', answer["advice"])
        pki("ocsp", "--out", self.path("revoked.ocsp"), "--cert", self.path("made-stale"), "--ca", self.path("ca"),
            "--status", "revoked")
        answer = self.ask("verify", "--config", self.settings(""), "--ocsp", self.path("revoked.ocsp"), certificate,
                          code=1)
        self.assertEqual((answer["reason"], answer["advice"]),
                         ("revoked", "a new certificate: no SCT mends a revoked one"))

    def test_an_ended_exemption_is_told(self):
        config = self.settings("policy = one\nrules = rules\n[rules]\nother = other\nended = ended\nnever = never\n"
                               f"[other]\nissuer = {self.path('other-ca.pem')}\npolicy = chrome\n"
                               "[ended]\nissued_before = 2099-01-01T00:00:00Z\nexempt = yes\n"
                               "expires = 2025-01-01T00:00:00Z\n[never]\npolicy = chrome\n")
        answer = self.ask("verify", "--config", config, self.mint("ended", ""), code=1)
        self.assertEqual((answer["rule"], answer["reason"]), ("ended", "no-scts"))
        self.assertTrue(answer["detail"].endswith("; the exemption of rule ended ended on 2025-01-01T00:00:00Z"))
        rules = [condition for condition in answer["conditions"] if condition["name"].startswith("rule ")]
        self.assertEqual([(rule["name"], rule["met"]) for rule in rules], [("rule other", False), ("rule ended", True)])
        self.assertIn("its exemption has expired", rules[1]["seen"])

    def test_the_row_of_the_table_is_told(self):
        config = self.settings("policy = p\n" + POLICY)
        for name, words, row in (("short", "", "2 for a lifetime of 90 d 1 h (row: 2 up to 180 d)"),
                                 ("long", "--not-after +300d", "3 for a lifetime of 300 d 1 h (row: 3 over 180 d)")):
            answer = self.ask("verify", "--config", config, self.mint(name, words), code=1)
            needed = next(entry["needed"] for entry in answer["conditions"] if entry["name"] == "min_scts")
            self.assertEqual(needed, row)


if __name__ == "__main__":
    unittest.main()
