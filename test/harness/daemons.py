# SPDX-License-Identifier: Apache-2.0
"""Servers as Debian ships them, made to demand certificates of the fixture."""
import os
import shutil
import signal
from pathlib import Path

from clientct import ask, client_context, fixture, need_our_openssl
from processes import Server, environment, free_port, program, run
from tap import Skip, equal

NGINX, HAPROXY = program("nginx"), program("haproxy")
STUNNEL = program("stunnel4") or program("stunnel")
APACHE, APACHE_MODULES = program("apache2"), Path("/usr/lib/apache2/modules")
ROOT = os.geteuid() == 0


def need(path, name, as_root=False):
    if not path:
        raise Skip(f"{name} is not installed")
    if as_root and not ROOT:
        raise Skip("needs root")
    need_our_openssl(path, name)


def nginx(folder, conf):
    """Workers have other rights than the master, where that can be."""
    need(NGINX, "nginx")
    folder.chmod(0o755)
    port = free_port()
    text = (Path(__file__).parent.parent / "servers" / "nginx" / "nginx.conf.in").read_text()
    for name, value in {"user": "user nobody nogroup;" if ROOT else "", "folder": folder, "pki": fixture(),
                        "port": port, "tickets": "off"}.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "nginx.conf").write_text(text)
    server = Server(folder, [NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], environment(conf), port)
    server.served = lambda client: ask(port, client_context(client, tickets=False)).status == 200
    return server


def haproxy(folder, conf, chroot=False, rest="", bind=""):
    need(HAPROXY, "HAProxy", chroot)
    port = free_port()
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    (folder / "empty").mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "haproxy.cfg").write_text("\n".join([
        "global", f"  chroot {folder}/empty\n  user nobody" if chroot else "", rest, "defaults", "  mode http",
        "  timeout connect 5s", "  timeout client 5s", "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {pki}/ca.pem verify required {bind}",
        "  http-request return status 200 content-type text/plain string ok", ""]))
    arguments = ["-W", "-db"] if chroot else ["-db"]
    server = Server(folder, [HAPROXY, *arguments, "-f", folder / "haproxy.cfg"], environment(conf), port)
    server.served = lambda client: ask(port, client_context(client)).served
    return server


def stunnel(folder, conf):
    need(STUNNEL, "stunnel")
    port, behind = free_port(), free_port()
    pki = fixture()
    (folder / "stunnel.conf").write_text("\n".join([
        "foreground = yes", "pid =", "debug = info", "[service]", f"accept = 127.0.0.1:{port}",
        f"connect = 127.0.0.1:{behind}", f"cert = {pki}/server.pem", f"key = {pki}/server.key",
        f"CAfile = {pki}/ca.pem", "verifyChain = yes", "requireCert = yes", ""]))
    backend = Server(folder, ["python3", "-m", "http.server", "--bind", "127.0.0.1", str(behind)], environment(),
                     behind, "backend")
    backend.wait_ready()
    server = Server(folder, [STUNNEL, folder / "stunnel.conf"], environment(conf), port)
    stop = server.stop
    server.stop = lambda: (stop(), backend.stop())
    server.served = lambda client: ask(port, client_context(client)).served
    return server


def apache(folder, conf, verify="require", mpm="event", name="server"):
    """Children have dropped root's rights, where there were any."""
    need(APACHE and APACHE_MODULES / "mod_ssl.so", "Apache")
    port = free_port()
    folder.chmod(0o755)
    for place in ("", "demand"):
        (folder / "pages" / place).mkdir(parents=True, exist_ok=True)
        (folder / "pages" / place / "page").write_text(f"page {place}\n")
    text = (Path(__file__).parent.parent / "servers" / "apache" / "httpd.conf.in").read_text()
    for key, value in {"user": "User www-data\nGroup www-data" if ROOT else "", "folder": folder, "pki": fixture(),
                       "port": port, "modules": APACHE_MODULES, "mpm": mpm, "verify": verify}.items():
        text = text.replace(f"@{key}@", str(value))
    (folder / "httpd.conf").write_text(text)
    # Told to stop, Apache stops its whole process group, which must not be ours.
    return Server(folder, ["setsid", APACHE, "-DFOREGROUND", "-f", folder / "httpd.conf"], environment(conf), port,
                  name)


def postgresql(folder, conf):
    """A process a connection. `user` is who may log in, `reload` its own reload, `psql` its client."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if os.path.isdir("/usr/lib/postgresql") else []
    need(binaries and binaries[-1] / "postgres", "PostgreSQL")
    data, pki, port, key = folder / "data", fixture(), free_port(), folder / "server.key"
    as_user = ["runuser", "-u", "postgres", "--"] if ROOT else []
    shutil.copy(pki / "server.key", key)
    key.chmod(0o600)
    if ROOT:
        for path in (folder, key):
            shutil.chown(path, "postgres")
    folder.chmod(0o755)
    status, said = run([*as_user, binaries[-1] / "initdb", "-D", data, "-A", "trust", "-N"], environment(), seconds=60)
    equal(status, 0, f"initdb: {said}")
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")
    server = Server(folder, [*as_user, binaries[-1] / "postgres", "-D", data, "-p", port, "-k", folder,
                             "-c", "listen_addresses=127.0.0.1", "-c", "ssl=on",
                             "-c", f"ssl_cert_file={pki}/server.pem", "-c", f"ssl_key_file={key}",
                             "-c", f"ssl_ca_file={pki}/ca.pem"], environment(conf), port)
    server.user = "postgres" if ROOT else os.environ.get("USER", "postgres")
    server.psql = binaries[-1] / "psql"
    server.reload = lambda: os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
    return server
