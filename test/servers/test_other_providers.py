# SPDX-License-Identifier: Apache-2.0
"""Other providers in the same openssl.cnf: a TPM, a token with the server's key, old algorithms."""
import json
import os
import re
import socket
import ssl
import subprocess
from pathlib import Path

from asking import CLIENTCT, ON, doctor
from clientct import (CTPKI, ENTRIES, JUDGED, MODULE, OPENSSL, VERSIONS, ask, client_context, expected_reason, fixture,
                      linked_openssl, s_server, write_config)
from processes import (LONGEST, Server, TemporaryFolder, accepts_connections, environment, free_port, program, run,
                       wait_until)
from tap import Skip, case, contains, equal, main, table

ORDERS = ("clientct first", "providers first")
SOURCE = Path(__file__).resolve().parents[2]


def modules():
    """The folder of this machine's providers."""
    said = run([OPENSSL, "version", "-m"])[1]
    return Path(said.split('"')[1])


def write_conf(folder, config, order, *others, lines="", entry="module", demand="clientct=loaded", so=MODULE):
    """As provider-clientct(7) shows it; `lines` are of the last one of the other providers."""
    switch, named = ["alg_section.clientct = switch_properties"], [f"{name} = {name}_sect" for name in others]
    if entry == "module":
        switch += ["random.clientct = switch_random", "clientct = clientct_sect"]
        init = [*switch, "providers = provider_sect"] if order == ORDERS[0] else ["providers = provider_sect", *switch]
    else:
        init = [*switch, "providers = provider_sect"]
        named.insert(0 if order == ORDERS[0] else len(named), "clientct = clientct_sect")
    path = folder / "openssl.cnf"
    path.write_text("\n".join([
        "openssl_conf = openssl_init", "config_diagnostics = 1", "[openssl_init]", *init,
        "[switch_properties]", f"default_properties = {demand}", "[switch_random]",
        "properties = clientct=loaded", "[clientct_sect]", f"config = {config}",
        f"path = {so}" if entry == "module" else f"activate = 1\nmodule = {so}",
        "[provider_sect]", *named, *(f"[{name}_sect]\nactivate = 1" for name in others), lines, ""]))
    return path


def context(client, version):
    """The server's certificate is whatever its key could sign."""
    made = client_context(client, version)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def judges(folder, conf, cert, key, **env):
    with s_server(folder, conf, "-cert", cert, "-key", key, env=environment(conf, **env)).wait_ready() as server:
        for version in VERSIONS:
            for client, served in (("good", True), ("unlogged", False), ("good", True)):
                answer = ask(server.port, context(client, version))
                equal(answer.served, served, f"whether {client} is served in {version} ({server.output()[-300:]})")
        server.wait_output("clientct: refused client certificate: no-scts")


def need_provider(name):
    if not (modules() / f"{name}.so").exists():
        raise Skip(f"there is no provider {name}")
    if linked_openssl(modules() / f"{name}.so") != linked_openssl(MODULE):
        raise Skip(f"{name} is for another OpenSSL")


@table(*((order,) for order in ORDERS))
def legacy_stands_beside_us(order):
    need_provider("legacy")
    with TemporaryFolder() as folder:
        conf = write_conf(folder, write_config(folder), order, "default", "legacy")
        judges(folder, conf, fixture() / "server.pem", fixture() / "server.key")


def two_ports():
    """A free one behind a free one."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def swtpm(folder):
    """A software TPM, in a with statement, and how it is addressed: the port behind its own is for control."""
    path = program("swtpm")
    if not path:
        raise Skip("there is no swtpm")
    port = two_ports()
    (folder / "tpm").mkdir()
    return Server(folder, [path, "socket", "--tpm2", "--tpmstate", f"dir={folder}/tpm", "--server",
                           f"type=tcp,port={port},bindaddr=127.0.0.1,disconnect", "--ctrl",
                           f"type=tcp,port={port + 1},bindaddr=127.0.0.1", "--flags", "not-need-init,startup-clear"],
                  environment(), port, name="swtpm"), f"swtpm:host=127.0.0.1,port={port}"


@table(*((order,) for order in ORDERS))
def tpm_stands_beside_us(order):
    """Not preferred: then tpm2-openssl 1.1.1 makes no server of OpenSSL 3.0, without us as well."""
    need_provider("tpm2")
    with TemporaryFolder() as folder:
        tpm, address = swtpm(folder)
        with tpm:
            wait_until(lambda: accepts_connections(tpm.port), "the TPM to listen")
            conf = write_conf(folder, write_config(folder), order, "default", "tpm2")
            judges(folder, conf, fixture() / "server.pem", fixture() / "server.key", TPM2OPENSSL_TCTI=address)


@table(*((order,) for order in ORDERS))
def key_of_the_server_in_a_tpm(order):
    """In the file is what only this TPM can use; OpenSSL 3.0 reads it with its default provider, and cannot sign."""
    need_provider("tpm2")
    if "OpenSSL 3.0." in run([OPENSSL, "version"])[1]:
        raise Skip("a server's key in a TPM is for another OpenSSL")
    with TemporaryFolder() as folder:
        tpm, address = swtpm(folder)
        with tpm:
            wait_until(lambda: accepts_connections(tpm.port), "the TPM to listen")
            env = {"TPM2OPENSSL_TCTI": address}
            both = folder / "both.cnf"
            both.write_text("openssl_conf = init\n[init]\nproviders = p\n[p]\ndefault = on\ntpm2 = on\n[on]\n"
                            "activate = 1\n")
            for words in (["genpkey", "-propquery", "provider=tpm2", "-algorithm", "EC", "-pkeyopt", "group:P-256",
                           "-out", folder / "own.key"],
                          ["req", "-x509", "-subj", "/CN=localhost", "-days", "2", "-key", folder / "own.key", "-out",
                           folder / "own.pem"]):
                status, said = run([OPENSSL, *words], environment(both, **env))
                equal(status, 0, f"openssl {words[0]}: {said}")
            contains((folder / "own.key").read_text(), "TSS2 PRIVATE KEY", "the key")
            conf = write_conf(folder, write_config(folder), order, "default", "tpm2")
            judges(folder, conf, folder / "own.pem", folder / "own.key", **env)


@table(*((order,) for order in ORDERS))
def key_of_the_server_in_a_token(order):
    need_provider("pkcs11")
    util, tool = program("softhsm2-util"), program("pkcs11-tool")
    library = next(Path("/usr/lib").glob("**/libsofthsm2.so"), None)
    if not util or not tool or not library:
        raise Skip("there is no SoftHSM with its tools")
    with TemporaryFolder() as folder:
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
        env = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        equal(run([util, "--init-token", "--free", "--label", "own", "--pin", "1234", "--so-pin", "1234"],
                  environment(**env))[0], 0, "status of softhsm2-util")
        equal(run([tool, "--module", library, "--login", "--pin", "1234", "--keypairgen", "--key-type", "EC:prime256v1",
                   "--label", "own", "--id", "01"], environment(**env))[0], 0, "status of pkcs11-tool")
        lines = (f"pkcs11-module-path = {library}\npkcs11-module-token-pin = 1234\n"
                 "pkcs11-module-quirks = no-deinit")  # SoftHSM uses OpenSSL itself: not to be ended after it
        token = folder / "token.cnf"
        token.write_text("\n".join(["openssl_conf = init", "[init]", "providers = p", "[p]", "default = d",
                                    "pkcs11 = t", "[d]", "activate = 1", "[t]", "activate = 1", lines, ""]))
        uri = "pkcs11:token=own;object=own;type=private"
        status, said = run([OPENSSL, "req", "-x509", "-subj", "/CN=localhost", "-days", "2", "-key", uri, "-out",
                            folder / "own.pem"], environment(token, **env))
        equal(status, 0, f"openssl req: {said}")
        conf = write_conf(folder, write_config(folder), order, "default", "pkcs11", lines=lines)
        judges(folder, conf, folder / "own.pem", uri, **env)


def install_fips(folder, *options):
    """Lines of an openssl.cnf that know this machine's FIPS provider, or that of $CLIENTCT_TEST_FIPS."""
    named = os.environ.get("CLIENTCT_TEST_FIPS")
    so = Path(named) if named else modules() / "fips.so"
    if not named and not so.exists():
        raise Skip("there is no provider fips, and none in $CLIENTCT_TEST_FIPS (scripts/fips-provider gets one)")
    for option in options:
        if option not in run([OPENSSL, "fipsinstall", "-help"])[1]:
            raise Skip(f"fipsinstall has no {option}")
    made = folder / "fipsmodule.cnf"
    status, said = run([OPENSSL, "fipsinstall", "-quiet", *options, "-module", so, "-out", made], environment())
    equal(status, 0, f"openssl fipsinstall: {said}")
    return f".include {made}\n[fips_sect]\nmodule = {so}"


def only_fips(conf):
    """Whether a process can have no algorithm but FIPS's."""
    answers = [run([OPENSSL, "dgst", f"-{name}", conf], environment(conf))[0] == 0 for name in ("sha256", "md5")]
    return answers == [True, False]


@table(*((entry, order, *options) for entry in ENTRIES for order in ORDERS for options in ((), ("-pedantic",))))
def fips_alone_is_enough(entry, order, *options):
    """Without the default provider: every kind of client, of its key and of its log."""
    with TemporaryFolder() as folder:
        lines = install_fips(folder, *options)
        conf = write_conf(folder, write_config(folder), order, "base", "fips", lines=lines, entry=entry,
                          demand="clientct=loaded,fips=yes")
        equal(only_fips(conf), True, "whether there are no algorithms but FIPS's")
        with s_server(folder, conf).wait_ready() as server:
            for version in VERSIONS:
                for client in (*JUDGED, "rsa-key", "good-rsa-log", "good"):
                    reason = expected_reason(client)
                    equal(ask(server.port, context(client, version)).served, reason is None,
                          f"whether {client} is served in {version} ({server.output()[-300:]})")
                    if reason:
                        server.wait_output(f"clientct: refused client certificate: {reason}")
                made = context("good", version)
                again = ask(server.port, made, session=ask(server.port, made).session)
                equal((again.served, again.reused), (True, True), f"whether it is, and by its session, in {version}")
            equal(ask(server.port, context("unlogged", version)).served, False, "whether unlogged is served again")
            server.wait_output("(decided before")  # the cache has a key


DEMANDS = {"with the switch": "clientct=loaded,fips=yes", "before the switch": "fips=yes,clientct=loaded",
           "fips_mode": "clientct=loaded\nfips_mode = yes", "in our section": "clientct=loaded"}


@table(*((entry, order, where) for entry in ENTRIES for order in ORDERS for where in DEMANDS))
def demand_for_fips_outlives_the_switch(entry, order, where):
    """With a default provider, only the demand keeps other algorithms out."""
    with TemporaryFolder() as folder:
        lines = install_fips(folder)
        if where == "in our section":
            lines += "\n[clientct_sect]\ndefault_properties = fips=yes"
        conf = write_conf(folder, write_config(folder), order, "default", "base", "fips", lines=lines, entry=entry,
                          demand=DEMANDS[where])
        equal(only_fips(conf), True, "whether there are no algorithms but FIPS's")
        judges(folder, conf, fixture() / "server.pem", fixture() / "server.key")


def write_system_file(folder, demand):
    path = folder / "system.cnf"
    path.write_text(f"openssl_conf = openssl_init\n{install_fips(folder)}\n[openssl_init]\nproviders = provs\n"
                    f"alg_section = algs\n[algs]\n{demand}\n[provs]\nfips = fips_sect\ndefault = on\nbase = on\n"
                    "[on]\nactivate = 1\n")
    return path


@table(*((how, demand) for how in ("example", "enable") for demand in ("default_properties = fips=yes",
                                                                        "fips_mode = yes")))
def fips_of_the_systems_file_is_carried_over(how, demand):
    with TemporaryFolder() as folder:
        system = write_system_file(folder, demand)
        equal(only_fips(system), True, "whether the system's file demands FIPS")
        if how == "example":
            made = SOURCE / "provider" / "examples" / "openssl-clientct.cnf"
        else:
            root, made = folder / "root", folder / "root/etc/clientct/openssl-clientct.cnf"
            for name, text in (("etc/ssl/openssl.cnf", system.read_text()),
                               ("etc/clientct/clientct.cnf", "mode = report"),
                               ("lib/systemd/system/x.service", "[Service]\nExecStart=/bin/true\n")):
                (root / name).parent.mkdir(parents=True)
                (root / name).write_text(text)
            status, said = run([CLIENTCT, "enable", "--root", root, "x"], environment())
            equal(status, 0, f"clientct enable: {said}")
        text = made.read_text().replace("/etc/ssl/openssl.cnf", str(system))
        for key, value in (("path", MODULE), ("config", write_config(folder))):
            text = re.sub(rf"(?m)^{key}( *)=.*$", rf"{key}\1= {value}", text)
        conf = folder / "openssl.cnf"
        conf.write_text(text)
        equal(only_fips(conf), True, "whether there are no algorithms but FIPS's")
        judges(folder, conf, fixture() / "server.pem", fixture() / "server.key")


@case
def fips_as_the_page_shows_it():
    page = (SOURCE / "provider" / "provider-clientct.7").read_text().replace("\\-", "-").replace("\\&", "")
    shown, = (block for block in re.findall(r"(?s)\n\.EX\n(.*?)\n\.EE\n", page) if "fipsmodule.cnf" in block)
    with TemporaryFolder() as folder:
        lines = install_fips(folder)
        conf = folder / "openssl.cnf"
        equal(shown.count("/etc/ssl/fipsmodule.cnf"), 1, "names of the file of fipsinstall")
        conf.write_text("\n".join([
            shown.replace("/etc/ssl/fipsmodule.cnf", str(folder / "fipsmodule.cnf")), lines,
            "[switch_random]", "properties = clientct=loaded", "[clientct_sect]", f"path = {MODULE}",
            f"config = {write_config(folder)}", ""]))
        equal(only_fips(conf), True, "whether there are no algorithms but FIPS's")
        judges(folder, conf, fixture() / "server.pem", fixture() / "server.key")


@table(*((entry,) for entry in ENTRIES))
def fips_is_enough_for_everything_else(entry):
    """OCSP that names by SHA-1 and SHA-256, signed lists, files that change, anchors of our store, doctor."""
    with TemporaryFolder() as folder:
        store, log_list, key = folder / "store", folder / "log_list.json", folder / "list.key"
        store.mkdir()
        pki = fixture()
        log_list.write_bytes((pki / "log_list.json").read_bytes())
        for words in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                      ["pkey", "-in", key, "-pubout", "-out", f"{key}.pub"],
                      ["dgst", "-sha256", "-sign", key, "-out", f"{log_list}.sig", log_list]):
            equal(run([OPENSSL, *words], environment())[0], 0, f"status of openssl {words[0]}")
        config = write_config(folder, log_list=log_list, log_list_key=f"{key}.pub", sources="embedded, ocsp",
                              ocsp_store=store, revocation="require", rules="rules")
        config.write_text(config.read_text() + f"[rules]\nca = ca\n[ca]\nissuer = {pki}/ca.pem\npolicy = one\n")
        conf = write_conf(folder, config, ORDERS[0], "base", "fips", lines=install_fips(folder), entry=entry,
                          demand="clientct=loaded,fips=yes")

        def mint(*more):
            subprocess.run([CTPKI, "ocsp", "--store", store, "--cert", pki / "client-good", "--ca", pki / "ca", *more],
                           check=True, timeout=LONGEST)

        def verdict():
            """The tool, within FIPS as well."""
            said = subprocess.run([CLIENTCT, "verify", "--config", config, "--json", pki / "client-good.pem"],
                                  env=environment(conf), stdout=subprocess.PIPE, check=False, timeout=LONGEST)
            return json.loads(said.stdout)["reason"]

        subprocess.run([CTPKI, "responder", "--out", folder / "responder", "--ca", pki / "ca"], check=True)
        doctor("--", "openssl", env=environment(conf), status=ON)
        with s_server(folder, conf, "-verifyCAstore", "clientct:anchors").wait_ready() as server:
            for words, reason in (((), "compliant"), (("--id-digest", "sha256"), "compliant"),
                                  (("--signer", folder / "responder"), "compliant"),
                                  (("--status", "revoked"), "revoked"), (("--wrong-key",), "ocsp-unusable")):
                mint(*words)
                equal(verdict(), reason, f"the tool's reason with {words}")
                equal(ask(server.port, client_context("good")).served, reason == "compliant", f"served with {words}")
            mint()
            text = config.read_text()
            config.write_text(f"mode = off\n{text}")
            wait_until(lambda: ask(server.port, client_context("unlogged")).served, "the switch to be off", 8)
            config.write_text(text)
            wait_until(lambda: not ask(server.port, client_context("unlogged")).served, "the switch to be on", 8)


@table(*((what, entry) for what in ("component", "provider") for entry in ENTRIES))
def without_one_of_them_nobody_is_served(what, entry):
    """The component is not there; or FIPS's provider is not the one that was installed."""
    with TemporaryFolder() as folder:
        lines = install_fips(folder)
        if what == "provider":
            made = folder / "fipsmodule.cnf"
            made.write_text(re.sub("(?m)^module-mac = ..", "module-mac = 00:11", made.read_text()))
        conf = write_conf(folder, write_config(folder), ORDERS[0], "base", "fips", lines=lines, entry=entry,
                          demand="clientct=loaded,fips=yes", so="/nonexistent.so" if what == "component" else MODULE)
        with s_server(folder, conf) as server:
            equal(server.wait_end() != 0, True, f"whether the server failed: {server.output()}")


if __name__ == "__main__":
    main()
