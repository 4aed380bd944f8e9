# SPDX-License-Identifier: Apache-2.0
"""What becomes of a client at a server of the table: in, out, or something else, and what its TLS library said."""
import itertools
import os
import re
import socket
import ssl
import subprocess
import time

import starttls
from clientct import VERSIONS, fixture
from processes import environment, wait_until

CLIENTS = {"logged": "good", "unlogged": "unlogged", "stranger": "other-ca-good", "none": None}
_numbers = itertools.count()


class Outcome:
    """`answer` is "in" or "out"; `words` what the client's library said, or what the server answered instead."""

    def __init__(self, answer, words="", session=None, reused=False):
        self.answer, self.words, self.session, self.reused = answer, words, session, reused


def context_of(client, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(fixture() / "ca.pem")
    context.check_hostname = False
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    if CLIENTS[client]:
        context.load_cert_chain(*files_of(client))
    return context


def files_of(client):
    return [fixture() / f"client-{CLIENTS[client]}.{kind}" for kind in ("pem", "key")]


def unescaped(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def says(error):
    """An exception as its user reads it, without the place in CPython's source."""
    if isinstance(error, ssl.SSLError):
        return re.sub(r" \(_ssl\.c:\d+\)", "", error.reason or str(error)).lower().replace("_", " ")
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Probe:
    """Clients for one running server."""

    def __init__(self, description, words):
        self.description, self.words = description, words
        self.port = int(words.fill("@port@"))

    def try_client(self, client, version, context=None, session=None, while_open=None):
        """One connection. `while_open` is called where the client is in, before it ends the connection."""
        if self.description.client:
            return self.by_command(client, version)
        token = f"token{next(_numbers)}x{os.getpid()}"
        context = context or context_of(client, version)
        words, tls = "", None
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=self.description.late) as plain:
                if self.description.starttls:
                    getattr(starttls, self.description.starttls)(plain)
                with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                    if self.description.send:
                        tls.sendall(unescaped(self.words.fill(self.description.send)).replace(b"TOKEN", token.encode()))
                    served, words = self.reads(tls, token)
                    if served and while_open:
                        while_open()
                    return Outcome("in" if served else "out", words, tls.session, tls.session_reused)
        except (OSError, ssl.SSLError) as error:
            return Outcome("out", says(error))

    def reads(self, tls, token):
        """Whether the server has taken the client in, and what it said where it has not."""
        if self.description.arrived:
            path = self.words.fill(self.description.arrived)
            tls.settimeout(2)
            end = time.monotonic() + self.description.late
            while time.monotonic() < end:
                if os.path.exists(path) and token in open(path, encoding="utf-8", errors="replace").read():
                    return True, ""
                try:
                    tls.settimeout(0.2)
                    if not tls.recv(4096):
                        return False, "closed"
                except TimeoutError:
                    pass
            return False, "silence"
        data, expected = b"", unescaped(self.words.fill(self.description.expect))
        while expected not in data:
            try:
                more = tls.recv(65536)
            except TimeoutError:
                return False, "silence"
            except ssl.SSLEOFError:
                more = b""
            if not more:
                break
            data += more
        first = data.decode("utf-8", "replace").strip().splitlines()
        return expected in data, first[0][:60] if first else "closed"

    def by_command(self, client, version):
        cert, key = files_of(client) if CLIENTS[client] else ("", "")
        own = {"cert": cert, "key": key, "version": version, "number": version.removeprefix("TLSv"), "client": client}
        argv = []
        for word in self.description.client:
            for name, value in own.items():
                word = word.replace(f"@{name}@", str(value))
            argv.append(self.words.fill(word))
        process = subprocess.Popen(argv, env=environment("/dev/null"), stdin=subprocess.DEVNULL, cwd=self.folder(),
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            text = process.communicate(timeout=3 * self.description.late)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            text = process.communicate()[0]
        served = self.words.fill(self.description.expect) in text
        last = [line for line in text.strip().splitlines() if any(word in line.lower() for word in ("alert", "error"))]
        return Outcome("in" if served else "out", "" if served or not last else last[0].strip()[:100])

    def folder(self):
        return self.words.values["folder"]

    def wait_ready(self, cell):
        """Until it serves a client that must get in, or for a while."""
        def listens():
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                if cell.process.poll() is not None or cell.failed():
                    raise AssertionError(f"the server ended:\n{cell.output()}") from None
                return False
        wait_until(listens, lambda: f"the server to listen:\n{cell.output()}", seconds=40)
        end = time.monotonic() + 8  # daemons listen before they serve; one that never does is what the row will say
        while time.monotonic() < end and all(self.try_client("logged", version).answer != "in" for version in VERSIONS):
            time.sleep(0.2)

    def resumption(self, version):
        """What becomes of a session: "resumed", "full handshake", "no session" or what was said."""
        if self.description.client:
            return "not tried"
        context = context_of("logged", version)
        first = self.try_client("logged", version, context)
        if first.answer != "in":
            return f"first: {first.words}"
        if not first.session:
            return "no session"
        second = self.try_client("logged", version, context, first.session)
        if second.answer != "in":
            return f"broken: {second.words}"
        return "resumed" if second.reused else "full handshake"
