# SPDX-License-Identifier: Apache-2.0
"""The clients of a soak: what certificates they have, and what is to become of them as the files are."""
import concurrent.futures
import hashlib
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from clientct import CTPKI, fixture

BOTH = ("log=log-a", "log=log-b")

# How each is minted: the options of `ctpki cert`, and the SCTs that it embeds.
KINDS = {
    "good": ((), BOTH),
    "one": ((), ("log=log-a",)),
    "rsa-log": ((), ("log=log-c",)),
    "huge": (("--pad", "60000"), BOTH),
    "unlogged": (("--no-sct-ext",), ()),
    "store": (("--no-sct-ext",), ()),
    "exempt": (("--no-sct-ext",), ()),
    "tls": (("--no-sct-ext",), ()),
    "tampered": ((), ("log=log-a,bad=signature",)),
    "truncated": ((), ("log=log-a,bad=truncated",)),
    "future": ((), ("log=log-a,time=+1d",)),
    "unknown": ((), ("log=log-x",)),
    "many": ((), ("log=log-x,count=60", "log=log-a,bad=signature,count=40")),
    "malformed": (("--list-bad", "trailing"), ("log=log-a",)),
    "poison": (("--poison",), BOTH),
    "two-lists": (("--two-sct-ext",), BOTH),
    "cut": ((), BOTH),
    "stranger": ((), BOTH),
}
ALWAYS = ("good", "huge", "cut", "rsa-log")  # log-b or log-c is in every list
STRANGERS = ("stranger", "poison")  # libcrypto knows no critical poison
RESUMING = ("good", "one", "exempt", "store", "unlogged")


@dataclass(frozen=True)
class State:
    """What the files of a server say; frozen, so that a history of it is a history."""
    mode: str = "enforce"
    log_a: bool = True  # in the log list
    store: bool = True  # the files in sct_store are there
    exempt: bool = True

    def change(self, **fields):
        return replace(self, **fields)


def accepted(kind, state, asks_tls13=True):
    """Whether the component accepts it; of a stranger, whose chain is wrong, only libcrypto is asked."""
    if kind in STRANGERS:
        return False
    if state.mode != "enforce":
        return True
    by_list = {"one": True, "store": state.store, "tls": asks_tls13}
    return by_list.get(kind, False) and state.log_a or {"exempt": state.exempt}.get(kind, kind in ALWAYS)


@dataclass
class Person:
    """One certificate, used by one thread of clients alone: so certificate and time name a connection."""
    kind: str
    prefix: Path
    sha256: str = ""  # upper case, as audit lines have it
    scts: Path = None


def _options(specs):
    return [word for spec in specs for word in ("--sct", spec.replace("log=", f"log={fixture()}/", 1))]


def _mint(folder, kind, name):
    options, specs = KINDS[kind]
    person = Person(kind, folder / name)
    issuer = fixture() / ("other-ca" if kind == "stranger" else "ca")
    subprocess.run([CTPKI, "cert", "--out", person.prefix, "--ca", issuer, "--cn", name, *options, *_options(specs)],
                   check=True)
    der = Path(f"{person.prefix}.der").read_bytes()
    person.sha256 = hashlib.sha256(der).hexdigest().upper()
    if kind == "tls":
        person.scts = Path(f"{person.prefix}.scts")
        _write_scts(person, "--out", person.scts)
    return person


def _write_scts(person, *where):
    subprocess.run([CTPKI, "scts", *where, "--cert", person.prefix, "--issuer", fixture() / "ca",
                    *_options(("log=log-a",))], check=True)


def write_store(people, store):
    """SCTs for those who bring none."""
    for person in people:
        if person.kind == "store":
            _write_scts(person, "--store", store)


def mint(folder, threads):
    """A list of dictionaries: for each thread one of each kind."""
    folder.mkdir()
    fixture()  # made by one thread, or there would be several
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        rows = [{kind: pool.submit(_mint, folder, kind, f"{kind}-{thread}") for kind in KINDS}
                for thread in range(threads)]
        return [{kind: minted.result() for kind, minted in row.items()} for row in rows]
