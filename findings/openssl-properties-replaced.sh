#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In OpenSSL's alg_section "default_properties" takes back what "fips_mode = yes" above it has demanded, in silence.
#
# Seen with OpenSSL 3.5.4, the library that the wheel psycopg2-binary 2.9.11 carries. The lines of alg_section are
# obeyed one after the other. fips_mode = yes adds fips=yes to the default properties, and what has no such property
# cannot be had any more. default_properties puts its text in the place of all properties, fips=yes included: below
# fips_mode it ends FIPS mode, whatever it says and although no line takes it back, and loading succeeds. Above it both
# demands hold.
#
# What to take from it: who adds default_properties to an openssl.cnf looks for fips_mode, and writes its own line above
# that, or fips=yes into it. Exit status 1: it is not so any more.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip -q download --no-deps --only-binary :all: --python-version 311 --platform manylinux2014_x86_64 -d . \
    psycopg2-binary==2.9.11
python3 -m zipfile -e ./*.whl .

python3 - "$work"/psycopg2_binary.libs/libcrypto-*.so.3 <<'END'
import ctypes
import sys

crypto = ctypes.CDLL(sys.argv[1])
for function in ("OSSL_LIB_CTX_new", "EVP_MD_fetch", "OpenSSL_version"):
    getattr(crypto, function).restype = ctypes.c_void_p
print(ctypes.string_at(crypto.OpenSSL_version(0)).decode())


def digests_after(lines):
    """Whether the configuration loads, and whether MD5 can be had in a library context that has loaded it."""
    with open("openssl.cnf", "w", encoding="ascii") as file:
        file.write("\n".join(["config_diagnostics = 1", "openssl_conf = init", "[init]", "alg_section = algorithms",
                              "[algorithms]", *lines, ""]))
    context = ctypes.c_void_p(crypto.OSSL_LIB_CTX_new())
    loaded = crypto.OSSL_LIB_CTX_load_config(context, b"openssl.cnf") == 1
    answer = loaded, crypto.EVP_MD_fetch(context, b"MD5", None) is not None
    print(f"{'; '.join(lines) or 'nothing'}: loading {'succeeds' if loaded else 'fails'}, "
          f"MD5 {'can' if answer[1] else 'cannot'} be had")
    return answer


FIPS, OTHER = "fips_mode = yes", "default_properties = provider=default"
same = [digests_after(lines) for lines in ([], [FIPS], [OTHER, FIPS], [FIPS, OTHER])] == [
    (True, True), (True, False), (True, False), (True, True)]
if not same:
    print("It is not as stated above any more", file=sys.stderr)
sys.exit(0 if same else 1)
END
