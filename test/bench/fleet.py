# SPDX-License-Identifier: Apache-2.0
"""A fleet's lines by way of partial files: what it takes to add up those of a thousand servers, and what comes of it.

The lines of some servers are made and read for real, each server with names, processes and half of the certificates of
its own; the thousand files are theirs over and over, so that every line that is counted was read once at least. What
must come out is known: sums are those of the servers, each as often as its file; certificates are counted from the
lines; and of the first two servers the lines are read as a whole, too, and say the same as their two files.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from report import run

SUMS = ("lines", "vouched_lines", "foreign_lines", "lost_lines", "rejected_chains", "decisions", "would_accept",
        "would_refuse", "refused", "without_certificate")
CERTIFICATES = 100000
ERROR = 3 / CERTIFICATES ** 0.5  # three times the standard error that clientct(1) states


def certificates_in(path):
    """How many there are in the lines, and how many of them are a server's own."""
    found = set()
    with open(path, "rb") as file:
        for block in iter(lambda: file.readlines(1 << 24), []):
            for line in block:
                if b'"clientct.chain"' not in line:  # those are strangers
                    found.update(re.findall(rb'"tls\.client\.hash\.sha256":"([0-9A-F]{64})', line))
    return len(found), sum(one[:1] >= b"8" for one in found)


# In a small process: what a child has as its largest memory begins with what its parent has.
MEASURED = """
import json, resource, subprocess, sys, time
begun = time.monotonic()
with open(sys.argv[1], "wb") as out:
    code = subprocess.run(sys.argv[2:], stdout=out, check=False).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - begun]))
"""


def answer_of(clientct, *arguments):
    """Sums without lists; processor time, MiB and the time that passed."""
    with tempfile.NamedTemporaryFile(prefix="clientct-fleet-") as file:
        words = [sys.executable, "-S", "-c", MEASURED, file.name, clientct, "report", "--json", *arguments]
        done = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, check=True)
        code, *measured = json.loads(done.stdout)
        if code not in (0, 1):
            raise SystemExit(f"clientct report ended with {code}")
        return (json.loads(Path(file.name).read_text()), *measured)


def same(whole, parts, what):
    for answer in (whole, parts):
        answer.pop("sources")
    if whole != parts:
        raise SystemExit(f"{what}: read as a whole and added up differ")


def simulate(build, servers, lines, distinct):
    clientct, tools = build / "module" / "tool" / "clientct", build / "test" / "bench"
    out, spent, most = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="clientct-fleet-") as name:
        folder, parts, answers = Path(name), [], []
        first = folder / "first"
        with open(first, "wb") as file:
            subprocess.run([tools / "bench_audit_lines", str(lines), str(CERTIFICATES)], stdout=file, check=True)
        every, own = certificates_in(first)
        size = os.path.getsize(first)
        for number in range(distinct):
            path = folder / f"lines-{number}"
            with open(first, "rb") as source, open(path, "wb") as file:
                subprocess.run([tools / "bench_server_lines", str(number)], stdin=source, stdout=file, check=True)
            parts.append(folder / f"{number}.part")
            _, seconds, kib, _ = run(clientct, "report", "--partial", parts[-1], path)
            spent, most = spent + seconds, max(most, kib / 1024)
            answers.append(answer_of(clientct, parts[-1])[0])
            if number == 1:
                both = [folder / "lines-0", path]
                same(answer_of(clientct, *both)[0], answer_of(clientct, *parts)[0], "two servers")
                out.append(f"two servers: {2 * lines:,} lines read as a whole say the same as their files added up")
                both[0].unlink()
            if number > 0:
                path.unlink()
        out.append(f"{distinct} servers read, {lines:,} lines and {size / 1e6:.0f} MB each: {spent / distinct:.1f} s "
                   f"of processor time and at most {most:.0f} MiB; a file has {os.path.getsize(parts[0]) / 1e6:.1f} MB")
        for server in range(distinct, servers):
            os.link(parts[server % distinct], folder / f"{server}.part")
        names = [folder / f"{server}.part" for server in range(servers)]
        for jobs in (1, 2):
            answer, seconds, mib, passed = answer_of(clientct, "--jobs", jobs, *names)
            for key in SUMS:
                wanted = sum(answers[server % distinct][key] for server in range(servers))
                if answer[key] != wanted:
                    raise SystemExit(f"{key}: expected {wanted:,}, found {answer[key]:,}")
            wanted = every - own + distinct * own
            error = abs(answer["certificates"] - wanted) / wanted
            if error > (ERROR if answer["estimated"] else 0):
                raise SystemExit(f"certificates: expected {wanted:,}, found {answer['certificates']:,}")
            out.append(f"{servers:,} files, {answer['lines']:,} lines, --jobs {jobs}: {seconds:.1f} s of processor "
                       f"time, {passed:.1f} s, {mib:.0f} MiB; {len(SUMS)} sums exact; {answer['certificates']:,} "
                       f"certificates, where there are {wanted:,} ({100 * error:.2f} %)")
        # As many as are told apart: one server's, seen by all.
        alone, _, mib, _ = answer_of(clientct, *[parts[0]] * servers)
        if any(alone[key] != answers[0][key] for key in ("certificates", "compliant", "locked_out", "clients")):
            raise SystemExit("the certificates of one server are not exact")
        out.append(f"{servers:,} times the file of one: {alone['certificates']:,} certificates, exact; {mib:.0f} MiB")
    return out
