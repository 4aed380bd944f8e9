"""clientct report: what becomes of audit lines."""

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import unittest

from cli import Case, run

HOSTILE = "CN=<script>alert(1)</script>\\\" & '\\,O=x\u202e\x1b[31m $HOME [x] # y"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def sha256(name):
    return hashlib.sha256(name.encode()).hexdigest()


def line(client="device", would_be="refuse", reason="no-scts", at="2026-11-01T10:00:00Z", shadow=None, **more):
    out = {
        "@timestamp": at, "ecs.version": "8.11", "event.module": "clientct", "event.kind": "event",
        "event.action": "client-certificate", "event.outcome": "success",
        "tls.client.hash.sha256": sha256(client).upper(), "tls.client.subject": f"CN={client}",
        "tls.client.issuer": "CN=CA", "tls.client.not_after": "2098-01-01T00:00:00Z", "clientct.verdict": "accept",
        "clientct.would_be": would_be, "clientct.reason": "compliant" if would_be == "accept" else reason,
    }
    if shadow is not None:
        out.update({"clientct.shadow.policy": "chrome", "clientct.shadow.compliant": shadow,
                    "clientct.shadow.reason": "compliant" if shadow else "too-few-scts"})
    out.update({key.replace("__", "."): value for key, value in more.items()})
    return json.dumps({key: value for key, value in out.items() if value is not None}) + "\n"


MIXED = (line("good", "accept") + line("good", "accept", at="2026-11-02T10:00:00Z") + line("bad") +
         line("bad", at="2026-11-03T10:00:00Z") + line("worse", reason="unknown-log", clientct__scts=[
             {"source": "embedded", "log_id": "ab" * 32, "status": "unknown-log"}]))


class Report(Case):
    def report(self, text, *options, code=None):
        return self.ask("report", self.write(self.id().rsplit(".", 1)[-1] + ".json", text), *options, code=code)

    def test_sums(self):
        answer = self.report(MIXED, code=1)
        self.assertEqual([answer[key] for key in ("decisions", "would_accept", "would_refuse", "certificates",
                                                  "compliant", "locked_out")], [5, 2, 3, 3, 1, 2])
        worst = answer["locked_out_certificates"][0]
        self.assertEqual((worst["sha256"], worst["decisions"], worst["first_seen"], worst["last_seen"],
                          worst["not_after"], worst["reason"], worst["issuer"]),
                         (sha256("bad"), 2, "2026-11-01T10:00:00Z", "2026-11-03T10:00:00Z", "2098-01-01T00:00:00Z",
                          "no-scts", "CN=CA"))
        self.assertEqual(answer["reasons"][0], {"name": "no-scts", "decisions": 2, "locked_out": 1})
        self.assertEqual(answer["issuers"], [{"name": "CN=CA", "decisions": 3, "locked_out": 2}])
        self.assertEqual(answer["unknown_logs"], [{"name": "ab" * 32, "decisions": 1}])

    def test_exit_status(self):
        for text, code in ((line("a", "accept"), 0), (line("a"), 1), ("", 3), ("nonsense\n", 3),
                           (line(would_be=None), 3), (line("a", tls__client__not_after="2020-01-01T00:00:00Z"), 0)):
            with self.subTest(text=text):
                self.report(text, code=code)
        self.assert_usage_error(run("report", self.path("nothing-here")), "cannot be read")
        self.assert_usage_error(run("report", self.path("ca.pem"), "--since", "yesterday"), "--since")
        self.assert_usage_error(run("report", self.path("ca.pem"), "--until", "0"), "--exempt-list")
        self.assert_usage_error(run("report"), "usage")

    def test_the_last_line_says_how_it_stands(self):
        mended = line("a", at="2026-11-01T10:00:00Z") + line("a", "accept", at="2026-11-05T10:00:00Z")
        self.assertEqual(self.report(mended, code=0)["locked_out"], 0)
        backwards = "".join(reversed(mended.splitlines(keepends=True)))
        self.assertEqual(self.report(backwards, code=0)["locked_out"], 0)

    def test_since(self):
        answer = self.report(MIXED, "--since", "2026-11-02T00:00:00Z")
        self.assertEqual((answer["decisions"], answer["first"]), (2, "2026-11-02T10:00:00Z"))

    def test_shadow_policy(self):
        text = (line("a", "accept", shadow=False) + line("b", "accept", shadow=True) + line("c", shadow=True) +
                line("d", shadow=False))
        answer = self.report(text)
        self.assertEqual((answer["shadow_policy"], answer["shadow_would_refuse_more"],
                          answer["shadow_would_accept_more"]), ("chrome", 1, 1))

    def test_journal_syslog_and_torn_lines(self):
        wrapped = json.dumps({"MESSAGE": line("a").strip(), "PRIORITY": "5", "_PID": "7"}) + "\n"
        syslog = "Nov 23 21:14:05 host clientct[7]: " + line("b")
        torn = line("c")[:100] + line("d")
        answer = self.report(wrapped + syslog + torn)
        self.assertEqual((answer["certificates"], answer["foreign_lines"]), (3, 0))

    def test_foreign_lines_are_counted(self):
        foreign = ["", "x", "{", "[]", "{}", '{"@timestamp":"2026-11-01T10:00:00Z"}', '{"MESSAGE":"{}"}', "\0\xff",
                   "[" * 5000, '{"a":' * 3000, "y" * 200000, line(event__module="other").strip(),
                   line(at="yesterday").strip(), line(clientct__verdict=7).strip(),
                   '{"MESSAGE":' * 2 + '"x"' + "}" * 2]
        text = "".join(f"{row}\n" for row in foreign).encode("latin-1") + line("a").encode()
        answer = self.report(text)
        self.assertEqual((answer["lines"], answer["foreign_lines"], answer["decisions"]),
                         (len(foreign), len(foreign) - 1, 1))

    def test_lost_lines_and_events(self):
        event = line(event__action="configuration-loaded", clientct__dropped=3)
        self.assertEqual(self.report(event + line("a", clientct__dropped=4))["lost_lines"], 7)

    def test_standard_input(self):
        answer = self.ask("report", "-", stdin=MIXED.encode(), code=1)
        self.assertEqual(answer["decisions"], 5)

    def test_text(self):
        text = run("report", self.write("mixed.json", MIXED)).stdout.decode()
        for words in ("2 certificates would be locked out", f"sha256:{sha256('bad')}", "expires 2098-01-01", "CN=worse",
                      "ab" * 32, "seen 2026-11-01 to 2026-11-03"):
            self.assertIn(words, text)
        good = run("report", self.write("good.json", line("a", "accept"))).stdout
        self.assertIn(b"Nobody with a certificate would be locked out", good)

    def test_exempt_list_is_accepted_as_it_stands(self):
        text = MIXED + line("hostile", tls__client__subject=HOSTILE) + line("endless", tls__client__not_after=None)
        done = run("report", self.write("exempt.json", text), "--exempt-list")
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        config = self.write("exempt.cnf", f"log_list = {self.path('log_list.json')}\npolicy = two\n" +
                            done.stdout.decode() + "[two]\nmin_scts = 2\n")
        answer = self.ask("check", "--config", config, code=0)
        self.assertEqual([p for p in answer["problems"] if p["severity"] == "error"], [])
        self.assertEqual(done.stdout.count(b"exempt = yes"), 4)
        self.assertEqual(done.stdout.count(b"expires = 2098-01-01T00:00:00Z"), 3)
        until = run("report", self.path("exempt.json"), "--exempt-list", "--until", "2030-05-01T00:00:00Z").stdout
        self.assertEqual(until.count(b"expires = 2030-05-01T00:00:00Z"), 4)

    def test_an_exempted_certificate_is_let_in(self):
        leaf = self.path("client-unlogged.pem")
        der = subprocess.run(["openssl", "x509", "-in", leaf, "-outform", "DER"], check=True,
                             stdout=subprocess.PIPE).stdout
        hexed = hashlib.sha256(der).hexdigest()
        rules = run("report", self.write("one.json", line(tls__client__hash__sha256=hexed.upper())),
                    "--exempt-list").stdout.decode()
        answer = self.ask("verify", "--config", self.config(), leaf)
        self.assertEqual(answer["verdict"], "refuse")
        answer = self.ask("verify", "--config", self.config(rules), leaf, code=0)
        self.assertEqual((answer["verdict"], answer["reason"]), ("accept", "exempt"))

    def test_a_raw_public_key_alone_gives_no_rule(self):
        answer = self.report(line(tls__client__hash__sha256=None, reason="no-certificate"), code=1)
        self.assertEqual((answer["without_certificate"], answer["locked_out"]), (1, 0))

    def page(self, text):
        page = self.path("page.html")
        done = run("report", self.write("page.json", text), "--html", page)
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        with open(page, encoding="utf-8") as file:
            return page, file.read()

    def test_page_has_no_markup_from_certificates(self):
        _, html = self.page(line("x", reason="<b>", tls__client__subject=HOSTILE, tls__client__issuer=HOSTILE))
        self.assertNotIn("<script", html)
        self.assertNotIn("<b>", html)
        self.assertNotIn("\x1b", html)
        self.assertNotIn("\u202e", html)
        self.assertNotRegex(html, r"https?:|src=|url\(")
        self.assertIn("&lt;script&gt;alert(1)", html)
        self.assertIn("default-src 'none'", html)
        self.assertEqual(run("report", self.path("page.json"), "--html", "/dev/full").returncode, 2)

    def test_page_in_a_browser(self):
        if BROWSER is None:
            if os.environ.get("CLIENTCT_REQUIRE_BROWSER") == "1":
                self.fail("no chromium found")
            self.skipTest("chromium is not installed")
        start = datetime.date(2026, 9, 1)
        rows = [line(f"client {n % 23}", "refuse" if n % 23 % 4 == 0 else "accept",
                     reason=("no-scts", "unknown-log")[n % 2], shadow=n % 3 == 0,
                     tls__client__issuer=f"CN=CA {n % 3},O=Example",
                     at=f"{start + datetime.timedelta(days=n % 60)}T10:00:00Z") for n in range(400)]
        page, _ = self.page("".join(rows) + line("hostile", tls__client__subject=HOSTILE))
        shot = os.environ.get("CLIENTCT_SCREENSHOT", self.path("page.png"))
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
                   "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.path('profile')}",
                   "--window-size=1000,1600"]
        dom = subprocess.run([*command, "--dump-dom", f"file://{page}"], check=True, timeout=100,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        self.assertIn("Who would be locked out", dom)
        self.assertGreaterEqual(dom.count("<rect"), 60)
        self.assertIn('id="locked-out"', dom)
        self.assertNotIn("<script", dom)
        subprocess.run([*command, f"--screenshot={shot}", f"file://{page}"], check=True, timeout=100,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(shot, "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")


if __name__ == "__main__":
    unittest.main()
