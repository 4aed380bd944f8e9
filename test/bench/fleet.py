# SPDX-License-Identifier: Apache-2.0
"""A fleet's lines by way of partial files: what it takes to add up those of a thousand servers.

A few servers' lines are made and summed up for real; the others have copies of those files, so that the report reads as
many files, certificates and processes as a fleet would write.
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from report import run


def simulate(build, servers, lines, distinct):
    clientct, generator = build / "module" / "tool" / "clientct", build / "test" / "bench" / "bench_audit_lines"
    out = []
    with tempfile.TemporaryDirectory(prefix="clientct-fleet-") as name:
        folder, parts = Path(name), []
        for number in range(distinct):
            path = folder / "lines"
            with open(path, "wb") as file:
                subprocess.run([generator, str(lines), "100000", str(number * lines)], stdout=file, check=True)
            parts.append(folder / f"{number}.part")
            _, seconds, kib, _ = run(clientct, "report", "--partial", parts[-1], path)
            out.append(f"server {number}: {lines:,} lines, {os.path.getsize(path) / 1e6:.0f} MB in {seconds:.1f} s of "
                       f"processor time and {kib / 1024:.0f} MiB: {os.path.getsize(parts[-1]) / 1e6:.1f} MB")
            path.unlink()
        for server in range(distinct, servers):
            os.link(parts[server % distinct], folder / f"{server}.part")
        names = [folder / f"{server}.part" for server in range(servers)]
        text, seconds, kib, _ = run(clientct, "report", "--json", *names)
        answer = json.loads(text)
        if answer["lines"] != servers * lines:
            raise SystemExit(f"expected {servers * lines} lines, found {answer['lines']}")
        out.append(f"{servers:,} servers, {answer['lines']:,} lines, {answer['certificates']:,} certificates: "
                   f"added up in {seconds:.1f} s of processor time, {kib / 1024:.0f} MiB")
    return out
