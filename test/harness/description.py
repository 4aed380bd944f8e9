# SPDX-License-Identifier: Apache-2.0
"""A server of the table as its folder test/servers/NAME describes it: server.toml, and templates that it names.

`server.toml` has these keys; in each text, and in every file FOLDER/*.in, @word@ is replaced (see `Words`).

title      how people call it
releases   where it is tried; absent: everywhere
packages   of Debian; the first one's version is shown
apart      packages that others would have to give way to: unpacked beside the system, and laid over it for this server
linked     the file that is linked with OpenSSL, where that is not the program itself (a library's name or path)
user       owns the folder, and nobody else may read the key (as some servers want it)
prepare    commands before the start
beside     commands that run beside it, such as what a proxy passes on to: @port_backend@ is waited for
command    the server, in the foreground or as a daemon
starttls   the protocol in which TLS begins later: a function of starttls.py
send       what the client says when TLS stands; absent: nothing
expect     what only a client that was let in reads
arrived    a file: the client is in when the words that it has sent are in there
client     a command that connects in place of our own client, with @version@, @number@ ("1.3"), @cert@, @key@
late       seconds after which silence means no; absent: 6
logs       files beside its own output and syslog
how        how it gets OPENSSL_CONF on a system
quiet      words for the start at its default log level
loud       words in their place with which it tells the reason, and
loud_how   the line that an operator sets for that
note       what an operator should know
expected   how the verdict begins where it is not "enforces", with its reason in `note`; with "does not start" it is
           tried once more without the dead-man switch
"""
import os
import random
import re
import shutil
import socket
import subprocess
import tomllib
from pathlib import Path

from clientct import fixture

SERVERS = Path(__file__).resolve().parent.parent / "servers"
KEYS = {"title": str, "releases": list, "packages": list, "apart": list, "linked": str, "user": str, "prepare": list,
        "beside": list, "command": list, "starttls": str, "send": str, "expect": str, "arrived": str, "client": list,
        "late": int, "logs": list, "how": str, "quiet": dict, "loud": dict, "loud_how": str, "note": str,
        "expected": str}
NEEDED = ("title", "packages", "command", "how")
FILES = ("server.pem", "server.key", "ca.pem")


class Description:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        with open(folder / "server.toml", "rb") as file:
            values = tomllib.load(file)
        for key, value in values.items():
            if not isinstance(value, KEYS.get(key, type(None))):
                raise ValueError(f"{folder}/server.toml: {key} is not a key, or no {KEYS.get(key)}")
        for key in NEEDED:
            if key not in values:
                raise ValueError(f"{folder}/server.toml: {key} is missing")
        if sum(key in values for key in ("expect", "arrived")) != 1:
            raise ValueError(f"{folder}/server.toml: needs either expect or arrived")
        for key, kind in KEYS.items():
            setattr(self, key, values.get(key, kind()))
        self.late = self.late or 6


def descriptions(names=()):
    """All of them, or those that are named, in order of names."""
    found = sorted(path.parent for path in SERVERS.glob("*/server.toml"))
    unknown = sorted(set(names) - {folder.name for folder in found})
    if unknown:
        raise ValueError(f"no server is described under these names: {' '.join(unknown)}")
    return [Description(folder) for folder in found if not names or folder.name in names]


def free_low_port():
    """Not every server takes a number above 32767."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Words:
    """What is put in place of @word@. Ports are free ones, and each name has its own: @port@, @port_control@."""

    def __init__(self, folder, more):
        self.values = {"folder": folder, "pki": f"{folder}/pki", "source": SERVERS, **more}

    def fill(self, text):
        return re.sub(r"@([a-z_]+)@", self.value, text)

    def value(self, match):
        name = match[1]
        if name.startswith("port") and name not in self.values:
            self.values[name] = free_low_port()
        if name not in self.values:
            return match[0]
        return self.fill(str(self.values[name]))


def lay_out(description, folder, more):
    """Fills a folder with what the server needs; returns the words that were used."""
    words = Words(folder, {**description.quiet, **more})
    folder.chmod(0o755)
    pki = folder / "pki"
    pki.mkdir()
    for name in FILES:
        shutil.copy(fixture() / name, pki)
    (pki / "both.pem").write_text("".join((pki / name).read_text() for name in ("server.pem", "server.key")))
    (pki / "chain.pem").write_text("".join((pki / name).read_text() for name in ("server.pem", "ca.pem")))
    (pki / "known.pem").write_text("".join((fixture() / f"{name}.pem").read_text()
                                           for name in ("ca", "client-good", "client-unlogged")))
    (pki / "all.pem").write_text("".join((pki / name).read_text() for name in FILES))
    for name in ("server.key", "both.pem", "all.pem"):
        (pki / name).chmod(0o600 if description.user else 0o644)
    subprocess.run(["openssl", "rehash", str(pki)], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (folder / "record").mkdir()
    (folder / "record").chmod(0o1777)
    for path in sorted(description.folder.glob("*.in")):
        target = folder / path.name.removesuffix(".in")
        target.write_text(words.fill(path.read_text(encoding="utf-8")))
        target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    if description.user:
        for path in [folder, *folder.rglob("*")]:
            if "record" not in path.parts:
                shutil.chown(path, description.user)
    return words
