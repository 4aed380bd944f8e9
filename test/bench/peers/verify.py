# SPDX-License-Identifier: Apache-2.0
"""Checks a list of SCTs over a finished certificate with python's cryptography.

usage: verify.py CERTIFICATE.der LIST.sct LOG-LIST.json ROUNDS; prints the median of nanoseconds for the whole list.
"""
import base64
import hashlib
import json
import statistics
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def scts(data):
    at = 2
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        yield data[at + 2:end]
        at = end


def check(certificate, data, keys):
    for sct in scts(data):
        # The digitally-signed struct of RFC 6962, section 3.2, for an x509_entry without extensions.
        signed = b"".join([b"\0\0", sct[33:41], b"\0\0", len(certificate).to_bytes(3, "big"), certificate, sct[41:43]])
        keys[sct[1:33]].verify(sct[47:], signed, ECDSA(SHA256()))


def main():
    certificate, data = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()
    keys = {}
    for operator in json.loads(Path(sys.argv[3]).read_text())["operators"]:
        for log in operator["logs"]:
            spki = base64.b64decode(log["key"])
            keys[hashlib.sha256(spki).digest()] = load_der_public_key(spki)
    times = []
    for _ in range(int(sys.argv[4])):
        start = time.perf_counter_ns()
        check(certificate, data, keys)
        times.append(time.perf_counter_ns() - start)
    print(int(statistics.median(times)))


main()
