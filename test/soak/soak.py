# SPDX-License-Identifier: Apache-2.0
"""Servers under mixed traffic while their files change and their processes come and go; see scripts/soak."""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import ledger
import people
import servers
from clientct import fixture
from processes import TemporaryFolder, environment, run
from watch import Watch

CLIENTCT = os.environ["CLIENTCT"]
RESUMED = 'clientct_sessions_total{outcome="resumed"}'
FINDINGS_SHOWN = 20
ENOUGH = threading.Event()  # told to end: what there is is judged


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="of traffic (default 2)")
    parser.add_argument("--rate", type=float, default=40, help="connections a second to each server (default 40)")
    parser.add_argument("--threads", type=int, default=3, help="of clients for each server (default 3)")
    parser.add_argument("--grace", type=float, default=2, help="seconds in which a change is to be obeyed (default 2)")
    parser.add_argument("--servers", default=",".join(servers.SERVERS), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = parser.parse_args()
    for name in chosen.servers.split(","):
        if name not in servers.SERVERS:
            parser.error(f"there is no server {name}")
        if servers.missing(name):
            parser.error(f"{name} is not installed; scripts/install-dependencies test, or name others by --servers")
    return chosen


class Soak:
    """One server with its clients, changes, watch and ledger."""

    def __init__(self, name, folder, options):
        self.options = options
        self.folder = folder / name
        crowd = people.mint(folder / f"{name}-people", options.threads)
        self.server = servers.SERVERS[name](self.folder, crowd, options.seed)
        self.stop, self.quiet, self.journal = (folder / f"{name}.{what}" for what in ("stop", "quiet", "journal"))
        self.over = threading.Event()
        self.error, self.descriptors, self.clients = None, [], None
        self.shown = 0
        self.ledger = ledger.Ledger(self.server, self.journal, options.grace)
        self.watch = Watch(self.server, self.over)
        self.changes = threading.Thread(target=self.change, daemon=True)
        self.may_change = threading.Event()
        self.idle = threading.Event()  # nothing is being changed

    def start(self):
        self.server.start()
        job = self.folder / "job.json"
        job.write_text(json.dumps({
            "port": self.server.port, "ca": str(fixture() / "ca.pem"), "rate": self.options.rate,
            "seed": f"{self.options.seed} {self.server.name}", "resuming": people.RESUMING,
            "answered": self.server.answered, "goclient": os.environ.get("GOCLIENT"), "journal": str(self.journal),
            "stop": str(self.stop), "quiet": str(self.quiet),
            "people": [[vars(person) for person in row.values()] for row in self.server.crowd]}, default=str))
        self.clients = subprocess.Popen([sys.executable, Path(__file__).parent / "clients.py", job],
                                        env=environment(), stdin=subprocess.DEVNULL)
        self.may_change.set()
        self.changes.start()
        self.watch.start()

    def change(self):
        try:
            while not self.over.is_set():
                self.idle.set()
                time.sleep(self.server.random.uniform(0.5, 3))
                if self.may_change.is_set():
                    self.idle.clear()
                    if not self.may_change.is_set():
                        continue
                    self.server.something()
        except Exception as error:  # shown with the findings
            self.error = repr(error)
        self.idle.set()

    def count_descriptors(self):
        """While nobody connects, and those whose reload is over are gone."""
        self.may_change.clear()
        self.idle.wait(60)
        self.quiet.touch()
        time.sleep(6)
        self.server.disturb(lambda: os.kill(self.server.process.process.pid, self.server.reload_signal))
        time.sleep(6)
        self.descriptors.append(self.watch.quiet_descriptors())
        self.quiet.unlink()
        self.may_change.set()

    def tell_apart(self):
        self.ledger.take()
        for at, seconds, pid, _ in self.ledger.slow:
            if (at, pid) not in self.ledger.waited and time.time() - at > 1:
                self.ledger.waited[at, pid] = self.watch.waited_around(pid, at, seconds)
        self.ledger.settle(time.time())

    def end(self):
        self.may_change.clear()
        self.idle.wait(60)
        self.stop.touch()
        self.clients.wait(90)
        time.sleep(1)
        self.over.set()
        self.watch.join(30)
        alive = self.server.process.alive()
        self.server.process.stop()
        self.ledger.take()
        self.ledger.settle(time.time() + 1000)
        return alive

    def show_news(self):
        for text in self.ledger.wrong[self.shown:FINDINGS_SHOWN]:
            print(f"   WRONG with {self.server.name}: {text}", flush=True)
        self.shown = len(self.ledger.wrong)

    def abandon(self):
        """Whatever has happened, no process stays."""
        self.over.set()
        self.stop.touch()
        if self.clients and self.clients.poll() is None:
            self.clients.kill()
        if self.server.process:
            self.server.process.stop()

    # What is said in the end.

    def counted(self):
        """Verdicts by what `clientct metrics` says, and resumed sessions."""
        status, said = run([CLIENTCT, "metrics", self.server.metrics, "--json"])
        if status != 0:
            return None, said
        told = json.loads(said)
        verdicts = {}
        for one in told["verdicts"]:
            key = one["verdict"], one["reason"]
            verdicts[key] = verdicts.get(key, 0) + one["count"]
        return verdicts, told["counters"]

    def findings(self, alive):
        found = list(self.ledger.wrong)
        if not alive:
            found.append(f"the server has ended:\n{self.server.process.output()[-3000:]}")
        if self.error or self.clients.returncode != 0:
            found.append(f"the soak itself failed: {self.error}, clients ended with {self.clients.returncode}")
        verdicts, counters = self.counted()
        if verdicts is None:
            return found + [f"clientct metrics: {counters}"]
        # A process that is killed may be killed between counting a verdict and writing its line.
        difference = sum(abs(verdicts.get(key, 0) - self.ledger.verdicts[key])
                         for key in set(verdicts) | set(self.ledger.verdicts))
        if difference > self.server.counts["kills"] or self.ledger.dropped:
            found.append(f"metrics say {sorted(verdicts.items())}, the audit {sorted(self.ledger.verdicts.items())}, "
                         f"{self.ledger.dropped} lines dropped")
        # What only HAProxy has, a message callback of its own, keeps us from seeing what is resumed.
        if self.server.name != "haproxy" and abs(counters[RESUMED] - self.ledger.reused) > self.server.counts["kills"]:
            found.append(f"metrics say that {counters[RESUMED]} sessions were resumed, clients {self.ledger.reused}")
        self.say(verdicts, counters)
        for who, (before, after) in zip(("the first process", "the others"), self.watch.growth()):
            if after > before * 1.1 + 2048:
                found.append(f"memory of {who}: {before:.0f} KiB, later {after:.0f} KiB")
        for before, after in zip(self.descriptors[0], self.descriptors[-1]):
            if after > before + 2:
                found.append(f"descriptors: {self.descriptors}")
        return found

    def say(self, verdicts, counters):
        book, counts = self.ledger, self.server.counts
        total = sum(book.outcomes.values())
        print(f"== {self.server.name}: {total} connections ({dict(book.outcomes)}), {book.reused} resumed; "
              f"{counts['changes']} changes, {counts['reloads']} reloads, {counts['kills']} killed workers")
        print(f"   {book.joined} joined with their lines, {book.by_port} of them by port; metrics "
              f"{sum(verdicts.values())} verdicts, audit {sum(book.verdicts.values())}; resumed by metrics "
              f"{counters[RESUMED]}")
        print(f"   obeyed after {book.longest_lag:.2f} s at the latest; KiB of the first process and of others, second "
              f"third and last: {self.watch.growth()}; descriptors {self.descriptors}")
        for at, seconds, pid, reason in book.slow[:10]:
            waited = book.waited.get((at, pid))
            print(f"   slow verdict: {seconds * 1000:.0f} ms ({reason}, {pid}); its threads waited for a CPU "
                  f"{'an unknown time' if waited is None else f'{waited * 1000:.0f} ms'} around that time")


def run_for(soaks, seconds):
    """Traffic and changes; descriptors are counted when all has begun, and at the end."""
    end = time.monotonic() + seconds
    time.sleep(min(5.0, seconds / 4))
    count_descriptors(soaks)
    said = time.monotonic()
    while time.monotonic() < end - 15 and not ENOUGH.is_set():
        time.sleep(2)
        for soak in soaks:
            soak.tell_apart()
            run([CLIENTCT, "metrics", soak.server.metrics])  # which folds away what dead processes left
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"-- {(end - said) / 60:.0f} min left, " + ", ".join(
                f"{soak.server.name} {sum(soak.ledger.outcomes.values())} connections, {len(soak.ledger.wrong)} wrong"
                for soak in soaks), flush=True)
        for soak in soaks:
            soak.show_news()
        if any(len(soak.ledger.wrong) > 1000 or not soak.server.process.alive() for soak in soaks):
            break
    count_descriptors(soaks)


def count_descriptors(soaks):
    counting = [threading.Thread(target=soak.count_descriptors) for soak in soaks]
    for thread in counting:
        thread.start()
    for thread in counting:
        thread.join()


def judge(soaks):
    """Ends them, and says what was found; the number of findings."""
    failed = 0
    for soak in soaks:
        found = soak.findings(soak.end())
        failed += len(found)
        for text in found[:FINDINGS_SHOWN]:
            print(f"   WRONG: {text}", flush=True)
        if len(found) > FINDINGS_SHOWN:
            print(f"   and {len(found) - FINDINGS_SHOWN} more of these")
    return failed


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: ENOUGH.set())
    print(f"seed {options.seed}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs", flush=True)
    with TemporaryFolder() as folder:
        folder.chmod(0o755)
        soaks = [Soak(name, folder, options) for name in options.servers.split(",")]
        try:
            for soak in soaks:
                soak.start()
            run_for(soaks, options.minutes * 60)
            failed = judge(soaks)
        finally:
            for soak in soaks:
                soak.abandon()
    print(f"{'failed' if failed else 'passed'}: {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
