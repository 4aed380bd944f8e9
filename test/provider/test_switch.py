# SPDX-License-Identifier: Apache-2.0
"""The dead-man switches: only our own demand is taken back, what an administrator asked for stays as without us."""
import os
import functools
import itertools
import subprocess
import sys
from pathlib import Path

from clientct import MODULE, OPENSSL, ask, client_context, s_server, write_config
from processes import LONGEST, TemporaryFolder, environment
from tap import case, equal, main, table

# What a process can see of its context: properties in force by what they let it fetch.
LOOK = """
import ctypes, sys
crypto, ssl = ctypes.CDLL(sys.argv[1]), ctypes.CDLL(sys.argv[2])
pointer = ctypes.c_void_p
for function in (crypto.EVP_MD_fetch, ssl.SSL_CTX_new, ssl.TLS_server_method, crypto.OSSL_LIB_CTX_new):
    function.restype = pointer
crypto.EVP_MD_fetch.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
ssl.SSL_CTX_new.argtypes = [pointer]
libctx = None
if len(sys.argv) > 3:  # a context of the application's own, with the same file
    libctx = crypto.OSSL_LIB_CTX_new()
    crypto.OSSL_LIB_CTX_load_config.argtypes = [pointer, ctypes.c_char_p]
    crypto.OSSL_LIB_CTX_load_config(libctx, sys.argv[3].encode())
else:
    crypto.OPENSSL_init_crypto(ctypes.c_uint64(0x40), None)
crypto.EVP_default_properties_is_fips_enabled.argtypes = [pointer]
crypto.RAND_bytes_ex.argtypes = [pointer, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]
room = ctypes.create_string_buffer(8)
print(crypto.EVP_default_properties_is_fips_enabled(libctx),
      bool(crypto.EVP_MD_fetch(libctx, b"SHA256", None)), bool(crypto.EVP_MD_fetch(libctx, b"MD4", None)),
      crypto.RAND_bytes_ex(libctx, room, 8, 0) == 1,
      libctx is not None or bool(ssl.SSL_CTX_new(ssl.TLS_server_method())))
"""


@functools.lru_cache(maxsize=None)
def libraries():
    listed = subprocess.run(["ldd", OPENSSL], check=True, stdout=subprocess.PIPE).stdout.decode()
    found = {line.split()[0].split(".so")[0]: line.split()[2] for line in listed.splitlines() if "=>" in line}
    return found["libcrypto"], found["libssl"]


def look(conf, own_context=False):
    arguments = [sys.executable, "-c", LOOK, *libraries(), *([str(conf)] if own_context else [])]
    done = subprocess.run(arguments, env=environment(os.devnull if own_context else conf), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LONGEST, check=False)
    return done.stdout.decode().split() or done.stderr.decode()


def write(folder, alg_lines, random_lines=(), entry="module", so=MODULE, name="openssl.cnf"):
    """`entry` None: the same file as if there were no clientct."""
    order = ["alg_section = alg", "random = rnd"]
    order += {"module": ["clientct = ours"], "provider": ["providers = prov"], None: []}[entry]
    path = Path(folder) / name
    path.write_text("\n".join([
        "openssl_conf = init", "[init]", *order, "[alg]", *alg_lines, "[rnd]", *random_lines,
        "[prov]", "default = dflt", "clientct = ours_provider", "[dflt]", "activate = 1",
        "[ours]", f"path = {so}", f"config = {write_config(folder)}",
        "[ours_provider]", f"module = {so}", "activate = 1", f"config = {write_config(folder)}", ""]))
    return path


@functools.lru_cache(maxsize=None)
def look_without_us(*lines):
    with TemporaryFolder() as folder:
        return look(write(folder, lines, entry=None))


OTHERS = ("", "fips=yes", "provider=default", "provider=base", "?provider=pkcs11", "?fips=yes", "-fips",
          "provider='default'", "provider!=base")
# A name that no provider has. OpenSSL takes one of them in a list, and finds the line wrong with two.
FOREIGN = ("foreign=loaded", "?foreign=loaded")
OURS = ("clientct=loaded", "clientct = loaded", "CLIENTCT=loaded", "?clientct=loaded")


def joined(*parts):
    return ",".join(part for part in parts if part)


@table(*((entry, ours) for entry in ("module", "provider") for ours in OURS))
def only_ours_is_taken_back(entry, ours):
    with TemporaryFolder() as folder:
        for other, fips_mode, before in itertools.product(OTHERS, (None, "yes", "no"), (True, False)):
            if ours != OURS[0] and (fips_mode or not before):
                continue  # every combination once is enough
            both = joined(ours, other) if before else joined(other, ours)
            below = [f"fips_mode = {fips_mode}"] if fips_mode else []
            ours_lines = [f"default_properties = {both}", *below]
            without = look_without_us(f"default_properties = {other}" if other else "# none", *below)
            equal(look(write(folder, ours_lines, entry=entry)), without, f"with {ours_lines}")


@table(*((entry,) for entry in ("module", "provider")))
def nothing_is_lost_where_there_is_no_switch(entry):
    with TemporaryFolder() as folder:
        # A provider is not shown the file, and OpenSSL leaves such names out: provider-clientct(7).
        for other in (*OTHERS, *(FOREIGN if entry == "module" else ())):
            lines = [f"default_properties = {other}"] if other else []
            equal(look(write(folder, lines, entry=entry)), look_without_us(*lines), f"with {other}")


@case
def a_context_of_the_application_is_treated_alike():
    with TemporaryFolder() as folder:
        for other in ("", "provider=base", "fips=yes"):
            with_us = write(folder, [f"default_properties = {joined('clientct=loaded', other)}"], name="with.cnf")
            without = write(folder, [f"default_properties = {other}"] if other else [], entry=None, name="without.cnf")
            equal(look(with_us, True), look(without, True), f"with {other}")


@table(*((other,) for other in ("", "provider=default", "provider=base")))
def random_generator_is_the_second_switch(other):
    with TemporaryFolder() as folder:
        ours = [f"properties = {joined('clientct=loaded', other)}", "cipher = AES-192-CTR"]
        without = write(folder, [], [f"properties = {other}", "cipher = AES-192-CTR"], entry=None, name="without.cnf")
        equal(look(write(folder, [], ours)), look(without), "with the component")
        equal(look(write(folder, [], ours, so="/nonexistent.so"))[3:], ["False", "False"], "without it")


@table(*((propquery,) for propquery in ("", "provider=default", "?fips=yes")))
def random_generator_holds_where_a_program_sets_properties_itself(propquery):
    """As HAProxy does with ssl-propquery; here s_server's own -propquery, and default properties set after loading."""
    program = LOOK.replace("room =", f"crypto.EVP_set_default_properties(libctx, {propquery.encode()!r})\nroom =")
    with TemporaryFolder() as folder:
        for switch, random, want in ((["default_properties = clientct=loaded"], [], "True"),
                                     (["default_properties = clientct=loaded"], ["properties = clientct=loaded"],
                                      "False")):
            conf = write(folder, switch, random, so="/nonexistent.so")
            done = subprocess.run([sys.executable, "-c", program.replace("c_char_p]\nssl", "c_char_p]\n"
                                   "crypto.EVP_set_default_properties.argtypes = [pointer, ctypes.c_char_p]\nssl"),
                                   *libraries()], env=environment(conf), stdout=subprocess.PIPE, check=True,
                                  timeout=LONGEST)
            equal(done.stdout.decode().split()[4], want, f"an SSL_CTX, with {random or None}")


@case
def a_server_with_both_switches_serves_and_refuses():
    with TemporaryFolder() as folder:
        conf = write(folder, ["default_properties = clientct=loaded"], ["properties = clientct=loaded"])
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, True, "whether good is served")
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")


if __name__ == "__main__":
    main()
