#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GnuTLS cannot read the SCTs of static-ct logs.
#
# Seen with GnuTLS 3.7.9 (Debian 12) and 3.8.9 (Debian 13); this runs the first. RFC 6962 gives each SCT a field
# CtExtensions, and static-ct logs put the index of the entry there, into every SCT. gnutls_x509_ext_ct_import_scts()
# fails at the first SCT whose extensions are not empty, and with it for the whole list: certtool --certificate-info
# prints "The requested data were not available" where it prints the SCTs of other logs. The same certificate's list is
# read by python3-cryptography.
#
# What to take from it: "certtool shows no SCTs" says nothing of a certificate. Exit status 1: it is not so any more.
set -euo pipefail

DEBIAN='gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libopts25=1:5.18.16-5 libtasn1-6=4.19.0-2+deb12u1'
PYPI=cryptography==46.0.3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
cd "$work"
# shellcheck disable=SC2086 # a list
apt-get -qq download $DEBIAN
for package in *.deb; do
    dpkg-deb -x "$package" gnutls
done
python3 -m venv python
python/bin/pip -q install "$PYPI"
certtool() { LD_LIBRARY_PATH=$(echo gnutls/usr/lib/*-linux-gnu) gnutls/usr/bin/certtool "$@"; }

# Certificates with one SCT that is valid: of a log without extensions, and of a static-ct log (c2sp.org/static-ct-api).
cat >mint.py <<'END'
import datetime
import hashlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
now = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
ca_key, log_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
CA = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Device CA")])
DEVICE = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device-1")])


def vector(size, data):
    return len(data).to_bytes(size, "big") + data


def spki_hash(private):
    return hashlib.sha256(private.public_key().public_bytes(DER, SPKI)).digest()


def issue(serial, *extensions):
    builder = (x509.CertificateBuilder().subject_name(DEVICE).issuer_name(CA).public_key(key.public_key())
               .serial_number(serial).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=90))
               .add_extension(x509.BasicConstraints(False, None), True))
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    return builder.sign(ca_key, hashes.SHA256())


def with_sct(serial, ct_extensions):
    entry = spki_hash(ca_key) + vector(3, issue(serial).tbs_certificate_bytes)  # signed: as it is without its SCTs
    times = struct.pack(">Q", int(now.timestamp() * 1000))
    signed = b"\0\0" + times + b"\0\1" + entry + vector(2, ct_extensions)
    signature = log_key.sign(signed, ec.ECDSA(hashes.SHA256()))
    sct = b"\0" + spki_hash(log_key) + times + vector(2, ct_extensions) + b"\4\3" + vector(2, signature)
    scts = vector(2, vector(2, sct))
    size = bytes([len(scts)]) if len(scts) < 128 else bytes([0x81, len(scts)])
    return issue(serial, x509.UnrecognizedExtension(SCT_LIST, b"\4" + size + scts))


for name, serial, ct_extensions in (("without", 1001, b""), ("static-ct", 1002, b"\0" + vector(2, (77).to_bytes(5, "big")))):
    certificate = with_sct(serial, ct_extensions)
    found = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    log_key.public_key().verify(found[0].signature, b"\0\0" + struct.pack(">Q", int(now.timestamp() * 1000)) + b"\0\1"
                                + spki_hash(ca_key) + vector(3, certificate.tbs_precertificate_bytes)
                                + vector(2, found[0].extension_bytes), ec.ECDSA(hashes.SHA256()))
    print(name, "cryptography reads", len(found), "SCT with", len(found[0].extension_bytes), "bytes of extensions, valid")
    with open(name + ".pem", "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
END
python/bin/python mint.py

certtool --version | head -n 1
status=0
# expect FILE TEXT NOT
expect() {
    certtool --certificate-info <"$1" >said 2>&1 || true
    echo "$1: $(grep -A 1 'Precertificate SCTs' said | tail -n 1)"
    if ! grep -q "$2" said || grep -q "$3" said; then
        status=1
    fi
}
expect without.pem 'Signed Certificate Timestamp 1:' 'error: '
expect static-ct.pem 'error: gnutls_x509_ext_ct_import_scts(): The requested data were not available' 'Timestamp 1:'
if [ "$status" -ne 0 ]; then
    echo 'It is not as stated above any more' >&2
fi
exit "$status"
