"""Log lists as they are published, alone and together, and OpenSSL's own list from list to verdict."""

import base64
import json
import os
import unittest

from cli import Case, pki, run

LISTS = os.path.join(os.environ["VECTORS"], "lists")
AT = "2026-09-01T00:00:00Z"


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
