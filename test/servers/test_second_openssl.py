# SPDX-License-Identifier: Apache-2.0
"""A second OpenSSL in the process, as Python wheels bring it: what the switch does to it, and what doctor says."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from clientct import PYTHON, need_same_openssl, ssl_of_python, write_config, write_openssl_conf
from processes import TemporaryFolder, environment, run
from tap import case, contains, equal, main, need

CLIENTCT = os.environ["CLIENTCT"]
WHEELS = ("cryptography==50.0.2", "psycopg2-binary==2.9.13")


def fetch_wheels():
    """The folder that has them; skips the program where they cannot be had."""
    need(ssl_of_python(), "Debian's Python")
    need_same_openssl(ssl_of_python(), "Debian's Python")
    version = run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])[1].strip()
    folder = tempfile.mkdtemp(prefix="clientct-wheels-")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                           "--retries", "1", "--timeout", "20", "--target", folder, "--python-version", version,
                           "--only-binary=:all:", *WHEELS], check=False, capture_output=True, timeout=200)
    if done.returncode != 0:
        shutil.rmtree(folder)
        print(f"1..0 # SKIP the wheels {' '.join(WHEELS)} cannot be had")
        sys.exit(0)
    return folder


WITH = fetch_wheels()

LOOK = """
import ssl, subprocess, sys
sys.path.insert(0, sys.argv[1])
def tried(what, action):
    try:
        action()
        print(what, "works", flush=True)
    except BaseException as error:
        print(what, "fails", type(error).__name__, flush=True)
def digest():
    from cryptography.hazmat.primitives import hashes
    hashes.Hash(hashes.SHA256()).finalize()
tried("ssl", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
tried("hash", digest)
import psycopg2
tried("libpq", lambda: psycopg2.connect(sys.argv[3]) if len(sys.argv) > 3 else None)
import os
command = [sys.argv[2], "doctor", "--pid", str(os.getpid())]
print(subprocess.run(command, env={}, stdout=subprocess.PIPE).stdout.decode())
"""


def look(conf, *more):
    return run([PYTHON, "-c", LOOK, WITH, CLIENTCT, *more], environment(conf), seconds=100)[1]


@case
def switch_stops_the_other_one():
    """It would serve unchecked, as pyOpenSSL's servers: where it is needed, doctor before the start is the guard."""
    with TemporaryFolder() as folder:
        text = look(write_openssl_conf(folder, write_config(folder)))
        contains(text, "ssl works", "of the component's own OpenSSL")
        contains(text, "hash fails", "of the wheel's")


@case
def without_the_switch_both_work_and_doctor_sees_them():
    with TemporaryFolder() as folder:
        text = look(write_openssl_conf(folder, write_config(folder), dead_man_switch=False))
        for part in ("ssl works", "hash works", "more than one OpenSSL in it", "enforce, generation 1"):
            contains(text, part, "what it says")
        named = [line for line in text.splitlines() if "more than one OpenSSL" in line]
        equal([any(name in line for line in named) for name in ("_rust.abi3.so", "psycopg2_binary.libs/libcrypto")],
              [True, True], f"whether the wheels' files are named in {named}")


class Postgres(threading.Thread):
    """Says yes to TLS, and notes with what each connection begins."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener, self.begins = socket.create_server(("127.0.0.1", 0)), []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                first = connection.recv(8)
                self.begins.append("asks for TLS" if first[4:] == (80877103).to_bytes(4, "big") else "clear text")
                if self.begins[-1] == "asks for TLS":
                    connection.sendall(b"S")
                    self.begins.append("TLS" if connection.recv(1) == b"\x16" else "nothing")
                connection.close()
            except OSError:
                return


@case
def libpq_falls_back_to_clear_text_with_the_switch():
    """Why a service with libpq of its own must not have the switch, or must say sslmode=require."""
    with TemporaryFolder() as folder:
        for switch, want in ((True, False), (False, True)):
            server = Postgres()
            address = f"host=127.0.0.1 port={server.listener.getsockname()[1]} user=u connect_timeout=5"
            look(write_openssl_conf(folder, write_config(folder), dead_man_switch=switch), address)
            server.listener.close()
            equal("TLS" in server.begins, want, f"whether TLS was begun: {server.begins}")
            if switch:
                equal("clear text" in server.begins, True, f"whether it went on in clear text: {server.begins}")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(WITH, ignore_errors=True)
