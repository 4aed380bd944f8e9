# SPDX-License-Identifier: Apache-2.0
"""A server in namespaces of its own: whatever it starts ends with it, and what it tells syslog is caught."""
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

# The shell stays process 1 there, so that the server is an ordinary process. /dev is a copy with our log in it.
INSIDE = r"""
set -eu
folder=$1 apart=$2
shift 2
mount --make-rprivate / 2>/dev/null || : # in a chroot it is so already
if [ -n "$apart" ]; then
    for name in usr etc lib; do # as if the packages were installed
        [ ! -d "$apart/$name" ] || mount -t overlay overlay -o "lowerdir=$apart/$name:/$name" "/$name"
    done
fi
mkdir "$folder/.dev"
mount -t tmpfs -o mode=755 none "$folder/.dev"
for name in null zero full random urandom tty fd stdin stdout stderr ptmx; do
    [ ! -e "/dev/$name" ] || cp -a "/dev/$name" "$folder/.dev/"
done
mkdir "$folder/.dev/pts" "$folder/.dev/shm" "$folder/.dev/net"
[ ! -e /dev/net/tun ] || cp -a /dev/net/tun "$folder/.dev/net/"
mount --rbind /dev/pts "$folder/.dev/pts"
mount -t tmpfs -o mode=1777 none "$folder/.dev/shm"
: >"$folder/.dev/log"
mount --bind "$folder/.syslog" "$folder/.dev/log"
mount --move "$folder/.dev" /dev
mount -t proc proc /proc
echo localhost >/proc/sys/kernel/hostname # what is logged does not depend on whose machine it was
"$@" &
wait $! || status=$?
echo "[ended with status ${status-0}]"
exec sleep infinity # what it has started may go on: a daemon
"""


class Syslog:
    """Reads the datagrams of one folder's /dev/log into the file syslog.log there."""

    def __init__(self, folder):
        self.path = Path(folder) / "syslog.log"
        self.path.touch()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(Path(folder) / ".syslog"))
        os.chmod(Path(folder) / ".syslog", 0o666)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with open(self.path, "ab", buffering=0) as file:
            while True:
                data = self.socket.recv(65536)
                if data == b"end":
                    return
                file.write(data.rstrip(b"\0\n") + b"\n")

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


class Cell:
    """A program in such namespaces; use in a with statement. Needs root. `logs`: files beside its own
    output; `apart`: a folder with unpacked packages."""

    def __init__(self, folder, argv, env, logs=(), apart=""):
        self.folder = Path(folder)
        self.syslog = Syslog(folder)
        self.output_path = self.folder / "output.log"
        self.logs = [self.output_path, self.syslog.path, *logs]
        with open(self.output_path, "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "unchanged", "--uts", "--pid", "--fork", "--kill-child",
                 "sh", "-c", INSIDE, "-", str(folder), str(apart), *(str(word) for word in argv)],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
                start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ended(self):
        """Whether the program itself is over; what it has left behind may still run."""
        return self.process.poll() is not None or "[ended with status " in self.output()

    def failed(self):
        return re.search(r"\[ended with status [1-9]", self.output())

    def output(self):
        return self.output_path.read_bytes().decode("utf-8", "replace")

    def sizes(self):
        """How far each log is; see said."""
        return {path: path.stat().st_size for path in self.logs if path.exists()}

    def said(self, since):
        """The lines that were logged since `sizes` returned this."""
        lines = []
        for path in self.logs:
            if path.exists():
                with open(path, "rb") as file:
                    file.seek(since.get(path, 0))
                    lines += file.read().decode("utf-8", "replace").splitlines()
        return lines

    def outside_pid(self, pid):
        """The number that we know a process by which is `pid` in there; None when it is gone."""
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                numbers = [line.split()[1:] for line in status.read_text().splitlines() if line.startswith("NSpid:")]
                if numbers and numbers[0][-1] == str(pid) and len(numbers[0]) > 1 and self.is_ours(status.parent):
                    return int(status.parent.name)
            except OSError:
                continue
        return None

    def is_ours(self, process):
        return os.readlink(process / "ns" / "pid") == os.readlink(f"/proc/{self.process.pid}/ns/pid_for_children")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)  # its child goes with it, and with that one all others
            self.process.wait()
        self.syslog.close()
