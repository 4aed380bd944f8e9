# SPDX-License-Identifier: Apache-2.0
"""clientct submit against a scripted log: what is kept, and every ugly answer."""

import base64
import email.utils
import fcntl
import glob
import http.server
import json
import os
import resource
import stat
import struct
import subprocess
import threading
import time
import unittest

import cli


def scts_of(data):
    """The SCTs of a SignedCertificateTimestampList."""
    total, = struct.unpack_from(">H", data)
    assert total == len(data) - 2, "the list's length"
    out, at = [], 2
    while at < len(data):
        size, = struct.unpack_from(">H", data, at)
        out.append(data[at + 2:at + 2 + size])
        at += 2 + size
    return out


def answer_of(sct, **changes):
    """An add-chain answer with the fields of an SCT."""
    extensions, = struct.unpack_from(">H", sct, 41)
    fields = {
        "sct_version": sct[0],
        "id": base64.b64encode(sct[1:33]).decode(),
        "timestamp": struct.unpack_from(">Q", sct, 33)[0],
        "extensions": base64.b64encode(sct[43:43 + extensions]).decode(),
        "signature": base64.b64encode(sct[43 + extensions:]).decode(),
        **changes,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


class Log:
    """A log that gives what its script says, in turn; the last answer again and again."""

    def __init__(self):
        self.script, self.requests = [], []
        log = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                log.requests.append((self.path, self.headers, body))
                step = log.script.pop(0) if len(log.script) > 1 else log.script[0]
                content, pause = step.get("body", b""), step.get("pause", 0)
                self.send_response(step.get("status", 200))
                for name, value in step.get("headers", {}).items():
                    self.send_header(name, value() if callable(value) else value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    for part in (content[i:i + 1] for i in range(len(content))) if pause else [content]:
                        self.wfile.write(part)
                        self.wfile.flush()
                        if pause and log.stopping.wait(pause):
                            return
                except OSError:
                    pass  # the client hung up, as it should

            def log_message(self, *arguments):
                pass

        self.stopping = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Submit(cli.Case):
    LOGS = {"log-a": "Alpha", "log-b": "Beta", "log-c": "Gamma"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cert = cls.path("client-unlogged")
        cls.logs = {name: Log() for name in cls.LOGS}
        for log in cls.logs.values():
            cls.addClassCleanup(log.stop)
        cls.make_list("submit.json")

    @classmethod
    def make_list(cls, name, **more):
        cli.pki("list", "--out", cls.path(name),
                *(f"{cls.path(log)},description={title},operator={title},url={cls.logs[log].url}" + more.get(title, "")
                  for log, title in cls.LOGS.items()))

    def setUp(self):
        self.name = self.id().rsplit(".", 1)[-1]
        self.store = self.path(self.name + ".store")
        os.mkdir(self.store)
        self.settings = self.write(self.name + ".cnf", f"log_list = {self.path('submit.json')}\naudit = none\n"
                                                       f"sct_store = {self.store}\nsources = store\npolicy = one\n")
        for name, log in self.logs.items():
            log.requests.clear()
            log.script = [{"body": answer_of(self.sct(name))}]

    def sct(self, log="log-a", faults="", cert=None, entry="x509"):
        out = self.path(f"{self.name}.{log}.scts")
        cli.pki("scts", "--out", out, "--cert", cert or self.cert, "--issuer", self.path("ca"), "--entry", entry,
                "--sct", f"log={self.path(log)}" + faults)
        return scts_of(self.read(out))[0]

    def kept(self):
        files = os.listdir(self.store)
        self.assertLessEqual(len(files), 1, "no temporary file is left behind")
        return scts_of(self.read(os.path.join(self.store, files[0]))) if files else []

    def submit(self, *logs, code=0, to=("--store",), more=()):
        wanted = [word for log in logs or ["Alpha"] for word in ("--log", log)]
        answer = self.ask("submit", "--config", self.settings, *to, *wanted, *more, self.cert + ".pem", code=code)
        self.assertEqual(answer["complete"], code == 0)
        return answer

    def outcome(self, outcome, detail="", more=("--max-wait", "0")):
        """Submits to Alpha, which must end in this outcome and keep nothing."""
        log = self.submit(code=1, more=more)["logs"][0]
        self.assertEqual(log["outcome"], outcome, log)
        self.assertIn(detail, log["detail"])
        self.assertIsNone(log["timestamp"])
        self.assertEqual(self.kept(), [])
        return log

    # --- what is good ---

    def test_signed_sct_is_kept_and_accepted_by_a_server(self):
        before = self.ask("verify", "--config", self.settings, self.cert + ".pem", code=1)
        self.assertEqual(before["reason"], "no-scts")
        answer = self.submit("Alpha", "Beta", "Gamma")
        self.assertEqual([log["outcome"] for log in answer["logs"]], ["signed"] * 3)
        self.assertEqual(answer["scts"], 3)
        self.assertEqual(len(self.kept()), 3)
        after = self.ask("verify", "--config", self.settings, self.cert + ".pem", code=0)
        self.assertEqual({sct["source"] for sct in after["scts"]}, {"store"})
        path, = glob.glob(self.store + "/*.sct")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)

    def test_posts_the_chain_leaf_first(self):
        self.submit()
        (path, headers, body), = self.logs["log-a"].requests
        self.assertEqual(path, "/ct/v1/add-chain")
        self.assertEqual(headers["Content-Type"], "application/json")
        chain = [base64.b64decode(text, validate=True) for text in json.loads(body)["chain"]]
        self.assertEqual(chain[0], self.read("client-unlogged.der"))
        pem = self.read("ca.pem").decode().split("-----")[2]
        self.assertEqual(chain[1:], [base64.b64decode(pem)])

    def test_logs_are_named_by_description_url_or_id(self):
        url = self.logs["log-b"].url
        log_id = self.ask("submit", "--config", self.settings, "--store", "--log", "Gamma", self.cert + ".pem",
                          code=0)["logs"][0]["log_id"]
        self.assertEqual(self.submit(url.rstrip("/"))["logs"][0]["log"], "Beta")
        self.assertEqual(self.submit(log_id)["logs"][0]["outcome"], "already-there")
        self.assertEqual(self.submit("Alpha=" + self.logs["log-a"].url)["logs"][0]["outcome"], "signed")

    def test_never_asks_again_for_what_is_there(self):
        self.submit("Alpha")
        self.logs["log-a"].requests.clear()
        answer = self.submit("Alpha", "Beta")
        self.assertEqual([log["outcome"] for log in answer["logs"]], ["already-there", "signed"])
        self.assertEqual(self.logs["log-a"].requests, [])
        self.assertEqual(len(self.kept()), 2)

    def test_keeps_what_was_there_even_if_it_is_bad(self):
        path = self.path(self.name + ".scts")
        bad = self.sct("log-a", ",bad=signature")
        self.write(path, struct.pack(">HH", len(bad) + 2, len(bad)) + bad)
        self.submit("Alpha", to=("--out", path))
        self.assertEqual(scts_of(self.read(path)), [bad, scts_of(self.read(path))[1]])

    def test_one_log_failing_loses_nothing_of_the_others(self):
        self.logs["log-b"].script = [{"status": 400, "body": b"no such root"}]
        answer = self.submit("Alpha", "Beta", "Gamma", code=1)
        self.assertEqual([log["outcome"] for log in answer["logs"]], ["signed", "refused", "signed"])
        self.assertEqual(len(self.kept()), 2)

    def test_concurrent_submissions_lose_nothing(self):
        running = [subprocess.Popen([cli.CLIENTCT, "submit", "--config", self.settings, "--store", "--log", log,
                                     self.cert + ".pem"], stdout=subprocess.DEVNULL)
                   for log in list(self.LOGS.values()) * 4]
        self.assertEqual([process.wait(30) for process in running], [0] * len(running))
        kept = self.kept()
        self.assertEqual({sct[1:33] for sct in kept}, {self.sct(log)[1:33] for log in self.LOGS})
        self.assertEqual(len(kept), 3)

    def test_waits_for_another_submission_and_adds_to_what_it_wrote(self):
        path = self.path(self.name + ".scts")
        other = self.sct("log-b")
        directory = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            process = subprocess.Popen([cli.CLIENTCT, "submit", "--config", self.settings, "--out", path, "--log",
                                        "Alpha", self.cert + ".pem"], stdout=subprocess.DEVNULL)
            with self.assertRaises(subprocess.TimeoutExpired, msg="it did not wait"):
                process.wait(1)
            self.write(path, struct.pack(">HH", len(other) + 2, len(other)) + other)
        finally:
            os.close(directory)
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(scts_of(self.read(path))[0], other)
        self.assertEqual(len(scts_of(self.read(path))), 2)

    def test_print_tls_writes_the_list(self):
        done = cli.run("submit", "--config", self.settings, "--print-tls", "--log", "Alpha", "--log", "Beta",
                       self.cert + ".pem")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(scts_of(done.stdout)), 2)
        self.assertEqual(self.kept(), [])
        path = self.write(self.name + ".scts", done.stdout)
        self.ask("verify", "--config", self.write(self.name + "2.cnf", f"log_list = {self.path('submit.json')}\n"
                                                  "audit = none\n"), "--tls-scts", path, self.cert + ".pem", code=0)

    # --- patience ---

    def test_waits_as_long_as_retry_after_says_in_seconds(self):
        self.logs["log-a"].script.insert(0, {"status": 429, "headers": {"Retry-After": "2"}})
        start = time.monotonic()
        self.assertEqual(self.submit(more=("--max-wait", "10s"))["logs"][0]["attempts"], 2)
        self.assertGreaterEqual(time.monotonic() - start, 2)

    def test_waits_as_long_as_retry_after_says_as_a_date(self):
        self.logs["log-a"].script.insert(0, {"status": 503, "headers": {
            "Retry-After": lambda: email.utils.formatdate(time.time() + 3, usegmt=True)}})
        start = time.monotonic()
        self.assertEqual(self.submit(more=("--max-wait", "10s"))["logs"][0]["attempts"], 2)
        self.assertGreaterEqual(time.monotonic() - start, 1.5)

    def test_gives_up_at_once_when_asked_to_wait_too_long(self):
        for wait in "9999", "99999999999999999999":
            self.logs["log-a"].script = [{"status": 429, "headers": {"Retry-After": wait}}]
            start = time.monotonic()
            log = self.outcome("busy", "HTTP 429", more=("--max-wait", "2s"))
            self.assertLess(time.monotonic() - start, 4)
            self.assertEqual(log["http_status"], 429)
        self.logs["log-a"].script = [{"status": 429, "headers": {"Retry-After": "9999"}}]
        self.outcome("busy", "9999 s", more=("--max-wait", "2s"))

    def test_server_errors_are_tried_again_with_pauses(self):
        self.logs["log-a"].script.insert(0, {"status": 500, "body": b"oops"})
        self.assertEqual(self.submit(more=("--max-wait", "10s"))["logs"][0]["attempts"], 2)

    def test_server_errors_end_some_time(self):
        self.logs["log-a"].script = [{"status": 502}]
        log = self.outcome("busy", "HTTP 502", more=("--max-wait", "2s"))
        self.assertIn(log["attempts"], (1, 2))

    def test_slow_bytes_end_some_time(self):
        self.logs["log-a"].script[0]["pause"] = 0.2
        start = time.monotonic()
        self.outcome("unreachable", more=("--max-wait", "0", "--timeout", "1s"))
        self.assertLess(time.monotonic() - start, 8)

    def test_nobody_listens(self):
        log = Log()
        log.stop()
        answer = self.submit("Alpha=" + log.url, code=1, more=("--max-wait", "0"))
        self.assertEqual(answer["logs"][0]["outcome"], "unreachable")
        self.assertIsNone(answer["logs"][0]["http_status"])

    # --- ugly answers ---

    def test_refusal_is_final_and_shown(self):
        self.logs["log-a"].script = [{"status": 403, "body": b"<html>\r\n<b>no</b>\x1b[31m"}]
        log = self.outcome("refused", "HTTP 403: <html>", more=("--max-wait", "10s"))
        self.assertEqual(log["attempts"], 1)

    def test_redirects_are_not_followed(self):
        there = self.logs["log-b"].url
        here = self.logs["log-a"].url
        for status, location, shown in ((307, there + "ct/v1/add-chain", there + "ct/v1/add-chain"),
                                        (301, "/moved/ct/v1/add-chain", here + "moved/ct/v1/add-chain"),
                                        (302, there + "a" * 1000, there + "a" * 1000 + ","),
                                        (308, there + "a" * 3000, "aaa..., which is not followed"),
                                        (303, "ftp://log.example/", "ftp://log.example/")):
            with self.subTest(location[:60]):
                self.logs["log-a"].script = [{"status": status, "headers": {"Location": location}, "body": b"moved"}]
                log = self.outcome("refused", f"HTTP {status}: a redirect to ")
                self.assertIn(shown, log["detail"])
                self.assertIn("name its new URL", log["detail"])
        self.assertEqual(self.logs["log-b"].requests, [])
        self.logs["log-a"].script = [{"status": 302}]
        self.assertEqual(self.outcome("refused")["detail"], "HTTP 302")

    def test_a_refusal_is_shown_whole(self):
        body = b"chain is not acceptable:\r\n\n  root \"X\" is unknown\n\x1b[2J\x00\xe2\x80\xae\xff\r\nBeta  signed\n\n"
        lines = ["HTTP 400: chain is not acceptable:", "", '  root "X" is unknown',
                 "\\x1b[2J\\x00\\xe2\\x80\\xae\\xff", "Beta  signed"]
        for status, outcome in ((400, "refused"), (503, "busy")):
            self.logs["log-a"].script = [{"status": status, "body": body}]
            log = self.outcome(outcome)
            self.assertEqual(log["detail"].split("\n")[1:], lines[1:])
            self.assertIn("chain is not acceptable:\n", log["detail"])
        self.logs["log-a"].script = [{"status": 400, "body": body}]
        done = cli.run("submit", "--config", self.settings, "--store", "--log", "Alpha", self.cert + ".pem")
        self.assertEqual(done.stdout.decode().split("\n")[:6],
                         ["Alpha  refused: " + lines[0]] + ["    | " + line for line in lines[1:]] +
                         ["no SCT was obtained; nothing is written"])
        done = cli.run("submit", "--config", self.settings, "--print-tls", "--log", "Alpha", self.cert + ".pem")
        self.assertEqual(done.stderr.decode().split("\n")[:5],
                         ["clientct: Alpha: refused: " + lines[0]] + ["clientct:     | " + line for line in lines[1:]])

    def test_a_refusal_is_bounded(self):
        self.logs["log-a"].script = [{"status": 403, "body": b"\0" * 4096 + b"left out"}]
        log = self.outcome("refused", "\n(8 bytes or more are left out here)")
        self.assertNotIn("left out\n", log["detail"])
        self.logs["log-a"].script = [{"status": 403, "body": b"no\n" * 100000}]
        log = self.outcome("refused", "HTTP 403, with more than 64 KiB: no\nno\n")
        self.assertLess(len(log["detail"]), 4300)

    def test_oversized_answer_is_cut_off(self):
        self.logs["log-a"].script = [{"body": b"{" + b" " * 1000000}]
        self.outcome("bad-answer", "longer than 64 KiB")

    def test_what_is_no_add_chain_answer(self):
        good = json.loads(answer_of(self.sct()))
        rows = {
            "HTML": b"<html><body>hello</body></html>",
            "empty": b"",
            "array": b"[]",
            "deep": b"[" * 60000,
            "half": answer_of(self.sct())[:-10],
            "trailing": answer_of(self.sct()) + b"x",
            "twice": answer_of(self.sct())[:-1] + b', "sct_version": 0}',
            "no signature": answer_of(self.sct(), signature=None),
            "no timestamp": answer_of(self.sct(), timestamp=None),
            "text timestamp": answer_of(self.sct(), timestamp=str(good["timestamp"])),
            "negative": answer_of(self.sct(), timestamp=-1),
            "float": answer_of(self.sct(), timestamp=1e12),
            "v2": answer_of(self.sct(), sct_version=1),
            "short id": answer_of(self.sct(), id=base64.b64encode(b"x" * 31).decode()),
            "long id": answer_of(self.sct(), id=base64.b64encode(b"x" * 33).decode()),
            "no base64": answer_of(self.sct(), signature="?" + good["signature"][1:]),
            "blanks": answer_of(self.sct(), signature=" " + good["signature"]),
            "padding": answer_of(self.sct(), id=good["id"] + "===="),
            "huge extensions": answer_of(self.sct(), extensions="A" * 60000),
            "extensions": answer_of(self.sct(), extensions="AAAA"),
            "no extensions' type": answer_of(self.sct(), extensions=0),
        }
        for name, body in rows.items():
            with self.subTest(name):
                self.logs["log-a"].script = [{"body": body}]
                self.outcome("bad-answer", "nothing of it is kept")

    def test_missing_extensions_are_empty_ones(self):
        self.logs["log-a"].script = [{"body": answer_of(self.sct(), extensions=None)}]
        self.submit()

    def test_sct_that_does_not_verify(self):
        rows = {
            "signature": self.sct("log-a", ",bad=signature"),
            "form": self.sct("log-a", ",bad=ber"),
            "algorithm": self.sct("log-a", ",bad=sig-alg"),
            "entry": self.sct("log-a", entry="precert"),
            "extensions": self.sct("log-a", ",bad=extensions"),
            "another log": self.sct("log-b"),
            "another certificate": self.sct(cert=self.path("client-good")),
            "future": self.sct("log-a", ",time=+1h"),
            "trailing": self.sct("log-a", ",bad=trailing"),
        }
        for name, sct in rows.items():
            with self.subTest(name):
                self.logs["log-a"].script = [{"body": answer_of(sct)}]
                self.outcome("bad-answer", "nothing of it is kept")

    def test_tiled_log_must_give_a_leaf_index(self):
        self.make_list("submit-tiled.json", Alpha=",tiled")
        self.settings = self.write(self.name + ".cnf", f"log_list = {self.path('submit-tiled.json')}\naudit = none\n"
                                                       f"sct_store = {self.store}\nsources = store\n")
        self.outcome("bad-answer", "leaf_index")
        self.logs["log-a"].script = [{"body": answer_of(self.sct("log-a", ",tiled=7"))}]
        self.submit()

    # --- what is not asked, and usage ---

    def test_logs_that_cannot_take_it_are_not_asked(self):
        for name, more, word in (("old", ",end=-1d", "temporal interval"), ("readonly", ",state=readonly", "readonly"),
                                 ("retired", ",state=retired", "retired")):
            with self.subTest(name):
                self.make_list(f"submit-{name}.json", Alpha=more)
                self.settings = self.write(self.name + ".cnf", f"log_list = {self.path(f'submit-{name}.json')}\n"
                                                               f"audit = none\nsct_store = {self.store}\n")
                self.outcome("not-asked", word)
                self.assertEqual(self.logs["log-a"].requests, [])

    def test_what_is_no_list_is_left_alone_and_nobody_is_asked(self):
        path = self.write(self.name + ".scts", b"my only copy of something")
        done = cli.run("submit", "--config", self.settings, "--out", path, "--log", "Alpha", self.cert + ".pem")
        self.assert_usage_error(done, "is not a list of SCTs", path)
        self.assertEqual(self.read(path), b"my only copy of something")
        self.assertEqual(self.logs["log-a"].requests, [])

    def test_links_are_not_written_through(self):
        target = self.write(self.name + ".target", b"")
        os.unlink(target)
        link = self.path(self.name + ".scts")
        os.symlink(target, link)
        done = cli.run("submit", "--config", self.settings, "--out", link, "--log", "Alpha", self.cert + ".pem")
        self.assert_usage_error(done, link)
        self.assertFalse(os.path.exists(target))

    def test_missing_directory_is_said(self):
        answer = self.submit(code=1, to=("--out", self.path("nowhere/client.scts")))
        self.assertEqual(answer["logs"][0]["outcome"], "not-kept")
        self.assertIn("nowhere", answer["logs"][0]["detail"])
        done = cli.run("submit", "--config", self.settings, "--out", self.path("nowhere/client.scts"), "--log", "Alpha",
                       self.cert + ".pem")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"could not be written: signed SCTs are not in it", done.stdout)

    def test_what_could_not_be_written_is_not_counted(self):
        path = self.path(self.name + ".scts")
        self.submit("Alpha", to=("--out", path))
        before = self.read(path)
        arguments = ("submit", "--config", self.settings, "--out", path, "--log", "Alpha", "--log", "Beta",
                     self.cert + ".pem")
        for more in ("--json",), ():
            # A file that may not grow; Python ignores the signal, and so does what inherits that.
            done = subprocess.run([cli.CLIENTCT, *arguments, *more], capture_output=True, restore_signals=False,
                                  check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)))
            self.assertEqual(done.returncode, 1, done)
            self.assertEqual(self.read(path), before)
            if more:
                answer = json.loads(done.stdout)
                self.assertEqual([log["outcome"] for log in answer["logs"]], ["already-there", "not-kept"])
                self.assertEqual((answer["scts"], answer["complete"]), (1, False))
                self.assertIn("cannot be written: File too large", answer["logs"][1]["detail"])
            else:
                self.assertIn(b"signed SCTs are not in it", done.stdout)
                self.assertNotIn(b"has 2", done.stdout)

    def test_usage(self):
        rows = (
            (("--store",), ("no log is named",)),
            (("--log", "Alpha"), ("--store", "--out", "--print-tls")),
            (("--log", "Alpha", "--store", "--print-tls"), ("say where",)),
            (("--log", "Alhpa", "--store"), ('did you mean "Alpha"',)),
            (("--log", "Alpha", "--log", "Alpha", "--store"), ("named twice",)),
            (("--log", "Alpha=http://log.example/", "--store"), ("--insecure-http",)),
            (("--log", "Alpha=https://user@log.example/", "--store"), ("has a user",)),
            (("--log", "Alpha=https://log.example/?x=1", "--store"), ("query",)),
            (("--log", "Alpha", "--store", "--max-wait", "soon"), ("--max-wait", "soon")),
            (("--log", "Alpha", "--store", "--timeout", "0"), ("--timeout",)),
            (("--log", "Alpha", "--store", "--form", "der"), ("--precertificate",)),
            (("--log", "Alpha", "--precertificate", "--form", "xml"), ("expected line, der or pem",)),
            (("--log", "Alpha", "--print-tls", "--json"), ("both want standard output",)),
            (("--log", "Alpha", "--store", "--at-once", "0"), ("--at-once", "512")),
            (("--log", "Alpha", "--store", "--at-once", "513"), ("--at-once", "512")),
            (("--log", "Alpha", "--store", "--at-once", "many"), ("--at-once", "512")),
        )
        for arguments, words in rows:
            with self.subTest(arguments):
                self.assert_usage_error(cli.run("submit", "--config", self.settings, *arguments, self.cert + ".pem"),
                                        *words)

    def test_an_issuer_whose_key_cannot_be_read_is_not_a_missing_one(self):
        chain = self.write("unreadable-chain.pem", self.read("client-unlogged.pem").decode().split("-----END", 1)[0]
                           .encode() + b"-----END CERTIFICATE-----\n" + self.unreadable_ca())
        for more in ([], ["--precertificate"]):
            with self.subTest(more=more):
                to = more or ["--store"]
                done = cli.run("submit", "--config", self.settings, *to, "--log", "Alpha", chain)
                self.assertEqual(done.returncode, 3, done)
                self.assertIn(b"cannot read the public key of", done.stderr)
                self.assertNotIn(b"no issuer", done.stderr)
        self.assertEqual(self.logs["log-a"].requests, [], "nothing is published of a chain that cannot be told")

    def test_of_several_the_others_are_submitted(self):
        folder = self.path("several")
        os.mkdir(folder)
        chain = self.read("client-unlogged.pem")
        leaf = chain.decode().split("-----END", 1)[0].encode() + b"-----END CERTIFICATE-----\n"
        self.write("several/a.pem", leaf + self.unreadable_ca())
        self.write("several/b.pem", chain)
        done = cli.run("submit", "--config", self.settings, "--store", "--log", "Alpha", "--json", folder)
        self.assertEqual(done.returncode, 3, done)
        answer = json.loads(done.stdout)
        self.assertFalse(answer["complete"])
        self.assertEqual([one["complete"] for one in answer["certificates"]], [True])

    def test_precertificate_is_not_for_add_chain(self):
        cli.pki("cert", "--out", self.path("poisoned"), "--ca", self.path("ca"), "--poison", "--no-sct-ext")
        done = cli.run("submit", "--config", self.settings, "--store", "--log", "Alpha", self.path("poisoned.pem"))
        self.assert_usage_error(done, "precertificate")

    def test_text_report_names_each_log(self):
        self.logs["log-b"].script = [{"status": 400, "body": b"no"}]
        done = cli.run("submit", "--config", self.settings, "--store", "--log", "Alpha", "--log", "Beta",
                       self.cert + ".pem")
        self.assertEqual(done.returncode, 1)
        text = done.stdout.decode()
        self.assertRegex(text, r"(?m)^Alpha  signed at \d{4}-")
        self.assertRegex(text, r"(?m)^Beta  refused: HTTP 400: no$")
        self.assertIn("has 1 SCT", text)


if __name__ == "__main__":
    unittest.main()
