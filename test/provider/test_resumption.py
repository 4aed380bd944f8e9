# SPDX-License-Identifier: Apache-2.0
"""A resumed session skips the verification of the certificate: which of them may be resumed, with s_server."""
from clientct import VERSIONS, ask, client_context, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder
from tap import case, equal, main, table

# With -no_ticket a TLS 1.3 server sends tickets that name a session in its memory.
KINDS = {"ticket": (), "id": ("-no_ticket",)}


def second_connection(folder, config, version, kind, client="good"):
    """Connects, and again with the session of the first time; returns the second answer."""
    conf = write_openssl_conf(folder, config) if config else "/dev/null"
    with s_server(folder, conf, *KINDS[kind]).wait_ready() as server:
        context = client_context(client, version, tickets=kind == "ticket" or version == "TLSv1.3")
        first = ask(server.port, context)
        equal(first.served, True, "whether the first connection is served")
        second = ask(server.port, context, session=first.session)
        equal(second.served, True, "whether the second connection is served")
        return second


@table(*((version, kind) for version in VERSIONS for kind in KINDS))
def happens_by_default(version, kind):
    with TemporaryFolder() as folder:
        equal(second_connection(folder, write_config(folder), version, kind).reused, True, "resumed")


@table(*((version, kind) for version in VERSIONS for kind in KINDS))
def is_refused_where_that_is_set(version, kind):
    with TemporaryFolder() as folder:
        config = write_config(folder, resumption="refuse")
        equal(second_connection(folder, config, version, kind).reused, False, "resumed")


@table(*((version, kind) for version in VERSIONS for kind in KINDS))
def is_refused_in_report_mode_too(version, kind):
    with TemporaryFolder() as folder:
        config = write_config(folder, mode="report", resumption="refuse")
        equal(second_connection(folder, config, version, kind, "unlogged").reused, False, "resumed")


@table(*((version, kind) for version in VERSIONS for kind in KINDS))
def is_left_to_the_server_when_allowed(version, kind):
    with TemporaryFolder() as folder:
        config = write_config(folder, resumption="allow")
        equal(second_connection(folder, config, version, kind).reused, True, "resumed")


@table(*((version, kind) for version in VERSIONS for kind in KINDS))
def happens_without_the_component(version, kind):
    """Or the cases above would show nothing."""
    with TemporaryFolder() as folder:
        equal(second_connection(folder, None, version, kind).reused, True, "resumed")


@case
def is_left_to_the_server_for_clients_without_certificate():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf, optional=True).wait_ready() as server:
            context = client_context(None, "TLSv1.2")
            first = ask(server.port, context)
            equal(ask(server.port, context, session=first.session).reused, True, "resumed")


if __name__ == "__main__":
    main()
