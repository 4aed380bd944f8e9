# SPDX-License-Identifier: Apache-2.0
"""nginx with client certificates: it lets the handshake finish and answers 400 where verification failed."""
import os
from pathlib import Path

from clientct import (ENTRIES, JUDGED, VERSIONS, ask, client_context, expected_reason, fixture, need_same_openssl,
                      write_config, write_openssl_conf)
from processes import Server, TemporaryFolder, environment, free_port, program, wait_until
from tap import case, contains, equal, lacks, main, need, table

NGINX = program("nginx")
need(NGINX, "nginx")
need_same_openssl(NGINX, "nginx")


def nginx(folder, openssl_conf, tickets="on"):
    port = free_port()
    text = (Path(__file__).parent / "nginx.conf.in").read_text()
    for name, value in {"user": "user root;" if os.geteuid() == 0 else "", "folder": folder, "pki": fixture(),
                        "port": port, "tickets": tickets}.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "nginx.conf").write_text(text)
    return Server(folder, [NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], environment(openssl_conf),
                  port)


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    with TemporaryFolder() as folder:
        with nginx(folder, write_openssl_conf(folder, write_config(folder), entry)).wait_ready() as server:
            answer = ask(server.port, client_context(client, version))
            if expected_reason(client) is None:
                equal(answer.status, 200, "status of the answer")
                contains(answer.body, "verify=SUCCESS", "the answer")
            else:
                equal(answer.status, 400, "status of the answer")
                server.wait_output("client SSL certificate verify error: (71:")
            lacks(server.output(), "ignoring stale global SSL error", "nginx's log")


@case
def judges_by_server_name():
    with TemporaryFolder() as folder:
        with nginx(folder, write_openssl_conf(folder, write_config(folder))).wait_ready() as server:
            for client, status in (("good", 200), ("unlogged", 400), (None, 200)):
                context = client_context(client)
                context.check_hostname = False
                answer = ask(server.port, context, server_name="other.example",
                             request="GET / HTTP/1.0\r\nHost: other.example\r\n\r\n")
                equal(answer.status, status, f"status for {client or 'no certificate'} at other.example")


@table(*((version, tickets) for version in VERSIONS for tickets in ("on", "off")))
def resumes_sessions_in_both_workers(version, tickets):
    """One that made the session and one that did not: the ticket key is theirs together, and so is the cache."""
    with TemporaryFolder() as folder:
        with nginx(folder, write_openssl_conf(folder, write_config(folder)), tickets).wait_ready() as server:
            context = client_context("good", version, tickets=tickets == "on" or version == "TLSv1.3")
            session = ask(server.port, context).session
            for _ in range(8):
                answer = ask(server.port, context, session=session)
                equal((answer.status, answer.reused), (200, True), "status and whether it is a resumed session")


@table(*((version, tickets) for version in VERSIONS for tickets in ("on", "off")))
def resumes_no_session_where_that_is_set(version, tickets):
    with TemporaryFolder() as folder:
        config = write_config(folder, resumption="refuse")
        with nginx(folder, write_openssl_conf(folder, config), tickets).wait_ready() as server:
            context = client_context("good", version, tickets=tickets == "on" or version == "TLSv1.3")
            session = ask(server.port, context).session
            for _ in range(4):  # both workers
                answer = ask(server.port, context, session=session)
                equal((answer.status, answer.reused), (200, False), "status and whether it is a resumed session")


@table(*((version, tickets) for version in VERSIONS for tickets in ("on", "off")))
def resumes_where_that_is_allowed(version, tickets):
    with TemporaryFolder() as folder:
        config = write_config(folder, resumption="allow")
        with nginx(folder, write_openssl_conf(folder, config), tickets).wait_ready() as server:
            context = client_context("good", version, tickets=tickets == "on" or version == "TLSv1.3")
            session = ask(server.port, context).session
            equal(ask(server.port, context, session=session).reused, True, "resumed")


@table(*((version, tickets) for version in VERSIONS for tickets in ("on", "off")))
def resumes_no_session_for_another_name_or_another_policy(version, tickets):
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with nginx(folder, write_openssl_conf(folder, config), tickets).wait_ready() as server:
            context = client_context("good", version, tickets=tickets == "on" or version == "TLSv1.3")
            context.check_hostname = False
            session = ask(server.port, context).session
            for _ in range(4):
                answer = ask(server.port, context, session=session, server_name="other.example",
                             request="GET / HTTP/1.0\r\nHost: other.example\r\n\r\n")
                equal((answer.status, answer.reused), (200, False), "status and resumed, for another name")
            equal(ask(server.port, context, session=session).reused, True, "resumed for its own name")
            config.write_text(config.read_text() + "sct_store = /nowhere\n")
            wait_until(lambda: not ask(server.port, context, session=session).reused, "a worker to see the change")
            wait_until(lambda: not any(ask(server.port, context, session=session).reused for _ in range(4)),
                       "both workers to see it")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_without_the_component(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with nginx(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether nginx failed")


@case
def serves_on_with_a_broken_configuration():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        config.write_text("nonsense\n")
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("good")).status, 400, "status for a good certificate")
            context = client_context()
            context.check_hostname = False
            answer = ask(server.port, context, server_name="other.example",
                         request="GET / HTTP/1.0\r\nHost: other.example\r\n\r\n")
            equal(answer.status, 200, "status without certificate")


if __name__ == "__main__":
    main()
