# SPDX-License-Identifier: Apache-2.0
"""Programs from the Go module proxy: fetched and built only where a test asks for them by name."""
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tap import Skip

BUILD_SECONDS = 1200  # of a machine that is busy with other things
TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.25.4.linux-amd64"  # from the module proxy, as any module


def unavailable(why):
    """Without the program there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CLIENTCT_REQUIRE_CTLOG") == "1":
        raise AssertionError(f"{why}, and CLIENTCT_REQUIRE_CTLOG demands it")
    raise Skip(why)


def run_go(go, words, folder=None, **more):
    """What `go` said; it must succeed."""
    try:
        done = subprocess.run([str(go), *words], cwd=folder, env={**os.environ, **more}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        unavailable(f"go {words[0]} took longer than {BUILD_SECONDS} s")
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        unavailable(f"go {' '.join(map(str, words))}: " + text.strip()[-300:].replace("\n", " "))
    return text


def newer(go):
    """Since 1.21 Go gets the version that a go.mod asks for by itself; an older one gets the same module by hand."""
    major, minor = re.search(r"go(\d+)\.(\d+)", run_go(go, ["version"])).groups()
    if (int(major), int(minor)) >= (1, 21):
        return go
    said = json.loads(run_go(go, ["mod", "download", "-json", TOOLCHAIN], GOFLAGS="-mod=mod"))
    root = Path(said["Dir"])
    go = root / "bin" / "go"
    if not os.access(go, os.X_OK):  # modules carry no modes, and Go's cache can be written by nobody
        for one in [go, *root.glob("pkg/tool/*/*")]:
            one.chmod(0o755)
    return go


def go_build(folder, package, binary):
    """
    Builds a package at the version that go.mod in `folder` pins, or takes the one that was built by the same: what is
    built stays in the user's cache.
    """
    go = os.environ.get("GO")
    if not go:
        unavailable(f"there is no Go to build {package} with")
    sources = sorted(path for path in Path(folder).iterdir() if path.suffix in (".go", ".mod", ".sum"))
    pinned = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clientct-tests"
    built = cache / f"{Path(folder).name}-{pinned[:16]}"
    if not built.exists():
        cache.mkdir(parents=True, exist_ok=True)
        half = cache / f"{built.name}.{os.getpid()}"
        run_go(newer(go), ["build", "-mod=readonly", "-p", "2", "-o", half, package], folder, GOTOOLCHAIN="auto")
        half.rename(built)
    shutil.copy(built, binary)  # where every user gets at it
    return Path(binary)
