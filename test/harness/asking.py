# SPDX-License-Identifier: Apache-2.0
"""clientct doctor, asked by tests."""
import os

from clientct import fixture
from processes import environment, run
from tap import equal

CLIENTCT = os.environ["CLIENTCT"]
ON, NOT_ON, UNKNOWN, DENIES, WATCHES = 0, 1, 3, 4, 5


def doctor(*arguments, env=None, status):
    found, text = run([CLIENTCT, "doctor", *arguments], env or environment(), seconds=100)
    equal(found, status, f"doctor {arguments}:\n{text}")
    return text


def good():
    """The options that show it a client who must get in."""
    return ["--good-cert", fixture() / "client-good.pem", "--good-key", fixture() / "client-good.key"]
