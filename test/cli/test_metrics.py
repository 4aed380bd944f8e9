# SPDX-License-Identifier: Apache-2.0
"""clientct metrics: sums over processes living and gone, in a format that Prometheus takes."""

import contextlib
import os
import random
import shutil
import stat
import subprocess
import tempfile
import threading
import unittest

import prometheus
from cli import Case, run

COUNT = os.environ["COUNT"]


class Metrics(Case):
    def setUp(self):
        self.metrics = tempfile.mkdtemp(prefix="clientct-metrics-")
        self.addCleanup(shutil.rmtree, self.metrics)

    def files(self):
        return sorted(name for name in os.listdir(self.metrics) if name.count(".") == 2)

    @contextlib.contextmanager
    def counting(self, policy="one", accepted=0, refused=0):
        with subprocess.Popen([COUNT, self.metrics, policy, str(accepted), str(refused)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            yield process

    def count(self, *arguments, **counts):
        with self.counting(*arguments, **counts):
            pass

    def scrape(self, *options):
        done = run("metrics", *options, self.metrics)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.said = done.stderr.decode()
        return prometheus.parse(done.stdout.decode())

    def verdicts(self, *options, **labels):
        return prometheus.value(self.scrape(*options), "clientct_verdicts_total", **labels)

    def test_adds_up_the_living_and_the_dead(self):
        self.count(accepted=3, refused=1)
        with self.counting("two", accepted=10), self.counting("one", refused=5):
            for _ in range(3):
                samples = self.scrape()
                for labels, want in (({"policy": "one", "verdict": "accept", "reason": "compliant"}, 3),
                                     ({"policy": "one", "verdict": "refuse", "reason": "no-scts"}, 6),
                                     ({"policy": "two"}, 10)):
                    self.assertEqual(prometheus.value(samples, "clientct_verdicts_total", **labels), want, labels)
                self.assertEqual(prometheus.value(samples, "clientct_verdict_duration_seconds_count"), 19)
                self.assertEqual(prometheus.value(samples, "clientct_signatures_checked_total"), 19)
                self.assertEqual(prometheus.value(samples, "clientct_processes", program="count"), 2)
                self.assertEqual(len(self.files()), 2, "the dead one is folded away, the living ones stay")
        samples = self.scrape()
        self.assertEqual(prometheus.value(samples, "clientct_verdicts_total"), 19)
        self.assertEqual(prometheus.value(samples, "clientct_processes"), 0)
        self.assertEqual(self.files(), [])

    def test_no_fold_leaves_everything_where_it_is(self):
        self.count(accepted=2)
        for _ in range(2):
            self.assertEqual(self.verdicts("--no-fold"), 2)
            self.assertEqual(len(os.listdir(self.metrics)), 1)

    def test_labels_are_escaped(self):
        for policy in ('a"b', "back\\slash", "ünï", "x" * 100, "é" * 50):
            self.count(policy, accepted=1)
        self.count("new\nline", accepted=1)  # cannot come from a clientct.cnf: not shown
        names = {dict(labels)["policy"] for (name, labels) in self.scrape() if name == "clientct_verdicts_total"}
        self.assertEqual(names, {'a"b', "back\\slash", "ünï", "x" * 55, "é" * 27})

    def test_a_crash_while_folding_counts_nothing_twice_and_loses_nothing(self):
        self.count(accepted=7)
        [name] = self.files()
        kept = os.path.join(self.metrics, name)
        shutil.copy(kept, self.path("kept"))
        self.assertEqual(self.verdicts(), 7)
        shutil.copy(self.path("kept"), kept)  # as if it had ended before the file was removed
        self.assertEqual(self.verdicts("--no-fold"), 7)
        self.assertEqual(self.verdicts(), 7)
        self.assertEqual(self.files(), [])
        self.count(accepted=1)
        shutil.copy(os.path.join(self.metrics, "folded"), os.path.join(self.metrics, "folded.new"))  # or before
        self.assertEqual(self.verdicts(), 8)
        self.assertEqual(sorted(os.listdir(self.metrics)), ["folded", "lock"])

    def test_readers_at_the_same_time_agree(self):
        for _ in range(20):
            self.count(accepted=1)
        seen = []

        def read():
            for _ in range(5):
                seen.append(prometheus.value(prometheus.parse(run("metrics", self.metrics).stdout.decode()),
                                             "clientct_verdicts_total"))
        readers = [threading.Thread(target=read) for _ in range(6)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual(seen, [20] * 30)

    def test_hostile_files_harm_nobody(self):
        with self.counting(accepted=4):
            [name] = self.files()
            with open(os.path.join(self.metrics, name), "rb") as file:
                good = file.read()
            def put(number, data):
                path = os.path.join(self.metrics, f"evil.{number}.1")
                with open(path, "wb") as file:
                    file.write(data)
            put(1, b"")
            put(2, b"x")
            put(3, good[:-1])
            put(4, good + b"more")
            put(5, good[:8] + b"\xff" * (len(good) - 8))
            put(6, b"\xff" * len(good))
            os.mkfifo(os.path.join(self.metrics, "evil.7.1"))
            os.symlink("/etc/shadow", os.path.join(self.metrics, "evil.8.1"))
            os.mkdir(os.path.join(self.metrics, "evil.9.1"))
            for name in ("evil.10", "x.y.z", ".hidden.1.1", "new\nline.1.1", "evil.1.1.new"):
                with open(os.path.join(self.metrics, name), "wb") as file:
                    file.write(good)
            randomly = random.Random(1)
            for number in range(100, 160):
                data = bytearray(good)
                for _ in range(randomly.choice([1, 30, 3000])):
                    data[randomly.randrange(len(data))] = randomly.randrange(256)
                put(number, bytes(data))
            for _ in range(2):
                samples = self.scrape()
                self.assertGreaterEqual(prometheus.value(samples, "clientct_metrics_files_unusable"), 8)
            for left in ("evil.7.1", "evil.8.1", "evil.9.1", "evil.10", "new\nline.1.1"):
                self.assertTrue(os.path.lexists(os.path.join(self.metrics, left)), left)

    def test_a_damaged_sum_is_said_and_left_alone(self):
        with open(os.path.join(self.metrics, "folded"), "wb") as file:
            file.write(b"nonsense")
        self.count(accepted=2)
        self.assertEqual(self.verdicts(), 2)
        self.assertIn("folded cannot be used", self.said)
        self.assertEqual(len(self.files()), 1)

    def test_writes_for_the_textfile_collector(self):
        self.count(accepted=2)
        target = self.write("clientct.prom", "old")
        done = run("metrics", "--write", target, self.metrics)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.assertEqual(prometheus.value(prometheus.parse(self.read("clientct.prom").decode()),
                                          "clientct_verdicts_total"), 2)
        self.assertEqual(stat.S_IMODE(os.stat(target).st_mode), 0o644)
        self.assertEqual([name for name in os.listdir(self.dir) if ".new" in name], [])
        self.assert_usage_error(run("metrics", "--write", "/nonexistent/x.prom", self.metrics), "/nonexistent/x.prom")

    def test_the_directory_is_that_of_the_configuration(self):
        self.count(accepted=2)
        config = self.config("[one_log]\nmin_scts = 1", f"policy = one_log\nmetrics = {self.metrics}")
        done = run("metrics", "--config", config)
        self.assertEqual(prometheus.value(prometheus.parse(done.stdout.decode()), "clientct_verdicts_total"), 2)
        self.assert_usage_error(run("metrics", "--config", config, self.metrics), "only one of them")
        self.assert_usage_error(run("metrics", "--config", self.config(top="policy = one")), "metrics = DIRECTORY")
        self.assert_usage_error(run("metrics", "/nonexistent"), "/nonexistent", "No such file")
        self.assert_usage_error(run("metrics", "--json", "--write", "x", self.metrics), "only one of them")

    def test_json(self):
        with self.counting("one", accepted=2, refused=1):
            answer = self.ask("metrics", self.metrics, code=0)
        self.assertEqual(sorted(row["count"] for row in answer["verdicts"]), [1, 2])
        self.assertEqual([process["mode"] for process in answer["processes"]], ["enforce"])


if __name__ == "__main__":
    unittest.main()
