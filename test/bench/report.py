# SPDX-License-Identifier: Apache-2.0
"""Adding up audit lines: clientct report beside DuckDB, which reads the same columns once and makes the same sums.

Both read the same file from memory, one thread each, in one run; what counts is processor time. The figures of both are
compared. DuckDB comes from PyPI into a folder of the build.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import figures_of

ROOT = Path(__file__).resolve().parent.parent.parent
VIEWS = ROOT / "module" / "examples" / "analytics" / "duckdb.sql"
DUCKDB = "duckdb==2.0.1"
CERTIFICATES = 100000
TURNS = 5
LIMIT_MIB = 64

# The views that others are made of are made once, as tables.
PEER = """
import json, re, resource, sys, time
import duckdb
sys.path.insert(0, sys.argv[1])
import figures_of
db = duckdb.connect()
db.execute("SET threads = 1")
start = time.process_time()
db.execute(f"SET VARIABLE files = '{sys.argv[3]}'")
db.execute(re.sub(r"VIEW (audit|certificates|clients) AS", r"TABLE \\1 AS", open(sys.argv[2]).read()))
found = figures_of.engine(lambda sql: db.execute(sql).fetchall())
days = db.execute("FROM days").fetchall()
print("\\n" + json.dumps({"figures": found, "seconds": time.process_time() - start,
                  "kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


def python_with(package, folder):
    """A Python that has the package; made where it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=sys.stderr)
    there = subprocess.run([python, "-c", f"import {package.split('=')[0]}"], check=False, stderr=subprocess.DEVNULL)
    if there.returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "-q", package], check=True, stdout=sys.stderr)
    return python


def run(*argv):
    """What it printed, its processor time and its largest memory; the time that passed."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([str(word) for word in argv], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if process.returncode not in (0, 1):
        raise SystemExit(f"{argv[0]} ended with {process.returncode}")
    return text, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, time.monotonic() - start


def compare(build, counts):
    python = python_with(DUCKDB, build / "duckdb")
    clientct, here = build / "module" / "tool" / "clientct", Path(__file__).resolve().parent
    lines, result = [], {}
    for count in counts:
        with tempfile.NamedTemporaryFile(prefix="clientct-report-") as file:
            subprocess.run([build / "test" / "bench" / "bench_audit_lines", str(count), str(CERTIFICATES)],
                           stdout=file, check=True)
            size = os.path.getsize(file.name)
            ours, peers, kib, together, alone = [], [], 0, [], []
            for _ in range(TURNS):
                text, seconds, most, passed = run(clientct, "report", "--json", file.name)
                ours.append(seconds)
                alone.append(passed)
                kib = max(kib, most)
                together.append(run(clientct, "report", "--json", "--jobs", "2", file.name)[3])
                peers.append(json.loads(run(python, "-c", PEER, here, VIEWS, file.name)[0].splitlines()[-1]))
        mine = json.loads(json.dumps(figures_of.report(json.loads(text))))
        if any(peer["figures"] != mine for peer in peers):
            raise SystemExit("the figures of clientct report and of DuckDB differ")
        peer = min(found["seconds"] for found in peers)
        row = {"lines": count, "bytes": size, "seconds": min(ours), "duckdb_seconds": peer, "ratio": min(ours) / peer,
               "mib": kib / 1024, "duckdb_mib": min(found["kib"] for found in peers) / 1024,
               "two_jobs": min(alone) / min(together)}
        result[str(count)] = row
        good = row["ratio"] <= 1.0 and row["mib"] <= LIMIT_MIB
        lines.append(f"{count:>9,} lines, {size / 1e6:5.0f} MB: {row['seconds']:.2f} s of processor time, DuckDB "
                     f"{peer:.2f} s, ratio {row['ratio']:.2f} (≤ 1.0); {row['mib']:.0f} MiB (≤ {LIMIT_MIB}), DuckDB "
                     f"{row['duckdb_mib']:.0f} MiB; two jobs {row['two_jobs']:.2f} times as fast (idle machine: ≥ 1.8)"
                     f"  {'ok' if good else 'MISS'}")
    return {"report": result, "lines": lines,
            "missed": any(row["ratio"] > 1.0 or row["mib"] > LIMIT_MIB for row in result.values())}
