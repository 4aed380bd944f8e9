"""HAProxy: an own session cache, chroot after the start, and crt-ignore-err for watching."""
import subprocess

from clientct import (CTPKI, ENTRIES, JUDGED, VERSIONS, ask, client_context, expected_reason, fixture,
                      need_same_openssl, write_config, write_openssl_conf)
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program
from tap import case, equal, main, need, table

HAPROXY = program("haproxy")
need(HAPROXY, "HAProxy")
need_same_openssl(HAPROXY, "HAProxy")


def haproxy(folder, openssl_conf, bind=""):
    port = free_port()
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    path = folder / "haproxy.cfg"
    path.write_text("\n".join([
        "global", "  log stderr local0", "defaults", "  mode http", "  log global", "  option httplog",
        "  timeout connect 5s", "  timeout client 5s", "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {pki}/ca.pem verify required {bind}",
        "  http-request return status 200 content-type text/plain lf-string verify=%[ssl_c_err]", ""]))
    return Server(folder, [HAPROXY, "-db", "-f", path], environment(openssl_conf), port)


@table(*((entry, version, client) for entry in ENTRIES for version in VERSIONS for client in JUDGED))
def judges(entry, version, client):
    with TemporaryFolder() as folder:
        with haproxy(folder, write_openssl_conf(folder, write_config(folder), entry)).wait_ready() as server:
            equal(ask(server.port, client_context(client, version)).served, expected_reason(client) is None, "served")


@case
def watches_with_crt_ignore_err():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with haproxy(folder, conf, "crt-ignore-err 71").wait_ready() as server:
            answer = ask(server.port, client_context("unlogged"))
            equal((answer.status, answer.body.splitlines()[-1]), (200, "verify=71"), "status and verification error")


@table(*((version, resumption) for version in VERSIONS for resumption in ("checked", "refuse")))
def resumes_sessions_as_it_is_set(version, resumption):
    """With a message callback of its own, which does not matter."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder, resumption=resumption))
        with haproxy(folder, conf).wait_ready() as server:
            context = client_context("good", version)
            first = ask(server.port, context)
            second = ask(server.port, context, session=first.session)
            equal((second.served, second.reused), (True, resumption == "checked"), "served and resumed")


@table(("embedded, ocsp, store", True), ("embedded, tls", False))
def has_scts_of_its_own_only_where_we_ask_for_none(sources, starts):
    """Server certificates with .sctl files need extension 18, which a context has once."""
    with TemporaryFolder() as folder:
        pki = fixture()
        subprocess.run([CTPKI, "scts", "--out", folder / "server.pem.sctl", "--cert", pki / "server", "--issuer",
                        pki / "ca", "--sct", f"log={pki / 'log-a'}"], check=True, timeout=LONGEST)
        with haproxy(folder, write_openssl_conf(folder, write_config(folder, sources=sources))) as server:
            if starts:
                server.wait_ready()
                for client in JUDGED:
                    equal(ask(server.port, client_context(client)).served, expected_reason(client) is None, client)
            else:
                equal(server.wait_end() != 0, True, "whether HAProxy failed")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_without_the_component(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with haproxy(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether HAProxy failed")


if __name__ == "__main__":
    main()
