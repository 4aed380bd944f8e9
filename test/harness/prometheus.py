# SPDX-License-Identifier: Apache-2.0
"""A reader of the Prometheus text format 0.0.4 that is stricter than Prometheus."""
import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_TYPES = {"counter", "gauge", "histogram"}


class Malformed(AssertionError):
    """The text is not what Prometheus wants; says why and where."""


def _unescaped(value):
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], value)


def _family_of(name, families):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and families.get(base) == "histogram":
            return base
    return name


def _check_histogram(family, samples):
    buckets = [(dict(labels), value) for (name, labels), value in samples.items() if name == family + "_bucket"]
    bounds = [float(labels["le"]) for labels, _ in buckets]
    counts = [value for _, value in buckets]
    if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != float("inf"):
        raise Malformed(f"{family}: bounds {bounds}")
    if counts != sorted(counts):
        raise Malformed(f"{family}: the buckets are not cumulative: {counts}")
    if samples.get((family + "_count", ())) != counts[-1] or (family + "_sum", ()) not in samples:
        raise Malformed(f"{family}: _count is not the last bucket, or _sum is missing")


def parse(text):
    """{(name, ((label, value), …)): number}; Malformed unless every rule of the format is kept."""
    families, helped, samples, current, done = {}, set(), {}, None, set()
    if not text.endswith("\n"):
        raise Malformed("the last line does not end")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        if match := re.fullmatch(rf"# HELP ({_NAME}) (.+)", line):
            if match[1] in helped:
                raise Malformed(f"line {number}: a second HELP of {match[1]}")
            helped.add(match[1])
        elif match := re.fullmatch(rf"# TYPE ({_NAME}) (\w+)", line):
            if match[1] in families or match[2] not in _TYPES or match[1] not in helped:
                raise Malformed(f"line {number}: {line}")
            families[match[1]] = match[2]
            done.add(current)
            current = match[1]
            if (match[2] == "counter") != current.endswith("_total"):
                raise Malformed(f"line {number}: counters, and only they, are called _total")
        elif match := _SAMPLE.fullmatch(line):
            name, labels, value = match[1], match[2] or "", float(match.group(match.re.groups))
            if _family_of(name, families) != current:
                raise Malformed(f"line {number}: {name} does not stand with its TYPE line")
            pairs = tuple((label, _unescaped(text)) for label, text in re.findall(_LABEL, labels))
            if len({label for label, _ in pairs}) != len(pairs) or (name, pairs) in samples:
                raise Malformed(f"line {number}: a label or a sample twice: {line}")
            if families[current] != "gauge" and value < 0:
                raise Malformed(f"line {number}: negative: {line}")
            samples[name, pairs] = value
        else:
            raise Malformed(f"line {number}: {line}")
    for family, kind in families.items():
        if kind == "histogram":
            _check_histogram(family, samples)
    return samples


def value(samples, name, **labels):
    """The sum over the samples that have these labels; 0 where there are none."""
    return sum(number for (other, pairs), number in samples.items()
               if other == name and labels.items() <= dict(pairs).items())
