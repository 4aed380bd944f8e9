# SPDX-License-Identifier: Apache-2.0
"""A server that uses another libcrypto than the component: the component cannot enforce there, so nothing may start.

Debian has OpenSSL 3 and 4 side by side, with one openssl.cnf and one directory of modules. Where only one is installed,
a copy of it under another name and with other symbol versions takes the other's part.
"""
import re
import subprocess
from pathlib import Path

from clientct import (ENTRIES, MODULE, OPENSSL, ask, client_context, fixture, linked_openssl, write_config,
                      write_openssl_conf)
from processes import Server, TemporaryFolder, environment, free_port, program
from tap import case, equal, main, table


def libraries(path):
    """The OpenSSL libraries that a program loads, by name."""
    listed = subprocess.run(["ldd", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    return {name: Path(found) for name, found in re.findall(r"(lib(?:ssl|crypto)\.so\.\d+) => (\S+)", listed)}


def elf_hash(name):
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xf0000000
        value = (value ^ high ^ (high >> 24)) & 0xffffffff
    return value.to_bytes(4, "little")


def copy_renamed(source, target):
    """Neither names nor symbol versions are the original's: the dynamic linker keeps both apart, as with 3 and 4."""
    data = source.read_bytes()
    for version in set(re.findall(rb"\0(OPENSSL_[34]\.\d\.\d)(?=\0)", data)):
        other = version.replace(b"OPENSSL_", b"OPENSSX_")
        data = data.replace(elf_hash(version), elf_hash(other)).replace(version, other)
    data = re.sub(rb"(lib(?:ssl|crypto)\.so\.)[34](?=\0)", rb"\g<1>9", data)
    target.write_bytes(data)
    target.chmod(0o755)


def other_s_server(folder, openssl_conf, name):
    copies = folder / "copies"
    copies.mkdir(exist_ok=True)
    copy_renamed(Path(OPENSSL), copies / "openssl")
    for library, path in libraries(OPENSSL).items():
        copy_renamed(path, copies / re.sub(r"\d+$", "9", library))
    port = free_port()
    pki = fixture()
    env = environment(openssl_conf, LD_LIBRARY_PATH=str(copies))
    env.pop("LD_PRELOAD", None)
    return Server(folder, [copies / "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert",
                           pki / "server.pem", "-key", pki / "server.key", "-CAfile", pki / "ca.pem", "-Verify", "3",
                           "-verify_return_error"], env, port, name)


@case
def other_openssl_serves_by_itself():
    """The control: what does not start in the other cases is not the copy as such."""
    with TemporaryFolder() as folder:
        with other_s_server(folder, "/dev/null", "control").wait_ready() as server:
            maps = Path(f"/proc/{server.process.pid}/maps").read_text()
            equal(("libcrypto.so.9" in maps, "libcrypto.so.3" in maps), (True, False), "the libraries mapped")
            equal(ask(server.port, client_context("unlogged")).served, True, "whether unlogged is served without us")


@table(*((entry,) for entry in ENTRIES))
def does_not_start_with_a_component_for_another_openssl(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        with other_s_server(folder, conf, entry) as server:
            equal(server.wait_end() != 0, True, "whether the server failed")


@table(*((entry,) for entry in ENTRIES))
def component_takes_no_part_in_another_openssl(entry):
    """Without the switch OpenSSL fails loudly for the module (config_diagnostics), silently for the provider."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, dead_man_switch=False)
        with other_s_server(folder, conf, entry) as server:
            if entry == "module":
                equal(server.wait_end() != 0, True, "whether the server failed")
            else:
                server.wait_ready()
                equal(ask(server.port, client_context("unlogged")).served, True, "whether unlogged is served")


def stunnel(folder, openssl_conf):
    port = free_port()
    pki = fixture()
    (folder / "stunnel.conf").write_text(f"foreground = yes\npid =\n[front]\naccept = 127.0.0.1:{port}\n"
                                         f"connect = 127.0.0.1:9\ncert = {pki}/server.pem\nkey = {pki}/server.key\n")
    return Server(folder, [program("stunnel4"), folder / "stunnel.conf"], environment(openssl_conf), port)


if program("stunnel4") and linked_openssl(program("stunnel4")) != linked_openssl(MODULE):
    @table(*((entry,) for entry in ENTRIES))
    def stunnel_of_another_openssl_does_not_start(entry):
        """Debian's own two, side by side."""
        with TemporaryFolder() as folder:
            with stunnel(folder, "/dev/null") as server:
                server.wait_ready()
            with stunnel(folder, write_openssl_conf(folder, write_config(folder), entry)) as server:
                equal(server.wait_end() != 0, True, "whether stunnel failed")


if __name__ == "__main__":
    main()
