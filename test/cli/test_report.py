# SPDX-License-Identifier: Apache-2.0
"""clientct report: what becomes of audit lines."""

import datetime
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import unittest

from cli import CLIENTCT, Case, run

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


def entry(client="device", **more):
    """As `journalctl -o json` prints a line of a server."""
    out = {"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": "1", "_PID": "7", "_UID": "33", "_EXE": "/usr/sbin/nginx",
           "_SYSTEMD_UNIT": "nginx.service", "MESSAGE": line(client, process__pid=7).strip(), **more}
    return {key: value for key, value in out.items() if value is not None}


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
        self.assertEqual(answer["reasons"][0], {"name": "no-scts", "decisions": 2, "locked_out": 1,
                                                "refusals_in_period": 2})
        self.assertEqual(answer["issuers"], [{"name": "CN=CA", "decisions": 3, "locked_out": 2,
                                              "refusals_in_period": 3}])
        self.assertEqual(answer["unknown_logs"], [{"name": "ab" * 32, "lines": 1}])

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
        answer = self.report(wrapped + syslog + torn, "--unvouched")
        self.assertEqual((answer["certificates"], answer["foreign_lines"]), (3, 0))
        answer = self.report(wrapped + syslog + torn)
        self.assertEqual((answer["certificates"], answer["vouched_lines"], answer["unvouched_lines"]), (1, 1, 2))

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
        answer = self.ask("report", "-", stdin=MIXED.encode(), code=3)
        self.assertEqual((answer["decisions"], answer["unvouched_lines"]), (0, 5))
        answer = self.ask("report", "-", "--unvouched", stdin=MIXED.encode(), code=1)
        self.assertEqual((answer["decisions"], answer["vouched_lines"]), (5, 0))
        with open(self.write("piped.json", MIXED), "rb") as file:  # a file is known for what it is
            done = subprocess.run([CLIENTCT, "report", "-"], stdin=file, stdout=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)

    def journal(self, *entries, options=(), code=None):
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        return self.ask("report", "--journal", "-", *options, stdin=text.encode(), code=code)

    def test_the_journal_says_who_wrote(self):
        forged = {
            "of a session": entry(_SYSTEMD_UNIT="session-3.scope", _EXE="/usr/bin/logger"),
            "of a user's service": entry(_SYSTEMD_UNIT="user@1000.service"),
            "without a unit": entry(_SYSTEMD_UNIT=None),
            "of another process": entry(_PID="8"),
        }
        for name, one in forged.items():
            with self.subTest(name):
                answer = self.journal(one, code=3)
                self.assertEqual((answer["unvouched_lines"], answer["decisions"]), (1, 0))
                done = run("report", "--journal", "--exempt-list", "-", stdin=json.dumps(one).encode() + b"\n")
                self.assertNotIn(b"exempt = yes", done.stdout)
        answer = self.journal(entry(), *forged.values(), code=1)
        self.assertEqual((answer["vouched_lines"], answer["unvouched_lines"], answer["locked_out"]), (1, 4, 1))
        self.assertEqual(answer["sources"], [{"name": "nginx.service, /usr/sbin/nginx, user 33", "lines": 1}])
        self.assertEqual(self.journal(entry(), options=("--unit", "nginx.service"), code=1)["decisions"], 1)
        self.assertEqual(self.journal(entry(), options=("--unit", "apache2.service"), code=3)["decisions"], 0)

    def test_what_only_looks_like_the_journal(self):
        # A MESSAGE of a forger, printed by `-o cat`, that has all fields of an entry: without --journal it is a line
        # like any other, and with it one plain line shows that this is not the journal's own output.
        cat = (json.dumps(entry()) + "\n").encode()
        self.assertEqual(self.ask("report", "-", stdin=cat, code=3)["unvouched_lines"], 1)
        self.assert_usage_error(run("report", "--journal", "-", stdin=cat + line("a", process__pid=7).encode()),
                                "line 2", "journalctl -t clientct -o json")
        self.assertEqual(self.report(json.dumps(entry()) + "\n", code=3)["unvouched_lines"], 1)
        # An entry in an entry is not unwrapped.
        self.assertEqual(self.journal({**entry(), "MESSAGE": json.dumps(entry())}, code=3)["foreign_lines"], 1)

    def test_files_that_others_may_write(self):
        folder = self.path("others")
        os.mkdir(folder)
        name = os.path.join(folder, "audit.json")
        with open(name, "w", encoding="utf-8") as file:
            file.write(MIXED)
        self.ask("report", name, code=1)
        for what, path, mode in (("file", name, 0o646), ("file", name, 0o664), ("directory", folder, 0o777)):
            if mode & 0o020 and not mode & 0o002 and os.getuid() != 0:
                continue
            with self.subTest(what, mode=oct(mode)):
                before = os.stat(path).st_mode & 0o7777
                if os.getuid() == 0:
                    os.chown(path, -1, 12345)
                os.chmod(path, mode)
                answer = self.ask("report", name, code=3)
                self.assertEqual((answer["decisions"], answer["unvouched_lines"]), (0, 5))
                self.assertIn(b"may be written by", run("report", name).stderr)
                self.assertEqual(self.ask("report", "--unvouched", name, code=1)["decisions"], 5)
                os.chmod(path, before)
                self.ask("report", name, code=1)

    @unittest.skipUnless(os.getuid() == 0, "only root gives files away")
    def test_files_of_other_users(self):
        name = self.write("owned.json", MIXED)
        os.chown(name, pwd.getpwnam("nobody").pw_uid, -1)
        self.assertEqual(self.ask("report", name, code=3)["decisions"], 0)
        self.assertIn(b"belongs to nobody", run("report", name).stderr)
        self.assertEqual(self.ask("report", "--owner", "nobody", name, code=1)["decisions"], 5)
        self.assert_usage_error(run("report", "--owner", "no-such-user", name), "no-such-user")

    def test_lines_that_were_taken_out_are_missed(self):
        lines = [line(f"c{n}", process__pid=7, process__name="nginx", event__sequence=n,
                      at=f"2026-11-01T10:00:{n:02}Z") for n in range(1, 10)]
        self.assertEqual(self.report("".join(lines))["missing_lines"], 0)
        self.assertEqual(self.report("".join(reversed(lines)))["missing_lines"], 0)
        self.assertEqual(self.report("".join(lines[:3] + lines[5:]))["missing_lines"], 2)
        again = [row.replace("2026-11-01", "2026-11-02") for row in lines]  # the process id came back
        self.assertEqual(self.report("".join(lines + again[:4] + again[5:]))["missing_lines"], 1)
        other = [row.replace('"nginx"', '"haproxy"') for row in lines[4:]]
        self.assertEqual(self.report("".join(lines + other))["missing_lines"], 0)
        # A master that executed itself anew within the second: the same process id, and the numbers begin again.
        named = [row.replace("{", '{"process.entity_id": "01-7", ', 1) for row in lines]
        anew = [row.replace("01-7", "02-7") for row in named]
        mixed = [row for pair in zip(named, anew) for row in pair]
        self.assertEqual(self.report("".join(mixed))["missing_lines"], 0)
        self.assertEqual(self.report("".join(mixed[:3] + mixed[4:]))["missing_lines"], 1)

    def test_chains_that_did_not_verify_are_nobodys(self):
        stranger = line("stranger", clientct__chain="rejected")
        answer = self.report(line("a", "accept") + stranger * 3, code=0)
        self.assertEqual((answer["rejected_chains"], answer["decisions"], answer["locked_out"]), (3, 1, 0))
        self.assertNotIn(b"exempt = yes", run("report", self.write("stranger.json", stranger), "--exempt-list").stdout)

    def test_locked_out_now_is_not_the_whole_period(self):
        mended = line("a", at="2026-11-01T10:00:00Z") + line("a", "accept", at="2026-11-05T10:00:00Z")
        answer = self.report(mended + line("b", reason="unknown-log"), code=1)
        rows = {row["name"]: (row["locked_out"], row["decisions"], row["refusals_in_period"])
                for row in answer["reasons"]}
        self.assertEqual((rows["no-scts"], rows["unknown-log"]), ((0, 0, 1), (1, 1, 1)))
        text = run("report", self.write("now.json", mended + line("b", reason="unknown-log"))).stdout.decode()
        now, period = text.split("Refusals in the whole period")
        self.assertIn("1 certificate, refused 1 time  unknown-log", now)
        self.assertNotIn("no-scts", now)
        self.assertIn("1 time  no-scts", period)

    def test_text(self):
        text = run("report", self.write("mixed.json", MIXED)).stdout.decode()
        for words in ("2 certificates would be locked out", f"sha256:{sha256('bad')}", "expires 2098-01-01", "CN=worse",
                      "ab" * 32, "seen 2026-11-01 to 2026-11-03", "1 certificate, refused 2 times  no-scts"):
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

    def test_exempt_list_by_the_name_of_workloads(self):
        def hourly(name, times):
            return "".join(line(f"{name}{n}", tls__client__subject="", **{"tls.client.x509.alternative_names": [name]})
                           for n in range(times))
        text = (hourly("uri:spiffe://td.example/ns/pay", 30) + hourly("uri:spiffe://td.example/once", 1) +
                hourly("dns:A.example", 3) + hourly("email:pay@a.example", 2) +
                # What no rule can have as it stands, or would mean more by it.
                hourly("uri:spiffe://td.example/*", 2) + hourly("dns:*.example", 2) + hourly("uri:x y", 2) +
                hourly("dns:-a..b", 2) + hourly("uri:spiffe://td/a/../b", 2) + hourly("ip:192.0.2.1", 2) +
                hourly("uri:spiffe://td/$HOME", 2) + line("u1", tls__client__subject="CN=uri:x://y") +
                line("u2", tls__client__subject="CN=uri:x://y"))
        done = run("report", self.write("hourly.json", text), "--exempt-list")
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        rules = done.stdout.decode()
        self.assertEqual([row for row in rules.splitlines() if row.split(" = ")[0] in ("uri", "dns", "email")],
                         ["dns = A.example", "email = pay@a.example", "uri = spiffe://td.example/ns/pay"])
        self.assertEqual((rules.count("\ncertificate = "), rules.count("exempt = yes")), (17, 20))
        config = self.write("hourly.cnf", f"log_list = {self.path('log_list.json')}\npolicy = one\n{rules}")
        answer = self.ask("check", "--config", config, code=0)
        self.assertEqual([p for p in answer["problems"] if p["severity"] == "error"], [])
        self.assertTrue(any("`uri`, which the CA chooses" in p["text"] for p in answer["problems"]))

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
                   "--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars",
                   f"--user-data-dir={self.path('profile')}", "--window-size=900,1500"]
        dom = subprocess.run([*command, "--dump-dom", f"file://{page}"], check=True, timeout=100,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        self.assertIn("Who would be locked out", dom)
        self.assertGreaterEqual(dom.count("<rect"), 60)
        self.assertIn('id="locked-out"', dom)
        self.assertNotIn("<script", dom)
        self.assertEqual(dom.count('class="spark"'), 2 + 4)  # reasons and issuers
        subprocess.run([*command, f"--screenshot={shot}", f"file://{page}"], check=True, timeout=100,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(shot, "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        # Nothing is wider than a small screen: another page looks, since ours has no script.
        measure = self.write("measure.html", f"""<iframe src="file://{page}" width="420" height="900"></iframe><script>
            onload = () => {{ const root = frames[0].document.documentElement;
                             document.title = "width " + root.scrollWidth + " of " + root.clientWidth; }}</script>""")
        dom = subprocess.run([*command, "--allow-file-access-from-files", "--virtual-time-budget=5000", "--dump-dom",
                              f"file://{measure}"], check=True, timeout=100, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout.decode()
        found = re.search("<title>width ([0-9]+) of ([0-9]+)</title>", dom)
        self.assertIsNotNone(found, dom)
        self.assertLessEqual(int(found[2]), 420)
        self.assertLessEqual(int(found[1]), int(found[2]))


if __name__ == "__main__":
    unittest.main()
