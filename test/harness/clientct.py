# SPDX-License-Identifier: Apache-2.0
"""What the tests of the component share: the fixture of certificates, configuration files, a TLS client."""
import atexit
import functools
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import LONGEST, Server, environment, free_port, program, run
from tap import Skip


def reachable(path):
    """The file, or a copy where every user can get at it: servers change their user, and root's home is closed."""
    if path is None or os.getuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in Path(path).parents):
        return path
    folder = Path(tempfile.mkdtemp(prefix="clientct-component-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    return shutil.copy(path, folder)


def beside(path, other):
    """A copy of the component that has `other`, its build for another OpenSSL, beside it."""
    folder = Path(tempfile.mkdtemp(prefix="clientct-builds-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    shutil.copy(other, folder / f"clientct-{linked_openssl(other).rsplit('.', 1)[1]}.so")
    return shutil.copy(path, folder)


def linked_openssl(path):
    """The libcrypto that a program or library loads, such as "libcrypto.so.3"; None: none, or a static one."""
    listed = subprocess.run(["ldd", str(path)], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = re.search(r"\blibcrypto\.so\.\d+", listed.stdout.decode())
    return found and found.group()


OTHER_BUILD = os.environ.get("CLIENTCT_OTHER_BUILD")  # of scripts/other-build
MODULE = reachable(os.environ.get("CLIENTCT_SO"))  # the component under test
if OTHER_BUILD and MODULE:
    MODULE = beside(MODULE, OTHER_BUILD)
CTPKI = os.environ.get("CTPKI")  # mints the fixture
OPENSSL = program("openssl")
PYTHON = "/usr/bin/python3"  # Debian's: another one may have brought an OpenSSL of its own
ENTRIES = ("module", "provider")
VERSIONS = ("TLSv1.2", "TLSv1.3")

# Client certificates that every server has to judge alike; fixture.json says how.
JUDGED = ("good", "unlogged", "tampered", "replayed", "unknown-log", "future")


def reaches(path):
    """Whether the component, or the other build beside it, is for the OpenSSL that a program or library loads."""
    return linked_openssl(path) in [linked_openssl(build) for build in (MODULE, OTHER_BUILD) if build]


def need_same_openssl(path, name):
    """Skips the whole program where a server (`path`: its file that is linked with OpenSSL) has another one than we."""
    if not reaches(path):
        print(f"1..0 # SKIP {name} is linked with {linked_openssl(path)}, another OpenSSL than the component's "
              f"{linked_openssl(MODULE)}")
        sys.exit(0)


def need_our_openssl(path, name):
    """The same for one case."""
    if not reaches(path):
        raise Skip(f"{name} is linked with another OpenSSL than the component's")


def ssl_of_python():
    """The file of Debian's Python that is linked with OpenSSL; None without one."""
    if not os.path.exists(PYTHON):
        return None
    said = run([PYTHON, "-c", "import _ssl; print(getattr(_ssl, '__file__', ''))"])[1].strip()
    return said if os.path.exists(said) else None


@functools.lru_cache(maxsize=None)
def fixture():
    """The folder that `ctpki fixture` fills, once a test program."""
    folder = Path(tempfile.mkdtemp(prefix="clientct-fixture-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([CTPKI, "fixture", str(folder)], check=True, timeout=4 * LONGEST)
    folder.chmod(0o755)  # servers drop privileges
    return folder


@functools.lru_cache(maxsize=None)
def expectations():
    return json.loads((fixture() / "fixture.json").read_text())


def expected_reason(client):
    """The reason for which the client is refused; None when it is accepted."""
    expectation = expectations()[client]
    return expectation["reason"] if expectation["expect"] == "refuse" else None


def write_config(folder, log_list=None, **settings):
    """A clientct.cnf with the policy `one`; settings are keys and values to add."""
    path = Path(folder) / "clientct.cnf"
    lines = {"log_list": log_list or fixture() / "log_list.json", "sources": "embedded, tls", "policy": "one",
             "audit": "none", **settings}
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return path


def write_openssl_conf(folder, config, entry="module", so=None, dead_man_switch=True, name="openssl.cnf", section="",
                       rest=""):
    """An openssl.cnf that enters the component by `entry` ("module", "provider" or "both")."""
    so = so or MODULE
    order = ["alg_section = switch"] if dead_man_switch else []
    if entry in ("module", "both"):
        order.append("clientct = clientct_module")
    if entry in ("provider", "both"):
        order.append("providers = providers")
    path = Path(folder) / name
    path.write_text("\n".join([
        "openssl_conf = init", "nginx = init", "config_diagnostics = 1", "[init]", *order,
        "[switch]", "default_properties = clientct=loaded",
        "[providers]", "default = default_provider", "clientct = clientct_provider",
        "[default_provider]", "activate = 1",
        "[clientct_provider]", f"module = {so}", "activate = 1", f"config = {config}",
        "[clientct_module]", f"path = {so}", f"config = {config}", section, rest, ""]))
    return path


def s_server(folder, openssl_conf, *arguments, optional=False, name="server", openssl=OPENSSL, env=None):
    """An `openssl s_server` that demands (or only asks for) a client certificate and serves a page."""
    port = free_port()
    pki = fixture()
    return Server(folder, [
        openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", pki / "server.pem",
        "-key", pki / "server.key", "-CAfile", pki / "ca.pem", "-verify" if optional else "-Verify", "3",
        "-verify_return_error", *arguments], env or environment(openssl_conf), port, name)


class Answer:
    """How a connection went: `body` when the server answered, else `alert`, what the TLS library said."""

    def __init__(self, body=None, alert=None, session=None, reused=False):
        self.body, self.alert, self.session, self.reused = body, alert, session, reused

    @property
    def served(self):
        return self.body is not None and self.body.startswith("HTTP/1.")

    @property
    def status(self):
        return int(self.body.split()[1]) if self.served else None


def client_context(client=None, version=None, tickets=True):
    """For connections with a client certificate of the fixture, or without one. A session belongs to its context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(fixture() / "ca.pem")
    if client:
        context.load_cert_chain(fixture() / f"client-{client}.pem", fixture() / f"client-{client}.key")
    if version:
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


def ask(port, context, session=None, server_name="localhost", request="GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"):
    """Connects, asks for a page, reads to the end."""
    body = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as plain:
            with context.wrap_socket(plain, server_hostname=server_name, session=session) as tls:
                tls.sendall(request.encode())
                while True:
                    try:
                        data = tls.recv(65536)
                    except ssl.SSLEOFError:
                        break
                    if not data:
                        break
                    body += data
                return Answer(body.decode("utf-8", "replace"), session=tls.session, reused=tls.session_reused)
    except ssl.SSLError as error:
        return Answer(alert=error.reason or str(error))
    except (ConnectionError, BrokenPipeError) as error:
        return Answer(alert=type(error).__name__)
