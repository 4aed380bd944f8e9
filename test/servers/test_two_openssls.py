# SPDX-License-Identifier: Apache-2.0
"""A server that uses another libcrypto than the component: where the build for that one lies beside it, it takes over;
else the component cannot enforce there, and nothing may start.

Debian has OpenSSL 3 and 4 side by side, with one openssl.cnf and one directory of modules. Where only one is installed,
a copy of it under another name and with other symbol versions takes the other's part.
"""
import re
import shutil
import subprocess
from pathlib import Path

from asking import NOT_ON, ON, doctor
from clientct import (ENTRIES, MODULE, OPENSSL, ask, client_context, fixture, linked_openssl, reaches, s_server,
                      write_config, write_openssl_conf)
from processes import Server, TemporaryFolder, environment, free_port, program
from tap import case, contains, equal, lacks, main, table


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


def other_openssl(folder):
    copies = folder / "copies"
    if not copies.exists():
        copies.mkdir()
        copy_renamed(Path(OPENSSL), copies / "openssl")
        for library, path in libraries(OPENSSL).items():
            copy_renamed(path, copies / re.sub(r"\d+$", "9", library))
    return copies


def other_environment(folder, openssl_conf):
    env = environment(openssl_conf, LD_LIBRARY_PATH=str(other_openssl(folder)))
    env.pop("LD_PRELOAD", None)
    return env


def both_builds(folder, copy):
    """The path of a component beside which lies what copy(MODULE, target) makes: the build for the other OpenSSL."""
    builds = folder / "builds"
    builds.mkdir()
    shutil.copy(MODULE, builds / "clientct.so")
    copy(Path(MODULE), builds / f"clientct-{linked_openssl(MODULE).split('.')[-1]}.so")
    return builds / "clientct.so"


def other_s_server(folder, openssl_conf, name):
    return s_server(folder, openssl_conf, name=name, openssl=other_openssl(folder) / "openssl",
                    env=other_environment(folder, openssl_conf))


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


@table(*((entry,) for entry in ENTRIES))
def one_name_serves_both(entry):
    """Each process gets the build for its own OpenSSL, and doctor looks at that one."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, both_builds(folder, copy_renamed))
        for server in (s_server(folder, conf), other_s_server(folder, conf, entry)):
            with server.wait_ready():
                for client, served in (("unlogged", False), ("good", True)):
                    equal(ask(server.port, client_context(client)).served, served, f"whether {client} is served")
                text = doctor("--pid", server.process.pid, status=ON)
                contains(text, "2 verdicts, 1 refused", "what doctor says of the process")
                lacks(text, "more than one OpenSSL", "it")
        text = doctor("--", other_openssl(folder) / "openssl", env=other_environment(folder, conf), status=ON)
        contains(text, "has hooked in", "what doctor says of the other program")
        contains(text, "without the component nobody is served", "it")


@table(*((entry,) for entry in ENTRIES))
def one_that_is_not_for_it_either_does_not_take_over(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, both_builds(folder, shutil.copy))
        contains(doctor("--", other_openssl(folder) / "openssl", env=other_environment(folder, conf), status=NOT_ON),
                 "put the build for that one beside it", "what doctor says")
        with other_s_server(folder, conf, entry) as server:
            equal(server.wait_end() != 0, True, "whether the server failed")


def stunnel(folder, openssl_conf):
    port = free_port()
    pki = fixture()
    (folder / "stunnel.conf").write_text(f"foreground = yes\npid =\n[front]\naccept = 127.0.0.1:{port}\n"
                                         f"connect = 127.0.0.1:9\ncert = {pki}/server.pem\nkey = {pki}/server.key\n")
    return Server(folder, [program("stunnel4"), folder / "stunnel.conf"], environment(openssl_conf), port)


if program("stunnel4") and not reaches(program("stunnel4")):
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
