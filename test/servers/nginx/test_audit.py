# SPDX-License-Identifier: Apache-2.0
"""nginx records: workers without privileges write the file that root opened, across rotation and reload."""
import json
import os
import pwd
import signal

import daemons
from clientct import ask, client_context, fixture, need_same_openssl, write_config, write_openssl_conf
from processes import TemporaryFolder, program, run, wait_until
from tap import Skip, case, contains, equal, main, need

NGINX = program("nginx")
CLIENTCT = os.environ.get("CLIENTCT")
need(NGINX, "nginx")
need_same_openssl(NGINX, "nginx")


def nginx(folder, config):
    return daemons.nginx(folder, write_openssl_conf(folder, config))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def decisions(path):
    return [line for line in lines(path) if line["event.action"] == "client-certificate"]


def connect(server, client, status):
    equal(ask(server.port, client_context(client, "TLSv1.3")).status, status, f"status for {client}")


@case
def workers_write_what_the_master_opened():
    with TemporaryFolder() as folder:
        audit = folder / "audit.json"
        with nginx(folder, write_config(folder, audit=f"file:{audit}")).wait_ready() as server:
            for _ in range(4):
                connect(server, "good", 200)
            connect(server, "unlogged", 400)
            found = decisions(audit)
            equal(len(found), 5, "lines")
            last = found[-1]
            for key, want in {"clientct.verdict": "refuse", "clientct.reason": "no-scts", "client.ip": "127.0.0.1",
                              "tls.version": "1.3", "tls.version_protocol": "tls", "process.name": "nginx",
                              "tls.client.server_name": "localhost", "event.outcome": "failure"}.items():
                equal(last.get(key), want, key)
            equal(last["client.port"] > 0 and last["event.duration"] > 0, True, "port and duration")
            contains(last["tls.client.subject"], "CN=", "the subject")
            equal(found[0]["clientct.scts"][0]["status"], "valid", "the first client's SCT")
            loaded = [line for line in lines(audit) if line["event.action"] == "configuration-loaded"]
            equal(len(loaded), 1, "times that the configuration was said to be loaded")
            if os.geteuid() == 0:
                workers = {line["process.pid"] for line in found}
                equal(server.process.pid in workers, False, "whether the master decided")
                for pid in workers:
                    equal(os.stat(f"/proc/{pid}").st_uid, pwd.getpwnam("nobody").pw_uid, "the worker's user")
                equal((audit.stat().st_uid, audit.stat().st_mode & 0o777), (0, 0o600), "owner and mode of the file")


@case
def a_rotated_file_is_followed_at_the_reload():
    with TemporaryFolder() as folder:
        audit = folder / "audit.json"
        with nginx(folder, write_config(folder, audit=f"file:{audit}")).wait_ready() as server:
            connect(server, "good", 200)
            audit.rename(folder / "audit.json.1")
            connect(server, "good", 200)
            rotated = folder / "audit.json.1"
            if os.geteuid() == 0:
                equal(len(decisions(rotated)), 2, "lines in the old file, which the workers cannot make anew")
            server.process.send_signal(signal.SIGHUP)
            wait_until(audit.exists, "the new file")

            def in_the_new_file():
                connect(server, "good", 200)
                return len(decisions(audit)) > 0
            wait_until(in_the_new_file, "a line in the new file")


@case
def a_setting_that_changes_is_followed():
    with TemporaryFolder() as folder:
        first, second = folder / "first.json", folder / "second.json"
        second.touch()
        second.chmod(0o666)
        with nginx(folder, write_config(folder, audit=f"file:{first}")).wait_ready() as server:
            connect(server, "good", 200)
            write_config(folder, audit=f"file:{second}", mode="report")

            def in_the_second():
                ask(server.port, client_context("unlogged", "TLSv1.3"))
                return decisions(second)
            line = wait_until(in_the_second, "a line in the second file")[-1]
            equal((line["clientct.verdict"], line["clientct.would_be"], line["clientct.mode"]),
                  ("accept", "refuse", "report"), "what the line says")
            broken = folder / "clientct.cnf"
            broken.write_text("mode = nonsense\n")

            def failure():
                connect(server, "good", 200)
                return [one for one in lines(second) if one["event.action"] == "configuration-failed"]
            contains(wait_until(failure, "the failure")[0]["message"], "nonsense", "the event")


@case
def chains_that_did_not_verify_are_marked_and_lock_nobody_out():
    """nginx goes on after any error and answers 400 later: anybody can come with any certificate."""
    if not CLIENTCT:
        raise Skip("no tool")
    with TemporaryFolder() as folder:
        audit = folder / "audit.json"
        with nginx(folder, write_config(folder, audit=f"file:{audit}", mode="report")).wait_ready() as server:
            connect(server, "good", 200)
            connect(server, "other-ca-good", 400)
            good, stranger = decisions(audit)
            equal(good.get("clientct.chain"), None, "what is said of a chain that verified")
            equal(stranger.get("clientct.chain"), "rejected", "what is said of a stranger's")
            contains(stranger["clientct.chain_error"], "certificate", "why")
            status, text = run([CLIENTCT, "report", audit, "--json"])
            report = json.loads(text)
            equal((status, report["decisions"], report["rejected_chains"], report["locked_out"]), (0, 1, 1, 0), text)


@case
def the_report_reads_what_nginx_wrote():
    if not CLIENTCT:
        raise Skip("no tool")
    with TemporaryFolder() as folder:
        audit = folder / "audit.json"
        config = write_config(folder, audit=f"file:{audit}", mode="report")
        with nginx(folder, config).wait_ready() as server:
            for client in ("good", "unlogged", "unknown-log", "unlogged"):
                connect(server, client, 200)
            status, text = run([CLIENTCT, "report", audit, "--json"])
            report = json.loads(text)
            equal((status, report["decisions"], report["locked_out"], report["foreign_lines"]), (1, 4, 2, 0),
                  "the report")
            equal(len(report["unknown_logs"]), 1, "unknown logs")
            status, rules = run([CLIENTCT, "report", audit, "--exempt-list"])
            config.write_text(config.read_text().replace("mode = report\n", "") + rules)

            def enforced():
                return ask(server.port, client_context("tampered", "TLSv1.3")).status == 400
            wait_until(enforced, "the new configuration")
            for client in ("good", "unlogged", "unknown-log"):
                connect(server, client, 200)


if __name__ == "__main__":
    main()
