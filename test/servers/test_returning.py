# SPDX-License-Identifier: Apache-2.0
"""Clients that come back to real servers: resumed while nothing has changed, judged anew once the policy has."""
import os
import socket
import struct
import subprocess
from pathlib import Path

import prometheus
from clientct import (PYTHON, VERSIONS, ask, client_context, fixture, need_our_openssl, ssl_of_python, write_config,
                      write_openssl_conf)
from daemons import apache, haproxy, nginx, postgresql, stunnel
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program, run, wait_until
from tap import Skip, equal, main, table

HERE = Path(__file__).parent


def python(folder, conf):
    """Threads, with one context."""
    need_our_openssl(ssl_of_python(), "Debian's Python")
    port = free_port()
    return Server(folder, [PYTHON, HERE / "python" / "threads.py", port, fixture() / "ca.pem", fixture() / "server.pem",
                           fixture() / "server.key"], environment(conf), port)


def node(folder, conf):
    path = program("node")
    if not path:
        raise Skip("Node.js is not installed")
    if b"OPENSSL_INIT_set_config_appname" not in Path(path).read_bytes():  # else its OpenSSL is in it, and bound to
        libraries = subprocess.run(["ldd", path], check=False, stdout=subprocess.PIPE).stdout.decode().split()
        need_our_openssl(next((word for word in libraries if "/libnode.so" in word), path), "Node.js")
    conf.write_text("nodejs_conf = init\n" + conf.read_text())
    port = free_port()
    pki = fixture()
    return Server(folder, [program("node"), "-e", f"""
        const read = require('fs').readFileSync;
        require('https').createServer({{ca: read('{pki}/ca.pem'), cert: read('{pki}/server.pem'),
            key: read('{pki}/server.key'), requestCert: true, rejectUnauthorized: true}},
            (request, response) => response.end('hello')).listen({port}, '127.0.0.1');"""], environment(conf), port)


def ask_page(server, context, session, page="/"):
    answer = ask(server.port, context, session=session, request=f"GET {page} HTTP/1.0\r\nHost: localhost\r\n\r\n")
    return answer.status == 200, answer.reused, answer.session


def ask_apache(server, context, session):
    return ask_page(server, context, session, "/page")


def ask_postgresql(server, context, session):
    """TLS begins by a request of PostgreSQL's own; then its answer to a login is R, or E for an error."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=LONGEST) as plain:
            plain.sendall(struct.pack("!ii", 8, 80877103))
            if plain.recv(1) != b"S":
                return False, False, None
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                words = f"user\0{server.user}\0database\0postgres\0\0".encode()
                tls.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
                return tls.recv(1) == b"R", tls.session_reused, tls.session
    except OSError:
        return False, False, None


# The server, how to ask it, and whether it resumes sessions: PostgreSQL never does, by its own wish.
SERVERS = {
    "nginx": (nginx, ask_page, True),
    "apache": (apache, ask_apache, True),
    "haproxy": (haproxy, ask_page, True),
    "stunnel": (stunnel, ask_page, True),
    "python": (python, ask_page, True),
    "node": (node, ask_page, True),
    "postgresql": (postgresql, ask_postgresql, False),
}


@table(*((name, version) for name in SERVERS for version in VERSIONS))
def comes_back(name, version):
    start, talk, resumes = SERVERS[name]
    with TemporaryFolder() as folder:
        more = {} if resumes else {"reload": "context"}  # PostgreSQL has a process a connection
        config = write_config(folder, **more)
        with start(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            context = client_context("good", version)
            _, _, session = wait_until(lambda: [first for first in [talk(server, context, None)] if first[0]],
                                       lambda: f"the client to be served at first:\n{server.output()}")[0]
            for _ in range(2):
                served, reused, _ = talk(server, context, session)
                equal((served, reused), (True, resumes), f"served and resumed, the next time:\n{server.output()}")
            write_config(folder, sources="tls", **more)
            if not resumes:
                server.reload()
            wait_until(lambda: not talk(server, context, session)[0], "the tightened policy")
            for _ in range(4):
                served, _, _ = talk(server, context, session)
                equal(served, False, "whether the client is served after all")


@table(*((version,) for version in VERSIONS))
def what_haproxys_own_cache_undoes_is_counted(version):
    """3.0 gives another context to what it takes out of it, and the first session shows that it does; 3.2 leaves it."""
    with TemporaryFolder() as folder:
        metrics = folder / "metrics"
        metrics.mkdir()
        conf = write_openssl_conf(folder, write_config(folder, metrics=metrics))
        with haproxy(folder, conf, bind="no-tls-tickets").wait_ready() as server:
            context, session = client_context("good", version), None
            resumed = []
            for _ in range(5):
                served, reused, session = ask_page(server, context, session)
                equal(served, True, "whether the client is served")
                resumed.append(reused)
            left = resumed[1]
            equal(resumed, [False] + 4 * [left], "what was resumed")
            samples = prometheus.parse(run([os.environ["CLIENTCT"], "metrics", metrics])[1])
            counted = {outcome: prometheus.value(samples, "clientct_sessions_total", outcome=outcome)
                       for outcome in ("resumable", "undone")}
            equal(counted, {"resumable": 1, "undone": 0 if left else 4}, "what became of the sessions")
            write_config(folder, metrics=metrics, sources="tls")
            wait_until(lambda: not ask_page(server, context, session)[0], "the tightened policy")


if __name__ == "__main__":
    main()
