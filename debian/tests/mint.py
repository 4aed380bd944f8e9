#!/usr/bin/python3
"""mint.py DIRECTORY: a CA, a server, two clients and a log of one's own; one client's SCT lies in the store."""
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


def certificate(name, issuer=None, usage=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(NOW - datetime.timedelta(days=1)).not_valid_after(NOW + datetime.timedelta(days=30))
               .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def sct_list(der, log_key, log_id):
    """A log's promise over a final certificate (RFC 6962, 3.2), as the list that extension 18 carries."""
    timestamp = struct.pack(">Q", int(time.time() * 1000) - 60000)
    signed = b"\x00\x00" + timestamp + b"\x00\x00" + len(der).to_bytes(3, "big") + der + b"\x00\x00"
    signature = log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
    sct = b"\x00" + log_id + timestamp + b"\x00\x00" + b"\x04\x03" + struct.pack(">H", len(signature)) + signature
    return struct.pack(">HH", len(sct) + 2, len(sct)) + sct


def main():
    folder = pathlib.Path(sys.argv[1])
    ca = certificate("Test CA")
    log_key = ec.generate_private_key(ec.SECP256R1())
    spki = log_key.public_key().public_bytes(serialization.Encoding.DER,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
    log_id = hashlib.sha256(spki).digest()
    made = {"ca": ca, "server": certificate("localhost", ca, ExtendedKeyUsageOID.SERVER_AUTH),
            "logged": certificate("logged", ca, ExtendedKeyUsageOID.CLIENT_AUTH),
            "unlogged": certificate("unlogged", ca, ExtendedKeyUsageOID.CLIENT_AUTH)}
    for name, (cert, key) in made.items():
        (folder / f"{name}.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                                               serialization.PrivateFormat.PKCS8,
                                                               serialization.NoEncryption()))
    store = folder / "scts"
    store.mkdir()
    der = made["logged"][0].public_bytes(serialization.Encoding.DER)
    (store / f"{hashlib.sha256(der).hexdigest()}.sct").write_bytes(sct_list(der, log_key, log_id))
    (folder / "log_list.json").write_text(json.dumps({"operators": [{"name": "Test", "logs": [{
        "description": "Test log", "log_id": base64.b64encode(log_id).decode(), "key": base64.b64encode(spki).decode(),
        "url": "https://log.example/", "mmd": 86400}]}]}))


if __name__ == "__main__":
    main()
