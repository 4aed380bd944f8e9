# SPDX-License-Identifier: Apache-2.0
"""What the tests of the clientct command share: running it, and a PKI to run it on."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

CLIENTCT = os.environ["CLIENTCT"]
CTPKI = os.environ["CTPKI"]
VECTORS = os.environ.get("CLIENTCT_SHARED_VECTORS", "")


def run(*arguments, stdin=None, **environment):
    """Runs clientct; text comes back as bytes, so that nothing is hidden from the tests."""
    return subprocess.run([CLIENTCT, *map(str, arguments)], input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **environment})


def pki(*arguments):
    subprocess.run([CTPKI, *map(str, arguments)], check=True, timeout=60, stdout=subprocess.DEVNULL)


def read_terminal(terminal):
    """All that came to our side of a terminal whose other side is closed, or will be; it comes in pieces."""
    said = b""
    try:
        while chunk := os.read(terminal, 65536):
            said += chunk
    except OSError:  # Linux says EIO when the other side is closed
        pass
    return said


needs_vectors = unittest.skipUnless(os.path.isdir(VECTORS), "the shared vectors are not here")
needs_network = unittest.skipIf(b"no network code" in run("submit", "--help").stdout, "this build has no network code")


class Case(unittest.TestCase):
    """A test case with a fixture made once a class, in self.dir."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="clientct-cli-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        pki("fixture", cls.dir)
        with open(cls.path("fixture.json"), encoding="utf-8") as file:
            cls.fixture = json.load(file)

    @classmethod
    def path(cls, name):
        return os.path.join(cls.dir, name)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def unreadable_ca(self):
        """The CA with a key of a kind that no OpenSSL reads, as an older one meets it with a CA of a newer kind."""
        body = base64.b64decode(self.read("ca.pem").decode().split("-----")[2])
        kind = bytes.fromhex("06072a8648ce3d0201")  # id-ecPublicKey
        self.assertEqual(body.count(kind), 1)
        return (b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(body.replace(kind, kind[:-1] + b"\x7f")) +
                b"-----END CERTIFICATE-----\n")

    def config(self, text="", top=""):
        """A configuration that reads the fixture's list; `text` has sections, `top` goes before them."""
        return self.write(self.id().rsplit(".", 1)[-1] + ".cnf",
                          f"log_list = {self.path('log_list.json')}\n{top}\n{text}\n")

    def ask(self, *arguments, code=None, stdin=None):
        """Runs with --json and gives the answer."""
        done = run(*arguments, "--json", stdin=stdin)
        if code is not None:
            self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        self.assertTrue(done.stdout.isascii(), "JSON is printed in ASCII")
        self.assertNotRegex(done.stdout, rb"[\x00-\x09\x0b-\x1f\x7f]")
        return json.loads(done.stdout)

    def assert_usage_error(self, done, *words):
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(done.stderr.startswith(b"clientct: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr.decode())
