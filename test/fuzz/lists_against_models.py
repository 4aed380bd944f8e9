#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads made-up log lists twice: lists_against_models.py PROGRAM [--cases N | --seconds N | --cpu-seconds N] [--seed N]

Once by the module (list_answers), once by the models here, which read JSON with Python's json and know the rules from
the manual only. They must agree about what is read, what does not count and what is refused. For ct_log_list.cnf the
second reader is OpenSSL's own: what it loads, the module must read in the same way. For PEM it is a few lines of
Python; where a file is damaged, whatever the module reads must at least be one of the keys that Python finds there.
"""
import argparse
import base64
import copy
import datetime
import hashlib
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

FOREVER = 2**63 - 1
NEVER = -2**63
STATES = ("pending", "qualified", "usable", "readonly", "retired", "rejected")
POINT = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
KEYS = [POINT + hashlib.sha512(bytes([i])).digest() for i in range(5)]
P384 = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200") + b"\4" + bytes(96)
ED25519 = bytes.fromhex("302a300506032b6570032100") + bytes(32)
ODD_KEYS = [P384, ED25519, KEYS[0][:-1], KEYS[0] + b"\0", b"\x30\x00", bytes(2000)]
TIMES = ["2024-01-01T00:00:00Z", "2025-06-01T12:30:00.5Z", "2026-01-01T00:00:00+01:00", "0001-01-01T00:00:00Z",
         "2023-05-05T05:05:05.123456789Z", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59Z",
         "2026-01-01T00:00:00-00:00", "2024-02-29T23:00:00.0-23:59", "0001-01-01T00:00:00+00:01"]
NO_TIMES = ["", "yesterday", "2024-01-01", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-01-01t00:00:00z",
            "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00+0100",
            " 2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z ", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
            5, [], {}, True]
RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)
EPOCH = datetime.datetime(1970, 1, 1)
GO_ZERO = -62135596800000


def b64(data):
    return base64.b64encode(data).decode()


def id_of(key):
    return hashlib.sha256(key).digest()


class Refused(Exception):
    pass


class Odd(Exception):
    """The log does not count."""


def member(entry, name, kind, required=False):
    value = entry.get(name)
    if value is None:
        if required:
            raise Odd(name)
        return None
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise Odd(name)
    return value


def milliseconds(text):
    """Of a time in the form of RFC 3339; None where it is none."""
    found = RFC3339.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    offset = datetime.timedelta()
    if found[8]:
        if int(found[9]) > 23 or int(found[10]) > 59:
            return None
        offset = datetime.timedelta(hours=int(found[9]), minutes=int(found[10])) * (1 if found[8] == "+" else -1)
    try:
        date = datetime.datetime(year, month, day, hour, minute, 0)
    except ValueError:
        return None
    if second > 60:
        return None
    seconds = (date - EPOCH - offset) // datetime.timedelta(seconds=1) + second
    return seconds * 1000 + int(((found[7] or "") + "000")[:3])


def moment(entry, name, default, required=False):
    text = member(entry, name, str, required)
    if text is None:
        return default
    value = milliseconds(text)
    if value is None:
        raise Odd(name)
    return default if value == GO_ZERO else value


def decode(text):
    """Strict base64, or None."""
    if not isinstance(text, str) or not text or not text.isascii() or len(text) > 16000:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if b64(data) == text else None


def is_usable_key(key):
    return key is not None and len(key) == 91 and key.startswith(POINT)


def identity(key_text, id_text):
    key = decode(key_text)
    if key is None or not isinstance(id_text, str) or b64(id_of(key)) != id_text:
        return None
    return id_of(key)


NOT_PLAIN = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def is_plain(text):
    return 0 < len(text.encode()) <= 1000 and not NOT_PLAIN.search(text)


def label(value):
    return value if isinstance(value, str) and is_plain(value) else None


def v3_log(entry, operator, tiled):
    """(id or None, facts or None)"""
    if not isinstance(entry, dict):
        return None, None
    log_id = identity(entry.get("key"), entry.get("log_id"))
    try:
        if log_id is None or not is_usable_key(decode(entry["key"])):
            raise Odd("key")
        facts = {"state": "usable", "since": NEVER, "start": NEVER, "end": FOREVER, "tiled": tiled,
                 "operator": operator, "windows": [(NEVER, FOREVER)], "given": False, "previous": []}
        states = member(entry, "state", dict)
        if states is not None:
            facts["given"] = True
            found = [name for name, value in states.items()
                     if value is not None and (isinstance(value, dict) or name in STATES)]
            if not found or not all(name in STATES and isinstance(states[name], dict) for name in found):
                raise Odd("state")
            found.sort(key=STATES.index)
            times = [moment(states[name], "timestamp", NEVER, required=True) for name in found]
            if times != sorted(set(times)):
                raise Odd("states that did not follow on each other")
            facts["state"], facts["since"] = found[-1], times[-1]
        interval = member(entry, "temporal_interval", dict)
        if interval is not None:
            facts["start"] = moment(interval, "start_inclusive", NEVER, required=True)
            facts["end"] = moment(interval, "end_exclusive", FOREVER, required=True)
            if facts["start"] >= facts["end"]:
                raise Odd("interval")
        for one in member(entry, "previous_operators", list) or []:
            if not isinstance(one, dict) or not is_plain(member(one, "name", str, required=True)):
                raise Odd("previous")
            facts["previous"].append((moment(one, "end_time", 0, required=True), one["name"]))
        facts["previous"].sort(key=lambda pair: pair[0])
        kind = member(entry, "log_type", str)
        if kind not in (None, "", "prod", "test"):
            raise Odd("type")
    except Odd:
        return log_id, None
    return log_id, facts


def settle(logs, unite_windows=False):
    """Entries of one log become one. A static-ct log may stand under `logs`, too."""
    by_id, out = {}, {}
    own = ("windows", "given", "tiled")
    for log_id, facts in logs:
        by_id.setdefault(log_id, []).append(facts)
    for log_id, entries in by_id.items():
        first = entries[0]
        if any((one is None) != (first is None) for one in entries):
            out[log_id] = None
            continue
        if first is not None and any({k: v for k, v in one.items() if k not in own} !=
                                     {k: v for k, v in first.items() if k not in own} for one in entries):
            out[log_id] = None
            continue
        if first is not None:
            first = dict(first, tiled=any(one["tiled"] for one in entries))
        if first is not None and unite_windows:
            first = dict(first, windows=sorted({window for one in entries for window in one["windows"]}))
        out[log_id] = first
    return out


def model_v3(document):
    if not isinstance(document.get("operators"), list):
        raise Refused("operators")
    stamp = document.get("log_list_timestamp")
    if stamp is not None and not (isinstance(stamp, str) and milliseconds(stamp) is not None):
        raise Refused("timestamp")
    logs, nameless = [], 0
    for operator in document["operators"]:
        if not isinstance(operator, dict):
            continue
        for name, tiled in (("logs", False), ("tiled_logs", True)):
            entries = operator.get(name)
            for entry in entries if isinstance(entries, list) else []:
                log_id, facts = v3_log(entry, label(operator.get("name")), tiled)
                if log_id is None:
                    nameless += 1
                else:
                    logs.append((log_id, facts))
    if any(facts and facts["given"] for _, facts in logs):
        for _, facts in logs:
            if facts and not facts["given"]:
                facts["state"] = "pending"
    # monitoring_only is odd without a word; that it says nothing of states is covered by `facts` being None
    return settle(logs), nameless


def sigstore_log(entry):
    if not isinstance(entry, dict):
        return None, None
    key, log_id = entry.get("publicKey"), entry.get("logId")
    named = None
    if isinstance(key, dict) and isinstance(log_id, dict):
        named = identity(key.get("rawBytes"), log_id.get("keyId"))
    try:
        if named is None or not is_usable_key(decode(key["rawBytes"])):
            raise Odd("key")
        if member(entry, "hashAlgorithm", str, required=True) != "SHA2_256":
            raise Odd("hash")
        if member(key, "keyDetails", str, required=True) != "PKIX_ECDSA_P256_SHA_256":
            raise Odd("kind")
        start, end = NEVER, FOREVER
        for place in (key, entry):
            window = member(place, "validFor", dict)
            if window is not None:
                start = max(start, moment(window, "start", NEVER))
                end = min(end, moment(window, "end", FOREVER))
        if start > end:
            raise Odd("window")
    except Odd:
        return named, None
    return named, {"state": "usable", "since": NEVER, "start": NEVER, "end": FOREVER, "tiled": False,
                   "operator": label(entry.get("operator")), "windows": [(start, end)], "previous": []}


def model_sigstore(document):
    entries = document.get("ctlogs")
    if entries is not None and not isinstance(entries, list):
        raise Refused("ctlogs")
    logs = [sigstore_log(entry) for entry in entries or []]
    return settle([log for log in logs if log[0] is not None], True), sum(log[0] is None for log in logs)


def model(document):
    """{id: facts or None}, number of nameless logs; or Refused."""
    if not isinstance(document, dict):
        raise Refused("no object")
    kinds = [name for name in ("operators", "ctlogs", "key") if name in document]
    if isinstance(document.get("logs"), list) and isinstance(document.get("operators", []), list):
        raise Refused("version 1")
    if isinstance(document.get("trustedRoot"), dict) or isinstance(document.get("signed"), dict) or len(kinds) != 1:
        raise Refused("kind")
    if kinds == ["key"]:
        tiled = "submission_url" in document or "monitoring_url" in document
        log_id, facts = v3_log(document, None, tiled)
        logs, nameless = ({log_id: facts}, 0) if log_id else ({}, 1)
    else:
        logs, nameless = (model_v3 if kinds == ["operators"] else model_sigstore)(document)
    if not any(facts for facts in logs.values()):
        raise Refused("no log counts")
    return logs, nameless


BLOCK = re.compile(r"^-----BEGIN ([^\n]*)-----[ \t]*\n(.*?)^-----END \1-----[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL)


def blocks(text):
    """(label, has headers, bytes) of each PEM block."""
    for label, body in BLOCK.findall(text.replace("\r\n", "\n")):
        head, blank, rest = body.partition("\n\n")
        headers = bool(blank) and ":" in head
        yield label, headers, base64.b64decode("".join((rest if headers else body).split()))


def model_pem(text):
    logs, nameless = [], 0
    for label, headers, data in blocks(text):
        if label != "PUBLIC KEY" or headers:
            nameless += 1
            continue
        facts = {"state": "usable", "since": NEVER, "start": NEVER, "end": FOREVER, "tiled": False, "operator": None,
                 "windows": [(NEVER, FOREVER)], "previous": []}
        logs.append((id_of(data), facts if is_usable_key(data) else None))
    logs = settle(logs)
    if not any(facts for facts in logs.values()):
        raise Refused("no log counts")
    return logs, nameless


# --- made-up lists ---

def some_time(rng):
    return rng.choice(TIMES) if rng.random() < 0.9 else rng.choice(NO_TIMES)


def v3_entry(rng):
    key = rng.choice(KEYS) if rng.random() < 0.85 else rng.choice(ODD_KEYS)
    entry = {"description": rng.choice(["Log", "Another", "", "x\ty"]), "key": b64(key), "log_id": b64(id_of(key)),
             "url": "https://ct.example/", "mmd": rng.choice([60, 86400, 1e30, 10**40, 10**400, -10**999, "x"])}
    if rng.random() < 0.5:
        entry["state"] = {rng.choice(STATES + ("suspended",)): {"timestamp": some_time(rng)}
                          for _ in range(rng.choice((1, 1, 1, 2, 3)))}
    if rng.random() < 0.3:
        entry["temporal_interval"] = {"start_inclusive": some_time(rng), "end_exclusive": some_time(rng)}
    if rng.random() < 0.2:
        entry["log_type"] = rng.choice(["prod", "test", "monitoring_only", "future", "", None, 7])
    if rng.random() < 0.2:
        entry["previous_operators"] = [{"name": rng.choice(["A", "B"]), "end_time": some_time(rng)}
                                       for _ in range(rng.randint(0, 2))]
    return entry


def v3_list(rng):
    return {"version": rng.choice(["1.2", 3, None]), "log_list_timestamp": rng.choice(TIMES), "operators": [
        {"name": rng.choice(["One", "Two", "", None]), "email": None,
         "logs": [v3_entry(rng) for _ in range(rng.randint(0, 4))],
         "tiled_logs": rng.choice([None, [], [v3_entry(rng)]])} for _ in range(rng.randint(1, 3))]}


def sigstore_entry(rng):
    key = rng.choice(KEYS[:3]) if rng.random() < 0.85 else rng.choice(ODD_KEYS)
    entry = {"baseUrl": "https://ct.example", "hashAlgorithm": "SHA2_256", "publicKey": {
        "rawBytes": b64(key),
        "keyDetails": rng.choice(["PKIX_ECDSA_P256_SHA_256"] * 8 + ["ML_DSA_65", "PKIX_ED25519"])},
        "logId": {"keyId": b64(id_of(key))}}
    if rng.random() < 0.8:
        entry["publicKey"]["validFor"] = {"start": some_time(rng), "end": rng.choice([None, some_time(rng)])}
    if rng.random() < 0.3:
        entry["operator"] = rng.choice(["sigstore.dev", "other", ""])
    return entry


def trusted_root(rng):
    return {"ctlogs": [sigstore_entry(rng) for _ in range(rng.randint(1, 4))]}


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], path + (name,))
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from places(one, path + (i,))


def mutate(rng, document):
    """Takes away, replaces, doubles or adds something at a random place."""
    document = copy.deepcopy(document)
    path = rng.choice(list(places(document)))
    if not path:
        return document
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    way = rng.randrange(4)
    if way == 0:
        del holder[path[-1]]
    elif way == 1:
        holder[path[-1]] = rng.choice([None, 0, -1, 1.5, True, "", "x", [], {}, [None], {"timestamp": None}, {"a": {}}])
    elif way == 2 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[path[-1]]))
    elif isinstance(holder, dict):
        holder[rng.choice(["note", "usable", "retired", "suspended", "state", "validFor", "operator"])] = rng.choice(
            [None, "x", {}, {"timestamp": "2024-01-01T00:00:00Z"}, 5])
    return document


def cnf_list(rng):
    """Mostly what OpenSSL reads: all of its forms, and here and there a fault."""
    names = rng.sample(["a", "ct.example/b/", "c d", "e_1", "f-2", "g.h", "i+j", "k@l"], 3)
    lines, newline = [], rng.choice(["\n", "\r\n"])
    for i, name in enumerate(names):
        key = b64(KEYS[i] if rng.random() < 0.95 else P384)
        quote = rng.choice(["", "", "'", '"'])
        lines += [rng.choice(["[%s]", "[ %s ]"]) % name, "description = " + rng.choice(
            ["Log %d", "'Log # %d'", "Log \\# %d", "a \\\\ %d", "Log %d # comment", "\"x\" y %d"]) % i,
                  "key = " + quote + (key if rng.random() < 0.7 else key[:20] + "\\" + newline + key[20:]) + quote]
        if rng.random() < 0.2:
            lines.append(rng.choice(
                ["url = x", "# comment $", "", "x::y = z", "key = x", "key=", "nonsense", ".x = y"]))
    enabled = rng.choice(["enabled_logs = %s", "enabled_logs=%s", "enabled_logs = \"%s\""]) % rng.choice(
        [",", " , ", ",,"]).join(rng.sample(names, rng.randint(1, 3)))
    if rng.random() < 0.3:
        lines += ["[default]", enabled]
    else:
        lines.insert(0, enabled)
    return newline.join(lines + [""])


def pem_list(rng):
    """Keys as programs write them: with remarks, other blocks, both ends of lines."""
    newline, out = rng.choice(["\n", "\n", "\r\n"]), []
    for _ in range(rng.randint(1, 4)):
        key = rng.choice(KEYS) if rng.random() < 0.8 else rng.choice(ODD_KEYS)
        label = "PUBLIC KEY" if rng.random() < 0.9 else rng.choice(
            ["CERTIFICATE", "RSA PUBLIC KEY", "EC PARAMETERS", "PRIVATE KEY", "TRUSTED CERTIFICATE", "X509 CRL"])
        text, width = b64(key), rng.choice([64, 64, 64, 76, 60])
        headers = rng.random() < 0.1
        width = 64 if headers else width  # behind headers OpenSSL wants lines of this length
        lines = [text[i:i + width] for i in range(0, len(text), width)]
        if headers:
            lines = ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF", ""] + lines
        if rng.random() < 0.3:
            out.append(rng.choice(["# Log", "https://ct.example/2026/", "", "subject=CN = a", "--- x ---"]))
        out += [f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]
    return newline.join(out + [""] * rng.randint(0, 2))


def scramble(rng, text):
    """A few bytes changed."""
    data = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        data[at:at + rng.randrange(2)] = bytes([rng.choice(b"\"\\[]{}=,:'#$. \n\r\0\xff0aA")])
    return bytes(data)


# --- comparing ---

class Reader:
    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, text):
        """(None or {id: facts or None}, nameless, what OpenSSL says)"""
        self.process.stdin.write(len(text).to_bytes(4, "big") + text)
        self.process.stdin.flush()
        logs, nameless, other = None, 0, None
        while True:
            words = self.process.stdout.readline().decode().split()
            if not words:
                raise SystemExit("the reader ended: " + repr(text))
            if words[0] == "end":
                return logs, nameless, other
            if words[0] == "list":
                logs, nameless = {}, int(words[2])
            elif words[0] == "openssl":
                other = words[1]
            elif words[0] == "log":
                counts = words[2] == "counts"
                logs[bytes.fromhex(words[1])] = {
                    "state": words[3], "since": int(words[4]), "start": int(words[5]), "end": int(words[6]),
                    "tiled": words[7] == "1",
                    "operator": bytes.fromhex(words[8].strip(".-")).decode() or None,
                    "windows": sorted(tuple(int(end) for end in window.split("..")) for window in words[9:]),
                } if counts else None


def strict_json(text):
    def once(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    def constant(word):
        raise ValueError(word)

    document = json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=constant)
    if any(ord(c) == 0 or 0xd800 <= ord(c) < 0xe000 for c in json.dumps(document, ensure_ascii=False)):
        raise ValueError("a NUL or half a character")
    return document


def check_json(reader, text):
    try:
        document = strict_json(text)
        if "\\u0000" in json.dumps(document):
            return True  # jansson does not take it
        expected = model(document)
    except (ValueError, Refused):
        expected = None
    logs, nameless, _ = reader.read(text)
    if expected is None or logs is None:
        return (expected is None) == (logs is None)
    return without_own(expected[0]) == logs and expected[1] == nameless


def check_pem(reader, text, whole):
    logs, _, _ = got = reader.read(text)
    if not whole:
        found = {id_of(data) for data in lenient_keys(text)}
        return logs is None or all(log_id in found for log_id, facts in logs.items() if facts)
    try:
        expected = model_pem(text.decode())
    except Refused:
        return logs is None
    if logs is None:
        return False
    return without_own(expected[0]) == logs and expected[1] == got[1]


def lenient_keys(text):
    """Whatever could be meant by the base64 between two lines of dashes, however damaged."""
    for part in re.split(rb"-", text):
        plain = re.sub(rb"[^A-Za-z0-9+/=]", b"", part)
        plain = plain.partition(b"=")[0]
        yield base64.b64decode(plain[:len(plain) - (len(plain) % 4 == 1)] + b"===")


def without_own(logs):
    """What the program tells of a log, too."""
    return {log_id: facts and {k: v for k, v in facts.items() if k not in ("given", "previous")}
            for log_id, facts in logs.items()}


def check_cnf(reader, text):
    """What OpenSSL loads, the module reads in full; the module is stricter about what reaches beyond the file."""
    logs, nameless, other = reader.read(text)
    stricter = any(word in text.replace(b"\\", b"") for word in (b"$", b".include", b".pragma", b"\0"))
    if other == "refuses" or stricter:
        return True
    doubled = logs is None or None in logs.values() or nameless
    if doubled:  # OpenSSL takes the last of two equal names and does not mind keys of other kinds
        return b"P384" in text or text.count(b"key") > text.count(b"[") or b64(P384)[:20].encode() in text or \
            b"\xff" in text or len(set(text.split())) < len(text.split())
    return int(other) == len(logs)


def cpu_seconds(*readers):
    ticks = 0
    for reader in readers:
        with open(f"/proc/{reader.process.pid}/stat", encoding="ascii", errors="replace") as stat:
            ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--cpu-seconds", type=float, help="of this program and of the reader")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    started, done, differences = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        plain, openssl = Reader(options.program), Reader(options.program, os.path.join(folder, "list.cnf"))

        def more():
            if options.cpu_seconds:
                return done % 100 or cpu_seconds(plain, openssl) < options.cpu_seconds
            return time.monotonic() - started < options.seconds if options.seconds else done < options.cases

        while more():
            kind = rng.randrange(5)
            if kind == 4:
                text = pem_list(rng).encode()
                damaged = rng.random() < 0.4
                text = scramble(rng, text) if damaged else text
                good = check_pem(plain, text, not damaged)
            elif kind == 3:
                text = cnf_list(rng).encode()
                text = scramble(rng, text) if rng.random() < 0.5 else text
                good = check_cnf(openssl, text)
            else:
                document = (v3_list, v3_entry, trusted_root)[kind](rng)
                for _ in range(rng.randint(0, 3)):
                    document = mutate(rng, document)
                text = json.dumps(document).encode()
                if rng.random() < 0.1:
                    text = scramble(rng, text)
                good = check_json(plain, text) if text.lstrip(b" \t\r\n").startswith(b"{") else True
            if not good:
                differences += 1
                print("not ok: they differ about", text, file=sys.stderr)
                if differences == 10:
                    break
            done += 1
        spent = cpu_seconds(plain, openssl)
    print(f"{'ok' if not differences else 'not ok'}: {done} lists, {differences} differences, seed {seed}, "
          f"{spent:.0f} s of processor time")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
