# SPDX-License-Identifier: Apache-2.0
"""Clients of every kind: our question for SCTs disturbs none of them, and each gets the verdict that is due."""
import json
import os
import re
import subprocess
from pathlib import Path

from clientct import (CTPKI, OPENSSL, VERSIONS, ask, client_context, fixture, s_server, write_config,
                      write_openssl_conf)
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program, run
from tap import Skip, case, contains, equal, lacks, main, table

GOCLIENT = os.environ.get("GOCLIENT")
GO = os.environ.get("GO")
PAGE = "Ciphers supported in s_server binary"
REQUEST = "GET / HTTP/1.0\r\n\r\n"


def curl(port, version, cert, key, anchors):
    number = version.removeprefix("TLSv")
    return ["curl", "-sS", "--cacert", anchors, "--cert", cert, "--key", key, f"--tlsv{number}", "--tls-max", number,
            f"https://127.0.0.1:{port}/"]


def s_client(port, version, cert, key, anchors):
    return [OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}[version],
            "-CAfile", anchors, "-cert", cert, "-key", key, "-ign_eof"]


def gnutls_cli(port, version, cert, key, anchors):
    return ["gnutls-cli", "--x509cafile", anchors, "--x509certfile", cert, "--x509keyfile", key, "--priority",
            f"NORMAL:-VERS-ALL:+VERS-{version.replace('v', '')}", "-p", port, "--sni-hostname", "localhost",
            "--verify-hostname", "localhost", "127.0.0.1"]


def node(port, version, cert, key, anchors):
    return ["node", "-e", f"""
        const read = require('fs').readFileSync;
        require('https').get({{host: '127.0.0.1', port: {port}, servername: 'localhost', ca: read('{anchors}'),
            cert: read('{cert}'), key: read('{key}'), minVersion: '{version}', maxVersion: '{version}'}},
            answer => answer.pipe(process.stdout)).on('error', error => console.log(error.message));"""]


def go(port, version, cert, key, anchors):
    return [GOCLIENT or "Go", "-connect", f"127.0.0.1:{port}", "-tls", version.removeprefix("TLSv"), "-ca", anchors,
            "-cert", cert, "-key", key]


@table(*((client.__name__, version) for client in (curl, s_client, gnutls_cli, node, go) for version in VERSIONS))
def is_not_disturbed(name, version):
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded, tls, ocsp, store")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            for client, served in ("good", True), ("unlogged", False):
                words = globals()[name](server.port, version, fixture() / f"client-{client}.pem",
                                        fixture() / f"client-{client}.key", fixture() / "ca.pem")
                words[0] = program(words[0])
                if words[0] is None:
                    raise Skip(f"{name} is not installed")
                said = run(words, environment("/dev/null"), REQUEST)[1]
                page = "accepted " if name == "go" else PAGE
                (contains if served else lacks)(said, page, f"what {name} got")
                if served:
                    lacks(server.output(), "clientct: refused", "the server's output")
            server.wait_output("clientct: refused client certificate: no-scts:")


@table(*((version,) for version in VERSIONS))
def python_is_not_disturbed(version):
    with TemporaryFolder() as folder:
        config = write_config(folder, sources="embedded, tls, ocsp, store")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(ask(server.port, client_context("good", version)).body or "", PAGE, "what Python got")
            equal(ask(server.port, client_context("unlogged", version)).served, False, "whether unlogged is served")
            server.wait_output("clientct: refused client certificate: no-scts:")


@case
def client_with_the_component_is_not_disturbed():
    """Helper processes of a server inherit its OPENSSL_CONF, and some of them are TLS clients."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf).wait_ready() as server:
            for version in VERSIONS:
                words = s_client(server.port, version, fixture() / "client-good.pem", fixture() / "client-good.key",
                                 fixture() / "ca.pem")
                contains(run(words + ["-verify_return_error"], environment(conf), REQUEST)[1], PAGE, "what it got")


@case
def datagrams_are_judged():
    """DTLS has version 1.2 at most here, and so embedded SCTs only."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        port = free_port()
        pki = fixture()
        # Its end of input would end the server.
        with Server(folder, [OPENSSL, "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-Verify", "3", "-cert",
                             pki / "server.pem", "-key", pki / "server.key", "-CAfile", pki / "ca.pem",
                             "-verify_return_error"], environment(conf), port, stdin=subprocess.PIPE) as server:
            server.wait_output("ACCEPT")
            for client, says in ("unlogged", "clientct: refused client certificate: no-scts:"), ("good", "CIPHER is"):
                lacks(server.output(), says, "the server's output before")
                run([OPENSSL, "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}", "-CAfile", pki / "ca.pem",
                     "-cert", pki / f"client-{client}.pem", "-key", pki / f"client-{client}.key"],
                    environment("/dev/null"))
                server.wait_output(says)


# --- SCTs on another certificate of the message than the client's own ---

def go_client_with_scts_on_the_second_certificate(folder):
    """goclient.go with a standard library of its own, in which one condition is turned round."""
    if not GO:
        raise Skip("no Go here to build the client that sends SCTs in TLS")
    root = subprocess.run([GO, "env", "GOROOT"], check=True, stdout=subprocess.PIPE, timeout=LONGEST).stdout.decode()
    original = Path(root.strip()) / "src" / "crypto" / "tls" / "handshake_messages.go"
    text, count = re.subn(r"if i > 0 \{(\s+// This library only supports OCSP and SCT for leaf)", r"if i != 1 {\1",
                          original.read_text())
    equal(count, 1, f"places in {original} where SCTs are kept from other certificates than the first")
    (folder / "changed.go").write_text(text)
    (folder / "overlay.json").write_text(json.dumps({"Replace": {str(original): str(folder / "changed.go")}}))
    source = Path(__file__).parent / "goclient" / "main.go"
    subprocess.run([GO, "build", "-overlay", folder / "overlay.json", "-o", folder / "client", source], check=True,
                   timeout=20 * LONGEST, stdin=subprocess.DEVNULL)
    return folder / "client"


@case
def scts_of_the_second_certificate_do_not_count():
    with TemporaryFolder() as folder:
        client = go_client_with_scts_on_the_second_certificate(folder)
        pki = fixture()
        chain = folder / "chain.pem"
        chain.write_text((pki / "client-unlogged.pem").read_text() + (pki / "ca.pem").read_text())
        subprocess.run([CTPKI, "scts", "--out", folder / "scts", "--cert", pki / "client-unlogged", "--issuer",
                        pki / "ca", "--sct", f"log={pki / 'log-a'}"], check=True, timeout=LONGEST)
        conf = write_openssl_conf(folder, write_config(folder, sources="tls"))
        with s_server(folder, conf).wait_ready() as server:
            words = ["-connect", f"127.0.0.1:{server.port}", "-ca", pki / "ca.pem", "-cert", chain, "-key",
                     pki / "client-unlogged.key", "-scts", folder / "scts"]
            if GOCLIENT:
                contains(run([GOCLIENT, *words], environment("/dev/null"))[1], "accepted", "with the first's SCTs")
            contains(run([client, *words], environment("/dev/null"))[1], "refused", "with the second's SCTs")
            server.wait_output("clientct: refused client certificate: no-scts:")


if __name__ == "__main__":
    main()
