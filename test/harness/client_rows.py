# SPDX-License-Identifier: Apache-2.0
"""Rows of the table of clients: what the user of a client reads whose certificate is refused."""
import datetime
import re
import subprocess
import tomllib
from pathlib import Path

from clientct import fixture, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder, environment, run
from row import installed_version

CLIENTS = Path(__file__).resolve().parent.parent / "clients"
PAGES = ("Ciphers supported in s_server binary", "accepted ")  # the second one is our Go client's
CLIENT_KEYS = {"title", "packages", "prepare", "command"}


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


def best_line(text, folder):
    """What a person would quote of it."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.replace(str(folder), "DIR").splitlines()]
    lines = [line for line in lines if line and not line.startswith(("depth=", "verify return", "at ", "from "))]
    for pattern in (r"(?i)alert|certificate.unknown|certificate_unknown", r"(?i)error|fail|exception|refused"):
        found = [line for line in lines if re.search(pattern, line)]
        if found:
            return re.sub(r"\b[0-9A-F]{12,16}\b:?|:\d{4,5}\b", "", found[-1])[:240].strip()
    return lines[-1][:240] if lines else ""


class Trial:
    """A server that refuses, and one client's files."""

    def __init__(self, client, folder, goclient):
        self.client, self.folder = client, folder
        self.values = {"folder": folder, "ca": fixture() / "ca.pem", "goclient": goclient}
        for path in CLIENTS.glob("*.in"):
            (folder / path.name.removesuffix(".in")).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        for who in ("good", "unlogged"):
            subprocess.run(["openssl", "pkcs12", "-export", "-in", fixture() / f"client-{who}.pem", "-inkey",
                            fixture() / f"client-{who}.key", "-name", "client", "-passout", "pass:secret", "-out",
                            folder / f"{who}.p12"], check=True)

    def fill(self, words, **more):
        values = {**self.values, **more}
        return [re.sub(r"@([a-z0-9]+)@", lambda match: str(values.get(match[1], match[0])), word) for word in words]

    def prepare(self):
        for command in self.client.get("prepare", []):
            done = subprocess.run(self.fill(command), cwd=self.folder, env=environment("/dev/null"), check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            if done.returncode != 0:
                raise AssertionError(f"{command}: {done.stdout.decode()}")

    def connect(self, who, number, port):
        words = self.fill(self.client["command"], cert=fixture() / f"client-{who}.pem", port=port, number=number,
                          key=fixture() / f"client-{who}.key", p12=self.folder / f"{who}.p12", minor=number[-1])
        with subprocess.Popen(words, cwd=self.folder, env=environment("/dev/null"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                text = process.communicate(timeout=30)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                text = process.communicate()[0] + b"\nnothing: it waits\n"
        text = text.decode("utf-8", "replace")
        served = any(page in text for page in PAGES)
        return {"answer": "in" if served else "out", "status": process.returncode,
                "words": "" if served else best_line(text, self.folder)}


def measure(client, goclient):
    """The row, as plain values: by version, what becomes of the logged and the unlogged one."""
    row = {"date": datetime.date.today().isoformat(), "versions": {}}
    if client["packages"]:
        row["version"] = installed_version(client["packages"][0])
        if not row["version"]:
            raise LookupError(f"not installed: {client['packages'][0]}")
    with TemporaryFolder() as folder:
        trial = Trial(client, folder, goclient)
        trial.prepare()
        (folder / "server").mkdir()
        conf = write_openssl_conf(folder / "server", write_config(folder / "server", sources="embedded, tls, ocsp"))
        with s_server(folder / "server", conf).wait_ready() as server:
            for number in ("1.2", "1.3"):
                row["versions"][number] = {who: trial.connect(who, number, server.port) for who in ("good", "unlogged")}
    return row


def install_missing(client):
    missing = [name for name in client["packages"] if not installed_version(name)]
    if missing:
        run(["apt-get", "-o", "DPkg::Lock::Timeout=600", "install", "-y", "--no-install-recommends", *missing],
            environment(DEBIAN_FRONTEND="noninteractive"), seconds=1200)
