# SPDX-License-Identifier: Apache-2.0
"""Test cases that report in TAP: `case` registers a function, `table` one case a row, `main` runs them."""
import sys
import traceback

_cases = []


class Skip(Exception):
    """Raised by a case that cannot run here; its text says what is missing."""


def case(function):
    _cases.append((function.__name__, function, ()))
    return function


def table(*rows):
    """Registers the function once for each row (a tuple of arguments); the row is part of the case's name."""
    def register(function):
        for row in rows:
            _cases.append((f"{function.__name__} {' '.join(str(value) for value in row)}", function, row))
        return function
    return register


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: expected {want!r}, found {got!r}")


def contains(text, part, what):
    if part not in text:
        raise AssertionError(f"{what}: expected to find {part!r} in:\n{text}")


def lacks(text, part, what):
    if part in text:
        raise AssertionError(f"{what}: expected not to find {part!r} in:\n{text}")


def need(program, name):
    """Skips the whole program unless `program` (a path or None) is there."""
    if not program:
        print(f"1..0 # SKIP {name} is not installed")
        sys.exit(0)


def main():
    """Runs the cases whose names contain one of the arguments, or all of them."""
    chosen = [entry for entry in _cases if len(sys.argv) < 2 or any(word in entry[0] for word in sys.argv[1:])]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function, row) in enumerate(chosen, 1):
        try:
            function(*row)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception as error:  # a broken case must not hide the others
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            for line in text.splitlines():
                print(f"# {line}", flush=True)
        else:
            print(f"ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
