"""Programs from the Go module proxy: fetched and built only where a test asks for them by name."""
import os
import subprocess
from pathlib import Path

from tap import Skip

BUILD_SECONDS = 600


def unavailable(why):
    """Without the program there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CLIENTCT_REQUIRE_CTLOG") == "1":
        raise AssertionError(f"{why}, and CLIENTCT_REQUIRE_CTLOG demands it")
    raise Skip(why)


def go_build(folder, package, binary):
    """Builds a package at the version that go.mod in `folder` pins. Go's own cache makes the second time quick."""
    go = os.environ.get("GO")
    if not go:
        unavailable(f"there is no Go to build {package} with")
    try:
        done = subprocess.run([go, "build", "-mod=readonly", "-p", "2", "-o", str(binary), package], cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        unavailable(f"{package} was not built within {BUILD_SECONDS} s")
    if done.returncode != 0:
        unavailable(f"{package} cannot be built here: " + done.stdout.decode("utf-8", "replace").strip()[-300:]
                    .replace("\n", " "))
    return Path(binary)
