# SPDX-License-Identifier: Apache-2.0
"""Programs under test: bounded in time, on free loopback ports, waited for by condition, ended by their own pid."""
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

LONGEST = 60  # seconds that anything may take on a slow and busy machine


def wait_until(condition, what, seconds=LONGEST):
    """Returns what `condition` returns once that is true; fails with `what` (a text or a function) after a while."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def program(name):
    """The path of an installed program, also where only root's PATH has it; None when it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def environment(openssl_conf=None, **more):
    """The environment of a program under test: nothing of ours, but the OpenSSL configuration it is to read."""
    result = {key: value for key, value in os.environ.items() if not key.startswith(("OPENSSL", "SSL_", "CLIENTCT"))}
    if openssl_conf is not None:
        result["OPENSSL_CONF"] = str(openssl_conf)
        preload = os.environ.get("CLIENTCT_TEST_PRELOAD")
        if preload:  # a component with sanitizers needs their runtime in the server
            result["LD_PRELOAD"] = preload
            result["ASAN_OPTIONS"] = "detect_leaks=0"
    result.update(more)
    return result


class TemporaryFolder:
    """A folder for one case, gone afterwards."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="clientct-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A running program; its output goes to a file that `output` reads. Use in a with statement."""

    def __init__(self, folder, argv, env, port, name="server", stdin=subprocess.DEVNULL):
        self.log = Path(folder) / f"{name}.log"
        self.port = port
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(word) for word in argv], env=env, stdin=stdin, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def output(self):
        return self.log.read_bytes().decode("utf-8", "replace")

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self):
        """Until it accepts connections; fails when it ends instead."""
        def ready():
            if not self.alive():
                raise AssertionError(f"the server ended with status {self.process.returncode}:\n{self.output()}")
            return accepts_connections(self.port)
        wait_until(ready, lambda: f"the server to listen:\n{self.output()}")
        return self

    def wait_end(self):
        """Until it ends by itself; returns its status, or fails."""
        wait_until(lambda: not self.alive(), lambda: f"the server to end:\n{self.output()}")
        return self.process.returncode

    def wait_output(self, text):
        wait_until(lambda: text in self.output(), lambda: f"{text!r} in the server's output:\n{self.output()}")

    def stop(self):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run(argv, env=None, text_in="", seconds=LONGEST):
    """Runs a program to its end; returns (status, standard output and error together)."""
    done = subprocess.run([str(word) for word in argv], env=env, input=text_in.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")
