# SPDX-License-Identifier: Apache-2.0
"""Certificates in great numbers for logs: DER by hand, with signatures that nobody checks."""
import datetime
import hashlib
import time

from ctlog import Entry, Key, der, der_integer

OIDS = {"CN": "550403", "O": "55040a", "OU": "55040b", "serialNumber": "550405", "organizationIdentifier": "550461",
        "emailAddress": "2a864886f70d010901", "clientAuth": "2b06010505070302", "serverAuth": "2b06010505070301",
        "anyExtendedKeyUsage": "551d2500"}
ECDSA = der(0x30, der(6, bytes.fromhex("2a8648ce3d040302")))


def oid(name):
    return der(6, bytes.fromhex(OIDS[name]))


def name(**attributes):
    return der(0x30, *(der(0x31, der(0x30, oid(kind), der(0x0c, value.encode())))
                       for kind, value in attributes.items()))


def utc(seconds):
    """Time of RFC 5280, section 4.1.2.5: UTCTime through the year 2049, GeneralizedTime from then on."""
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)  # gmtime ends in 2038 on 32 bits
    if at.year < 2050:
        return der(0x17, at.strftime("%y%m%d%H%M%SZ").encode())
    return der(0x18, at.strftime("%Y%m%d%H%M%SZ").encode())


def extension(oid_hex, value, critical=False):
    return der(0x30, der(6, bytes.fromhex(oid_hex)), der(1, b"\xff") if critical else b"", der(4, value))


class Authority:
    """A CA without a signing key."""

    def __init__(self, common_name, key=None):
        self.name = name(O="Example", CN=common_name)
        self.spki = (key or Key()).spki
        self.key_hash = hashlib.sha256(self.spki).digest()
        self.certificate = self.certify(self.tbs(1, self.name, spki=self.spki, usages=None))

    def tbs(self, serial, subject, names=b"", usages=("clientAuth",), start=None, days=90, spki=None, scts=None,
            issuer=None):
        start = start or int(time.time()) - 3600
        extensions = b""
        if names:
            extensions += extension("551d11", der(0x30, names))
        if usages is not None:
            extensions += extension("551d25", der(0x30, *(oid(one) for one in usages)))
        if scts:
            extensions += extension("2b06010401d679020402", der(4, scts))
        return der(0x30, der(0xa0, der_integer(2)), der_integer(serial), ECDSA, issuer or self.name,
                   der(0x30, utc(start), utc(start + days * 86400)), subject, spki or self.spki,
                   der(0xa3, der(0x30, extensions)) if extensions else b"")

    def certify(self, tbs):
        return der(0x30, tbs, ECDSA, der(3, b"\0" + der(0x30, der_integer(5), der_integer(7))))

    def entry(self, tbs, pre=False):
        """As a log keeps it."""
        if pre:
            return Entry(tbs, self.key_hash, self.certify(tbs), chain=(self.certificate,))
        return Entry(self.certify(tbs), chain=(self.certificate,))


def uri(text):
    return der(0x86, text.encode())


def email(text):
    return der(0x81, text.encode())


def dns(text):
    return der(0x82, text.encode())
