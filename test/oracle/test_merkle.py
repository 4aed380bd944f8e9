# SPDX-License-Identifier: Apache-2.0
"""Inclusion and consistency proofs: ours beside github.com/transparency-dev/merkle, over every pair of sizes to 600."""
import os
import subprocess
from pathlib import Path

from modules import go_build
from processes import TemporaryFolder
from tap import case, equal, main

CHECK = os.environ["MERKLE_CHECK"]


@case
def both_say_the_same_of_every_proof():
    with TemporaryFolder() as folder:
        oracle = go_build(Path(__file__).parent / "merkle", ".", folder / "merkle")
        with subprocess.Popen([oracle], stdout=subprocess.PIPE) as asked:
            done = subprocess.run([CHECK], stdin=asked.stdout, stdout=subprocess.PIPE, timeout=240, check=False)
            asked.stdout.close()
            equal((asked.wait(60), done.returncode), (0, 0), done.stdout.decode())
        yes, no = map(int, done.stdout.split())
        equal(yes >= 2 * 600 * 601 // 2, True, f"proofs that hold: {yes}")
        equal(no >= 10000, True, f"proofs that do not: {no}")


if __name__ == "__main__":
    main()
