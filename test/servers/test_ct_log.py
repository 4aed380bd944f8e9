# SPDX-License-Identifier: Apache-2.0
"""A real CT log, TesseraCT in its POSIX mode: what it signs a server accepts, what it promises it keeps, what it holds
the monitor reads."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from clientct import CTPKI, ask, client_context, fixture, reaches, s_server, write_config, write_openssl_conf
from modules import go_build
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program
from tap import case, contains, equal, main

CLIENTCT = os.environ["CLIENTCT"]
PINNED = Path(__file__).parent / "tesseract"  # go.mod and go.sum: the version, and the hash of every module
PACKAGE = "github.com/transparency-dev/tesseract/cmd/tesseract/posix"


def build_log(folder):
    return go_build(PINNED, PACKAGE, folder / "tesseract")


def make_key(path):
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path) + ".ec"],
                   check=True, timeout=LONGEST, stderr=subprocess.DEVNULL)
    # The log wants the EC form of the key, ctpki the other one.
    for words in (["pkcs8", "-topk8", "-nocrypt", "-in", f"{path}.ec", "-out", f"{path}.key"],
                  ["pkey", "-in", f"{path}.ec", "-pubout", "-out", f"{path}.pub.pem"]):
        subprocess.run(["openssl", *words], check=True, timeout=LONGEST)


def start_log(folder, binary):
    make_key(folder / "log")
    port = free_port()
    (folder / "storage").mkdir(mode=0o755)  # the log would make it 0700, and no web server could read it
    server = Server(folder, [binary, "-http_endpoint", f"127.0.0.1:{port}", "-origin", "log.example/clientct",
                             "-private_key", folder / "log.ec", "-roots_pem_file", fixture() / "ca.pem",
                             "-storage_dir", folder / "storage", "-ext_key_usages", "ClientAuth"],
                    environment(OTEL_SDK_DISABLED="true"), port, "tesseract")
    subprocess.run([CTPKI, "list", "--out", str(folder / "logs.json"),
                    f"{folder / 'log'},description=Ours,url=http://127.0.0.1:{port}/,tiled"],
                   check=True, timeout=LONGEST)
    return server


def submit(config, client, *more):
    done = subprocess.run([CLIENTCT, "submit", "--config", config, "--store", "--log", "Ours", "--json", *more,
                           fixture() / f"client-{client}.pem"],
                          stdout=subprocess.PIPE, timeout=4 * LONGEST, check=False)
    return done.returncode, json.loads(done.stdout)["logs"][0]


@case
def what_a_real_log_signs_is_kept_and_accepted():
    with TemporaryFolder() as folder:
        binary = build_log(folder)
        folder.joinpath("store").mkdir()
        config = write_config(folder, log_list=folder / "logs.json", sources="store", sct_store=folder / "store")
        with start_log(folder, binary).wait_ready() as log, \
                s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, False, "before it is logged")
            status, answer = submit(config, "unlogged")
            equal((status, answer["outcome"]), (0, "signed"), f"submit: {answer}\n{log.output()}")
            equal(ask(server.port, client_context("unlogged")).served, True, "once it is logged")
            # The log gives the first promise again; nothing is asked for that is there already.
            equal(submit(config, "unlogged")[1]["outcome"], "already-there", "submitting again")
            kept, = folder.joinpath("store").iterdir()
            kept.unlink()
            again = submit(config, "unlogged")[1]
            equal((again["outcome"], again["timestamp"]), ("signed", answer["timestamp"]), "from a log that knows it")
            equal(ask(server.port, client_context("unlogged")).served, True, "with the second answer")
            # A chain that ends at a root that the log does not accept.
            status, answer = submit(config, "other-ca-good")
            equal((status, answer["outcome"]), (1, "refused"), f"submit of another CA's: {answer}")
            contains(answer["detail"], "HTTP 4", "what the log said")


def reads(folder):
    """A log's reads are served by any web server of static files; nginx here, as the guide has it."""
    port = free_port()
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; pid {folder}/nginx.pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 64; }}
http {{ access_log off; {temporary}
  server {{ listen 127.0.0.1:{port}; root {folder}/storage; location ~ /\\. {{ deny all; }} }} }}
""")
    return Server(folder, [program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"],
                  environment(), port, "nginx")


def nginx_server(folder, openssl_conf):
    port = free_port()
    text = (Path(__file__).parent / "nginx" / "nginx.conf.in").read_text()
    for name, value in {"user": "user root;" if os.geteuid() == 0 else "", "folder": folder, "pki": fixture(),
                        "port": port, "tickets": "on"}.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "front.conf").write_text(text)
    return Server(folder, [program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "front.conf"],
                  environment(openssl_conf), port, "front")


def stunnel_server(folder, openssl_conf, backend):
    port = free_port()
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsyslog = no\n[service]\nclient = no\naccept = 127.0.0.1:{port}\n"
        f"connect = 127.0.0.1:{backend}\ncert = {fixture()}/server.pem\nkey = {fixture()}/server.key\n"
        f"CAfile = {fixture()}/ca.pem\nverifyChain = yes\n")
    return Server(folder, [program("stunnel4") or program("stunnel"), folder / "stunnel.conf"],
                  environment(openssl_conf), port, "stunnel")


class Fronts:
    """s_server, nginx and stunnel, those that are linked with our OpenSSL: they must all say the same."""

    def __init__(self, folder, config, backend):
        conf = write_openssl_conf(folder, config)
        self.servers = {"s_server": s_server(folder, conf)}
        if reaches(program("nginx")):
            self.servers["nginx"] = nginx_server(folder, conf)
        stunnel = program("stunnel4") or program("stunnel")
        if stunnel and reaches(stunnel):
            self.servers["stunnel"] = stunnel_server(folder, conf, backend)
        if os.environ.get("CLIENTCT_REQUIRE_CTLOG") == "1":
            equal(sorted(self.servers), ["nginx", "s_server", "stunnel"], "servers here")

    def __enter__(self):
        for server in self.servers.values():
            server.wait_ready()
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.__exit__(None, None, None)

    def serve(self, context, served, when):
        for name, server in self.servers.items():
            answer = ask(server.port, context)
            equal(answer.status not in (None, 400), served, f"whether {name} serves {when}")


def context_of(folder, name):
    context = client_context()
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def identity(folder):
    spki = openssl("pkey", "-pubin", "-in", folder / "log.pub.pem", "-outform", "DER", "-pubout")
    return {"key": base64.b64encode(spki).decode(), "log_id": base64.b64encode(hashlib.sha256(spki).digest()).decode()}


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LONGEST, check=False)
    equal(done.returncode, 0, done.stderr.decode())
    return done.stdout


def clientct(*words):
    done = subprocess.run([CLIENTCT, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=4 * LONGEST, check=False)
    return done.returncode, (done.stdout or done.stderr).decode()


def issue(folder, name, subject, *extensions):
    """A client certificate of the fixture's CA: NAME.pem and NAME-chain.pem."""
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", subject)
    (folder / f"{name}.ext").write_text("\n".join(("basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth",
                                                   *extensions)))
    openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", fixture() / "ca.pem", "-CAkey", fixture() / "ca.key",
            "-days", "30", "-extfile", folder / f"{name}.ext", "-out", folder / f"{name}.pem", "-set_serial",
            f"0x{os.urandom(8).hex()}")
    (folder / f"{name}-chain.pem").write_bytes((folder / f"{name}.pem").read_bytes() +
                                               (fixture() / "ca.pem").read_bytes())


def embed(folder, config):
    """embedded.pem by `openssl ca`: first with the poison, then with what the log gave for that in its place."""
    common = (f"certificate = {fixture()}/ca.pem\nprivate_key = {fixture()}/ca.key\nnew_certs_dir = {folder}\n"
              "default_md = sha256\npolicy = any\nunique_subject = no\n")
    usual = "basicConstraints = critical,CA:FALSE\nextendedKeyUsage = clientAuth\n"
    line = "1.3.6.1.4.1.11129.2.4.3 = critical,ASN1:NULL\n"
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            folder / "embedded.key", "-out", folder / "embedded.csr", "-subj", "/CN=embedded")
    for name in ("pre", "embedded"):
        (folder / f"{name}.txt").write_text("")
        (folder / f"{name}.serial").write_text("7A7A7A7A\n")
        (folder / f"{name}.cnf").write_text(
            f"[ca]\ndatabase = {folder}/{name}.txt\nserial = {folder}/{name}.serial\nx509_extensions = more\n{common}"
            f"[any]\ncommonName = supplied\n[more]\n{usual}{line}")
        openssl("ca", "-batch", "-notext", "-config", folder / f"{name}.cnf", "-name", "ca", "-in",
                folder / "embedded.csr", "-out", folder / f"{name}.pem", "-startdate", "20260101000000Z", "-enddate",
                "20360101000000Z")
        (folder / f"{name}-chain.pem").write_bytes((folder / f"{name}.pem").read_bytes() +
                                                   (fixture() / "ca.pem").read_bytes())
        if name == "pre":
            status, line = clientct("submit", "--config", config, "--precertificate", "--log", "Ours",
                                    folder / "pre-chain.pem")
            equal(status, 0, line)


@case
def from_a_private_ca_to_a_log_to_enforcement_to_watching():
    with TemporaryFolder() as folder:
        binary = build_log(folder)
        folder.joinpath("store").mkdir()
        folder.joinpath("issued").mkdir()
        with start_log(folder, binary).wait_ready() as log, reads(folder).wait_ready() as web:
            entry = {"description": "Ours", **identity(folder), "mmd": 60,
                     "submission_url": f"http://127.0.0.1:{log.port}/",
                     "monitoring_url": f"http://127.0.0.1:{web.port}/"}
            folder.joinpath("logs.json").write_text(json.dumps({"operators": [
                {"name": "Us", "logs": [], "tiled_logs": [entry]}]}))
            config = write_config(folder, log_list=folder / "logs.json", sources="embedded, store",
                                  sct_store=folder / "store", archive=f"file:{folder}/archive")
            origin = ["--origin", "Ours=log.example/clientct"]  # origins have no port
            for name in "device", "never":
                issue(folder, name, f"/CN={name}", f"subjectAltName=URI:spiffe://example.org/{name}")
            shutil.copy(folder / "device.pem", folder / "issued")
            device, never = context_of(folder, "device"), context_of(folder, "never")
            folder.joinpath("proofs").mkdir()
            prove = ["prove", "--config", config, *origin, "--json"]
            with Fronts(folder, config, web.port) as fronts:
                fronts.serve(device, False, "what is not logged yet")
                status, answer = clientct("submit", "--config", config, "--store", "--log", "Ours", "--json",
                                          folder / "device-chain.pem")
                equal(status, 0, f"submit: {answer}\n{log.output()}")
                fronts.serve(device, True, "what is logged")
                fronts.serve(never, False, "what was never submitted")

                # The log kept its promise, also when it is asked no more.
                status, answer = clientct(*prove, "--keep", folder / "proofs", folder / "device-chain.pem")
                equal((status, json.loads(answer)["verdict"]), (0, "included"), answer)
                equal(clientct(*prove, "--kept", folder / "proofs", folder / "device-chain.pem")[0], 0, "kept proof")
                # Every client that the servers saw: one came before it was logged, one never was.
                status, answer = clientct(*prove, folder / "archive")
                answer = json.loads(answer)
                equal((status, [one["subject"] for one in answer["certificates"]]), (0, ["CN=device"]), str(answer))
                equal(answer["without_scts"] > 0, True, str(answer))
                # By the store alone: the certificate is in the log's own entry.
                status, answer = clientct(*prove, folder / "store")
                equal((status, json.loads(answer)["certificates"][0]["subject"]), (0, "CN=device"), answer)

                # The precertificate's way: embedded SCTs, no store.
                embed(folder, config)
                embedded = context_of(folder, "embedded")
                fronts.serve(embedded, True, "what has SCTs in it")
                status, answer = clientct(*prove, folder / "embedded-chain.pem")
                equal((status, json.loads(answer)["verdict"]), (0, "included"), answer)
                shutil.copy(folder / "embedded.pem", folder / "issued")

            # The policy that a stolen key of the log does not satisfy: a proof of inclusion is kept, or nobody gets in.
            with open(config, "a", encoding="ascii") as out:
                out.write("[proven]\nrequire_inclusion = yes\n")
            config.write_text(config.read_text().replace("policy = one",
                                                         f"policy = proven\nproof_store = {folder}/proofs"))
            with Fronts(folder, config, web.port) as fronts:
                fronts.serve(device, True, "what has a kept proof")
                fronts.serve(embedded, False, "what has none")
                equal(clientct(*prove, "--keep", folder / "proofs", folder / "embedded-chain.pem")[0], 0, "proof")
                fronts.serve(embedded, True, "what has one now")

            # Nothing but what the CA issued is there; then somebody has its key.
            monitor = ["monitor", "--config", config, *origin, "--state", folder / "state", "--once", "--json",
                       "--issued", folder / "issued"]
            status, answer = clientct(*monitor)
            equal(status, 0, f"only what was issued: {answer}")
            issue(folder, "rogue", "/CN=rogue", "subjectAltName=URI:spiffe://example.org/device")
            equal(clientct("submit", "--config", config, "--out", folder / "rogue.scts", "--log", "Ours", "--json",
                           folder / "rogue-chain.pem")[0], 0, "the rogue has itself logged")
            status, answer = clientct(*monitor)
            notice = json.loads(answer)
            equal((status, notice["event.reason"], notice["tls.client.subject"]), (1, "not-in-records", "CN=rogue"),
                  answer)
            status, answer = clientct("reconcile", "--issued", folder / "issued", "--state", folder / "state",
                                      "--json")
            equal((status, [row["subject"] for row in json.loads(answer)["logged_not_issued"]]),
                  (16 + 2, ["CN=rogue"]), answer)


if __name__ == "__main__":
    main()
