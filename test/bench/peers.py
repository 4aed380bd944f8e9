# SPDX-License-Identifier: Apache-2.0
"""What somebody could use instead to check three SCTs, where it is on this machine: Go, python's cryptography, Rust."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Bench, clean_environment

HERE = Path(__file__).resolve().parent / "peers"
ROUNDS = "201"
BUILD_LONGEST = 600


def prepare(argv, folder, **more):
    done = subprocess.run([str(word) for word in argv], cwd=folder, env=clean_environment(**more),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=BUILD_LONGEST, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.decode("utf-8", "replace").strip().split("\n")[-1])


def go(bench):
    program = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if program is None:
        return None
    prepare([program, "build", "-o", bench.folder / "verify-go", HERE / "verify.go"], bench.folder,
            GOCACHE=str(bench.folder / "go-cache"), GOFLAGS="-mod=mod", GO111MODULE="off")
    return [bench.folder / "verify-go"], bench.folder / "list-100.json"


def python(bench):
    for program in dict.fromkeys([sys.executable, "/usr/bin/python3"]):
        if shutil.which(program) and subprocess.run([program, "-c", "import cryptography"], check=False,
                                                    stderr=subprocess.DEVNULL).returncode == 0:
            return [program, HERE / "verify.py"], bench.folder / "list-100.json"
    return None


def rust(bench):
    if shutil.which("cargo") is None:
        return None
    target = bench.build / "test" / "bench" / "sct-crate"
    source = bench.folder / "sct-crate"
    shutil.copytree(HERE / "sct-crate", source)
    prepare(["cargo", "build", "--release", "--quiet", "--target-dir", target], source)
    logs = bench.folder / "logs.txt"
    with open(logs, "w", encoding="ascii") as out:
        for operator in json.loads((bench.folder / "list-100.json").read_text())["operators"]:
            for log in operator["logs"]:
                spki = base64.b64decode(log["key"])
                print(hashlib.sha256(spki).hexdigest(), spki[-65:].hex(), file=out)
    return [target / "release" / "verify"], logs


def compare(build, raw):
    """Median times for three SCTs beside ours; a peer that is not there is left out, and said."""
    result, lines = {}, ["", f"three SCTs, median: clientct {raw['cold_3']['ns'] / 1000:.0f} us (with everything else "
                         f"that a verdict is), libcrypto {raw['libcrypto_3']['ns'] / 1000:.0f} us"]
    bench = Bench(build)
    try:
        for name, peer in (("Go's crypto", go), ("the Rust crate sct (ring)", rust), ("python's cryptography", python)):
            try:
                found = peer(bench)
                if found is None:
                    lines.append(f"  {name}: not on this machine")
                    continue
                argv, logs = found
                done = subprocess.run([str(word) for word in [*argv, bench.folder / "client-3.der",
                                                              bench.folder / "client-3.sct", logs, ROUNDS]],
                                      env=clean_environment(), stdout=subprocess.PIPE, timeout=120, check=True)
                result[name] = {"ns": int(done.stdout)}
                lines.append(f"  {name}: {int(done.stdout) / 1000:.0f} us for the signatures alone")
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                lines.append(f"  {name}: not measured, {error}")
    finally:
        bench.close()
    return {"peers": result, "lines": lines}
