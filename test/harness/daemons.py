"""Servers as Debian ships them, made to demand certificates of the fixture: nginx, HAProxy, stunnel."""
import os
from pathlib import Path

from clientct import MODULE, ask, client_context, fixture, linked_openssl
from processes import Server, environment, free_port, program
from tap import Skip

NGINX, HAPROXY = program("nginx"), program("haproxy")
STUNNEL = program("stunnel4") or program("stunnel")
ROOT = os.geteuid() == 0


def need(path, name, as_root=False):
    if not path:
        raise Skip(f"{name} is not installed")
    if as_root and not ROOT:
        raise Skip("needs root")
    if linked_openssl(path) != linked_openssl(MODULE):
        raise Skip(f"{name} is linked with another OpenSSL than the component's")


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


def haproxy(folder, conf, chroot=False, rest=""):
    need(HAPROXY, "HAProxy", chroot)
    port = free_port()
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    (folder / "empty").mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "haproxy.cfg").write_text("\n".join([
        "global", f"  chroot {folder}/empty\n  user nobody" if chroot else "", rest, "defaults", "  mode http",
        "  timeout connect 5s", "  timeout client 5s", "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {folder}/server.pem ca-file {pki}/ca.pem verify required",
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
