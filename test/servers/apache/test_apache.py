# SPDX-License-Identifier: Apache-2.0
"""Apache: children that have dropped root's rights, and certificates demanded by location, after the handshake."""
from clientct import (ENTRIES, JUDGED, VERSIONS, ask, client_context, expected_reason, need_same_openssl, write_config,
                      write_openssl_conf)
from daemons import APACHE, APACHE_MODULES, apache
from processes import TemporaryFolder
from tap import case, equal, main, need, table

need(APACHE, "Apache")
need_same_openssl(APACHE_MODULES / "mod_ssl.so", "Apache")


def get(server, client, version, page="/page"):
    context = client_context(client, version)
    context.post_handshake_auth = True
    return ask(server.port, context, request=f"GET {page} HTTP/1.0\r\nHost: localhost\r\n\r\n")


def judged(server, answer, reason, logged=True):
    """`logged`: whether Apache's log gives our reason, which it does in handshakes proper."""
    if reason is None:
        equal(answer.status, 200, "status")
        return
    equal(answer.status in (None, 403), True, f"whether it is refused, with {answer.status}")
    server.wait_output("Certificate Verification: Error (71)")
    if logged:
        server.wait_output(f"clientct: refused client certificate: {reason} (")


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    with TemporaryFolder() as folder:
        with apache(folder, write_openssl_conf(folder, write_config(folder), entry)).wait_ready() as server:
            judged(server, get(server, client, version), expected_reason(client))


@table(*((version,) for version in VERSIONS))
def judges_in_children_of_one_connection_each(version):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with apache(folder, conf, mpm="prefork").wait_ready() as server:
            for client in ("good", "unlogged") * 3:
                judged(server, get(server, client, version), expected_reason(client))


@table(*((version, client) for version in VERSIONS for client in JUDGED))
def judges_a_certificate_demanded_by_location(version, client):
    """Renegotiation in TLS 1.2, post-handshake authentication in TLS 1.3."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with apache(folder, conf, verify="none").wait_ready() as server:
            equal(get(server, client, version).status, 200, "status where no certificate is demanded")
            judged(server, get(server, client, version, "/demand/page"), expected_reason(client), version == "TLSv1.2")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_without_the_component(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with apache(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether Apache failed")


@case
def serves_on_with_a_broken_configuration():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        config.write_text("nonsense\n")
        with apache(folder, write_openssl_conf(folder, config), verify="optional").wait_ready() as server:
            judged(server, get(server, "good", "TLSv1.3"), "config-error")
            equal(get(server, None, "TLSv1.3").status, 200, "status without certificate")


if __name__ == "__main__":
    main()
