# SPDX-License-Identifier: Apache-2.0
"""RFC 6962 once more, from its text and by other means: Debian's python3-cryptography takes certificates apart and
checks signatures, struct reads and writes what the TLS presentation language describes. Shares nothing with the
module; tests only."""

import datetime
import hashlib
import struct
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
SCT_LIST = bytes.fromhex("060a2b06010401d679020402")       # 1.3.6.1.4.1.11129.2.4.2, as an OBJECT IDENTIFIER
POISON = bytes.fromhex("060a2b06010401d679020403")
OCSP_SCT_LIST = bytes.fromhex("060a2b06010401d679020405")
AUTHORITY_KEY_ID = bytes.fromhex("0603551d23")
EMPTY_EXTENSIONS = bytes.fromhex("a3023000")
CLOCK_SKEW_MS = 60_000
EPOCH = datetime.datetime(1970, 1, 1)


class Malformed(Exception):
    pass


# DER, as far as certificates need it

def read_tlv(data, at=0):
    """The element at `at`: its tag, its content, and where the next one is."""
    if at + 2 > len(data):
        raise Malformed("no element")
    tag, length, start = data[at], data[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7f
        length = int.from_bytes(data[start:start + octets], "big")
        start += octets
        if der_length(length) != data[at + 1:start]:
            raise Malformed("not the shortest length")
    if start + length > len(data):
        raise Malformed("longer than there is")
    return tag, data[start:start + length], start + length


def der_length(length):
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag, content):
    return bytes([tag]) + der_length(len(content)) + content


def elements(content):
    """The elements of a SEQUENCE's content, whole."""
    at, found = 0, []
    while at < len(content):
        end = read_tlv(content, at)[2]
        found.append(content[at:end])
        at = end
    return found


def list_in_extension(der, oid):
    """The list in the only OCTET STRING of the extension's value; None where `oid` is not."""
    at = der.find(oid)
    if at < 0:
        return None
    at += len(oid)
    tag, value, end = read_tlv(der, at)
    if tag == 0x01:
        tag, value, _ = read_tlv(der, end)
    inner, content, end = read_tlv(value)
    if (tag, inner, end) != (0x04, 0x04, len(value)):
        raise Malformed("not one OCTET STRING in another")
    return content


# SignedCertificateTimestampList, RFC 6962, 3.3

def vector16(data, at):
    if at + 2 > len(data):
        raise Malformed("no length")
    end = at + 2 + struct.unpack_from(">H", data, at)[0]
    if end > len(data):
        raise Malformed("longer than there is")
    return data[at + 2:end], end


def split_list(data):
    """The SerializedSCTs."""
    items, end = vector16(data, 0)
    if end != len(data) or not items:
        raise Malformed("list")
    found, at = [], 0
    while at < len(items):
        item, at = vector16(items, at)
        if not item:
            raise Malformed("empty SCT")
        found.append(item)
    return found


class Sct:
    def __init__(self, data):
        if len(data) < 43:
            raise Malformed("short SCT")
        self.log_id = data[1:33]
        self.timestamp = struct.unpack_from(">Q", data, 33)[0]
        self.extensions, at = vector16(data, 41)
        if at + 2 > len(data):
            raise Malformed("no algorithm")
        self.hash, self.algorithm = data[at], data[at + 1]
        self.signature, at = vector16(data, at + 2)
        if at != len(data):
            raise Malformed("bytes behind the signature")

    def leaf_index_is_there(self):
        """Once, with five bytes: c2sp.org/static-ct-api"""
        at, found = 0, 0
        while at < len(self.extensions):
            kind = self.extensions[at]
            data, at = vector16(self.extensions, at + 1)
            if kind == 0:
                found += 1 if len(data) == 5 else 2
        return found == 1


# The signed entry, RFC 6962, 3.2

def vector24(data):
    return struct.pack(">I", len(data))[1:] + data


def issuer_key_hash(issuer):
    return hashlib.sha256(issuer.public_key().public_bytes(*SPKI)).digest()


def tbs_without_list(certificate):
    """cryptography encodes the TBSCertificate anew, and leaves an empty [3] when the list was alone in it."""
    tbs = certificate.tbs_precertificate_bytes
    if tbs.endswith(EMPTY_EXTENSIONS):
        return tlv(0x30, read_tlv(tbs)[1][:-len(EMPTY_EXTENSIONS)])
    return tbs


def x509_entry(certificate):
    return b"\0\0" + vector24(certificate.public_bytes(serialization.Encoding.DER))


def precert_entry(tbs, issuer):
    return b"\0\1" + issuer_key_hash(issuer) + vector24(tbs)


def signed_data(timestamp, entry, extensions):
    return b"\0\0" + struct.pack(">Q", timestamp) + entry + struct.pack(">H", len(extensions)) + extensions


class Log:
    def __init__(self, public_key, tiled=False):
        self.key = public_key
        self.tiled = tiled
        self.id = hashlib.sha256(public_key.public_bytes(*SPKI)).digest()

    def has_signed(self, sct, data):
        wanted = 3 if isinstance(self.key, ec.EllipticCurvePublicKey) else 1
        if (sct.hash, sct.algorithm) != (4, wanted):
            return False
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(sct.signature, data, padding.PKCS1v15(), hashes.SHA256())
            else:
                pair = utils.decode_dss_signature(sct.signature)
                if utils.encode_dss_signature(*pair) != sct.signature:
                    return False # it was not DER
                self.key.verify(sct.signature, data, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True


def judge(data, entry, logs):
    """What becomes of one SerializedSCT: a status in clientct's words."""
    if data[0] != 0:
        return "unsupported-version"
    try:
        sct = Sct(data)
    except Malformed:
        return "malformed-sct-list"
    log = logs.get(sct.log_id)
    if log is None:
        return "unknown-log"
    if sct.timestamp > time.time() * 1000 + CLOCK_SKEW_MS:
        return "future-timestamp"
    try:
        if log.tiled and not sct.leaf_index_is_there():
            return "bad-extensions"
    except Malformed:
        return "bad-extensions"
    return "valid" if log.has_signed(sct, signed_data(sct.timestamp, entry, sct.extensions)) else "bad-signature"


def judge_list(data, entry, logs):
    """A status for each SCT; nothing of a list that is broken."""
    try:
        return [judge(item, entry, logs) for item in split_list(data)]
    except Malformed:
        return []


def same_fields(sct, theirs):
    """Whether cryptography's SCT object says what ours does."""
    names = {4: "sha256", 5: "sha384"}
    milliseconds = round((theirs.timestamp.replace(tzinfo=None) - EPOCH).total_seconds() * 1000)
    return (theirs.version == x509.certificate_transparency.Version.v1 and theirs.log_id == sct.log_id and
            milliseconds == sct.timestamp and theirs.extension_bytes == sct.extensions and
            theirs.signature == sct.signature and theirs.signature_hash_algorithm.name == names.get(sct.hash) and
            theirs.signature_algorithm.value == sct.algorithm)


# What a log does with a precertificate, RFC 6962, 3.2

def as_logged(precertificate, issuer):
    """The TBSCertificate that a log signs: poison goes, and where a Precertificate Signing Certificate has signed,
    the final issuer's name and key identifier take its place."""
    fields = elements(read_tlv(precertificate.tbs_certificate_bytes)[1])
    fields[3] = issuer.subject.public_bytes()
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()).public_bytes()
    kept = []
    for extension in elements(read_tlv(read_tlv(fields[-1])[1])[1]):
        content = read_tlv(extension)[1]
        if content.startswith(AUTHORITY_KEY_ID):
            extension = tlv(0x30, AUTHORITY_KEY_ID + tlv(0x04, key_id))
        if not content.startswith(POISON):
            kept.append(extension)
    fields[-1] = tlv(0xa3, tlv(0x30, b"".join(kept)))
    return tlv(0x30, b"".join(fields))


def issue_sct(key, entry, timestamp, extensions=b""):
    """A SerializedSCT as a log with this P-256 key makes it."""
    signature = key.sign(signed_data(timestamp, entry, extensions), ec.ECDSA(hashes.SHA256()))
    log_id = hashlib.sha256(key.public_key().public_bytes(*SPKI)).digest()
    return (b"\0" + log_id + struct.pack(">QH", timestamp, len(extensions)) + extensions + b"\4\3" +
            struct.pack(">H", len(signature)) + signature)
