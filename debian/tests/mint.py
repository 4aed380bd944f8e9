#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mint.py DIRECTORY: a CA, a server, clients and a log of one's own.

The SCT of client "logged" lies in the store, that of client "embedded" in its certificate; "unlogged" and "stranger"
have none.
"""
import datetime
import hashlib
import json
import base64
import pathlib
import struct
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def builder_of(name, key, issuer=None, usage=None):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(NOW - datetime.timedelta(days=1)).not_valid_after(NOW + datetime.timedelta(days=30))
               .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    return builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False) if usage else builder


def certificate(name, issuer=None, usage=None):
    key = ec.generate_private_key(ec.SECP256R1())
    return builder_of(name, key, issuer, usage).sign(issuer[1] if issuer else key, hashes.SHA256()), key


def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_embedded_sct(name, issuer, log_key, log_id):
    """The log has signed what the certificate is without the extension, which comes last."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = builder_of(name, key, issuer, ExtendedKeyUsageOID.CLIENT_AUTH)
    before = builder.sign(issuer[1], hashes.SHA256()).tbs_certificate_bytes
    entry = (b"\x00\x01" + hashlib.sha256(spki_of(issuer[1])).digest() + len(before).to_bytes(3, "big") + before)
    scts = sct_list(entry, log_key, log_id)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"),
                                           b"\x04" + bytes([len(scts)]) + scts)
    return builder.add_extension(extension, critical=False).sign(issuer[1], hashes.SHA256()), key


def sct_list(entry, log_key, log_id):
    """A log's promise over an entry, its type first (RFC 6962, 3.2), as the list that extension 18 carries."""
    timestamp = struct.pack(">Q", int(time.time() * 1000) - 60000)
    signed = b"\x00\x00" + timestamp + entry + b"\x00\x00"
    signature = log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
    sct = b"\x00" + log_id + timestamp + b"\x00\x00" + b"\x04\x03" + struct.pack(">H", len(signature)) + signature
    return struct.pack(">HH", len(sct) + 2, len(sct)) + sct


def main():
    folder = pathlib.Path(sys.argv[1])
    ca = certificate("Test CA")
    log_key = ec.generate_private_key(ec.SECP256R1())
    spki = spki_of(log_key)
    log_id = hashlib.sha256(spki).digest()
    made = {"ca": ca, "server": certificate("localhost", ca, ExtendedKeyUsageOID.SERVER_AUTH),
            "logged": certificate("logged", ca, ExtendedKeyUsageOID.CLIENT_AUTH),
            "embedded": with_embedded_sct("embedded", ca, log_key, log_id),
            "unlogged": certificate("unlogged", ca, ExtendedKeyUsageOID.CLIENT_AUTH),
            "stranger": certificate("stranger", ca, ExtendedKeyUsageOID.CLIENT_AUTH)}
    for name, (cert, key) in made.items():
        (folder / f"{name}.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                                               serialization.PrivateFormat.PKCS8,
                                                               serialization.NoEncryption()))
    store = folder / "scts"
    store.mkdir()
    der = made["logged"][0].public_bytes(serialization.Encoding.DER)
    (store / f"{hashlib.sha256(der).hexdigest()}.sct").write_bytes(
        sct_list(b"\x00\x00" + len(der).to_bytes(3, "big") + der, log_key, log_id))
    (folder / "log-key.pem").write_bytes(log_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    (folder / "log_list.json").write_text(json.dumps({"operators": [{"name": "Test", "logs": [{
        "description": "Test log", "log_id": base64.b64encode(log_id).decode(), "key": base64.b64encode(spki).decode(),
        "url": "https://log.example/", "mmd": 86400}]}]}))


if __name__ == "__main__":
    main()
