# SPDX-License-Identifier: Apache-2.0
"""openssl s_server with the component: who is let in, by both entries and both versions of TLS."""
from clientct import (ENTRIES, JUDGED, OPENSSL, VERSIONS, ask, client_context, expected_reason, fixture, s_server,
                      write_config, write_openssl_conf)
from processes import TemporaryFolder, environment, run
from tap import case, contains, equal, lacks, main, table

CERTIFICATE_UNKNOWN = "alert number 46"


def s_client(server, client, version):
    flag = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version]
    pki = fixture()
    return run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", flag, "-ign_eof",
                "-CAfile", pki / "ca.pem", "-cert", pki / f"client-{client}.pem", "-key", pki / f"client-{client}.key"],
               environment("/dev/null"), "GET / HTTP/1.0\r\n\r\n")[1]


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    reason = expected_reason(client)
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        with s_server(folder, conf).wait_ready() as server:
            said = s_client(server, client, version)
            if reason is None:
                contains(said, "HTTP/1.0 200", "a logged client's page")
                lacks(server.output(), "clientct", "the server's output")
            else:
                lacks(said, "HTTP/1.0 200", "a refused client's connection")
                contains(said, CERTIFICATE_UNKNOWN, "a refused client's alert")
                server.wait_output(f"clientct: refused client certificate: {reason}:")
                contains(server.output(), "verify error:num=71", "the server's verify callback")
            equal(ask(server.port, client_context("good", version)).served, True, "a logged client afterwards")


@table(("good-one",), ("good-rsa-log",), ("good-three",), ("tampered-plus-good",), ("mixed",), ("rsa-key",),
       ("empty-list",), ("trailing",), ("two-sct-ext",), ("poison",))
def judges_the_odd_ones(client):
    reason = expected_reason(client)
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        # OpenSSL by itself refuses the poison extension, which is critical: -ignore_critical leaves that to us.
        with s_server(folder, conf, "-ignore_critical").wait_ready() as server:
            equal(ask(server.port, client_context(client)).served, reason is None, f"whether {client} is served")
            if reason is not None:
                server.wait_output(f"clientct: refused client certificate: {reason}:")


@case
def serves_a_client_without_certificate_where_it_is_optional():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf, optional=True).wait_ready() as server:
            equal(ask(server.port, client_context()).served, True, "whether it is served")


@table(("report",), ("off",))
def mode_lets_everybody_in(mode):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder, mode=mode))
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, True, "whether unlogged is served")


@case
def still_refuses_what_openssl_refuses():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("other-ca-good")).served, False, "whether another CA's is served")
            lacks(server.output(), "clientct", "the server's output")


@case
def follows_the_sni_switch_to_another_context():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        pki = fixture()
        with s_server(folder, conf, "-servername", "other.example", "-cert2", pki / "server.pem", "-key2",
                      pki / "server.key").wait_ready() as server:
            for client in ("good", "unlogged"):
                context = client_context(client)
                context.check_hostname = False
                equal(ask(server.port, context, server_name="other.example").served, client == "good",
                      f"whether {client} is served at the other name")


if __name__ == "__main__":
    main()
