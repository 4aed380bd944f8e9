# SPDX-License-Identifier: Apache-2.0
"""stunnel before a plain server: the handshake fails, and its log shows our reason."""
import socket
import threading
from pathlib import Path

from clientct import (ENTRIES, JUDGED, VERSIONS, ask, client_context, expected_reason, fixture, need_same_openssl,
                      write_config, write_openssl_conf)
from processes import Server, TemporaryFolder, environment, free_port, program
from tap import Skip, equal, main, need, table

STUNNEL = program("stunnel4") or program("stunnel")
need(STUNNEL, "stunnel")
need_same_openssl(STUNNEL, "stunnel")


class Backend:
    """Answers every connection with a page, in a thread of this test."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nbackend\n")
                except OSError:
                    pass

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


def stunnel(folder, openssl_conf, backend, anchors=None):
    port = free_port()
    pki = fixture()
    anchors = anchors or f"CAfile = {pki}/ca.pem"
    path = folder / "stunnel.conf"
    path.write_text("\n".join([
        "foreground = yes", "debug = info", "pid =", "syslog = no", "[service]", "client = no",
        f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{backend}", f"cert = {pki}/server.pem",
        f"key = {pki}/server.key", anchors, "verifyChain = yes", ""]))
    return Server(folder, [STUNNEL, path], environment(openssl_conf), port)


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    reason = expected_reason(client)
    with TemporaryFolder() as folder, Backend() as backend:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        with stunnel(folder, conf, backend.port).wait_ready() as server:
            equal(ask(server.port, client_context(client, version)).served, reason is None, "served")
            if reason is not None:
                server.wait_output(f"clientct: refused client certificate: {reason}")


@table(*((version, resumption) for version in VERSIONS for resumption in ("checked", "refuse")))
def resumes_sessions_as_it_is_set(version, resumption):
    with TemporaryFolder() as folder, Backend() as backend:
        conf = write_openssl_conf(folder, write_config(folder, resumption=resumption))
        with stunnel(folder, conf, backend.port).wait_ready() as server:
            context = client_context("good", version)
            first = ask(server.port, context)
            second = ask(server.port, context, session=first.session)
            equal((second.served, second.reused), (True, resumption == "checked"), "served and resumed")


@table(*((entry,) for entry in ENTRIES))
def anchors_come_from_the_store(entry):
    if b"CAstore" not in Path(STUNNEL).read_bytes():
        raise Skip("this stunnel has no CAstore")
    with TemporaryFolder() as folder, Backend() as backend:
        config = write_config(folder, rules="rules")
        with open(config, "a", encoding="ascii") as out:
            out.write(f"[rules]\nours = ours\n[ours]\nissuer = {fixture()}/ca.pem\npolicy = one\n")
        conf = write_openssl_conf(folder, config, entry)
        with stunnel(folder, conf, backend.port, "CAstore = clientct:anchors").wait_ready() as server:
            for client, served in ("good", True), ("unlogged", False), ("other-ca-good", False):
                equal(ask(server.port, client_context(client)).served, served, f"whether {client} is served")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_without_the_component(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with stunnel(folder, conf, free_port()) as server:
            equal(server.wait_end() != 0, True, "whether stunnel failed")


if __name__ == "__main__":
    main()
