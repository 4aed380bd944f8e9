# SPDX-License-Identifier: Apache-2.0
"""The figures of the benchmark: what is divided by what, what has to come out, and how it is said."""
import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Optional

from measure import inclusive

HANDSHAKE_ROUNDS = 41
HANDSHAKE_TURNS = 5


@dataclasses.dataclass
class Figure:
    key: str
    text: str
    value: float
    limit: Optional[float] = None
    at_least: bool = False       # the limit is the least that has to come out, not the most
    work: bool = False           # counted, not timed: the same on a busy machine
    unit: str = ""               # "": a ratio
    time_ratio: Optional[float] = None  # the same ratio in median times, where `work`

    @property
    def holds(self):
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self):
        result = {"value": round(self.value, 4), "holds": self.holds, "limit": self.limit, "what": self.text,
                  "measured": "instructions" if self.work else "bytes" if self.unit else "time"}
        if self.time_ratio is not None:
            result["time_ratio"] = round(self.time_ratio, 4)
        return result


def verdict_figures(bench, keep=None):
    work = bench.instructions("verdicts", keep=keep)
    time = bench.times("verdicts", "201")
    for numbers in (work, time):
        numbers["bare"] = numbers["bare_10"] / 10

    def ratio(key, text, above, below, limit, times=1):
        return Figure(key, text, work[above] / (times * work[below]), limit, work=True,
                      time_ratio=time[above] / (times * time[below]))

    figures = [
        ratio("cold_1", "first verdict, 1 signature / 1 bare signature check", "cold_1", "bare", 1.25),
        ratio("cold_2", "first verdict, 2 signatures / 2 bare checks", "cold_2", "bare", 1.15, 2),
        ratio("cold_3", "first verdict, 3 signatures / 3 bare checks", "cold_3", "bare", 1.10, 3),
        Figure("libcrypto_3", "libcrypto's SCT_LIST_validate of 3 SCTs / our verdict checking 3 (unrecorded)",
               time["libcrypto_3"] / time["verdict_3"], 8, at_least=True),
        ratio("warm", "repeated verdict / 1 bare signature check", "warm", "bare", 0.045),
        ratio("refuse_again", "refusing again what was refused / accepting again", "refuse_again", "warm", 1.5),
        ratio("refuse_flood", "refusing ever-new certificates with 400 bad SCTs / with 32", "flood_many", "flood_few",
              1.3),
        ratio("logs_10000", "first verdict with 10,000 logs / with 10", "logs_10000", "logs_10", 1.1),
    ]
    raw = {name: {"instructions": work[name], "ns": time[name]} for name in work if name != "bare_10"}
    return figures, raw


def handshake_figures(bench, keep=None):
    """Full TLS 1.3 handshakes, client certificates demanded; the server's calls only."""
    wanted = [("rsa-warm", True), ("rsa-warm", False), ("rsa-cold", True), ("p256-warm", True), ("p256-warm", False),
              ("p256-cold", True), ("p256-resumed", True), ("p256-resumed", False)]
    work, time = {}, {}
    for kind, with_us in wanted:
        conf = bench.with_us if with_us else bench.without
        work[kind, with_us] = bench.instructions("handshakes", kind, keep=keep if with_us else None,
                                                 OPENSSL_CONF=str(conf))[kind]
    with tempfile.TemporaryDirectory() as dumps:
        bench.instructions("handshakes", "p256-warm", keep=dumps, OPENSSL_CONF=str(bench.with_us))
        dump = Path(dumps) / "handshakes.p256-warm"
        sessions = inclusive(dump, "ct_session_context_asked", "ct_resumption_settle")
        sessions -= inclusive(dump, "ct_connection_make")  # it is made at one place or another
    for _ in range(HANDSHAKE_TURNS):  # in turn, the best median of each: the machine has other things to do
        for kind, with_us in wanted:
            conf = bench.with_us if with_us else bench.without
            median = bench.times("handshakes", kind, str(HANDSHAKE_ROUNDS), OPENSSL_CONF=str(conf))[kind]
            time[kind, with_us] = min(median, time.get((kind, with_us), median))

    def ratio(key, text, above, below, limit):
        return Figure(key, text, work[above] / work[below], limit, work=True, time_ratio=time[above] / time[below])

    figures = []
    for key, kind, limits in (("rsa", "RSA-2048", (1.02, 1.20)), ("p256", "P-256", (1.02, None))):
        suffix = "" if key == "rsa" else "_p256"
        bare = (f"{key}-warm", False)
        figures += [
            ratio("handshake_warm" + suffix, f"full handshake, verdict known, server key {kind}: with us / without",
                  (f"{key}-warm", True), bare, limits[0]),
            ratio("handshake_cold_2" + suffix, f"full handshake, 2 signatures, server key {kind}: with us / without",
                  (f"{key}-cold", True), bare, limits[1]),
        ]
    figures += [
        ratio("resumed", "resumed handshake, resumption = checked: with us / without",
              ("p256-resumed", True), ("p256-resumed", False), 1.03),
        ratio("resumed_full", "resumed / full handshake, with us: what resumption = refuse costs, the other way round",
              ("p256-resumed", True), ("p256-warm", True), 0.80),
        Figure("sessions", "what resumption = checked adds to a full handshake (P-256) / that without us",
               sessions / work["p256-warm", False], 0.003, work=True),
    ]
    raw = {f"{kind}{'' if with_us else '-without'}": {"instructions": work[kind, with_us], "ns": time[kind, with_us]}
           for kind, with_us in wanted}
    return figures, raw


def thread_figures(bench):
    rates = bench.times("threads")
    return [Figure("threads_2", "repeated verdicts a second, 2 threads / 1", rates["threads_2"] / rates["threads_1"],
                   1.8, at_least=True)], {name: {"per_second": rate} for name, rate in rates.items()}


def start_figures(bench):
    argv = [shutil.which("openssl"), "version"]
    work = {conf: bench.process_instructions(argv, OPENSSL_CONF=str(conf)) for conf in (bench.with_us, bench.without)}
    return [Figure("start", "start of a process (openssl version) with us / without",
                   work[bench.with_us] / work[bench.without], 1.15, work=True)], {
        "start": {"instructions": work[bench.with_us]}, "start-without": {"instructions": work[bench.without]}}


def memory_figures(bench):
    numbers = bench.times("memory", bench.libclientct)
    return [
        Figure("memory", "resident memory of a worker: library, 100 logs, a full cache", numbers["memory"], 1 << 20,
               unit="bytes"),
        Figure("memory_cache_entry", "memory for each entry of the cache", numbers["cache_entry"], 128, unit="bytes"),
    ], {"memory": {"bytes": numbers["memory"]}, "memory-private": {"bytes": numbers["private"]}}
