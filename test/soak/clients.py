# SPDX-License-Identifier: Apache-2.0
"""The clients of one server, a program of their own: `clients.py JOB`, where JOB is a JSON file. Writes a line of JSON
for each connection, as it ends, until it is told to stop. Times are wall clock, as in audit lines."""
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

REQUEST = b"GET /page HTTP/1.0\r\nHost: localhost\r\n\r\n"
PATIENCE = 30  # seconds
USUAL = ("good", "good", "good", "one", "rsa-log", "huge", "unlogged", "store", "exempt", "tampered", "truncated",
         "future", "unknown", "many", "malformed", "poison", "two-lists", "cut", "cut", "stranger")
LONGEST_SESSION = 8  # connections, after which a client forgets its session


class Job:
    def __init__(self, path):
        self.__dict__.update(json.loads(Path(path).read_text()))
        self.out = open(self.journal, "w", encoding="utf-8")
        self.lock = threading.Lock()

    def note(self, **record):
        with self.lock:
            self.out.write(json.dumps(record) + "\n")
            self.out.flush()

    def stopped(self):
        return os.path.exists(self.stop)

    def wait_while_quiet(self):
        while os.path.exists(self.quiet) and not self.stopped():
            time.sleep(0.05)


def context_for(job, person, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(job.ca)
    context.load_cert_chain(f"{person['prefix']}.pem", f"{person['prefix']}.key")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    return context


def converse(plain, context, session):
    """(outcome, session or None, whether it was resumed, what was seen). nginx says 400, others end the handshake."""
    body = b""
    try:
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            tls.sendall(REQUEST)
            while True:
                data = tls.recv(65536)
                if not data:
                    break
                body += data
            status = body.split(b" ", 2)[1] if body.startswith(b"HTTP/1.") else b""
            if status == b"200":
                return "served", tls.session, tls.session_reused, ""
            return ("refused" if status in (b"400", b"403") else "lost"), None, tls.session_reused, status.decode()
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        return ("refused" if "ALERT" in reason else "lost"), None, False, reason
    except OSError as error:
        return "lost", None, False, type(error).__name__


class Talker(threading.Thread):
    """Connects again and again, with the certificates of one thread."""

    def __init__(self, job, number, people):
        super().__init__()
        self.job, self.people = job, {person["kind"]: person for person in people}
        self.random = random.Random(f"{job.seed} {number}")
        self.contexts, self.sessions = {}, {}

    def run(self):
        pause = len(self.job.people) / self.job.rate
        while not self.job.stopped():
            self.job.wait_while_quiet()
            begun = time.monotonic()
            kind = self.random.choice(USUAL)
            try:
                self.cut(self.people["cut"]) if kind == "cut" else self.whole(self.people[kind])
            except OSError:
                time.sleep(0.1)  # no connection: the server is starting a process
            time.sleep(max(0.0, self.random.uniform(0.5, 1.5) * pause - (time.monotonic() - begun)))

    def whole(self, person):
        version = self.random.choice(("TLSv1.2", "TLSv1.3"))
        key = person["kind"], version
        if key not in self.contexts:
            self.contexts[key] = context_for(self.job, person, version)
        session, uses = self.sessions.pop(key, (None, 0))
        if person["kind"] not in self.job.resuming or self.random.random() < 0.3:
            session, uses = None, 0
        start = time.time()
        with socket.create_connection(("127.0.0.1", self.job.port), timeout=PATIENCE) as plain:
            port = plain.getsockname()[1]
            outcome, fresh, reused, seen = converse(plain, self.contexts[key], session)
        if fresh is not None and uses < LONGEST_SESSION:
            self.sessions[key] = fresh, uses + 1
        self.job.note(kind=person["kind"], sha256=person["sha256"], start=start, end=time.time(), port=port,
                      outcome=outcome, reused=bool(reused), version=version, seen=seen)

    def cut(self, person):
        """Ends anywhere, or sends bytes that nobody should: whatever that is, the server is to be there afterwards."""
        version = self.random.choice(("TLSv1.2", "TLSv1.3"))
        start = time.time()
        with socket.create_connection(("127.0.0.1", self.job.port), timeout=PATIENCE) as plain:
            plain.settimeout(2)
            port = plain.getsockname()[1]
            try:
                self.misbehave(plain, context_for(self.job, person, version))
            except (OSError, ssl.SSLError):
                pass
        self.job.note(kind="cut", sha256=person["sha256"], start=start, end=time.time(), port=port, outcome="cut",
                      reused=False, version=version, seen="")

    def misbehave(self, plain, context):
        if self.random.random() < 0.1:
            plain.sendall(self.random.choice((b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", b"GET / HTTP/1.0\r\n\r\n")) +
                          self.random.randbytes(self.random.choice((0, 7, 60000))))
            return
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        left = self.random.choice((5, 300, 900, 1500, 2000, 2500, 3000, 10000))
        left = self.random.randrange(left)
        flips = self.random.random() < 0.4
        while left > 0:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = bytearray(outgoing.read())
            if flips and data and self.random.random() < 0.5:
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            plain.sendall(data[:left])
            left -= len(data)
            if done or left <= 0:
                return
            answer = plain.recv(65536)
            if not answer:
                return
            incoming.write(answer)


class SctTalker(threading.Thread):
    """Brings its SCTs in the handshake, which OpenSSL's own clients cannot."""

    def __init__(self, job, person):
        super().__init__()
        self.job, self.person = job, person

    def run(self):
        version = "1.2"
        while not self.job.stopped():
            self.job.wait_while_quiet()
            version = "1.2" if version == "1.3" else "1.3"
            start = time.time()
            done = subprocess.run(
                [self.job.goclient, "-connect", f"127.0.0.1:{self.job.port}", "-cert", f"{self.person['prefix']}.pem",
                 "-key", f"{self.person['prefix']}.key", "-ca", self.job.ca, "-scts", self.person["scts"],
                 "-tls", version, "-send", REQUEST.decode()], stdout=subprocess.PIPE, check=False)
            said = done.stdout.decode().strip()
            outcome = self.job.answered if done.returncode == 0 else "refused" if "remote error" in said else "lost"
            self.job.note(kind="tls", sha256=self.person["sha256"], start=start, end=time.time(), port=0,
                          outcome=outcome, reused=False, version=f"TLSv{version}", seen=said)
            time.sleep(0.5)


def main():
    job = Job(sys.argv[1])
    threads = [Talker(job, number, people) for number, people in enumerate(job.people)]
    if job.goclient:
        threads.append(SctTalker(job, next(person for person in job.people[0] if person["kind"] == "tls")))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
