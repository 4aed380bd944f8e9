# SPDX-License-Identifier: Apache-2.0
"""clientct replay: what it says of a run of nginx is what nginx did, and what it predicts is what nginx then does."""
import datetime
import hashlib
import json
import os
import ssl
import subprocess
import time

import daemons
from clientct import (CTPKI, ask, client_context, expectations, fixture, need_same_openssl, write_config,
                      write_openssl_conf)
from processes import LONGEST, TemporaryFolder, program, run, wait_until
from tap import case, contains, equal, main, need

NGINX = program("nginx")
CLIENTCT = os.environ.get("CLIENTCT")
need(NGINX, "nginx")
need(CLIENTCT, "the tool")
need_same_openssl(NGINX, "nginx")

NAMES = ("localhost", "strict.example", "lax.example")


def nginx(folder, config):
    return daemons.nginx(folder, write_openssl_conf(folder, config))


def der(client):
    text = (fixture() / f"client-{client}.pem").read_text()
    return ssl.PEM_cert_to_DER_cert(text.split("-----END", 1)[0] + "-----END CERTIFICATE-----\n")


def sha256(client):
    return hashlib.sha256(der(client)).hexdigest()


def clients():
    """All of the fixture whose chain a server verifies: others are turned away before anybody asks us."""
    return sorted(set(expectations()) - {"other-ca-good", "poison"})


def served(server, client, name="localhost"):
    context = client_context(client)
    context.check_hostname = False
    return ask(server.port, context, server_name=name).status == 200


def replay(*arguments, code=None):
    status, text = run([CLIENTCT, "replay", *arguments, "--json"])
    if code is not None:
        equal(status, code, text)
    return json.loads(text)


def locked_out(answer):
    return {row["sha256"] for row in answer["differences"] if row["change"] == "locked-out"}


def put_into_store(store, client):
    """SCTs over the final certificate, for one that has none in it."""
    store.mkdir()
    store.chmod(0o755)
    path = store / f"{sha256(client)}.sct"
    subprocess.run([CTPKI, "scts", "--out", path, "--cert", fixture() / f"client-{client}", "--issuer",
                    fixture() / "ca", "--sct", f"log={fixture() / 'log-a'}"], check=True, timeout=LONGEST)
    path.chmod(0o644)


@case
def same_settings_give_the_live_verdicts_to_the_letter():
    with TemporaryFolder() as folder:
        archive, store = folder / "archive.jsonl", folder / "store"
        put_into_store(store, "unlogged")
        config = write_config(folder, audit=f"file:{folder}/audit.json", archive=f"file:{archive}", sct_store=store,
                              ocsp_store=store, sources="embedded, tls, ocsp, store", shadow_policy="chrome",
                              rules="rules")
        config.write_text(config.read_text() + "[rules]\nstrict = strict\nlax = lax\nold = old\n"
                          "[strict]\nserver_name = strict.example\npolicy = two\n"
                          "[lax]\nserver_name = lax.example\nmode = report\n"
                          f"[old]\ncertificate = sha256:{sha256('tampered')}\nexempt = yes\n"
                          "expires = 2090-01-01T00:00:00Z\n[two]\nmin_scts = 2\nmin_operators = 2\n")
        with nginx(folder, config).wait_ready() as server:
            for client in clients():
                for name in NAMES:
                    served(server, client, name)
            served(server, "unlogged")
            served(server, "other-ca-good")
            served(server, "poison")
        lines = [json.loads(line) for line in (folder / "audit.json").read_text().splitlines()]
        live = {(line["tls.client.hash.sha256"].lower(), line["tls.client.server_name"]): line for line in lines
                if line["event.action"] == "client-certificate" and "clientct.chain" not in line}
        answer = replay("--config", config, archive, code=0)
        equal((answer["certificates"], answer["records"]), (len(clients()), len(live)), "certificates and records")
        equal((answer["identical"], answer["decisions"]), (len(live), len(live)), "answers that are the same")
        equal((answer["foreign_lines"], answer["lost_records"], answer["undecided"]), (0, 0, 0), "what was in the way")
        # The archive says what the audit says: the answers were compared with what was done.
        for text in archive.read_text().splitlines():
            record = json.loads(text)
            sha = hashlib.sha256(ssl.PEM_cert_to_DER_cert("-----BEGIN CERTIFICATE-----\n" + record["chain"][0] +
                                                          "\n-----END CERTIFICATE-----\n")).hexdigest()
            line = live[sha, record["server_name"]]
            equal((record["verdict"]["reason"], "accept" if record["verdict"]["accept"] else "refuse",
                   record["verdict"].get("rule"), record["verdict"]["detail"] or None),
                  (line["clientct.reason"], line["clientct.verdict"], line.get("clientct.rule"),
                   line.get("clientct.detail")), text[:200])
        equal(archive.stat().st_mode & 0o777, 0o600, "the archive's mode")


def predicted_is_what_happens(server, before, predicted, names):
    """Workers look at their files once a second, each for itself: the outcome is asked for until it holds."""
    def outcome():
        after = {client: served(server, client) for client in names}
        return ({sha256(client) for client in names if before[client] and not after[client]},
                {client for client in names if after[client] and not before[client]})
    wait_until(lambda: outcome() == (predicted, set()), f"{len(predicted)} clients, and no other, being locked out")
    equal(outcome(), (predicted, set()), "who is locked out, and who let in")


@case
def a_list_that_drops_a_log_is_predicted_and_happens():
    with TemporaryFolder() as folder:
        archive = folder / "archive.jsonl"
        original = json.loads((fixture() / "log_list.json").read_text())
        for operator in original["operators"]:
            operator["logs"] = [log for log in operator["logs"] if log["description"] != "Log A"]
        less = folder / "less.json"
        less.write_text(json.dumps(original))
        config = write_config(folder, archive=f"file:{archive}")
        names = clients()
        with nginx(folder, config).wait_ready() as server:
            before = {client: served(server, client) for client in names}
            new = folder / "new.cnf"
            new.write_text(config.read_text().replace(str(fixture() / "log_list.json"), str(less)))
            answer = replay("--config", new, archive, code=1)
            victims = [client for client in names if sha256(client) in locked_out(answer)]
            equal(bool(victims), True, "whether anybody is locked out")
            equal(answer["locked_out"], len(victims), "the number")
            config.write_text(new.read_text())
            predicted_is_what_happens(server, before, locked_out(answer), names)


@case
def a_policy_that_tightens_is_predicted_and_happens():
    with TemporaryFolder() as folder:
        archive = folder / "archive.jsonl"
        config = write_config(folder, archive=f"file:{archive}")
        names = clients()
        with nginx(folder, config).wait_ready() as server:
            before = {client: served(server, client) for client in names}
            new = folder / "new.cnf"
            new.write_text(config.read_text().replace("policy = one", "policy = two") +
                           "[two]\nmin_scts = 2\nmin_operators = 2\n")
            answer = replay("--config", new, archive, code=1)
            equal({row["after"] for row in answer["differences"] if row["change"] == "locked-out"} <=
                  {"too-few-scts", "too-few-operators"}, True, "the reasons")
            victims = [client for client in names if sha256(client) in locked_out(answer)]
            equal("good-one" in victims and "good" not in victims, True, "who is locked out")
            config.write_text(new.read_text())
            predicted_is_what_happens(server, before, locked_out(answer), names)
            # And back: what was archived under the new settings lets the same ones in again.
            text = run([CLIENTCT, "replay", "--config", new, "--against", new, archive])[1]
            contains(text, "No difference.", "the same settings against each other")


@case
def an_exemption_that_ends_is_predicted_to_the_second_and_happens():
    for patience in (15, 60):  # a machine may be slow
        with TemporaryFolder() as folder:
            archive = folder / "archive.jsonl"
            end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + \
                datetime.timedelta(seconds=patience)
            at = end.strftime("%Y-%m-%dT%H:%M:%SZ")
            config = write_config(folder, archive=f"file:{archive}", rules="rules")
            config.write_text(config.read_text() + "[rules]\nold = old\n[old]\nexempt = yes\n"
                              f"certificate = sha256:{sha256('unlogged')}\nexpires = {at}\n")
            names = ("good", "unlogged", "good-one")
            with nginx(folder, config).wait_ready() as server:
                before = {client: served(server, client) for client in names}
                later = (end + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
                answer = replay("--config", config, "--at", later, archive)
                if datetime.datetime.now(datetime.timezone.utc) >= end:
                    continue
                equal(before, {"good": True, "unlogged": True, "good-one": True}, "who is served before")
                equal(locked_out(answer), {sha256("unlogged")}, "who is locked out")
                moments = [row for row in answer["moments"] if row["change"] == "locked-out"]
                equal([(row["time"], row["certificates"], row["reason"]) for row in moments], [(at, 1, "no-scts")],
                      "when")
                while datetime.datetime.now(datetime.timezone.utc) < end:
                    time.sleep(0.05)
                predicted_is_what_happens(server, before, locked_out(answer), names)
                return
    raise AssertionError("the machine was too slow for an exemption of a minute")


if __name__ == "__main__":
    main()
