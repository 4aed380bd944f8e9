# SPDX-License-Identifier: Apache-2.0
"""clientct doctor --connect: what servers do, seen from outside."""
import itertools
import os
import socket
import ssl
import subprocess
import threading
import time

from asking import DENIES, NOT_ON, ON, UNKNOWN, doctor, good
from clientct import CTPKI, fixture, s_server, write_config, write_openssl_conf
from daemons import nginx
from processes import TemporaryFolder, free_port
from tap import case, contains, equal, main, table


def connect(port, *more, client="unlogged", status):
    pki = fixture()
    return doctor("--connect", f"127.0.0.1:{port}", "--cert", pki / f"client-{client}.pem", "--key",
                  pki / f"client-{client}.key", *more, status=status)


@case
def two_certificates_make_the_difference():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf).wait_ready() as server:
            equal(connect(server.port, *good(), status=ON).count("alert 46"), 2, "versions of TLS with alert 46")
            contains(connect(server.port, status=UNKNOWN), "whether anybody gets in was not tried", "of one alone")
            contains(connect(server.port, *good(), client="good", status=NOT_ON), "gets in", "of a logged one")
            contains(connect(server.port, *good(), client="other-ca-good", status=UNKNOWN), "not as clientct", "it")
        with s_server(folder, "/dev/null", name="other").wait_ready() as server:
            contains(connect(server.port, *good(), status=NOT_ON), "nothing checks it", "of a server without clientct")
        config = write_config(folder)
        config.unlink()
        with s_server(folder, conf, name="denying").wait_ready() as server:
            contains(connect(server.port, *good(), status=DENIES), "not a log that makes the difference", "it")
        contains(connect(free_port(), *good(), status=UNKNOWN), "Connection refused", "of nobody")


@case
def servers_that_judge_after_the_handshake():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(connect(server.port, *good(), status=ON), " 400 ", "what nginx answers")
            config.unlink()
            server.stop()
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(connect(server.port, *good(), status=DENIES), " 400 ", "where it answers 400 to everybody")


class Listener(threading.Thread):
    """A server of a few lines: asks for a certificate, and then `behave`."""

    def __init__(self, behave, certificate="server", verify=True):
        super().__init__(daemon=True)
        self.behave, self.listener = behave, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.context.load_verify_locations(fixture() / "ca.pem")
        self.context.load_verify_locations(fixture() / "other-ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_OPTIONAL
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
                self.behave(self.context, plain)
                plain.close()
            except (OSError, ssl.SSLError):
                pass


def logged(tls):
    return tls.getpeercert(True) == (fixture() / "client-good.der").read_bytes()


def hang_up_on_the_unlogged(context, plain):
    with context.wrap_socket(plain, server_side=True) as tls:
        if logged(tls):
            tls.recv(100)
            tls.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        else:
            socket.socket(fileno=os.dup(tls.fileno())).shutdown(socket.SHUT_RDWR)  # as Node.js: no alert


@case
def servers_that_hang_up_without_an_alert():
    listener = Listener(hang_up_on_the_unlogged, fixture() / "server")
    contains(connect(listener.port, *good(), status=ON), "closed without an alert", "what it saw")
    listener.listener.close()


def answer(tls, text, pause=0):
    tls.recv(100)
    for part in text if pause else [text]:
        tls.sendall(part.encode())
        time.sleep(pause)


def judge(refusal, judged=logged, pause=0):
    """Serves whom it has judged well, and gives the others `refusal`."""
    def behave(context, plain):
        with context.wrap_socket(plain, server_side=True) as tls:
            answer(tls, "HTTP/1.1 200 400 OK\r\n\r\n" if judged(tls) else refusal, pause)
    return behave


def close_on_everybody(context, plain):
    with context.wrap_socket(plain, server_side=True) as tls:
        tls.recv(100)
        socket.socket(fileno=os.dup(tls.fileno())).shutdown(socket.SHUT_RDWR)


def every_second():
    """Two processes behind one port, of which the second lets everybody in."""
    turns = itertools.count()

    def behave(context, plain):
        (hang_up_on_the_unlogged if next(turns) % 4 < 3 else judge("", lambda tls: True))(context, plain)
    return behave


BAD_REQUEST = "HTTP/1.1 400 Bad Request\r\n\r\n"


BEHAVIOURS = {
    "drips": judge(BAD_REQUEST, pause=0.01),
    "400 elsewhere in the line": judge("HTTP/1.1 200 400 OK\r\n\r\n"),
    "another refusal of HTTP": judge("HTTP/1.1 403 Forbidden\r\n\r\n"),
    "400 to everybody": judge("", lambda tls: tls.sendall(BAD_REQUEST.encode()) or True),
    "no answer to anybody": close_on_everybody,
    "one of several processes": every_second(),
    "plain text": lambda _context, plain: plain.sendall(b"220 hello\r\n"),
    "400 to the unlogged": judge(BAD_REQUEST),
}


@table(
    ("drips", "client-unlogged", ON, "400 Bad Request"),
    ("400 elsewhere in the line", "client-unlogged", NOT_ON, "gets in"),
    ("another refusal of HTTP", "client-unlogged", NOT_ON, "gets in"),
    ("400 to everybody", "client-unlogged", DENIES, "not a log that makes the difference"),
    ("no answer to anybody", "client-unlogged", UNKNOWN, "or it does not speak HTTP"),
    ("one of several processes", "client-unlogged", NOT_ON, "gets in"),
    ("plain text", "client-unlogged", UNKNOWN, "no answer"),
    ("400 to the unlogged", "server", UNKNOWN, "not for TLS clients"),
    ("400 to the unlogged", "client-other-ca-good", UNKNOWN, "another CA"),
    ("400 to the unlogged", "rsa", UNKNOWN, "of another kind"),
    ("400 to the unlogged", "twin", UNKNOWN, "has not signed it"))
def what_a_server_does_says_no_more_than_that(what, client, status, said):
    pki = fixture()
    with TemporaryFolder() as folder:
        for name, options in (("rsa", ["--rsa"]), ("twin", [])):
            ca = pki / "ca"
            if name == "twin":
                ca = folder / "twin-ca"
                subprocess.run([CTPKI, "ca", "--out", ca, "--cn", "Fixture CA"], check=True)
            subprocess.run([CTPKI, "cert", "--out", folder / name, "--ca", ca, "--no-sct-ext", *options], check=True)
        path = pki / client if (pki / f"{client}.pem").exists() else folder / client
        listener = Listener(BEHAVIOURS[what], pki / "server", verify=False)
        text = doctor("--connect", f"127.0.0.1:{listener.port}", "--cert", f"{path}.pem", "--key", f"{path}.key",
                      *good(), status=status)
        contains(text, said, "what it says")
        listener.listener.close()


@case
def addresses_are_no_server_names():
    names = []
    listener = Listener(hang_up_on_the_unlogged, fixture() / "server")
    listener.context.sni_callback = lambda _tls, name, _context: names.append(name)
    connect(listener.port, *good(), status=ON)
    equal(set(names), {None}, "names for an address")
    names.clear()
    pki = fixture()
    doctor("--connect", f"localhost:{listener.port}", "--cert", pki / "client-unlogged.pem", "--key",
           pki / "client-unlogged.key", *good(), status=ON)
    equal(set(names), {"localhost"}, "names for a name")
    listener.listener.close()


@case
def an_expired_server_certificate_is_told():
    with TemporaryFolder() as folder:
        subprocess.run([CTPKI, "cert", "--out", folder / "old", "--ca", fixture() / "ca", "--server", "--no-sct-ext",
                        "--not-before", "2020-01-01T00:00:00Z", "--not-after", "2021-01-01T00:00:00Z"], check=True)
        listener = Listener(hang_up_on_the_unlogged, folder / "old")
        contains(connect(listener.port, *good(), status=ON), "server's own certificate has expired", "what it says")
        listener.listener.close()


@case
def a_silent_server_does_not_hold_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        connect(listener.getsockname()[1], *good(), status=UNKNOWN)
        equal(time.monotonic() - began < 60, True, "whether it ended soon")


if __name__ == "__main__":
    main()
