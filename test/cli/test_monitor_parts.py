# SPDX-License-Identifier: Apache-2.0
"""clientct monitor by parts: several read one log by ranges of entries, and what they have is proven to add up."""

import glob
import json
import os
import unittest

import ctlog
from cli import Case, run
from issued import Authority, name, uri

CA = Authority("Device CA")


def grow(log, size):
    for serial in range(len(log.entries) + 1, size + 1):
        log.add(CA.entry(CA.tbs(serial, name(CN=f"device-{serial}"), uri(f"spiffe://example.org/{serial}")),
                         pre=serial % 2 == 0))
    log.publish()


class Parts(Case):
    def setUp(self):
        self.base = self.path(self.id().rsplit(".", 1)[-1])

    def monitor(self, serving, state, *more):
        self.write("logs.json", ctlog.list_of(("Ours", serving.log, serving.url, 86400)))
        done = run("monitor", "--log-list", self.path("logs.json"), "--state", f"{self.base}-{state}", "--once",
                   "--max-wait", "0", "--timeout", "4s", "--json", *more)
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    def joined(self, *states):
        return [word for state in states for word in ("--join", f"{self.base}-{state}")]

    def kept(self, state):
        path, = glob.glob(f"{self.base}-{state}/*/state.json")
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_parts_add_up_to_the_root_that_the_log_signed(self):
        for tiled in (True, False):
            log = ctlog.Log(tiled)
            grow(log, 1300)
            kind = "tiled" if tiled else "rfc"
            with self.subTest(kind), ctlog.Serving(log) as serving:
                for begin, end, code in ((0, 512, 1), (512, 1024, 1), (1024, 1536, 1)):
                    serving.requests.clear()
                    done, found = self.monitor(serving, f"{kind}-{begin}", "--part", f"{begin}-{end}")
                    self.assertEqual(done.returncode, code, done)
                    self.assertEqual([one["clientct.entry.index"] for one in found], list(range(begin, min(end, 1300))))
                    if tiled:
                        bundles = [one for one in serving.requests if "/tile/data/" in one]
                        self.assertEqual(len(bundles), (min(end, 1300) - begin + 255) // 256, "only its own")
                self.assertIn(b"1300 entries so far", done.stderr)
                grow(log, 1400)
                done, found = self.monitor(serving, f"{kind}-1024", "--part", "1024-1536")
                self.assertEqual(len(found), 100, "a part goes on like a whole")
                grow(log, 1500)
                serving.requests.clear()
                # In any order; then the rest is read, and the whole is what the log signed.
                done, found = self.monitor(serving, f"{kind}-all",
                                           *self.joined(f"{kind}-512", f"{kind}-0", f"{kind}-1024"))
                self.assertEqual(done.returncode, 1, done)
                self.assertEqual([one["clientct.entry.index"] for one in found], list(range(1400, 1500)))
                kept = self.kept(f"{kind}-all")
                self.assertEqual((kept["head"]["size"], kept["head"]["root"], kept["entries"]),
                                 (1500, log.tree.root(0, 1500).hex(), 1500))
                path, = glob.glob(f"{self.base}-{kind}-all/*/notices.jsonl")
                with open(path, encoding="utf-8") as file:
                    self.assertEqual([json.loads(line)["clientct.entry.index"] for line in file], list(range(1500)))
                # From here on it is a monitor like any other.
                grow(log, 1600)
                done, found = self.monitor(serving, f"{kind}-all")
                self.assertEqual((done.returncode, len(found)), (1, 100), done)

    def test_a_part_that_was_shown_another_tree_is_found(self):
        log = ctlog.Log()
        grow(log, 1000)
        with ctlog.Serving(log) as serving:
            self.monitor(serving, "a", "--part", "0-512")
            serving.log = log.fork(700)
            self.monitor(serving, "b", "--part", "512-1024")
            serving.log = log
            done, found = self.monitor(serving, "all", *self.joined("a", "b"))
            self.assertEqual(done.returncode, 1, done)
            self.assertEqual([one["event.reason"] for one in found if one["event.action"] == "log-alarm"],
                             ["wrong-entries"], found)
            self.assertEqual(self.kept("all")["head"]["size"], 0)

    def test_usage(self):
        log = ctlog.Log()
        grow(log, 700)
        with ctlog.Serving(log) as serving:
            for part in ("1-2x", "5", "7-7", "9-3", "-1-4", "300-600", "512-1025", "0-99999999999999999999"):
                self.assert_usage_error(self.monitor(serving, "bad", "--part", part)[0], "--part", "power of two")
            self.monitor(serving, "a", "--part", "0-256")
            self.monitor(serving, "c", "--part", "512-768")
            self.monitor(serving, "whole")
            self.assert_usage_error(self.monitor(serving, "a")[0], "say so by --part")
            self.assert_usage_error(self.monitor(serving, "a", "--part", "256-512")[0], "of other entries")
            self.assert_usage_error(self.monitor(serving, "whole", "--part", "0-256")[0], "of other entries")
            for states, words in (("a", "c"), "comes next is entry 256"), (("c",), "comes next is entry 0"), \
                    (("whole",), "read with --part"):
                self.assert_usage_error(self.monitor(serving, "new", *self.joined(*states))[0], words)
            self.assert_usage_error(self.monitor(serving, "whole", *self.joined("a"))[0], "has a state already")
            self.assertEqual(self.monitor(serving, "new", *self.joined("a"))[0].returncode, 1, "and then it works")
            self.assertTrue(os.path.exists(f"{self.base}-new"))


if __name__ == "__main__":
    unittest.main()
