# SPDX-License-Identifier: Apache-2.0
"""Other providers in the same openssl.cnf: a TPM, a token with the server's key, old algorithms."""
import socket
import ssl
from pathlib import Path

from clientct import MODULE, OPENSSL, VERSIONS, ask, client_context, fixture, linked_openssl, write_config
from processes import (Server, TemporaryFolder, accepts_connections, environment, free_port, program, run,
                       wait_until)
from tap import Skip, equal, main, table

ORDERS = ("clientct first", "providers first")


def modules():
    """The folder of this machine's providers."""
    said = run([OPENSSL, "version", "-m"])[1]
    return Path(said.split('"')[1])


def write_conf(folder, config, order, provider, lines=""):
    """As provider-clientct(7) shows it."""
    ours = ["alg_section.clientct = switch_properties", "random.clientct = switch_random", "clientct = clientct_sect"]
    path = folder / "openssl.cnf"
    path.write_text("\n".join([
        "openssl_conf = openssl_init", "config_diagnostics = 1", "[openssl_init]",
        *(ours + ["providers = provider_sect"] if order == ORDERS[0] else ["providers = provider_sect"] + ours),
        "[switch_properties]", "default_properties = clientct=loaded", "[switch_random]",
        "properties = clientct=loaded", "[clientct_sect]", f"path = {MODULE}", f"config = {config}",
        "[provider_sect]", "default = default_sect", f"{provider} = other_sect", "[default_sect]", "activate = 1",
        "[other_sect]", "activate = 1", lines, ""]))
    return path


def context(client, version):
    """The server's certificate is whatever its key could sign."""
    made = client_context(client, version)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def judges(folder, conf, cert, key, **env):
    port = free_port()
    with Server(folder, [OPENSSL, "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", cert, "-key", key,
                         "-CAfile", fixture() / "ca.pem", "-Verify", "3", "-verify_return_error"],
                environment(conf, **env), port).wait_ready() as server:
        for version in VERSIONS:
            for client, served in (("good", True), ("unlogged", False), ("good", True)):
                answer = ask(port, context(client, version))
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
        conf = write_conf(folder, write_config(folder), order, "legacy")
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
            conf = write_conf(folder, write_config(folder), order, "tpm2")
            judges(folder, conf, fixture() / "server.pem", fixture() / "server.key", TPM2OPENSSL_TCTI=address)


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
        conf = write_conf(folder, write_config(folder), order, "pkcs11", lines)
        judges(folder, conf, folder / "own.pem", uri, **env)


if __name__ == "__main__":
    main()
