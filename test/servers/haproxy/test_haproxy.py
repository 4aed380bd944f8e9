# SPDX-License-Identifier: Apache-2.0
"""HAProxy: an own session cache, chroot after the start, and crt-ignore-err for watching."""
import json
import signal
import subprocess
import time

from clientct import (CTPKI, ENTRIES, JUDGED, VERSIONS, ask, client_context, expected_reason, fixture,
                      need_same_openssl, write_config, write_openssl_conf)
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program, wait_until
from tap import case, equal, main, need, table

HAPROXY = program("haproxy")
need(HAPROXY, "HAProxy")
need_same_openssl(HAPROXY, "HAProxy")


def haproxy(folder, openssl_conf, bind="", options=("-db",)):
    port = free_port()
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    path = folder / "haproxy.cfg"
    path.write_text("\n".join([
        "global", "  log stderr local0", "defaults", "  mode http", "  log global", "  option httplog",
        "  timeout connect 5s", "  timeout client 5s", "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {pki}/ca.pem verify required {bind}",
        "  http-request return status 200 content-type text/plain lf-string verify=%[ssl_c_err]", ""]))
    return Server(folder, [HAPROXY, *options, "-f", path], environment(openssl_conf), port)


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


@table(("embedded, ocsp, store", True), ("embedded, tls", False), ("nonsense", False))
def has_scts_of_its_own_only_where_we_ask_for_none(sources, starts):
    """Server certificates with .sctl files need extension 18, which a context has once; with settings that cannot be
    used it is taken, so that it is there when they are mended."""
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


@case
def lines_of_a_master_that_executed_itself_anew_are_told_apart():
    """Its process id stays, and its numbers begin again."""
    with TemporaryFolder() as folder:
        audit = folder / "audit.json"
        conf = write_openssl_conf(folder, write_config(folder, audit=f"file:{audit}", reload="context"))
        with haproxy(folder, conf, options=("-W", "-db")).wait_ready() as server:
            def lines():
                return [json.loads(line) for line in audit.read_text().splitlines()]

            def loaded(times):
                ask(server.port, client_context("good"))
                return sum(line["event.action"] == "configuration-loaded" for line in lines()) >= times
            wait_until(lambda: loaded(1), "the first start")

            def started_anew():
                server.process.send_signal(signal.SIGUSR2)  # a master that still starts may miss one
                deadline = time.monotonic() + 3
                while time.monotonic() < deadline:
                    if loaded(2):
                        return True
                    time.sleep(0.1)
                return False
            wait_until(started_anew, "the second start")
            seen = lines()
            names = {(line["process.entity_id"], line["event.sequence"]) for line in seen}
            equal(len(names), len(seen), "lines that entity and sequence tell apart")
            equal({line["process.entity_id"].rsplit("-", 1)[1] for line in seen},
                  {str(line["process.pid"]) for line in seen}, "process ids in the entities")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_without_the_component(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with haproxy(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether HAProxy failed")


if __name__ == "__main__":
    main()
