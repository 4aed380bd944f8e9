# SPDX-License-Identifier: Apache-2.0
"""Memory, file descriptors, and how long threads of the servers wait for a CPU."""
import collections
import os
import statistics
import threading
import time
from pathlib import Path

EVERY_S = 0.25
KEPT_S = 120


def resident_kib(pid):
    """What is the process's own: pages of libraries and of its parent are not counted twice."""
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1])
    return total


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Watch(threading.Thread):
    """Of one server, from when it has started until `over` is set."""

    def __init__(self, server, over):
        super().__init__(daemon=True)
        self.server, self.over = server, over
        self.lock = threading.Lock()
        self.memory = []  # (time, KiB of the first process, most KiB of another one)
        self.waits = collections.deque(maxlen=int(KEPT_S / EVERY_S))  # (time, {pid: s waited for a CPU so far})

    def run(self):
        last = 0.0
        while not self.over.wait(EVERY_S):
            first, others = self.server.pids()
            waits = {pid: self.waited(pid) for pid in others or [first]}
            with self.lock:
                self.waits.append((time.time(), waits))
            if time.time() - last >= 2:
                last = time.time()
                self.measure(first, others)

    def measure(self, first, others):
        def of(pid):
            try:
                return resident_kib(pid)
            except OSError:
                return 0  # it has just ended
        self.memory.append((time.time(), of(first), max([0, *map(of, others)])))

    @staticmethod
    def waited(pid):
        total = 0
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[1])
        except OSError:
            pass
        return total / 1e9

    def waited_around(self, pid, at, duration):
        """Seconds that threads of the process stood ready without a CPU around that time; None: not known any more."""
        with self.lock:
            known = list(self.waits)
        before = [waits[pid] for when, waits in known if pid in waits and when <= at - duration]
        after = [waits[pid] for when, waits in known if pid in waits and when >= at]
        return after[0] - before[-1] if before and after else None

    def growth(self):
        """(KiB in the second third, KiB in the last third) of the first process and of the largest other one."""
        third = len(self.memory) // 3
        return [(statistics.median(row[column] for row in self.memory[third:2 * third]),
                 statistics.median(row[column] for row in self.memory[2 * third:])) for column in (1, 2)]

    def quiet_descriptors(self):
        """Of the first process and of the others, each the most there are."""
        first, others = self.server.pids()
        return descriptors(first), max(map(descriptors, others), default=0)
