"""Real servers with and without the component, under a bounded load of full handshakes, on loopback."""
import os
from pathlib import Path

from measure import Bench, clean_environment
from processes import Server, free_port, program

HANDSHAKES = 200  # a turn
TURNS = 5


def nginx(bench, folder, port):
    (folder / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
env OPENSSL_CONF;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {bench.folder}/server-rsa.pem;
    ssl_certificate_key {bench.folder}/server-rsa.key;
    ssl_client_certificate {bench.folder}/ca.pem;
    ssl_protocols TLSv1.3;
    ssl_session_tickets off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_verify_client on;
        location / {{ return 200 "ok"; }}
    }}
}}
""")
    return [program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]


def haproxy(bench, folder, port):
    both = folder / "server.pem"
    both.write_text((bench.folder / "server-rsa.pem").read_text() + (bench.folder / "server-rsa.key").read_text())
    (folder / "haproxy.cfg").write_text("\n".join([
        "global", "  nbthread 1", "defaults", "  mode http", "  timeout connect 5s", "  timeout client 5s",
        "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {both} ca-file {bench.folder}/ca.pem verify required no-tls-tickets",
        "  http-request return status 200 content-type text/plain string ok", ""]))
    return [program("haproxy"), "-db", "-f", folder / "haproxy.cfg"]


def processor_ns(pid):
    """Time on the processor of a process and its children."""
    total = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += processor_ns(int(child))
    return total


def measure(bench, name, arguments):
    """Handshakes a second and microseconds of the server's processor a handshake: (without us, with us)."""
    running = []
    try:
        for conf in (bench.without, bench.with_us):
            folder = bench.folder / f"{name}-{conf.stem}"
            folder.mkdir()
            port = free_port()
            server = Server(folder, arguments(bench, folder, port), clean_environment(OPENSSL_CONF=str(conf)), port)
            running.append(server)
            server.wait_ready()
        best = [(0.0, float("inf")), (0.0, float("inf"))]
        for _ in range(TURNS):
            for index, server in enumerate(running):
                before = processor_ns(server.process.pid)
                ns = bench.times("load", str(server.port), str(HANDSHAKES), OPENSSL_CONF=str(bench.without))
                used = (processor_ns(server.process.pid) - before) / HANDSHAKES / 1000
                rate = HANDSHAKES * 1e9 / ns["handshakes"]
                best[index] = (max(best[index][0], rate), min(best[index][1], used))
        return best
    finally:
        for server in running:
            server.stop()


def rates(build):
    result, lines = {}, [""]
    bench = Bench(build)
    try:
        for name, arguments in (("nginx", nginx), ("haproxy", haproxy)):
            if program(name) is None:
                lines.append(f"{name}: not on this machine")
                continue
            (rate0, cpu0), (rate1, cpu1) = measure(bench, name, arguments)
            result[name] = {"without": {"per_second": round(rate0), "cpu_us": round(cpu0)},
                            "with": {"per_second": round(rate1), "cpu_us": round(cpu1)}}
            lines.append(f"{name}: {rate0:.0f} full handshakes a second without us, {rate1:.0f} with; "
                         f"{cpu0:.0f} and {cpu1:.0f} us of the server's processor for each")
    finally:
        bench.close()
    return {"servers": result, "lines": lines}
