# SPDX-License-Identifier: Apache-2.0
"""What is missing or wrong: without the component no server, without a configuration no client certificate."""
import os
import re
from pathlib import Path

from clientct import (ENTRIES, MODULE, ask, client_context, fixture, s_server, write_config, write_openssl_conf)
from processes import TemporaryFolder, wait_until
from tap import case, contains, equal, main, table

README = Path(os.environ["CLIENTCT_README"])
EXAMPLE = Path(os.environ["CLIENTCT_EXAMPLES"]) / "openssl-clientct.cnf"


@table(*((entry, so) for entry in ENTRIES for so in ("missing", "not-a-module", "without-entry")))
def dead_man_switch_keeps_the_server_from_starting(entry, so):
    with TemporaryFolder() as folder:
        path = folder / "clientct.so"
        if so == "not-a-module":
            path.write_text("not a module\n")
        elif so == "without-entry":
            path = os.environ["LIBCLIENTCT"]
        conf = write_openssl_conf(folder, write_config(folder), entry, so=path)
        with s_server(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether the server failed")


@table(("module",), ("provider",), ("both",))
def dead_man_switch_lets_the_right_module_through(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, True, "whether good is served")
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")


@case
def without_the_switch_the_component_is_simply_there():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), dead_man_switch=False)
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")


def readme_block(containing):
    """The one block of the README in which a line is."""
    blocks = [block for block in re.findall(r"(?ms)^```ini\n(.*?)^```$", README.read_text())
              if containing in block.splitlines()]
    equal(len(blocks), 1, f"blocks of the README with {containing}")
    return blocks[0]


@table(("the example", EXAMPLE.read_text), ("the README", lambda: readme_block("[clientct_sect]")))
def openssl_cnf_of_the_documents_works_as_it_stands(where, read):
    """Only the two paths are of this test; the example includes the system's openssl.cnf as on any machine."""
    with TemporaryFolder() as folder:
        text = read()
        for key, value in (("path", MODULE), ("config", write_config(folder))):
            text, changes = re.subn(rf"(?m)^{key}( *)=.*$", rf"{key}\1= {value}", text)
            equal(changes, 1, f"lines with {key} in {where}")
        conf = folder / "openssl-clientct.cnf"
        conf.write_text(text)
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, True, "whether good is served")
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")
        conf.write_text(text.replace(MODULE, str(folder / "missing.so")))
        with s_server(folder, conf) as server:
            equal(server.wait_end() != 0, True, "whether the server failed without the component")


SYSTEM = """openssl_conf = openssl_init
[openssl_init]
alg_section = evp_properties
ssl_conf = ssl_module
random = random
[evp_properties]
default_properties = provider=default
[random]
cipher = AES-192-CTR
[ssl_module]
system_default = system
[system]
MinProtocol = TLSv1.3
"""


@case
def example_carries_over_what_the_systems_file_says():
    with TemporaryFolder() as folder:
        (folder / "system.cnf").write_text(SYSTEM)
        text = EXAMPLE.read_text().replace(".include /etc/ssl/openssl.cnf", f".include {folder}/system.cnf")
        for key, value in (("path", MODULE), ("config", write_config(folder))):
            text = re.sub(rf"(?m)^{key}( *)=.*$", rf"{key}\1= {value}", text)
        conf = folder / "openssl-clientct.cnf"
        conf.write_text(text)
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("good", "TLSv1.3")).served, True, "whether good is served")
            equal(ask(server.port, client_context("good", "TLSv1.2")).served, False, "whether it is with TLS 1.2")
            equal(ask(server.port, client_context("unlogged", "TLSv1.3")).served, False, "whether unlogged is")
        for line in ("alg_section.clientct", "random.clientct"):  # each of the switches holds alone
            conf.write_text(text.replace(MODULE, str(folder / "missing.so")).replace(line, f"# {line}"))
            with s_server(folder, conf) as server:
                equal(server.wait_end() != 0, True, "whether the server failed without the component")


def denies_everybody(conf, folder, *said):
    """Certificates are refused with config-error, and the server goes on serving who needs none."""
    with s_server(folder, conf, optional=True).wait_ready() as server:
        for client in ("good", "unlogged"):
            equal(ask(server.port, client_context(client)).served, False, f"whether {client} is served")
        server.wait_output("clientct: refused client certificate: config-error:")
        for text in said:
            contains(server.output(), text, "the server's output")
        equal(ask(server.port, client_context()).served, True, "whether a client without certificate is served")


@table(("missing",), ("empty",), ("misspelt",), ("binary",), ("folder",))
def unusable_configuration_denies_everybody(what):
    with TemporaryFolder() as folder:
        config = write_config(folder)
        if what == "missing":
            config.unlink()
        elif what == "empty":
            config.write_text("")
        elif what == "misspelt":
            config.write_text(config.read_text() + "polcy = one\n")
        elif what == "binary":
            config.write_bytes(bytes(range(256)))
        else:
            config.unlink()
            config.mkdir()
        denies_everybody(write_openssl_conf(folder, config), folder)


@table(("missing",), ("broken",), ("empty",))
def unusable_log_list_denies_everybody(what):
    with TemporaryFolder() as folder:
        log_list = folder / "log_list.json"
        if what == "broken":
            log_list.write_text((fixture() / "log_list.json").read_text()[:-20])
        elif what == "empty":
            log_list.write_text("")
        denies_everybody(write_openssl_conf(folder, write_config(folder, log_list)), folder, "log_list.json")


@case
def mended_configuration_is_taken_while_the_server_runs():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        right = config.read_text()
        config.unlink()
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("good")).served, False, "whether good is served before")
            config.write_text(right)
            wait_until(lambda: ask(server.port, client_context("good")).served, "good to be served afterwards")
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")


@case
def two_entries_that_disagree_deny_everybody():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        other = folder / "other.cnf"
        other.write_text(config.read_text())
        conf = write_openssl_conf(folder, config, "both")
        text = conf.read_text()
        conf.write_text(text[::-1].replace(str(config)[::-1], str(other)[::-1], 1)[::-1])
        denies_everybody(conf, folder, "two configuration files", str(other))


@case
def denial_by_openssl_cnf_is_recorded():
    with TemporaryFolder() as folder:
        audit, metrics = folder / "audit.json", folder / "metrics"
        metrics.mkdir()
        config = write_config(folder, audit=f"file:{audit}", metrics=metrics)
        denies_everybody(write_openssl_conf(folder, config, section="confg = /tmp/x"), folder, "confg")
        lines = [line for line in audit.read_text().splitlines() if "config-error" in line and "confg" in line]
        equal(len(lines), 2, "audit lines about the two refused clients")
        equal(len(list(metrics.iterdir())) > 0, True, "whether there are metrics")


@table(("confg = /tmp/x", "confg"), ("activate = 1", "activate"))
def unknown_key_of_our_section_denies_everybody(line, named):
    with TemporaryFolder() as folder:
        denies_everybody(write_openssl_conf(folder, write_config(folder), section=line), folder, named)


if __name__ == "__main__":
    main()
