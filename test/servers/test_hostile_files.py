# SPDX-License-Identifier: Apache-2.0
"""A server whose files are made into anything, and whose descriptors and file sizes run out: it lives, lets in whom it
should and nobody else, and follows what its files say as soon as they can be read."""
import os
import shutil
import subprocess
import threading
import time

from clientct import ask, client_context, fixture, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder, program, wait_until
from tap import Skip, case, equal, main, table


class Scene:
    """A running server and its files."""

    def __init__(self, folder):
        self.folder, self.audit, self.metrics = folder, folder / "audit.json", folder / "metrics"
        self.list = folder / "log_list.json"
        self.metrics.mkdir()
        shutil.copy(fixture() / "log_list.json", self.list)
        self.config = write_config(folder, log_list=self.list, audit=f"file:{self.audit}", metrics=self.metrics)
        self.enforcing = self.config.read_text()
        self.off = self.enforcing + "mode = off\n"
        os.symlink("/dev/null", folder / "server.log")  # what the server says is no part of a limit
        self.server = s_server(folder, write_openssl_conf(folder, self.config))

    def __enter__(self):
        self.server.wait_ready()
        equal(self.served(), (True, False), "whether a logged and an unlogged client are served at the start")
        return self

    def __exit__(self, *_):
        self.server.stop()

    def served(self):
        return tuple(ask(self.server.port, client_context(client)).served for client in ("good", "unlogged"))

    def until_unlogged_is(self, served, what):
        def settled():
            equal(self.server.alive(), True, f"whether the server lives, {what}")
            return self.served() == (True, served)
        wait_until(settled, f"unlogged clients to be {'served' if served else 'refused'}, {what}")

    def limit(self, what, soft):
        subprocess.run([program("prlimit"), "--pid", str(self.server.process.pid), f"--{what}={soft}:"], check=True)


def replace(path, text):
    new = f"{path}.new"
    with open(new, "w", encoding="utf-8") as out:
        out.write(text)
    os.rename(new, path)


def scene():
    if not program("prlimit"):
        raise Skip("prlimit is not installed")
    return TemporaryFolder()


@case
def what_changes_while_no_descriptor_is_free_is_obeyed_afterwards():
    with scene() as folder, Scene(folder) as this:
        used = max(map(int, os.listdir(f"/proc/{this.server.process.pid}/fd")))
        for off in (True, False):
            this.limit("nofile", used + 2)  # its own connection, and nothing else
            replace(this.config, this.off if off else this.enforcing)
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                this.served()
            this.limit("nofile", 1024)
            this.until_unlogged_is(off, "with descriptors again")


@case
def a_limit_of_file_sizes_ends_nothing():
    with scene() as folder, Scene(folder) as this:
        this.limit("fsize", 100)
        equal(this.served(), (True, False), "whether they are served under the limit")
        for path in this.metrics.iterdir():
            os.truncate(path, 0)
        equal(this.served(), (True, False), "whether they are served, with metrics cut")
        this.audit.unlink()
        equal(this.served(), (True, False), "whether they are served, without the audit file")
        this.limit("fsize", "unlimited")
        wait_until(lambda: this.served() and this.audit.exists() and this.audit.stat().st_size > 100,
                   "the audit to go on")


ODD = {
    "fifo": os.mkfifo,
    "directory": os.mkdir,
    "loop": lambda path: os.symlink(path, path),
    "endless": lambda path: os.symlink("/dev/zero", path),
    "full": lambda path: os.symlink("/dev/full", path),
    "memory": lambda path: os.symlink("/proc/self/mem", path),
    "terminal": lambda path: os.symlink("/dev/ptmx", path),
    "huge": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 34),
    "empty": lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)),
    "nothing": lambda path: None,
}


@table(*((which,) for which in ("config", "list", "audit")))
def anything_may_stand_in_the_place_of_a_file(which):
    with scene() as folder, Scene(folder) as this:
        path = getattr(this, which)
        for name, make in ODD.items():
            os.rename(path, f"{path}.kept")
            make(path)
            end = time.monotonic() + 1.3
            while time.monotonic() < end:
                equal(this.served(), (True, False), f"whether they are served with {name} as the {which}")
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            os.rename(f"{path}.kept", path)
        replace(this.config, this.off)
        this.until_unlogged_is(True, "after all that")


@case
def files_that_are_touched_all_the_time_hold_nothing_up():
    with scene() as folder, Scene(folder) as this:
        over = threading.Event()

        def touch():
            while not over.wait(0.01):
                os.utime(this.list)
                os.utime(this.config)
        thread = threading.Thread(target=touch)
        thread.start()
        try:
            for off in (True, False):
                this.config.write_text(this.off if off else this.enforcing)
                this.until_unlogged_is(off, "while the files are touched")
        finally:
            over.set()
            thread.join()


if __name__ == "__main__":
    main()
