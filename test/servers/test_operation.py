"""What an operator does with servers that run: files change under them, they are counted, and asked if it is on."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import prometheus
from clientct import (MODULE, ask, client_context, fixture, linked_openssl, s_server, write_config,
                      write_openssl_conf)
from processes import (Server, TemporaryFolder, accepts_connections, environment, free_port, program, run,
                       wait_until)
from tap import Skip, case, contains, equal, main, table

CLIENTCT = os.environ["CLIENTCT"]
NGINX, HAPROXY = program("nginx"), program("haproxy")
STUNNEL = program("stunnel4") or program("stunnel")
ROOT = os.geteuid() == 0


def need(path, name, as_root=False):
    if not path:
        raise Skip(f"{name} is not installed")
    if as_root and not ROOT:
        raise Skip("needs root")
    if linked_openssl(path) != linked_openssl(MODULE):
        raise Skip(f"{name} is linked with another OpenSSL than the component's")


def nginx(folder, conf):
    """Workers have other rights than the master, where that can be."""
    need(NGINX, "nginx")
    folder.chmod(0o755)
    port = free_port()
    text = (Path(__file__).parent / "nginx" / "nginx.conf.in").read_text()
    for name, value in {"user": "user nobody nogroup;" if ROOT else "", "folder": folder, "pki": fixture(),
                        "port": port, "tickets": "off"}.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "nginx.conf").write_text(text)
    server = Server(folder, [NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], environment(conf), port)
    server.served = lambda client: ask(port, client_context(client, tickets=False)).status == 200
    return server


def haproxy(folder, conf, chroot=False):
    need(HAPROXY, "HAProxy", chroot)
    port = free_port()
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    (folder / "empty").mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "haproxy.cfg").write_text("\n".join([
        "global", f"  chroot {folder}/empty\n  user nobody" if chroot else "", "defaults", "  mode http",
        "  timeout connect 5s", "  timeout client 5s", "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {pki}/ca.pem verify required",
        "  http-request return status 200 content-type text/plain string ok", ""]))
    arguments = ["-W", "-db"] if chroot else ["-db"]
    server = Server(folder, [HAPROXY, *arguments, "-f", folder / "haproxy.cfg"], environment(conf), port)
    server.served = lambda client: ask(port, client_context(client)).served
    return server


def stunnel(folder, conf):
    need(STUNNEL, "stunnel")
    port, behind = free_port(), free_port()
    pki = fixture()
    (folder / "stunnel.conf").write_text("\n".join([
        "foreground = yes", "pid =", "debug = info", "[service]", f"accept = 127.0.0.1:{port}",
        f"connect = 127.0.0.1:{behind}", f"cert = {pki}/server.pem", f"key = {pki}/server.key",
        f"CAfile = {pki}/ca.pem", "verifyChain = yes", "requireCert = yes", ""]))
    backend = Server(folder, ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(behind)], environment(),
                     behind, "backend")
    backend.wait_ready()
    server = Server(folder, [STUNNEL, folder / "stunnel.conf"], environment(conf), port)
    stop = server.stop
    server.stop = lambda: (stop(), backend.stop())
    server.served = lambda client: ask(port, client_context(client)).served
    return server


SERVERS = {"nginx": nginx, "haproxy": haproxy, "stunnel": stunnel}


def replace(path, text):
    new = Path(f"{path}.new")
    new.write_text(text)
    new.rename(path)


def until(server, client, served):
    """With traffic until the verdict is this one. Two seconds are promised; a busy machine is given more."""
    def settled():  # nginx has two workers, and each looks for itself
        return all(server.served(client) == served for _ in range(6))
    wait_until(settled, lambda: f"{client} to be {'served' if served else 'refused'}:\n{server.output()}", 8)


@table(*((name,) for name in SERVERS))
def running_servers_follow_their_files(name):
    with TemporaryFolder() as folder:
        log_list = folder / "log_list.json"
        shutil.copy(fixture() / "log_list.json", log_list)
        config = write_config(folder, log_list=log_list)
        enforcing = config.read_text()
        with SERVERS[name](folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal((server.served("good"), server.served("unlogged")), (True, False), "at the start")
            replace(config, enforcing + "mode = off\n")  # the emergency switch
            until(server, "unlogged", True)
            log_list.write_text("{")  # in place; while it is broken the last good one stays, and the switch works
            replace(config, enforcing)
            until(server, "unlogged", False)
            equal(server.served("good"), True, "whether good is served with the list as it was")
            config.unlink()
            until(server, "unlogged", False)
            equal(server.served("good"), True, "whether good is served with the settings as they were")
            config.write_text(enforcing.replace("policy = one", "policy = three") + "[three]\nmin_scts = 3\n")
            until(server, "good", False)
            replace(config, enforcing)
            until(server, "good", True)
            replace(log_list, (fixture() / "log_list.json").read_text())
            until(server, "good", True)


@case
def a_server_in_a_chroot_keeps_what_it_has_until_it_is_reloaded():
    with TemporaryFolder() as folder:
        metrics = folder / "metrics"
        metrics.mkdir()
        config = write_config(folder, metrics=metrics)
        with haproxy(folder, write_openssl_conf(folder, config), chroot=True).wait_ready() as server:
            equal((server.served("good"), server.served("unlogged")), (True, False), "at the start")
            replace(config, config.read_text() + "mode = off\n")
            for _ in range(15):  # more than a second: it looks, and sees nothing
                equal((server.served("good"), server.served("unlogged")), (True, False), "in the chroot")
                subprocess.run(["sleep", "0.1"], check=True)
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            equal(prometheus.value(samples, "clientct_verdicts_total"), 32, "verdicts counted from inside the chroot")
            text = run([CLIENTCT, "doctor", "--pid", server.process.pid])[1]
            contains(text, "cannot read", "what doctor says of the files")
            server.process.send_signal(12)  # SIGUSR2: HAProxy's own reload
            until(server, "unlogged", True)


@case
def postgresql_with_a_process_a_connection_follows_its_own_reload():
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if os.path.isdir("/usr/lib/postgresql") else []
    psql = program("psql")
    need(binaries and psql and binaries[-1] / "postgres", "PostgreSQL")
    with TemporaryFolder() as folder:
        data, pki, port = folder / "data", fixture(), free_port()
        metrics = folder / "metrics"
        metrics.mkdir()
        as_user = ["runuser", "-u", "postgres", "--"] if ROOT else []
        config = write_config(folder, reload="context", metrics=metrics)
        conf = write_openssl_conf(folder, config)
        key = folder / "server.key"
        shutil.copy(pki / "server.key", key)
        key.chmod(0o600)
        if ROOT:
            for path in (folder, key, metrics):
                shutil.chown(path, "postgres")
        status, said = run([*as_user, binaries[-1] / "initdb", "-D", data, "-A", "trust", "-N"], environment(),
                           seconds=60)
        equal(status, 0, f"initdb: {said}")
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")
        user = "postgres" if ROOT else os.environ.get("USER", "postgres")
        with Server(folder, [*as_user, binaries[-1] / "postgres", "-D", data, "-p", port, "-k", folder,
                             "-c", "listen_addresses=127.0.0.1", "-c", "ssl=on",
                             "-c", f"ssl_cert_file={pki}/server.pem", "-c", f"ssl_key_file={key}",
                             "-c", f"ssl_ca_file={pki}/ca.pem"],
                    environment(conf), port) as server:
            def served(client):
                chosen = folder / f"{client}.key"
                shutil.copy(pki / f"client-{client}.key", chosen)
                chosen.chmod(0o600)
                return run([psql, f"host=127.0.0.1 port={port} dbname=postgres user={user} sslmode=require "
                            f"sslcert={pki}/client-{client}.pem sslkey={chosen}", "-c", "select 1"],
                           environment())[0] == 0
            wait_until(lambda: accepts_connections(port) and served("good"), server.output)
            equal(served("unlogged"), False, "unlogged at the start")
            before = prometheus.value(prometheus.parse(run([CLIENTCT, "metrics", metrics])[1]),
                                      "clientct_verdicts_total")
            for _ in range(5):
                served("good")
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            equal(prometheus.value(samples, "clientct_verdicts_total"), before + 5, "verdicts of five processes")
            equal(len([name for name in os.listdir(metrics) if name.startswith("postgres.")]), 1, "files of counters")
            replace(config, config.read_text() + "mode = off\n")
            equal(served("unlogged"), False, "before the reload")
            pid = int((data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 1)
            wait_until(lambda: served("unlogged"), server.output)


@case
def workers_of_nginx_are_counted():
    with TemporaryFolder() as folder:
        metrics = folder / "metrics"
        metrics.mkdir()
        metrics.chmod(0o1777 if ROOT else 0o755)  # for the workers
        with nginx(folder, write_openssl_conf(folder, write_config(folder, metrics=metrics))).wait_ready() as server:
            for client in ["good"] * 6 + ["unlogged"] * 3:
                server.served(client)
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            for verdict, reason, want in (("accept", "compliant", 6), ("refuse", "no-scts", 3)):
                equal(prometheus.value(samples, "clientct_verdicts_total", policy="one", verdict=verdict,
                                       reason=reason), want, reason)
            equal(prometheus.value(samples, "clientct_verdict_duration_seconds_count"), 9, "the histogram's count")
            equal(prometheus.value(samples, "clientct_processes_in_mode", mode="enforce") >= 2, True, "processes")
            age = prometheus.value(samples, "clientct_log_list_age_seconds", list=str(fixture() / "log_list.json"))
            equal(age != 0, True, "the list's age")
        samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
        equal(prometheus.value(samples, "clientct_verdicts_total"), 9, "verdicts when the server is gone")
        equal(sorted(os.listdir(metrics)), ["folded", "lock"], "what is left in the directory")


def doctor(*arguments, env=None, status):
    found, text = run([CLIENTCT, "doctor", *arguments], env or environment())
    equal(found, status, f"doctor {arguments}:\n{text}")
    return text


@case
def doctor_tells_a_server_that_checks_from_one_that_does_not():
    with TemporaryFolder() as folder:
        (folder / "m").mkdir()
        config = write_config(folder, metrics=folder / "m")
        conf = write_openssl_conf(folder, config)
        with s_server(folder, conf).wait_ready() as server:
            text = doctor("--pid", server.process.pid, status=0)
            for part in ("is loaded into process", "which the component is built for", "dead-man switch  is there",
                         "mode = enforce", "can read clientct.cnf", "enforce, generation 1"):
                contains(text, part, "what it says")
            answer = json.loads(doctor("--pid", server.process.pid, "--json", status=0))
            equal((answer["answer"], {row["status"] for row in answer["findings"]}), ("on", {"good", "note"}), "answer")
            doctor("--pid", server.process.pid, "--config", os.path.relpath(config), status=0)
            text = doctor("--pid", server.process.pid, "--config", "/another.cnf", status=1)
            contains(text, "not /another.cnf", "what it says")
            write_config(folder, mode="off")
            contains(doctor("--pid", server.process.pid, status=1), "mode = off", "what it says")
        with s_server(folder, "/dev/null", name="other").wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=1), "not loaded into process", "what it says")
        contains(doctor("--pid", 2 ** 22 + 1, status=1), "no process", "what it says of no process")


@table(
    ("module", "[clientct_module]", "confg = /x", 0, "for which everybody is refused"),
    ("provider", "[clientct_provider]", "confg = /x", 1, "which the component as a provider cannot see"),
    ("provider", "[clientct_provider]", "default_properties = fips=yes", 0, "is usable"),
    ("module", "[init]", "config_diagnostics = 1", 1, "move it to the top of the file"))
def doctor_reads_openssl_cnf_as_openssl_does(entry, section, line, status, said):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        conf.write_text(conf.read_text().replace(f"{section}\n", f"{section}\n{line}\n"))
        contains(doctor("--", "openssl", env=environment(conf), status=status), said, "what it says")


@case
def doctor_looks_at_a_program_before_it_starts():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        doctor("--", "openssl", "s_server", env=environment(conf), status=0)
        contains(doctor("--", "openssl", env=environment(), status=1), "OPENSSL_CONF is not set",
                 "without the variable")
        missing = write_openssl_conf(folder, write_config(folder), so="/nonexistent/clientct.so", name="missing.cnf")
        contains(doctor("--", "openssl", env=environment(missing), status=1), "cannot be found", "without component")
        loose = write_openssl_conf(folder, write_config(folder), dead_man_switch=False, name="loose.cnf")
        contains(doctor("--", "openssl", env=environment(loose), status=0), "is missing", "without dead-man switch")
        (folder / "broken.cnf").write_text("[unclosed\n")
        contains(doctor("--", "openssl", env=environment(folder / "broken.cnf"), status=1), "broken.cnf:1", "broken")
        copy = folder / "openssl"
        shutil.copy(program("openssl"), copy)
        copy.chmod(0o4755)
        contains(doctor("--", copy, env=environment(conf), status=1), "setuid", "of a setuid program")
        (folder / "nginx").symlink_to(program("openssl"))
        (folder / "only.cnf").write_text(conf.read_text().replace("nginx = init", "nginx = other"))
        contains(doctor("--", folder / "nginx", env=environment(folder / "only.cnf"), status=1), "nginx reads (other)",
                 "of nginx's own key")


def probe(port, client, status):
    pki = fixture()
    return doctor("--connect", f"127.0.0.1:{port}", "--cert", pki / f"client-{client}.pem", "--key",
                  pki / f"client-{client}.key", status=status)


@case
def doctor_proves_refusal_from_outside():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf).wait_ready() as server:
            equal(probe(server.port, "unlogged", 0).count("alert 46"), 2, "versions of TLS with alert 46")
            contains(probe(server.port, "good", 1), "is accepted", "of a logged certificate")
            contains(probe(server.port, "other-ca-good", 3), "but not as clientct does", "of another CA's certificate")
        with s_server(folder, "/dev/null", name="other").wait_ready() as server:
            contains(probe(server.port, "unlogged", 1), "is accepted", "of a server without clientct")
        contains(probe(free_port(), "unlogged", 3), "cannot connect", "of nobody")


@case
def doctor_understands_servers_that_judge_later():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(probe(server.port, "unlogged", 0), " 400 ", "what nginx answers")
            contains(doctor("--pid", server.process.pid, status=3), "--config", "what it wants to know")
            text = doctor("--pid", server.process.pid, "--config", config, status=0)
            contains(text, "(user 65534)" if ROOT else "(user", "whose rights are tried")


if __name__ == "__main__":
    main()
