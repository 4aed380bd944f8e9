# SPDX-License-Identifier: Apache-2.0
"""Every way an SCT can arrive, on a real server: who is let in, why not, and that `clientct verify` says the same."""
import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from clientct import CTPKI, ask, client_context, fixture, s_server, write_config, write_openssl_conf
from processes import LONGEST, TemporaryFolder, environment, run, wait_until
from tap import Skip, case, contains, equal, lacks, main, table

CLIENTCT = os.environ["CLIENTCT"]
GOCLIENT = os.environ.get("GOCLIENT")
MANY = 480  # SCTs of about 120 bytes: close to the 65,535 that a list can have


def pki(*arguments):
    subprocess.run([CTPKI, *map(str, arguments)], check=True, timeout=4 * LONGEST)


def prefix(client):
    return fixture() / f"client-{client}"


def issued_by():
    return fixture() / "ca"


def sct(log, faults=""):
    return "--sct", f"log={fixture() / log}{faults}"


def mint_list(out, *specs, client="unlogged", entry="x509", more=()):
    pki("scts", "--out", out, "--cert", prefix(client), "--issuer", issued_by(), "--entry", entry, *more,
        *(word for spec in specs for word in sct(*spec)))
    return out


def mint_ocsp(store, *specs, client="unlogged", more=()):
    store.mkdir(exist_ok=True)
    pki("ocsp", "--store", store, "--cert", prefix(client), "--ca", issued_by(), *more,
        *(word for spec in specs for word in sct(*spec)))


def tool_reason(config, client, *arguments):
    """What the tool decides: None for accept, else the reason."""
    done = subprocess.run([CLIENTCT, "verify", "--config", config, "--json", *map(str, arguments),
                           f"{prefix(client)}.pem"], stdout=subprocess.PIPE, timeout=LONGEST, check=False)
    answer = json.loads(done.stdout)
    return None if answer["verdict"] == "accept" else answer["reason"]


def go_client(server, client, scts=None, tls="1.3"):
    """Whether the Go client, which can send SCTs, was served."""
    if not GOCLIENT:
        raise Skip("no Go here to build the client that sends SCTs in TLS")
    status, said = run([GOCLIENT, "-connect", f"127.0.0.1:{server.port}", "-tls", tls, "-ca", fixture() / "ca.pem",
                        "-cert", f"{prefix(client)}.pem", "-key", f"{prefix(client)}.key",
                        *(["-scts", scts] if scts else [])], environment("/dev/null"))
    equal(said.split()[0], "accepted" if status == 0 else "refused", f"what the client says of status {status}")
    return status == 0


def judged(server, served, reason):
    equal(served, reason is None, f"whether it is served (expected: {reason or 'accept'}); the server says\n"
                                  + server.output())
    if reason is None:
        lacks(server.output(), "clientct: refused", "the server's output")
    else:
        server.wait_output(f"clientct: refused client certificate: {reason}:")


# --- TLS: extension 18 of the client's Certificate message ---

@table(
    ("one", [("log-a",)], {}, None),
    ("three logs", [("log-a",), ("log-b",), ("log-c",)], {}, None),
    ("good one behind bad ones", [("log-a", ",bad=signature"), ("log-x",), ("log-b",)], {}, None),
    ("good one behind an undecodable one", [("log-a", ",bad=truncated"), ("log-b",)], {}, None),
    ("sixty kilobytes of one log", [("log-a", f",count={MANY}")], {}, None),
    ("good one behind sixty kilobytes of unknown logs", [("log-x", f",count={MANY}"), ("log-a",)], {}, None),
    # Eight checks a log: what a client sends must not buy more.
    ("sixty kilobytes of bad signatures", [("log-a", f",count={MANY},bad=signature")], {}, "not-checked"),
    ("good one of another log behind them", [("log-a", f",count={MANY},bad=signature"), ("log-b",)], {}, None),
    ("tampered", [("log-a", ",bad=signature")], {}, "bad-signature"),
    ("unknown log", [("log-x",)], {}, "unknown-log"),
    ("future", [("log-a", ",time=+1h")], {}, "future-timestamp"),
    ("entry type of a precertificate", [("log-a",)], {"entry": "precert"}, "bad-signature"),
    ("another certificate's", [("log-a",)], {"client": "good"}, "bad-signature"),
    ("version 2", [("log-a", ",bad=version")], {}, "unsupported-version"),
    ("byte behind the signature", [("log-a", ",bad=trailing")], {}, "malformed-sct-list"),
)
def tls_scts_are_judged(name, specs, how, reason):
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="tls")
        scts = mint_list(folder / "scts", *specs, **how)
        equal(tool_reason(config, "unlogged", "--tls-scts", scts), reason, "the tool's verdict")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            judged(server, go_client(server, "unlogged", scts), reason)


@table(("1.3", None, "no-scts"), ("1.2", "scts", "no-scts"))
def without_tls_scts_an_unlogged_client_is_refused(tls, scts, reason):
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded, tls")
        scts = scts and mint_list(folder / scts, ("log-a",))
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            judged(server, go_client(server, "unlogged", scts, tls), reason)


@table(("1.2",), ("1.3",))
def embedded_scts_of_a_go_client_are_enough(tls):
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded, tls")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            judged(server, go_client(server, "good", tls=tls), None)


def served_within(server, scts, seconds=8):
    """Whether a client with these SCTs gets in before long, without a restart: changed files are seen by handshakes."""
    end = time.monotonic() + seconds
    while not go_client(server, "unlogged", scts):
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


@table(("nonsense", {"nonsense": "yes"}), ("other sources and back", {}))
def whether_tls_scts_are_asked_for_follows_the_settings(how, settings):
    """An SSL_CTX that was made under a broken configuration asks as soon as the configuration is mended."""
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="tls", **settings)
        scts = mint_list(folder / "scts", ("log-a",))
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            if settings:
                judged(server, go_client(server, "unlogged", scts), "config-error")
            else:
                judged(server, go_client(server, "unlogged", scts), None)
                write_config(folder, sources="embedded")
                wait_until(lambda: not go_client(server, "unlogged", scts), "a refusal without tls among the sources")
            write_config(folder, sources="tls")
            equal(served_within(server, scts), True, f"whether it is served; the server says\n{server.output()}")


@case
def a_server_that_cannot_ask_says_so():
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded")
        scts = mint_list(folder / "scts", ("log-a",))
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            write_config(folder, sources="embedded, tls")
            wait_until(lambda: not go_client(server, "unlogged", scts)
                       and "not looked at tls: the server" in server.output(),
                  "a refusal that says that the server does not ask")
            go_client(server, "unlogged", scts, "1.2")
            server.wait_output("not looked at tls: only TLS 1.3")


@case
def tls_scts_are_not_looked_at_where_sources_lacks_tls():
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded")
        scts = mint_list(folder / "scts", ("log-a",))
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            judged(server, go_client(server, "unlogged", scts), "no-scts")


@case
def scts_of_two_deliveries_are_pooled():
    with TemporaryFolder() as folder:
        store = folder / "store"
        store.mkdir()
        config = write_config(folder, sources="tls, store", sct_store=store, policy="two")
        config.write_text(config.read_text() + "[two]\nmin_scts = 2\n")
        tls = mint_list(folder / "scts", ("log-a",))
        conf = write_openssl_conf(folder, config)
        with s_server(folder, conf, name="alone").wait_ready() as server:
            judged(server, go_client(server, "unlogged", tls), "too-few-scts")
        pki("scts", "--store", store, "--cert", prefix("unlogged"), "--issuer", issued_by(), *sct("log-b"))
        equal(tool_reason(config, "unlogged", "--tls-scts", tls), None, "the tool's verdict")
        with s_server(folder, conf, name="both").wait_ready() as server:
            judged(server, go_client(server, "unlogged", tls), None)
            judged(server, go_client(server, "unlogged", tls), None)


# --- the store ---

@table(
    ("one", [("log-a",)], {}, None),
    ("bad neighbour", [("log-a", ",bad=signature"), ("log-b",)], {}, None),
    ("tampered", [("log-a", ",bad=signature")], {}, "bad-signature"),
    ("entry type of a precertificate", [("log-a",)], {"entry": "precert"}, "bad-signature"),
    ("another certificate's", [("log-a",)], {"client": "good"}, "bad-signature"),
    ("list with a byte behind", [("log-a",)], {"more": ["--list-bad", "trailing"]}, "malformed-sct-list"),
    ("empty list", [("log-a",)], {"more": ["--list-bad", "empty"]}, "malformed-sct-list"),
)
def store_is_judged(name, specs, how, reason):
    with TemporaryFolder() as folder:
        store = folder / "store"
        store.mkdir()
        config = write_config(folder, sources="store", sct_store=store)
        pki("scts", "--store", store, "--cert", prefix("unlogged"), "--issuer", issued_by(), *sct("log-a"))
        mint_list(next(store.iterdir()), *specs, **how)
        equal(tool_reason(config, "unlogged"), reason, "the tool's verdict")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            for version in "TLSv1.2", "TLSv1.3":
                served = ask(server.port, client_context("unlogged", version)).served
                judged(server, served, reason)


@table(("missing",), ("empty",), ("a file",), ("unreadable name",))
def store_that_has_nothing_harms_nobody(kind):
    with TemporaryFolder() as folder:
        store = folder / "store"
        if kind == "empty":
            store.mkdir()
        elif kind == "a file":
            store.write_text("no directory")
        elif kind == "unreadable name":
            store = folder / ("x" * 300)
        config = write_config(folder, sources="embedded, ocsp, store", sct_store=store, ocsp_store=store)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, True, "whether a logged client is served")
            lacks(server.output(), "clientct: refused", "the server's output")
            equal(ask(server.port, client_context("unlogged")).served, False, "whether an unlogged client is served")
            server.wait_output("clientct: refused client certificate: no-scts:")


@case
def store_is_read_while_the_server_runs():
    with TemporaryFolder() as folder:
        store = folder / "store"
        store.mkdir()
        config = write_config(folder, sources="store", sct_store=store)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            def served():
                return ask(server.port, client_context("unlogged")).served
            equal(served(), False, "before there is a file")
            pki("scts", "--store", store, "--cert", prefix("unlogged"), "--issuer", issued_by(), *sct("log-a"))
            equal(served(), True, "with the file")
            next(store.iterdir()).unlink()
            equal(served(), False, "when the file is gone")


# --- OCSP, which can come from the store only: OpenSSL servers cannot ask clients for it ---

@table(
    ("good", [("log-a",)], (), None),
    ("no nextUpdate", [("log-a",)], ("--next-update", "none"), None),
    ("bad neighbour", [("log-a", ",bad=signature"), ("log-b",)], (), None),
    ("no SCTs", [], (), "ocsp-unusable"),
    ("tampered SCT", [("log-a", ",bad=signature")], (), "bad-signature"),
    ("wrong key", [("log-a",)], ("--wrong-key",), "ocsp-unusable"),
    ("another certificate", [("log-a",)], ("--other-cert",), "ocsp-unusable"),
    ("expired", [("log-a",)], ("--this-update", "-2d", "--next-update", "-1d"), "ocsp-unusable"),
    ("not valid yet", [("log-a",)], ("--this-update", "+1h"), "ocsp-unusable"),
    ("unknown", [("log-a",)], ("--status", "unknown"), "ocsp-unusable"),
    ("revoked", [("log-a",)], ("--status", "revoked"), "revoked"),
    ("byte behind the OCTET STRING", [("log-a",)], ("--list-bad", "octet-trailing"), "ocsp-unusable"),
)
def ocsp_is_judged(name, specs, more, reason):
    with TemporaryFolder() as folder:
        store = folder / "store"
        config = write_config(folder, sources="ocsp", ocsp_store=store)
        mint_ocsp(store, *specs, more=more)
        equal(tool_reason(config, "unlogged"), reason, "the tool's verdict")
        equal(tool_reason(write_config(folder, sources="ocsp"), "unlogged", "--ocsp", next(store.iterdir())), reason,
              "the tool's verdict on the file")
        config = write_config(folder, sources="ocsp", ocsp_store=store)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            served = ask(server.port, client_context("unlogged")).served
            judged(server, served, reason)


@case
def delegated_responders_are_believed_and_strangers_are_not():
    with TemporaryFolder() as folder:
        store = folder / "store"
        config = write_config(folder, sources="ocsp", ocsp_store=store)
        for name, by, usage, reason in (("own", "ca", "OCSPSigning", None),
                                        ("usage", "ca", "clientAuth", "ocsp-unusable"),
                                        ("stranger", "other-ca", "OCSPSigning", "ocsp-unusable")):
            pki("responder", "--out", folder / name, "--ca", fixture() / by, "--eku", usage)
            mint_ocsp(store, ("log-a",), more=("--signer", folder / name))
            equal(tool_reason(config, "unlogged"), reason, f"the tool's verdict with the responder {name}")
            with s_server(folder, write_openssl_conf(folder, config), name=name).wait_ready() as server:
                judged(server, ask(server.port, client_context("unlogged")).served, reason)


@case
def revoked_refuses_a_logged_client_in_its_own_right():
    with TemporaryFolder() as folder:
        store = folder / "store"
        config = write_config(folder, sources="embedded, ocsp", ocsp_store=store)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, True, "before the response is there")
            mint_ocsp(store, client="good", more=("--status", "revoked"))
            equal(ask(server.port, client_context("good")).served, False, "once it is revoked")
            server.wait_output("clientct: refused client certificate: revoked:")
            # A response that cannot be used takes nothing away from a client that is logged.
            mint_ocsp(store, client="good", more=("--status", "revoked", "--wrong-key"))
            equal(ask(server.port, client_context("good")).served, True, "when a stranger says revoked")
        equal(tool_reason(config, "good"), None, "the tool's verdict")


@table(
    ("good", (), None, None, None),
    ("stale", ("--this-update", "-2d", "--next-update", "-1d"), None, None, "ocsp-unusable"),
    ("truncated", (), None, lambda der: der[:-1], "ocsp-unusable"),
    ("PEM", (), None, lambda der: b"-----BEGIN OCSP RESPONSE-----\n" + base64.encodebytes(der) +
     b"-----END OCSP RESPONSE-----\n", "ocsp-unusable"),
    ("certificate named by SHA-512", ("--id-digest", "sha512"), None, None, None),
    ("certificate named by SHA3-256", ("--id-digest", "sha3-256"), None, None, "ocsp-unusable"),
    ("responder that expired", (), "-1d", None, "ocsp-unusable"),
    ("responder of today", (), "+1d", None, None),
    ("stale, but revoked", ("--status", "revoked", "--this-update", "-2d", "--next-update", "-1d"), None, None,
     "revoked"),
)
def anything_but_good_refuses_where_good_is_required(_name, more, responder_until, change, reason):
    with TemporaryFolder() as folder:
        store = folder / "store"
        if responder_until:
            pki("responder", "--out", folder / "responder", "--ca", issued_by(), "--not-after", responder_until)
            more = (*more, "--signer", folder / "responder")
        mint_ocsp(store, ("log-a",), client="good", more=more)
        if change:
            response = next(store.iterdir())
            response.write_bytes(change(response.read_bytes()))
        required = write_config(folder, sources="embedded", ocsp_store=store, revocation="require")
        equal(tool_reason(required, "good"), reason, "the tool's verdict")
        with s_server(folder, write_openssl_conf(folder, required)).wait_ready() as server:
            judged(server, ask(server.port, client_context("good")).served, reason)
        # Without that, what cannot be used takes nothing away from a logged client; that it was revoked once does.
        asked = write_config(folder, sources="embedded, ocsp", ocsp_store=store)
        with s_server(folder, write_openssl_conf(folder, asked), name="without").wait_ready() as server:
            judged(server, ask(server.port, client_context("good")).served, reason if reason == "revoked" else None)


if __name__ == "__main__":
    main()
