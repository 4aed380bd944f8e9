# SPDX-License-Identifier: Apache-2.0
"""clientct report: large, compressed and broken inputs, several threads, and more certificates than are kept."""

import ctypes
import ctypes.util
import gzip
import hashlib
import json
import os
import pty
import random
import subprocess
import threading
import time
import unittest
import zlib

from cli import CLIENTCT, Case, read_terminal, run

TEMPLATE = ('{{"@timestamp":"{at}","ecs.version":"9.0.0","event.module":"clientct","event.kind":"event",'
            '"event.sequence":{n},"event.action":"client-certificate","event.outcome":"success","process.pid":7,'
            '"process.entity_id":"{process}","process.name":"nginx","tls.client.hash.sha256":"{hash}",'
            '"tls.client.subject":"{name}","tls.client.issuer":"CN=CA {issuer}","tls.client.not_after":"{until}",'
            '"clientct.verdict":"accept","clientct.would_be":"{would_be}","clientct.reason":"{reason}"}}\n')


def sha256(name):
    return hashlib.sha256(name.encode()).hexdigest().upper()


def time_of(second):
    return f"2026-11-{1 + second // 86400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}Z"


def line(n, certificate, client, refused, second=None, until="2098-01-01T00:00:00Z", issuer=0, process="p"):
    return TEMPLATE.format(at=time_of(n if second is None else second), n=n + 1, hash=sha256(str(certificate)),
                           name=f"CN=client {client}", would_be="refuse" if refused else "accept", until=until,
                           reason=("no-scts", "unknown-log")[client % 2] if refused else "compliant", issuer=issuer,
                           process=process)


def mixed(count, seed=1):
    """Lines of different certificates, clients, issuers and processes; each client has several certificates."""
    dice = random.Random(seed)
    numbers = {}
    out = []
    for n in range(count):
        client = dice.randrange(count // 10 + 1)
        process = f"p{dice.randrange(5)}"
        numbers[process] = numbers.get(process, 0) + dice.choice((1, 1, 1, 2))
        out.append(line(numbers[process], client * 4 + dice.randrange(4), client, dice.randrange(3) == 0, second=n * 7,
                        until=dice.choice(("2098-01-01T00:00:00Z", "2026-10-01T00:00:00Z")), issuer=client % 5,
                        process=process))
    return out


def zstd(data, level=3):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    library.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    room = ctypes.create_string_buffer(library.ZSTD_compressBound(len(data)))
    size = library.ZSTD_compress(room, len(room), data, len(data), level)
    return room.raw[:size]


class Inputs(Case):
    def figures(self, *options, code=None, stdin=None):
        answer = self.ask("report", *options, code=code, stdin=stdin)
        answer.pop("sources")
        return answer

    def write_bytes(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def test_compressed_inputs_are_read_as_they_are(self):
        text = "".join(mixed(3000)).encode()
        half = len(text) // 3  # not at the end of a line
        skipped = b"\x5a\x2a\x4d\x18\x03\0\0\0abc"
        expected = self.figures(self.write_bytes("plain", text), code=1)
        for name, data in (("gzip", gzip.compress(text)),
                           ("gzip in members", gzip.compress(text[:half]) + gzip.compress(b"") +
                            gzip.compress(text[half:])),
                           ("gzip with zeros behind it", gzip.compress(text) + bytes(1000)),
                           ("zstd", zstd(text)), ("zstd in frames", zstd(text[:half]) + zstd(b"") + zstd(text[half:])),
                           ("zstd with a frame to skip", skipped + zstd(text) + skipped),
                           ("zstd at its best", zstd(text, 22))):
            with self.subTest(name):
                self.assertEqual(self.figures(self.write_bytes("packed", data)), expected)
                self.assertEqual(self.figures(self.path("packed"), "--jobs", "3"), expected)

    def test_broken_compression_is_an_error(self):
        text = "".join(mixed(2000)).encode()
        flipped = bytearray(gzip.compress(text))
        flipped[-6] ^= 1  # of the checksum
        for name, data, words in (("cut gzip", gzip.compress(text)[:-5], "ends in the middle"),
                                  ("gzip cut in its head", gzip.compress(text)[:3], "ends in the middle"),
                                  ("gzip with something behind it", gzip.compress(text) + b"hello", "damaged gzip"),
                                  ("gzip with a wrong checksum", bytes(flipped), "damaged gzip"),
                                  ("cut zstd", zstd(text)[:-5], "ends in the middle"),
                                  ("zstd cut in its head", zstd(text)[:5], "ends in the middle"),
                                  ("zstd with something behind it", zstd(text) + b"hello!", "damaged zstd")):
            for jobs in ("1", "2"):
                with self.subTest(name, jobs=jobs):
                    self.assert_usage_error(run("report", self.write_bytes("broken", data), "--jobs", jobs), words)

    def test_what_unpacks_to_much_takes_little_memory(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(b"x" * 1000000) for _ in range(300)) + packer.flush()
        done = subprocess.run(["bash", "-c", 'ulimit -v "$1"; exec "$2" report --json "$3"', "sh",
                               str(0x7fffffffff if os.environ.get("CLIENTCT_SANITIZERS", "none") != "none" else 400000),
                               CLIENTCT, self.write_bytes("bomb", bomb + gzip.compress(line(0, 1, 1, True).encode()))],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 3, done.stderr)  # the line stands behind 300 MB that have no end
        self.assertEqual(json.loads(done.stdout)["foreign_lines"], 1)

    def test_any_number_of_threads_says_the_same(self):
        lines = mixed(20000)
        name = self.write("many", "".join(lines))
        expected = self.figures(name)
        for jobs in ("2", "5"):
            self.assertEqual(self.figures(name, "--jobs", jobs), expected)
        random.Random(2).shuffle(lines)
        self.assertEqual(self.figures(self.write("shuffled", "".join(lines)), "--jobs", "2"), expected)
        parts = [self.write(f"part {i}", "".join(lines[i::7])) for i in range(7)]
        self.assertEqual(self.figures(*parts, "--jobs", "3"), expected)
        for wrong in ("0", "65", "-1", "x", "2x", ""):
            self.assert_usage_error(run("report", "--jobs", wrong, name), "--jobs")

    def test_files_of_any_kind_are_read_side_by_side(self):
        lines = mixed(6000)
        parts = ["".join(lines[at:at + 1000]).encode() for at in range(0, 6000, 1000)]
        expected = self.figures(self.write_bytes("whole", b"".join(parts)), code=1)
        names = [self.write_bytes("1", parts[0]), self.write_bytes("2.gz", gzip.compress(parts[1])),
                 self.write_bytes("3.zst", zstd(parts[2])), self.path("4.part"), self.write_bytes("5", b""),
                 self.write_bytes("6", parts[4]), self.path("7.part")]
        for name, part in (("4.part", parts[3]), ("7.part", parts[5])):
            self.assertEqual(run("report", "--partial", self.path(name), self.write_bytes("part", part)).returncode, 0)
        for jobs in ("1", "2", "3", "7", "64"):
            self.assertEqual(self.figures(*names, "--jobs", jobs), expected)
        both = gzip.compress(b"".join(parts)) + b"no gzip"
        for jobs in ("1", "2", "8"):  # one that is damaged spoils the sum, whoever reads it
            self.assert_usage_error(run("report", *names, self.write_bytes("broken", both), "--jobs", jobs), "damaged")
            self.assert_usage_error(run("report", *names, self.path("missing"), "--jobs", jobs), "missing")
        # Standard input twice: the second time nothing is left of it.
        self.assertEqual(self.figures("-", "-", "--jobs", "2", "--unvouched", stdin=b"".join(parts))["lines"], 6000)

    def test_long_lines(self):
        ours, long = line(0, 1, 1, True), '{"@timestamp":"' + "x" * 3000000
        for text in (long + "\n" + ours, ours + long, long * 2 + "\n" + ours + long + "\n", ours + "y" * 70000 + "\n"):
            with self.subTest(size=len(text)):
                for jobs in ("1", "2"):
                    answer = self.figures(self.write("long", text), "--jobs", jobs)
                    self.assertEqual(answer["foreign_lines"], text.count("\n") + (not text.endswith("\n")) -
                                     (answer["decisions"]))
                    self.assertEqual(answer["decisions"], 1)
        padded = ours[:-2] + ',"padding":"' + "z" * (65536 - len(ours) - 12) + '"}\n'
        self.assertEqual(len(padded), 65537)
        self.assertEqual(self.figures(self.write("longest", padded))["decisions"], 1)
        self.assertEqual(self.figures(self.write("too long", padded.replace("zz", "zzz", 1)))["decisions"], 0)

    def test_pipes_and_many_files(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        text = "".join(mixed(5000)).encode()

        def write():
            with open(fifo, "wb") as file:
                file.write(gzip.compress(text))

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        answer = self.figures(fifo, "--unvouched", code=1)
        writer.join()
        self.assertEqual(answer["unvouched_lines"], 5000)
        os.mkdir(self.path("folder"))
        names = [self.write(f"folder/{i}", row) for i, row in enumerate(mixed(2000))]
        self.assertEqual(self.figures(*names, "--jobs", "2")["vouched_lines"], 2000)
        self.assert_usage_error(run("report", self.path("folder")), "folder")

    def said_while_it_reads(self, stderr):
        process = subprocess.Popen([CLIENTCT, "report", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=stderr)
        for _ in range(4):
            process.stdin.write(b"x" * 50000)
            process.stdin.flush()
            time.sleep(0.25)
        process.stdin.close()
        self.assertEqual(process.wait(60), 3)

    def test_progress_is_for_terminals(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.said_while_it_reads(slave)
        os.close(slave)
        self.assertIn(b"0 MB of standard input\r\x1b[K", read_terminal(master))
        with open(self.path("stderr"), "w+b") as file:
            self.said_while_it_reads(file)
            file.seek(0)
            self.assertEqual(file.read(), b"")

    def test_certificates_that_live_for_an_hour(self):
        # 60 workloads with a new certificate each hour, for two weeks and in many places: 150,000 certificates.
        rows = []
        for n in range(150000):
            client = n % 60
            rows.append(line(n, f"hourly {n}", client, client < 6, second=n * 8, until=time_of(n * 8 + 3600)))
        answer = self.figures(self.write("hourly", "".join(rows)), code=1)
        self.assertTrue(answer["estimated"])
        self.assertAlmostEqual(answer["certificates"], 150000, delta=150000 * 0.015)
        self.assertEqual((answer["clients"], answer["clients_with_several_certificates"], answer["decisions"]),
                         (60, 60, 150000))
        self.assertEqual((answer["locked_out"], answer["clients_locked_out"]), (0, 6))  # all of them ended
        self.assertEqual(len(answer["locked_out_clients_with_several_certificates"]), 6)
        text = run("report", self.path("hourly")).stdout.decode()
        self.assertIn("6 clients, by name and issuer", text)
        self.assertNotIn("Nobody", text)
        random.Random(3).shuffle(rows)
        self.assertEqual(self.figures(self.write("shuffled", "".join(rows)), "--jobs", "2"), answer)
        gone = [line(n, f"old {n}", 1, True, second=n, until=time_of(n + 60)) for n in range(10)]
        gone.append(line(0, "new", 2, False, second=12 * 86400))
        self.assertEqual(self.figures(self.write("gone", "".join(gone)))["clients_locked_out"], 0)


if __name__ == "__main__":
    unittest.main()
