# SPDX-License-Identifier: Apache-2.0
"""Reading a whole log: clientct monitor beside Go readers and certspotter, over loopback from nginx, in one run."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ctlog
from issued import Authority, name, uri
from modules import go_build
from processes import LONGEST, Server, environment, free_port, program
from tap import Skip

HERE = Path(__file__).resolve().parent
TURNS = 3
PADDING = 190  # bytes of a name, so that an entry has the size of one in a real log
PAGE = 1000  # entries that certspotter asks for at once
WHOLE_LOG = 1200  # seconds for one reader and one log


def path_of(index):
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts)


def write_log(folder, entries, url, both=False):
    """A static-ct log as files: entry bundles, tiles, checkpoint, and the list to read it by; also of RFC 6962."""
    authority, log, start = Authority("Device CA"), ctlog.Log(), int(time.time()) - 3600
    subjects = [name(CN=f"device-{i}", OU="x" * PADDING) for i in range(64)]
    for index in range(entries):
        log.add(authority.entry(authority.tbs(index + 1, subjects[index % 64],
                                              uri(f"spiffe://example.org/device/{index}"), start=start)))
    log.publish()
    size = 0
    for level in ("data", *range(6)):
        shift = 0 if level == "data" else 8 * level
        for index in range(((entries >> shift) + 255) // 256):
            width = min(256, (entries >> shift) - 256 * index)
            data = log.bundle(index, width) if level == "data" else log.tile(level, index, width)
            tail = "" if width == 256 else f".p/{width}"
            path = folder / "tile" / str(level) / (path_of(index) + tail)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            size += len(data) if level == "data" else 0
    (folder / "checkpoint").write_bytes(log.checkpoint())
    (folder / "logs.json").write_text(ctlog.list_of(("Bench", log, url, 86400)))
    if both:
        write_as_rfc6962(folder, log, url)
    return size


def write_as_rfc6962(folder, log, url):
    """The same tree and key as a log of RFC 6962, for readers that know no tiles: a tree head, and pages of entries."""
    (folder / "get-sth").write_bytes(log.sth())
    (folder / "get-entries").mkdir()
    for start in range(0, len(log.entries), PAGE):
        rows = [{"leaf_input": base64.b64encode(b"\0\0" + one.timestamped()).decode(),
                 "extra_data": base64.b64encode(one.extra_data()).decode()} for one in log.entries[start:start + PAGE]]
        (folder / "get-entries" / str(start)).write_text(json.dumps({"entries": rows}))
    tiled, log.tiled = log.tiled, False
    (folder / "rfc6962.json").write_text(ctlog.list_of(("Bench", log, url, 86400)))
    log.tiled = tiled


def nginx(folder, root, port):
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; pid {folder}/nginx.pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000; {temporary}
  server {{ listen 127.0.0.1:{port}; root {root};
    location = /ct/v1/get-sth {{ alias {root}/get-sth; }}
    location = /ct/v1/get-entries {{ alias {root}/get-entries/$arg_start; }} }} }}
""")
    return Server(folder, [program("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"], environment(),
                  port, "nginx")


def cost(argv, done=None):
    """
    (processor-seconds, KiB at most) of a program; memory as its own /proc says, read while it runs. One that does not
    end by itself is ended once `done` says so.
    """
    kib, deadline = 0, time.monotonic() + WHOLE_LOG
    with subprocess.Popen([str(word) for word in argv], stdout=subprocess.DEVNULL) as process:
        while True:
            if time.monotonic() > deadline or (done is not None and done()):
                os.kill(process.pid, signal.SIGKILL)  # not Popen.kill, which would take its cost away
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            try:
                peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
                kib = max(kib, int(peak.group(1)) if peak else 0)
            except OSError:
                pass
            time.sleep(0.005)
    if process.returncode != 0 and not (done is not None and done()):
        raise RuntimeError(f"{argv[0]}: status {process.returncode}")
    return used.ru_utime + used.ru_stime, kib


def go_readers(folder):
    """Name and program of what can be built here: with Go's standard library, and on tessera's client."""
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        return {}
    subprocess.run([go, "build", "-o", folder / "read_log", HERE / "peers" / "read_log.go"], check=True,
                   env={**os.environ, "GO111MODULE": "off"}, timeout=600)
    readers = {"a Go reader": folder / "read_log"}
    try:
        os.environ["GO"] = go
        readers["tessera's client"] = go_build(HERE / "peers" / "tessera", ".", folder / "tessera")
    except Skip as why:
        print(why, file=sys.stderr)
    return readers


def certspotter_cost(program, folder, root, entries, turn):
    """It goes on for ever: it has read the log when its state says so."""
    state, watched = folder / f"certspotter-{entries}-{turn}", folder / "watchlist"
    watched.write_text(".nobody.example\n")

    def done():
        for path in state.glob("logs/*/state.json"):
            try:
                known = json.loads(path.read_text())
            except ValueError:
                continue  # it is being written
            if known.get("verified_position", {}).get("size") == entries:
                return True
        return False
    return cost([program, "-logs", root / "rfc6962.json", "-state_dir", state, "-watchlist", watched, "-stdout",
                 "-no_save", "-batch_size", PAGE], done)


def compare(build, sizes, certspotter=None):
    """A line for each size, and the figures. `certspotter`: a program to run beside."""
    tool = next(Path(build).glob("**/tool/clientct"))
    result, lines = {}, [""]
    folder = Path(tempfile.mkdtemp(prefix="clientct-"))
    try:
        readers = go_readers(folder)
        watch = folder / "watch.cnf"
        watch.write_text("[nobody]\nuri = spiffe://nobody.example/\n")
        for entries in sizes:
            port, root = free_port(), folder / str(entries)
            root.mkdir()
            url = f"http://127.0.0.1:{port}/"
            size = write_log(root, entries, url, certspotter is not None)
            with nginx(folder, root, port).wait_ready():
                ours, theirs = [], {name: [] for name in readers}
                for turn in range(TURNS):
                    ours.append(cost([tool, "monitor", "--log-list", root / "logs.json", "--state",
                                      folder / f"state-{entries}-{turn}", "--once", "--watch", watch,
                                      "--timeout", f"{LONGEST}s"]))
                    for name, reader in readers.items():
                        theirs[name].append(cost([reader, url, "spiffe://nobody.example/"]))
                    if certspotter is not None:
                        theirs.setdefault("certspotter", []).append(
                            certspotter_cost(certspotter, folder, root, entries, turn))
            best, memory = min(one[0] for one in ours), max(one[1] for one in ours)
            figures = {"per_second": round(entries / best), "kib": memory, "bytes": size, "peers": {}}
            text = (f"monitor: {entries:,} entries ({size / 2**20:.0f} MiB): {entries / best:,.0f} entries a "
                    f"processor-second, {memory / 1024:.1f} MiB")
            for name, costs in theirs.items():
                other, kib = min(one[0] for one in costs), max(one[1] for one in costs)
                figures["peers"][name] = {"per_second": round(entries / other), "kib": kib}
                text += f"; {name} {entries / other:,.0f}, {kib / 1024:.1f} MiB: {other / best:.1f} times"
            result[entries] = figures
            lines.append(text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"monitor": result, "lines": lines}


if __name__ == "__main__":
    for line in compare(sys.argv[1], [int(word) for word in sys.argv[2:]])["lines"]:
        print(line)
