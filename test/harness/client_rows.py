# SPDX-License-Identifier: Apache-2.0
"""Rows of the table of clients: what the user of a client reads whose certificate is refused."""
import collections
import datetime
import os
import re
import subprocess
import time
import tomllib
from pathlib import Path

from clientct import CTPKI, fixture, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder, environment, program, run
from row import installed_version

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
CLIENT_KEYS = {"title", "packages", "tools", "prepare", "version", "command", "scts", "note"}
NOTHING = "nothing at all; status "
NUMBERS = ("1.2", "1.3")
TRIES = 5  # what an unlogged client says may hang on what comes first, the alert or a write that fails


def described(names=()):
    with open(CLIENTS / "clients.toml", "rb") as file:
        clients = tomllib.load(file)
    for name, client in clients.items():
        if set(client) - CLIENT_KEYS or not {"title", "packages", "command"} <= set(client):
            raise ValueError(f"clients.toml: {name} has other keys than {sorted(CLIENT_KEYS)}")
    unknown = sorted(set(names) - set(clients))
    if unknown:
        raise ValueError(f"no client is described under these names: {' '.join(unknown)}")
    return {name: client for name, client in clients.items() if not names or name in names}


def best_line(text, folder, port):
    """What a person would quote of it, without what is another one each time."""
    text = re.sub(rf":{port}\b|\b[0-9A-F]{{12,16}}\b:?", "", text.replace(str(folder), "DIR"))
    text = re.sub(r"0x[0-9a-f]{8,16}\b", "0x...", text.replace(f"port={port}", "port=PORT"))
    text = re.sub(r":\d+->", "->", text)
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("depth=", "verify return", "at ", "from "))]
    for pattern in (r"(?i)alert|certificate.unknown|certificate_unknown", r"(?i)error|fail|exception|refused"):
        found = [line for line in lines if re.search(pattern, line)]
        if found:
            return found[-1][:240].strip()
    return lines[-1][:240] if lines else ""


def sent_by(server, before):
    """Whether the server got the certificate that it refused, by its log from `before` on; None: that does not say."""
    end = time.monotonic() + 2  # the client may be done sooner than the server
    while time.monotonic() < end:
        said = server.output()[before:]
        if "clientct: refused client certificate" in said:
            return True
        if "peer did not return a certificate" in said:
            return False
        time.sleep(0.02)
    return None


class Trial:
    """One client's files, and what becomes of it."""

    def __init__(self, client, folder):
        self.client, self.folder = client, folder
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "clientct" / "clients"
        self.values = {"folder": folder, "ca": fixture() / "ca.pem", "cache": cache, "scts": folder / "client.scts"}
        for path in CLIENTS.glob("*.in"):
            (folder / path.name.removesuffix(".in")).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        for who in ("good", "unlogged"):
            subprocess.run(["openssl", "pkcs12", "-export", "-in", fixture() / f"client-{who}.pem", "-inkey",
                            fixture() / f"client-{who}.key", "-name", "client", "-passout", "pass:secret", "-out",
                            folder / f"{who}.p12"], check=True)
        subprocess.run([CTPKI, "scts", "--out", self.values["scts"], "--cert", fixture() / "client-unlogged",
                        "--issuer", fixture() / "ca", "--entry", "x509", "--sct", f"log={fixture() / 'log-a'}"],
                       check=True)

    def fill(self, words, **more):
        values = {**self.values, **more}
        return [re.sub(r"@([a-z0-9]+)@", lambda match: str(values.get(match[1], match[0])), word) for word in words]

    def run(self, words, seconds):
        with subprocess.Popen(words, cwd=self.folder, env=environment("/dev/null"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                text = process.communicate(timeout=seconds)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                text = process.communicate()[0] + b"\nerror: nothing comes, it waits\n"
        return process.returncode, text.decode("utf-8", "replace")

    def prepare(self):
        for command in self.client.get("prepare", []):
            status, text = self.run(self.fill(command), 1800)
            if status != 0:
                raise AssertionError(f"{command}: {text}")

    def connect(self, who, number, server, command="command"):
        before = len(server.output())
        words = self.fill(self.client[command], who=who, port=server.port, number=number, minor=number[-1],
                          cert=fixture() / f"client-{who}.pem", key=fixture() / f"client-{who}.key",
                          p12=self.folder / f"{who}.p12")
        status, text = self.run(words, 30)
        served = re.search(rf"Protocol *: TLSv{re.escape(number)}\b", text) is not None  # the page says it
        found = {"answer": "in" if served else "out", "status": status,
                 "words": "" if served else best_line(text, self.folder, server.port) or f"{NOTHING}{status}"}
        sent = None if served else sent_by(server, before)
        return found if sent is None else {**found, "sent": sent}

    def refused(self, number, server):
        """What the unlogged one reads, the most frequent words first."""
        tries = [self.connect("unlogged", number, server) for _ in range(TRIES)]
        words = [words for words, _ in collections.Counter(one["words"] for one in tries).most_common()]
        found = next((one for one in tries if one["answer"] == "in"), tries[0])
        return {**found, "words": words[0], **({"also": words[1:]} if words[1:] else {})}

    def version(self, number, server, plain):
        found = {"good": self.connect("good", number, server), "unlogged": self.refused(number, server)}
        if found["good"]["answer"] == "out":
            found["plain"] = self.connect("good", number, plain)
        elif found["unlogged"]["answer"] == "out" and not found["unlogged"].get("sent"):
            raise AssertionError(f"TLS {number}: the unlogged one was not refused by clientct: {found['unlogged']}")
        return found


def bring_scts(trial, server):
    """The unlogged one once more, with SCTs that its library sends: they are all that lets it in."""
    found = trial.connect("unlogged", "1.3", server, "scts")
    if found["answer"] != "in":
        raise AssertionError(f"with SCTs of its own it is out: {found['words']}")
    return "in"


def asks_for_scts(server):
    """Whether CertificateRequest has extension 18: else nothing is known of who minds it."""
    text = run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_3", "-trace"],
               environment("/dev/null"))[1]
    request = text.partition("CertificateRequest, Length=")[2].partition("Received Record")[0]
    return "signed_certificate_timestamps(18)" in request


def missing_of(client):
    return ([name for name in client["packages"] if not installed_version(name)] +
            [name for name in client.get("tools", []) if not program(name)])


def measure(client):
    """The row, as plain values: by version, what becomes of the logged and the unlogged one."""
    if missing_of(client):
        raise LookupError(f"not installed: {' '.join(missing_of(client))}")
    row = {"date": datetime.date.today().isoformat()}
    with TemporaryFolder() as folder:
        trial = Trial(client, folder)
        trial.prepare()
        row["version"] = (" ".join(trial.run(trial.fill(client["version"]), 60)[1].split()) if "version" in client
                          else installed_version(client["packages"][0]))
        (folder / "server").mkdir()
        conf = write_openssl_conf(folder / "server", write_config(folder / "server", sources="embedded, tls, ocsp"))
        with s_server(folder / "server", conf).wait_ready() as server, \
                s_server(folder / "server", "/dev/null", name="plain").wait_ready() as plain:
            if not asks_for_scts(server):
                raise AssertionError("the server asks for no SCTs")
            row["versions"] = {number: trial.version(number, server, plain) for number in NUMBERS}
            if "scts" in client:
                row["scts"] = bring_scts(trial, server)
    return row


def install_missing(client):
    missing = [name for name in client["packages"] if not installed_version(name)]
    if missing:
        run(["apt-get", "-o", "DPkg::Lock::Timeout=600", "install", "-y", "--no-install-recommends", *missing],
            environment(DEBIAN_FRONTEND="noninteractive"), seconds=1200)
