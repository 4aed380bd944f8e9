# SPDX-License-Identifier: Apache-2.0
"""A forking server of Python's: a context for each connection, made in the child."""
from pathlib import Path

from clientct import (ENTRIES, JUDGED, PYTHON, VERSIONS, ask, client_context, expected_reason, fixture,
                      need_same_openssl, ssl_of_python, write_config, write_openssl_conf)
from processes import Server, TemporaryFolder, environment, free_port
from tap import case, contains, equal, main, need, table

need(ssl_of_python(), "Debian's Python")
need_same_openssl(ssl_of_python(), "Debian's Python")


def python_server(folder, openssl_conf, when="demand"):
    port = free_port()
    pki = fixture()
    return Server(folder, [PYTHON, Path(__file__).parent / "server.py", port, pki / "ca.pem", pki / "server.pem",
                           pki / "server.key", when], environment(openssl_conf), port)


def judged(server, answer, client):
    if expected_reason(client) is None:
        contains(answer.body or "", "verified=True", f"what {client} gets")
    else:
        equal(answer.served, False, f"whether {client} is served")
        server.wait_output("failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                           "Certificate Transparency required, but no valid SCTs found")


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    with TemporaryFolder() as folder:
        with python_server(folder, write_openssl_conf(folder, write_config(folder), entry)).wait_ready() as server:
            judged(server, ask(server.port, client_context(client, version)), client)


@table(*((client,) for client in JUDGED))
def judges_after_the_handshake(client):
    with TemporaryFolder() as folder:
        with python_server(folder, write_openssl_conf(folder, write_config(folder)), "later").wait_ready() as server:
            context = client_context(client, "TLSv1.3")
            context.post_handshake_auth = True
            judged(server, ask(server.port, context), client)


@case
def new_connection_follows_a_changed_configuration():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with python_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served at first")
            write_config(folder, mode="report")
            equal(ask(server.port, client_context("unlogged")).served, True, "whether unlogged is served once reported")


if __name__ == "__main__":
    main()
