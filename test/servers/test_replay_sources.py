# SPDX-License-Identifier: Apache-2.0
"""clientct replay of clients with SCTs in TLS and OCSP in the store; and archives that lose records."""
import base64
import datetime
import hashlib
import json
import os
import subprocess

from clientct import CTPKI, ask, client_context, fixture, s_server, write_config, write_openssl_conf
from processes import LONGEST, TemporaryFolder, environment, run, wait_until
from tap import Skip, case, contains, equal, main

CLIENTCT = os.environ["CLIENTCT"]
GOCLIENT = os.environ.get("GOCLIENT")
DAY = datetime.timedelta(days=1)


def prefix(client):
    return fixture() / f"client-{client}"


def pki(*arguments):
    subprocess.run([CTPKI, *map(str, arguments)], check=True, timeout=4 * LONGEST)


def sct(log, faults=""):
    return "--sct", f"log={fixture() / log}{faults}"


def scts(out, *specs, client="unlogged", more=()):
    pki("scts", "--out", out, "--cert", prefix(client), "--issuer", fixture() / "ca", "--entry", "x509", *more,
        *(word for spec in specs for word in sct(*spec)))
    return out


def ocsp(store, client, *more, log=True):
    """A response in the store; with an SCT of Log A in it."""
    pki("ocsp", "--store", store, "--cert", prefix(client), "--ca", fixture() / "ca", *more,
        *(sct("log-a") if log else ()))


def go_client(server, client, lists=None, tls="1.3"):
    if not GOCLIENT:
        raise Skip("no Go here to build the client that sends SCTs in TLS")
    return run([GOCLIENT, "-connect", f"127.0.0.1:{server.port}", "-tls", tls, "-ca", fixture() / "ca.pem",
                "-cert", f"{prefix(client)}.pem", "-key", f"{prefix(client)}.key",
                *(["-scts", lists] if lists else [])], environment("/dev/null"))[0] == 0


def replay(*arguments, code):
    status, text = run([CLIENTCT, "replay", *arguments, "--json"])
    equal(status, code, text)
    return json.loads(text)


def records(archive):
    return [json.loads(line) for line in archive.read_text().splitlines()]


def sha256(record):
    return hashlib.sha256(base64.b64decode(record["chain"][0])).hexdigest()


def live(audit):
    """What the server did, as its audit says: of each certificate all of it, in order."""
    found = {}
    for line in map(json.loads, audit.read_text().splitlines()):
        if line["event.action"] == "client-certificate":
            found.setdefault(line["tls.client.hash.sha256"].lower(), []).append(
                (line["clientct.verdict"], line["clientct.reason"], line.get("clientct.detail")))
    return found


def kept(archive):
    found = {}
    for record in records(archive):
        verdict = record["verdict"]
        found.setdefault(sha256(record), []).append(("accept" if verdict["accept"] else "refuse", verdict["reason"],
                                                     verdict["detail"] or None))
    return found


def changed(archive, folder, change, which=lambda record: True):
    """The archive with one record changed."""
    lines = records(archive)
    change(next(record for record in lines if which(record)))
    path = folder / "changed.jsonl"
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return path


def with_bit_flipped(name):
    def change(record):
        data = bytearray(base64.b64decode(record[name]))
        data[-1] ^= 1
        record[name] = base64.b64encode(data).decode()
    return change


def certificate(client):
    text = (fixture() / f"client-{client}.pem").read_text()
    return base64.b64decode("".join(text.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split()))


def flip_signature(record):
    """Of the serial number, which the SCTs are over."""
    data = bytearray(base64.b64decode(record["chain"][0]))
    data[data.index(b"\xa0\x03\x02\x01\x02\x02") + 8] ^= 1
    record["chain"][0] = base64.b64encode(data).decode()


@case
def scts_in_tls_and_ocsp_give_the_live_verdicts_to_the_letter():
    with TemporaryFolder() as folder:
        store, archive, audit = folder / "store", folder / "archive.jsonl", folder / "audit.json"
        store.mkdir()
        config = write_config(folder, sources="embedded, tls, ocsp", ocsp_store=store, archive=f"file:{archive}",
                              audit=f"file:{audit}", shadow_policy="chrome")
        ocsp(store, "tampered")  # an SCT of the response is what lets it in
        ocsp(store, "good", "--status", "revoked")
        ocsp(store, "future", "--wrong-key")
        ocsp(store, "empty-list", "--this-update", "-2d", "--next-update", "-1d")
        ocsp(store, "unknown-log", log=False)
        ocsp(store, "good-one")
        cut = store / f"{hashlib.sha256(certificate('good-one')).hexdigest()}.ocsp"
        cut.write_bytes(cut.read_bytes()[:-1])
        lists = [None, scts(folder / "a", ("log-a",)), scts(folder / "b", ("log-a", ",bad=signature")),
                 scts(folder / "c", ("log-x",)), scts(folder / "d", ("log-a", ",time=+1h")),
                 scts(folder / "e", ("log-a", ",bad=version")), scts(folder / "f", ("log-a", ",bad=trailing")),
                 scts(folder / "g", ("log-a", ",bad=signature"), ("log-x",), ("log-b",))]
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            served = [go_client(server, "unlogged", path) for path in lists]
            equal(served, [False, True, False, False, False, False, False, True], "who is served by SCTs in TLS")
            equal(go_client(server, "replayed", scts(folder / "r", ("log-b",), client="replayed")), True, "replayed")
            equal(go_client(server, "mixed", tls="1.2"), True, "a client of TLS 1.2")
            served = {client: go_client(server, client) for client in
                      ("tampered", "good", "future", "empty-list", "unknown-log", "good-one")}
            equal(served, {"tampered": True, "good": False, "future": False, "empty-list": False,
                           "unknown-log": False, "good-one": True}, "who is served with OCSP in the store")
        equal(kept(archive), live(audit), "what the archive says of the verdicts, and what the audit does")
        equal({verdict[1] for verdicts in kept(archive).values() for verdict in verdicts},
              {"compliant", "no-scts", "bad-signature", "unknown-log", "future-timestamp", "unsupported-version",
               "malformed-sct-list", "revoked"}, "the reasons that came up")
        count = len(records(archive))
        equal(count, 16, "records")
        answer = replay("--config", config, archive, code=0)
        equal((answer["identical"], answer["decisions"], answer["differences"]), (count, count, []), "what is the same")

        # The store of this machine is not looked into: the archive has all of it.
        for path in store.iterdir():
            path.unlink()
        equal(replay("--config", config, archive, code=0)["identical"], count, "what is the same without the store")

        # And it is what the archive holds that decides.
        def is_of(client):
            return lambda record: sha256(record) == hashlib.sha256(certificate(client)).hexdigest()

        def tls_let_in(record):
            return "tls_scts" in record and record["verdict"]["accept"]

        for name, change, which, wanted in (
                ("a bit of an SCT", with_bit_flipped("tls_scts"), tls_let_in, ("locked_out", "bad-signature")),
                ("no SCTs", lambda record: record.pop("tls_scts"), tls_let_in, ("locked_out", "no-scts")),
                ("a bit of a response", with_bit_flipped("ocsp"), is_of("tampered"), ("locked_out", "bad-signature")),
                ("no response", lambda record: record.pop("ocsp"), is_of("tampered"), ("locked_out", "bad-signature")),
                ("not revoked", lambda record: record.pop("ocsp"), is_of("good"), ("let_in", "compliant")),
                ("a bit of the certificate", flip_signature, is_of("mixed"), ("locked_out", "bad-signature")),
                ("another reason", lambda record: record["verdict"].update(reason="no-scts"), is_of("future"),
                 ("otherwise", "future-timestamp"))):
            answer = replay("--config", config, changed(archive, folder, change, which), code=1)
            equal((answer["identical"], answer[wanted[0]], [row["after"] for row in answer["differences"]]),
                  (count - 1, 1, [wanted[1]]), name)


@case
def where_ocsp_is_required_its_end_is_predicted():
    with TemporaryFolder() as folder:
        store, archive, audit = folder / "store", folder / "archive.jsonl", folder / "audit.json"
        store.mkdir()
        config = write_config(folder, sources="embedded, ocsp", ocsp_store=store, revocation="require",
                              archive=f"file:{archive}", audit=f"file:{audit}")
        pki("responder", "--out", folder / "responder", "--ca", fixture() / "ca", "--eku", "OCSPSigning")
        ocsp(store, "good", "--next-update", "+3d")
        ocsp(store, "good-three", "--next-update", "+30d", "--signer", folder / "responder")
        ocsp(store, "mixed", "--this-update", "-2d", "--next-update", "-1d")
        ocsp(store, "rsa-key", "--status", "revoked")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            served = {client: ask(server.port, client_context(client)).served
                      for client in ("good", "good-three", "mixed", "rsa-key", "good-one")}
        equal(served, {"good": True, "good-three": True, "mixed": False, "rsa-key": False, "good-one": False},
              "who is served")
        equal(kept(archive), live(audit), "what the archive says of the verdicts, and what the audit does")
        equal({verdict[1] for verdicts in kept(archive).values() for verdict in verdicts},
              {"compliant", "revoked", "ocsp-missing", "ocsp-unusable"}, "the reasons that came up")
        equal(replay("--config", config, archive, code=0)["identical"], 5, "what is the same")
        now = datetime.datetime.now(datetime.timezone.utc)
        equal(replay("--config", config, "--at", f"{now + 2 * DAY:%Y-%m-%dT%H:%M:%SZ}", archive, code=0)["locked_out"],
              0, "who falls out in two days")
        answer = replay("--config", config, "--at", f"{now + 4 * DAY:%Y-%m-%dT%H:%M:%SZ}", archive, code=1)
        moments = [(row["change"], row["reason"], row["certificates"]) for row in answer["moments"]]
        equal((answer["locked_out"], moments), (1, [("locked-out", "ocsp-unusable", 1)]), "who falls out in four days")
        end = datetime.datetime.fromisoformat(answer["moments"][0]["time"].replace("Z", "+00:00"))
        equal(abs((end - now - 3 * DAY).total_seconds()) < 600, True, f"when: {end}")


@case
def records_that_are_lost_are_counted_in_the_metrics():
    with TemporaryFolder() as folder:
        there, metrics, audit = folder / "there", folder / "metrics", folder / "audit.json"
        archive = there / "archive.jsonl"
        metrics.mkdir()
        config = write_config(folder, archive=f"file:{archive}", metrics=metrics, audit=f"file:{audit}")

        def counted(name):
            text = run([CLIENTCT, "metrics", metrics])[1]
            contains(text, f"{name} ", "the metrics")
            return int(next(line for line in text.splitlines() if line.startswith(f"{name} ")).rsplit(" ", 1)[1])
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            for client in ("good", "unlogged", "good"):
                ask(server.port, client_context(client))
            equal([counted(f'clientct_archive_records_{name}') for name in
                   ('lost_total{cause="sink"}', 'lost_total{cause="rate"}', 'written_total')], [3, 0, 0],
                  "records that were lost, and written")
            contains(audit.read_text(), '"archive-lost"', "the audit")
            there.mkdir(mode=0o755)

            def written():
                ask(server.port, client_context("good"))
                return counted("clientct_archive_records_written_total") == 1
            wait_until(written, "a record")
        lost = counted('clientct_archive_records_lost_total{cause="sink"}')
        equal(sum(record.get("lost", 0) for record in records(archive)), lost, "what the records say was lost")
        text = run([CLIENTCT, "replay", "--config", config, archive])[1]
        contains(text, f"{lost} records lost by the servers, as they say", "what replay says")


if __name__ == "__main__":
    main()
