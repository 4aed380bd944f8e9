# SPDX-License-Identifier: Apache-2.0
"""Reconciles what clients saw with the lines of the audit, and both with what the files said at that time."""
import bisect
import collections
import datetime
import json
from pathlib import Path

from people import STRANGERS, accepted

SETTLED_S = 15  # a connection that ended so long ago has its line, if it ever will
RUBBED_S = 0.01  # lines have milliseconds, and are stamped before they are written
LATE_S = 10  # a client that went away may be judged so much later
WINDOW_S = 10  # resumption_window


class Tail:
    """New whole lines of files that are written to, and renamed meanwhile."""

    def __init__(self, folder, pattern):
        self.folder, self.pattern, self.read = Path(folder), pattern, {}

    def lines(self):
        for path in sorted(self.folder.glob(self.pattern)):
            try:
                with open(path, "rb") as file:
                    inode = path.stat().st_ino
                    file.seek(self.read.get(inode, 0))
                    data = file.read()
            except OSError:
                continue
            whole = data[:data.rfind(b"\n") + 1]
            self.read[inode] = self.read.get(inode, 0) + len(whole)
            yield from whole.splitlines()


class Ledger:
    """Of one server. `wrong` are findings; all else is counted."""

    def __init__(self, server, journal, grace):
        self.server, self.grace = server, grace
        self.journal, self.audit = Tail(journal.parent, journal.name), Tail(server.audit.parent, "audit.json*")
        self.open = collections.defaultdict(list)  # by certificate: connections without their line, by start
        self.lines = collections.defaultdict(list)  # by certificate: lines without their connection
        self.wrong, self.slow, self.waited = [], [], {}
        self.events = []
        self.outcomes, self.verdicts = collections.Counter(), collections.Counter()
        self.reused = self.joined = self.dropped = self.by_port = 0
        self.longest_lag = 0.0
        self.names = {f"CN={person.prefix.name}": person.sha256 for row in server.crowd for person in row.values()}

    # What ought to be.

    def states(self, start, end, grace):
        history = self.server.history
        for number, (begun, _, state) in enumerate(history):
            over = history[number + 1][1] if number + 1 < len(history) else float("inf")
            if begun <= end and over + grace >= start:
                yield state

    def allows(self, record, verdict, grace):
        asks_tls13 = record["version"] == "TLSv1.3"
        return any(accepted(record["kind"], state, asks_tls13) == verdict
                   for state in self.states(record["start"], record["end"], grace))

    def check_verdict(self, record, verdict):
        grace = self.grace
        if record["reused"] and record["kind"] == "store":
            grace += WINDOW_S  # resumed sessions see the stores so late
        if not self.allows(record, verdict, grace):
            states = list(self.states(record["start"], record["end"], grace))
            ages = [round(record["start"] - at, 2) for _, at, _ in self.server.history if at < record["end"]][-4:]
            self.wrong.append(f"{'accepted' if verdict else 'refused'} against {states}, changed {ages} s ago: "
                              f"{record}")
        elif not record["reused"] and not self.allows(record, verdict, 0):
            low, high = 0.0, grace
            while high - low > 0.005:
                middle = (low + high) / 2
                low, high = (low, middle) if self.allows(record, verdict, middle) else (middle, high)
            self.longest_lag = max(self.longest_lag, high)

    # What was.

    def take(self):
        """Reads what is new."""
        for text in self.journal.lines():
            record = json.loads(text)
            self.outcomes[record["outcome"]] += 1
            self.reused += record["reused"]
            bisect.insort(self.open[record["sha256"]], record, key=lambda one: one["start"])
        for text in self.audit.lines():
            line = json.loads(text)
            self.dropped += line.get("clientct.dropped", 0)
            if line["event.action"] == "client-certificate":
                self.take_line(line)
            else:
                self.events.append((line["@timestamp"], line["event.action"], line.get("message", "")))

    def take_line(self, line):
        at = datetime.datetime.strptime(line["@timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z" if "." in line["@timestamp"]
                                        else "%Y-%m-%dT%H:%M:%S%z").timestamp()
        self.verdicts[line["clientct.verdict"], line["clientct.reason"]] += 1
        if line["event.duration"] > 50e6:
            self.slow.append((at, line["event.duration"] / 1e9, line["process.pid"], line["clientct.reason"]))
        rejected = line.get("clientct.chain") == "rejected"
        sha256 = self.names.get(line["tls.client.subject"])  # lines of mode off have no hash
        if sha256 is not None and line.get("tls.client.hash.sha256", sha256) == sha256:
            bisect.insort(self.lines[sha256], (at, line), key=lambda one: one[0])
        elif not rejected:
            self.wrong.append(f"a verdict about nobody's certificate: {line}")

    def settle(self, now):
        """Joins lines and connections that are old enough."""
        for sha256 in list(self.open):
            records = self.open[sha256]
            count = sum(record["end"] < now - SETTLED_S for record in records)
            for number, record in enumerate(records[:count]):
                self.join(record, sha256, records[number + 1]["start"] if number + 1 < len(records) else float("inf"))
            del records[:count]
        for sha256, lines in self.lines.items():
            old = [line for at, line in lines if at < now - SETTLED_S - LATE_S]
            self.wrong += [f"a verdict without a connection: {line}" for line in old]
            self.lines[sha256] = [(at, line) for at, line in lines if at >= now - SETTLED_S - LATE_S]

    def join(self, record, sha256, before):
        """`before`: when the next one with this certificate begins."""
        late = record["end"] + RUBBED_S
        if record["outcome"] == "lost":
            late = min(record["end"] + LATE_S, max(before, late))
        elif record["outcome"] == "cut":
            late = record["end"] + LATE_S

        def fits(at, line):
            port = line.get("client.port", 0)
            return record["start"] - RUBBED_S <= at <= late and (not port or not record["port"] or
                                                                 port == record["port"])
        lines = self.lines[sha256]
        mine = None if record["reused"] else next((pair for pair in lines if fits(*pair)), None)
        if record["reused"] and record["outcome"] == "served":  # a line about it would be left over, and found
            self.check_verdict(record, True)
        elif mine:
            lines.remove(mine)
            self.compare(record, mine[1])
        elif record["outcome"] == "lost" and not self.was_disturbed(record):
            self.wrong.append(f"a connection lost for no reason: {record}")
        elif record["outcome"] in ("served", "answered", "refused") and record["kind"] not in STRANGERS:
            self.wrong.append(f"a connection without a line: {record}")

    def compare(self, record, line):
        accept = line["clientct.verdict"] == "accept"
        self.joined += 1
        self.by_port += "client.port" in line
        if record["kind"] in STRANGERS:
            if line.get("clientct.chain") != "rejected" or record["outcome"] == "served":
                self.wrong.append(f"a stranger: {record} {line}")
            return
        why = {key: line[f"clientct.{key}"] for key in ("reason", "cached", "detail") if f"clientct.{key}" in line}
        self.check_verdict({**record, **why}, accept)
        if record["outcome"] in ("served", "refused") and accept != (record["outcome"] == "served"):
            self.wrong.append(f"the line says something else: {record} {line}")

    def was_disturbed(self, record):
        return any(begun <= record["end"] and record["start"] <= over for begun, over in self.server.disturbed)
