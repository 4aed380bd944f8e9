# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmark programs: median times as they are, and instructions under callgrind."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

LONGEST = 300  # seconds that one program may take under callgrind on a slow machine


def clean_environment(**more):
    """Nothing of ours or of OpenSSL's, but what is asked for."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENSSL", "SSL_", "CLIENTCT"))}
    return {**kept, **more}


def run(argv, **more):
    """Its standard output; fails when the program does."""
    done = subprocess.run([str(word) for word in argv], env=clean_environment(**more), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONGEST, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {done.stderr.decode('utf-8', 'replace').strip()[-2000:]}")
    return done.stdout.decode()


class Bench:
    """The programs of one build directory, and a folder with what they read."""

    def __init__(self, build):
        self.build = Path(build)
        self.so = self.build / "provider" / "clientct.so"
        self.libclientct = self.build / "provider" / "libclientct.so"
        self.folder = Path(tempfile.mkdtemp(prefix="clientct-bench-"))
        try:
            run([self.program("fixture"), self.folder])
            self.without = self.write_openssl_conf("without.cnf", None)
            self.with_us = self.write_openssl_conf("with.cnf", "two.cnf")
        except BaseException:
            self.close()
            raise

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        return self.build / "test" / "bench" / f"bench_{name}"

    def write_openssl_conf(self, name, config):
        """With the component as the manual has it, or (config None) without."""
        lines = ["openssl_conf = init", "nginx = init", "[init]"]
        if config is not None:
            lines += ["alg_section = switch", "clientct = clientct_section",
                      "[switch]", "default_properties = clientct=loaded",
                      "[clientct_section]", f"path = {self.so}", f"config = {self.folder / config}"]
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def times(self, name, *arguments, **more):
        """{workload: first number behind it}"""
        lines = run([self.program(name), self.folder, *arguments], **more).splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines}

    def instructions(self, name, *arguments, keep=None, **more):
        """{workload: instructions} inside bench_measured; `keep` a folder for callgrind's files."""
        with tempfile.TemporaryDirectory(dir=keep or self.folder) as scratch:
            out = Path(scratch) / "callgrind"
            names = run(["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
                         "--toggle-collect=bench_measured", "--dump-before=bench_mark",
                         f"--callgrind-out-file={out}", self.program(name), self.folder, *arguments, "--once"],
                        **more).split()
            result = {}
            for number, workload in enumerate(names, 1):
                dump = Path(f"{out}.{number}")
                result[workload] = total(dump)
                if keep:
                    shutil.copy(dump, Path(keep) / f"{name}.{workload}")
            return result

    def process_instructions(self, argv, **more):
        """Instructions of a whole process."""
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            out = Path(scratch) / "callgrind"
            run(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}", *argv], **more)
            return total(out)


def total(dump):
    return int(re.search(r"^(?:totals|summary): (\d+)", dump.read_text(errors="replace"), re.M).group(1))


def inclusive(dump, *functions):
    """Instructions of these functions of ours and all that they call, added up."""
    text = run(["callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=100", dump])
    found = [re.search(rf"^ *([\d,]+) \(.*:{name} \[", text, re.M) for name in functions]
    return sum(int(match.group(1).replace(",", "")) for match in found)


def hottest(dump, count=15):
    """[(function, share of all instructions)] by what each runs itself."""
    text = run(["callgrind_annotate", "--auto=no", "--threshold=100", dump])
    rows = []
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \(\s*([\d.]+)%\)\s+(\S.*)", line)
        if match and "PROGRAM TOTALS" not in line and float(match.group(2)) < 100:  # callers are shown with all of it
            where = re.sub(r" \[(?:.*/)?([^/\]]+)\]$", r" [\1]", match.group(3)).rsplit("/", 1)[-1]
            rows.append((where, float(match.group(2))))
    return rows[:count]
