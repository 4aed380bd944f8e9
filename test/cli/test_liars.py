# SPDX-License-Identifier: Apache-2.0
"""What a log can do wrong, in named ways: each is caught with a reason of its own, and trouble is not called a lie.

What `prove` and `monitor` answer is the table in clientct-monitor(1): --table prints it as it is to stand there.
"""

import glob
import json
import os
import re
import sys
import tempfile
import unittest

import ctlog
from cli import Case, pki, run
from issued import Authority, name, uri

CA = Authority("Device CA")
PLACE, BEFORE, AFTER = 300, 600, 900  # of the entry that was promised; entries that were followed; and then
DAY = 86400 * 1000
MANUAL = os.path.join(os.environ["CLIENTCT_SOURCE"], "module", "man", "clientct-monitor.1")


def lie(word):
    """What the log's server in the harness can do; about an entry that nobody has read before."""
    def change(log):
        log.lie, log.lying_at = word, BEFORE + 150
    return change


def step(**what):
    def change(log, serving):
        serving.script = [{"path": "/checkpoint" if log.tiled else "/ct/v1/get-sth", **what}]
    change.serving = True
    return change


def fork(log):
    other = log.fork(PLACE)
    grow(other, AFTER)
    return other


def never_adds(log):
    """The SCT is good, and the tree has another entry in the place that it names."""
    other = ctlog.Log(log.tiled, log.key)
    for one in log.entries[:PLACE] + log.entries[PLACE + 1:]:
        other.add(ctlog.Entry(one.body, one.issuer_key_hash, one.precertificate, one.chain, one.timestamp))
    grow(other, AFTER)
    return other


def roll_back(log):
    log.published = PLACE


def old(log):
    log.timestamp = ctlog.now_ms() - DAY
    log.published = PLACE


def frozen(log):
    log.timestamp = ctlog.now_ms() - DAY


def not_its_place(log):
    """One of the new entries names another place than its own."""
    log.entries[BEFORE + 50].extensions = ctlog.leaf_index(BEFORE + 49)
    log.tree = ctlog.Tree()
    for one in log.entries:
        log.tree.append(one.leaf_hash())


def many_lines(log):
    log.answers["checkpoint"] = log.checkpoint() + b"\xe2\x80\x94 witness.example AAAAAAAA\n" * 2000


def many_signatures(log):
    """Each of them is good, and each would cost whoever checks it."""
    note = log.checkpoint()
    log.answers["checkpoint"] = note + note.split(b"\n")[4] + b"\n" + b"".join(
        log.checkpoint().split(b"\n")[4] + b"\n" for _ in range(20))


# What it does; of which kinds of log; how; whether a monitor followed it before.
HONEST, TILED, BOTH = None, (True,), (True, False)
LIES = (
    ("is honest", BOTH, HONEST, True),
    ("signs an SCT and leaves the entry out", BOTH, never_adds, False),
    ("leaves an entry out of its bundles", TILED, lie("dropped-entry"), True),
    ("changes one byte of an entry", BOTH, lie("changed-byte"), True),
    ("cuts a bundle off", TILED, lie("truncated-bundle"), True),
    ("has an entry too many in a bundle", TILED, lie("surplus-entry"), True),
    ("has an entry that names another place", TILED, not_its_place, True),
    ("forks", BOTH, fork, True),
    ("signs two roots of one size", BOTH, lie("two-roots"), BEFORE),
    ("rolls back", BOTH, roll_back, True),
    ("serves an old checkpoint", BOTH, old, True),
    ("signs nothing any more", BOTH, frozen, False),
    ("has another origin", TILED, lie("wrong-origin"), True),
    ("has another key id", TILED, lie("wrong-key-id"), True),
    ("signs wrongly", BOTH, lie("bad-signature"), True),
    ("cuts a tile off", TILED, lie("truncated-tile"), True),
    ("serves a tile of another width", TILED, lie("other-width"), True),
    ("serves a tile with another hash", TILED, lie("wrong-tile"), True),
    ("packs zeros without end", TILED, lie("gzip-bomb"), True),
    ("has thousands of lines in a checkpoint", TILED, many_lines, True),
    ("signs one checkpoint many times", TILED, many_signatures, True),
    ("answers 503", BOTH, step(status=503), True),
    ("answers 429, to come back in an hour", BOTH, step(status=429, headers={"Retry-After": "3600"}), True),
    ("answers 429, to come back in 300 years", BOTH, step(status=429, headers={"Retry-After": "9999999999"}), True),
    ("answers without end", BOTH, step(body=bytes(8 << 20)), True),
    ("breaks off", BOTH, step(cut=True), True),
    ("does not answer in time", BOTH, step(pause=9), True),
    ("sends on to another address", BOTH, step(status=302, headers={"Location": "http://127.0.0.1:1/"}), True),
)


def grow(log, size):
    for serial in range(len(log.entries) + 1, size + 1):
        entry = CA.entry(CA.tbs(serial, name(CN=f"device-{serial}"), uri(f"spiffe://example.org/{serial}")))
        entry.timestamp = ctlog.now_ms() - 2 * DAY
        log.add(entry)
    log.publish()


class Liars(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pki("ca", "--out", cls.path("own-ca"), "--cn", "Own CA")
        pki("cert", "--out", cls.path("leaf"), "--ca", cls.path("own-ca"), "--cn", "client", "--no-sct-ext")
        with open(cls.path("leaf.der"), "rb") as file:
            cls.der = file.read()
        with open(cls.path("watch.cnf"), "w", encoding="ascii") as file:
            file.write("[nobody]\nuri = spiffe://nobody.example/\n")
        ctlog.bomb()  # made beforehand: that takes longer than an answer may

    def answers(self, tiled, change, followed):
        """What prove and monitor say of the log, once it has changed."""
        log = ctlog.Log(tiled)
        grow(log, PLACE)
        log.add(ctlog.Entry(self.der, timestamp=ctlog.now_ms() - 2 * DAY))
        grow(log, BEFORE)
        self.write("client.scts", ctlog.u16(ctlog.u16(log.sct(log.entries[PLACE]))))
        state = tempfile.mkdtemp(dir=self.path("."))
        with ctlog.Serving(log) as serving:
            arguments = ("--log-list", self.write("logs.json", ctlog.list_of(("Ours", log, serving.url, 3600))),
                         "--max-wait", "0", "--timeout", "3s", "--json")
            watch = ("monitor", *arguments, "--state", state, "--once", "--watch", self.path("watch.cnf"))
            if followed:
                done = run(*watch)
                self.assertEqual((done.returncode, done.stdout), (0, b""), done)
            if followed is True:
                grow(log, AFTER)

            def start_lying():
                if change is HONEST:
                    return
                if hasattr(change, "serving"):
                    change(log, serving)
                else:
                    serving.log = change(log) or log

            start_lying()
            proved = run("prove", *arguments, "--scts", self.path("client.scts"), self.path("leaf.pem"))
            if hasattr(change, "serving"):
                start_lying()
            watched = run(*watch)
        verdict = json.loads(proved.stdout)["certificates"][0]["scts"][0]["verdict"]
        notices = [json.loads(line) for line in watched.stdout.splitlines()]
        alarms = [one["event.reason"] for one in notices if one["event.action"] == "log-alarm"]
        self.assertLessEqual(len(alarms), 1, watched)
        self.assertEqual(watched.returncode == 1, bool(notices), watched)
        said = alarms[0] if alarms else {0: "in order", 3: "unreachable"}[watched.returncode]
        # What was verified before stays what is known.
        for path in glob.glob(state + "/*/state.json"):
            with open(path, encoding="utf-8") as file:
                known = json.load(file)["head"]["size"]
            self.assertEqual(known, AFTER if said == "in order" else known if change is frozen else
                             BEFORE if followed else 0 if alarms else known)
        return verdict, said

    def table(self):
        """The rows of the manual, kinds of one answer together."""
        rows = []
        for what, kinds, change, followed in LIES:
            for tiled in kinds:
                with self.subTest(what, tiled=tiled):
                    kind = "static-ct" if tiled else "RFC 6962"
                    answer = self.answers(tiled, change, followed)
                    if rows and rows[-1][0] == what and rows[-1][2:] == answer:
                        rows[-1] = (what, "both", *answer)
                    else:
                        rows.append((what, kind, *answer))
        return rows

    def test_the_manual_has_what_they_answer(self):
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read()
        stands = re.search(r"\.\\\" the liars' table\n\.nf\n(.*?)\.fi\n", text, re.S).group(1)
        self.assertEqual(as_text(self.table()), stands)


def as_text(rows):
    rows = [("A log that", "of kind", "prove", "monitor"), *rows]
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(4)]
    return "".join("".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip().replace("-", "\\-") + "\n"
                   for row in rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        Liars.setUpClass()
        print(as_text(Liars("table").table()), end="")
        Liars.doClassCleanups()
    else:
        unittest.main()
