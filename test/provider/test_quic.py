# SPDX-License-Identifier: Apache-2.0
"""A QUIC server, where OpenSSL has one: its handshake is that of TLS 1.3, and so is what happens to certificates."""
import os

from clientct import ENTRIES, JUDGED, OPENSSL, expected_reason, fixture, write_config, write_openssl_conf
from processes import Server, TemporaryFolder, environment, free_port, run
from tap import contains, lacks, main, table


def connect(port, client, *more):
    """What the client says."""
    pki = fixture()
    return run([OPENSSL, "s_client", "-quic", "-alpn", "test", "-connect", f"127.0.0.1:{port}", "-CAfile",
                pki / "ca.pem", "-cert", pki / f"client-{client}.pem", "-key", pki / f"client-{client}.key", *more],
               environment("/dev/null"), "x\n")[1]


@table(*((entry, client) for entry in ENTRIES for client in JUDGED))
def judges(entry, client):
    reason = expected_reason(client)
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        port = free_port()
        env = environment(conf, FIXTURE=str(fixture()))
        with Server(folder, [os.environ["QUIC_SERVER"], port], env, port) as server:
            server.wait_output("listening")
            connect(port, client)
            if reason is None:
                server.wait_output("accepted")
                lacks(server.output(), "clientct", "the server's output")
            else:
                server.wait_output("verify result 71")
                contains(server.output(), f"refused: clientct: refused client certificate: {reason}", "its output")
                lacks(server.output(), "accepted", "the server's output")
            # One refused connection must not stop the others.
            count = server.output().count("accepted")
            connect(port, "good")
            server.wait_output("accepted\n" * (count + 1) if reason is None else "accepted")


@table(("checked", "Reused, TLSv1.3"), ("refuse", "New, TLSv1.3"))
def resumes_as_it_is_set(resumption, expected):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder, resumption=resumption))
        port = free_port()
        env = environment(conf, FIXTURE=str(fixture()))
        with Server(folder, [os.environ["QUIC_SERVER"], port], env, port) as server:
            server.wait_output("listening")
            contains(connect(port, "good", "-sess_out", folder / "session"), "New, TLSv1.3", "the first time")
            contains(connect(port, "good", "-sess_in", folder / "session"), expected, "the second time")


if __name__ == "__main__":
    main()
