# SPDX-License-Identifier: Apache-2.0
"""What an operator does with servers that run: files change under them, and they are counted."""
import datetime
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import prometheus
from clientct import ask, client_context, fixture, s_server, write_config, write_openssl_conf
from daemons import ROOT, haproxy, nginx, postgresql, stunnel
from processes import TemporaryFolder, accepts_connections, environment, run, wait_until
from tap import case, contains, equal, main, table

CLIENTCT = os.environ["CLIENTCT"]
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
        metrics, audit = folder / "metrics", folder / "audit.json"
        metrics.mkdir()
        config = write_config(folder, metrics=metrics, audit=f"file:{audit}")
        with haproxy(folder, write_openssl_conf(folder, config), chroot=True).wait_ready() as server:
            equal((server.served("good"), server.served("unlogged")), (True, False), "at the start")
            replace(config, config.read_text() + "mode = off\n")
            for _ in range(15):  # more than a second: it looks, and sees nothing
                equal((server.served("good"), server.served("unlogged")), (True, False), "in the chroot")
                subprocess.run(["sleep", "0.1"], check=True)
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            equal(prometheus.value(samples, "clientct_verdicts_total"), 32, "verdicts counted from inside the chroot")
            lines = [json.loads(line) for line in audit.read_text().splitlines()]
            verdicts = [line for line in lines if line["event.action"] == "client-certificate"]
            equal(len(verdicts), 32, "lines from inside the chroot")
            text = run([CLIENTCT, "doctor", "--pid", server.process.pid])[1]
            contains(text, "cannot read", "what doctor says of the files")
            server.process.send_signal(12)  # SIGUSR2: HAProxy's own reload
            until(server, "unlogged", True)


@case
def postgresql_with_a_process_a_connection_follows_its_own_reload():
    with TemporaryFolder() as folder:
        metrics = folder / "metrics"
        metrics.mkdir()
        if ROOT:
            shutil.chown(metrics, "postgres")
        config = write_config(folder, reload="context", metrics=metrics)
        with postgresql(folder, write_openssl_conf(folder, config)) as server:
            pki, port, user = fixture(), server.port, server.user

            def served(client):
                chosen = folder / f"{client}.key"
                shutil.copy(pki / f"client-{client}.key", chosen)
                chosen.chmod(0o600)
                return run([server.psql, f"host=127.0.0.1 port={port} dbname=postgres user={user} sslmode=require "
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
            server.reload()
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


@case
def a_denial_by_openssl_cnf_is_no_success():
    with TemporaryFolder() as folder:
        audit, metrics = folder / "audit.json", folder / "metrics"
        metrics.mkdir()
        config = write_config(folder, audit=f"file:{audit}", metrics=metrics)
        with s_server(folder, write_openssl_conf(folder, config, section="confg = /tmp/x")).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, False, "whether good is served")
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            for name, want in (("denying_all", 1), ("config_failed", 0), ("log_lists_failed", 0)):
                equal(prometheus.value(samples, f"clientct_processes_{name}"), want, name)
            process, = json.loads(run([CLIENTCT, "metrics", metrics, "--json"])[1])["processes"]
            contains(process["why"], "confg", "why it refuses everybody")
        events = [line for line in map(json.loads, audit.read_text().splitlines())
                  if line["event.action"] != "client-certificate"]
        equal([(event["event.action"], event["event.outcome"]) for event in events], [("denying-all", "failure")],
              "the events")
        contains(events[0]["message"], "confg", "what the event says")


@case
def a_list_that_becomes_stale_shows_in_the_gauges():
    with TemporaryFolder() as folder:
        metrics, log_list = folder / "metrics", folder / "log_list.json"
        metrics.mkdir()
        shutil.copy(fixture() / "log_list.json", log_list)
        made = json.loads(log_list.read_text())["log_list_timestamp"]
        age = time.time() - datetime.datetime.fromisoformat(made.replace("Z", "+00:00")).timestamp()
        config = write_config(folder, log_list, metrics=metrics, on_stale="refuse", log_list_max_age=f"{int(age) + 4}s")

        def denying():
            ask(server.port, client_context("unlogged"))
            samples = prometheus.parse(run([CLIENTCT, "metrics", metrics])[1])
            return prometheus.value(samples, "clientct_processes_denying_all")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(denying(), 0, "before")
            wait_until(lambda: denying() == 1, "the gauge to follow")


if __name__ == "__main__":
    main()
