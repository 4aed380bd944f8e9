# SPDX-License-Identifier: Apache-2.0
"""Real servers under a bounded load on loopback: what a connection costs them with and without the component."""
import os
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from measure import LONGEST, Bench, clean_environment, total
from processes import Server, free_port, program, wait_until

CONNECTIONS = 50  # a turn
TURNS = 25
COUNTED = (4, 24)  # connections to nginx under callgrind: what the second run has more is for the connections alone
ANSWERS = 40
# A returning client's connection under `checked`: beside a server without us that resumes, and beside `refuse`.
LIMITS = {"checked": 1.03, "refuse": 0.80}


def nginx(bench, folder, port, key, tickets, one_process=False):
    (folder / "nginx.conf").write_text(f"""
{"master_process off;" if one_process else ""}
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
    ssl_certificate {bench.folder}/server-{key}.pem;
    ssl_certificate_key {bench.folder}/server-{key}.key;
    ssl_client_certificate {bench.folder}/ca.pem;
    ssl_protocols TLSv1.3;
    ssl_session_tickets {"on" if tickets else "off"};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_verify_client on;
        location / {{ return 200 "ok"; }}
    }}
}}
""")
    return [program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]


def haproxy(bench, folder, port, key, tickets):
    both = folder / "server.pem"
    both.write_text((bench.folder / f"server-{key}.pem").read_text() + (bench.folder / f"server-{key}.key").read_text())
    (folder / "haproxy.cfg").write_text("\n".join([
        "global", "  nbthread 1", "defaults", "  mode http", "  timeout connect 5s", "  timeout client 5s",
        "  timeout server 5s", "frontend front",
        f"  bind 127.0.0.1:{port} ssl crt {both} ca-file {bench.folder}/ca.pem verify required"
        f"{'' if tickets else ' no-tls-tickets'}",
        "  http-request return status 200 content-type text/plain string ok", ""]))
    return [program("haproxy"), "-db", "-f", folder / "haproxy.cfg"]


SERVERS = {"nginx": nginx, "haproxy": haproxy}


def processor_ns(pid):
    """Time on the processor of a process and its children."""
    total = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += processor_ns(int(child))
    return total


class Running:
    """One server under each of several openssl.cnf, all at once."""

    def __init__(self, bench, name, key, tickets, confs):
        self.servers = {}
        for label, conf in confs.items():
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-{label}-", dir=bench.folder))
            port = free_port()
            self.servers[label] = Server(folder, SERVERS[name](bench, folder, port, key, tickets),
                                         clean_environment(OPENSSL_CONF=str(conf)), port)

    def __enter__(self):
        for server in self.servers.values():
            server.wait_ready()
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.stop()


def load(bench, port, count, client, before=lambda: None):
    """What the client says, {word: number}; `before` is called after its first connection, which is a full one."""
    process = subprocess.Popen([bench.program("load"), bench.folder, str(port), str(count), *client],
                               env=clean_environment(OPENSSL_CONF=str(bench.without)), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    process.stdout.readline()
    before()
    said, _ = process.communicate(timeout=LONGEST)
    if process.returncode != 0:
        raise RuntimeError("the server does not answer the load")
    return {word: float(number) for word, number in (line.split() for line in said.decode().splitlines())}


def measure(bench, name, key, tickets, confs, *client):
    """{label: (connections a second, microseconds of the server's processor for each, share that was resumed)}."""
    best = {label: (0.0, float("inf"), 0.0) for label in confs}
    with Running(bench, name, key, tickets, confs) as running:
        for _ in range(TURNS):  # in turn: the machine has other things to do
            for label, server in running.servers.items():
                start = []
                said = load(bench, server.port, CONNECTIONS, client,
                            lambda pid=server.process.pid, into=start: into.append(processor_ns(pid)))
                used = (processor_ns(server.process.pid) - start[0]) / 1000 / CONNECTIONS
                rate, least, _ = best[label]
                best[label] = (max(rate, CONNECTIONS * 1e9 / said["handshakes"]), min(least, used),
                               said["resumed"] / CONNECTIONS)
    return best


def instructions(bench, conf, key):
    """Of nginx, for a returning client's connection, outside of the kernel."""
    totals = []
    for count in COUNTED:
        folder = Path(tempfile.mkdtemp(prefix="counted-", dir=bench.folder))
        port = free_port()
        out = folder / "callgrind"
        with Server(folder, ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}",
                             *nginx(bench, folder, port, key, True, one_process=True)],
                    clean_environment(OPENSSL_CONF=str(conf)), port).wait_ready() as server:
            load(bench, port, count, ["return"])
            wait_until(lambda running=server: running.process.send_signal(signal.SIGTERM) or not running.alive(),
                       "nginx to end", LONGEST)
        totals.append(total(out))
    return (totals[1] - totals[0]) / (COUNTED[1] - COUNTED[0])


def confs_for_sessions(bench):
    text = (bench.folder / "two.cnf").read_text()
    (bench.folder / "refuse.cnf").write_text("resumption = refuse\n" + text)
    return {"without": bench.without, "checked": bench.with_us,
            "refuse": bench.write_openssl_conf("with-refuse.cnf", "refuse.cnf")}


def full_handshakes(bench, name):
    (rate0, cpu0, _), (rate1, cpu1, _) = measure(bench, name, "rsa", False,
                                                 {"without": bench.without, "with": bench.with_us}).values()
    return ({"without": {"per_second": round(rate0), "cpu_us": round(cpu0)},
             "with": {"per_second": round(rate1), "cpu_us": round(cpu1)}},
            [f"{name}: {rate0:.0f} full handshakes a second without us, {rate1:.0f} with; "
             f"{cpu0:.0f} and {cpu1:.0f} us of the server's processor for each"])


def returning_clients(bench, name, key):
    found = measure(bench, name, key, True, confs_for_sessions(bench), "return")
    cpu = {label: us for label, (_, us, _) in found.items()}
    resumed = {label: share for label, (_, _, share) in found.items()}
    ratios = {"checked": cpu["checked"] / cpu["without"], "refuse": cpu["checked"] / cpu["refuse"]}
    if resumed != {"without": 1.0, "checked": 1.0, "refuse": 0.0}:
        raise RuntimeError(f"{name}: shares of connections that were resumed: {resumed}")
    return ({"cpu_us": {label: round(us, 1) for label, us in cpu.items()},
             "beside_without": round(ratios["checked"], 3), "beside_refuse": round(ratios["refuse"], 3)},
            [f"{name}, {key}: a returning client takes {cpu['without']:.0f} us of the server's processor without us, "
             f"{cpu['checked']:.0f} with checked, {cpu['refuse']:.0f} with refuse: checked is "
             f"{ratios['checked']:.3f} times the first and {ratios['refuse']:.3f} times the last"])


def counted_returning_clients(bench, key):
    work = {label: instructions(bench, conf, key) for label, conf in confs_for_sessions(bench).items()}
    ratios = {"checked": work["checked"] / work["without"], "refuse": work["checked"] / work["refuse"]}
    marks = {which: "ok" if ratio <= LIMITS[which] else "MISS" for which, ratio in ratios.items()}
    return ({"instructions": {label: round(count) for label, count in work.items()},
             "beside_without": round(ratios["checked"], 3), "beside_refuse": round(ratios["refuse"], 3),
             "holds": "MISS" not in marks.values()},
            [f"nginx, {key}: a returning client takes {work['without']:,.0f} instructions without us, "
             f"{work['checked']:,.0f} with checked, {work['refuse']:,.0f} with refuse: checked is "
             f"{ratios['checked']:.3f} times the first (≤ {LIMITS['checked']}, {marks['checked']}) and "
             f"{ratios['refuse']:.3f} times the last (≤ {LIMITS['refuse']:.2f}, {marks['refuse']})"])


def answer_ms(bench, port):
    """From the end of a handshake to the first answer, for a client that leaves Nagle's algorithm on: Python's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(bench.folder / "ca.pem")
    context.load_cert_chain(bench.folder / "client-2.pem", bench.folder / "client-2.key")
    times = []
    for _ in range(ANSWERS):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                start = time.monotonic()
                tls.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                tls.recv(4096)
                times.append((time.monotonic() - start) * 1000)
    return statistics.median(times)


def s_server(bench, conf, *more):
    port = free_port()
    return Server(bench.folder, [
        "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", bench.folder / "server-p256.pem",
        "-key", bench.folder / "server-p256.key", "-CAfile", bench.folder / "ca.pem", "-Verify", "3", *more],
        clean_environment(OPENSSL_CONF=str(conf)), port)


def first_answers(bench):
    """What a server that sends no ticket after the handshake costs such a client, and what `refuse` does."""
    found = {}
    confs = confs_for_sessions(bench)
    with Running(bench, "nginx", "p256", True, confs) as running:
        for label, server in running.servers.items():
            found[f"nginx {label}"] = answer_ms(bench, server.port)
    for label, conf in confs.items():
        with s_server(bench, conf).wait_ready() as server:
            found[f"s_server {label}"] = answer_ms(bench, server.port)
    with s_server(bench, bench.without, "-num_tickets", "0").wait_ready() as server:
        found["s_server that sends no ticket"] = answer_ms(bench, server.port)
    return ({label: round(ms, 2) for label, ms in found.items()},
            ["first answer to a client with Nagle's algorithm: " +
             ", ".join(f"{label} {ms:.1f} ms" for label, ms in found.items())])


def rates(build):
    result, lines = {}, [""]
    bench = Bench(build)
    try:
        for name in SERVERS:
            if program(name) is None:
                lines.append(f"{name}: not on this machine")
                continue
            result[name], more = full_handshakes(bench, name)
            lines += more
            for key in ("p256", "rsa"):
                result[f"{name}_returning_{key}"], more = returning_clients(bench, name, key)
                lines += more
        if program("nginx") is not None:
            for key in ("p256", "rsa"):
                result[f"nginx_counted_{key}"], more = counted_returning_clients(bench, key)
                lines += more
            result["first_answer_ms"], more = first_answers(bench)
            lines += more
    finally:
        bench.close()
    return {"servers": result, "lines": lines}
