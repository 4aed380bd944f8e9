# SPDX-License-Identifier: Apache-2.0
"""Configurations by chance, a few of them; scripts/check-doctor has the long form."""
import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

from clientct import MODULE
from tap import case, equal, main

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check-doctor"


def script():
    loader = importlib.machinery.SourceFileLoader("check_doctor", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_doctor", loader))
    loader.exec_module(module)
    return module


@case
def doctor_never_says_on_where_a_server_lets_the_unlogged_in():
    build = Path(os.environ["CLIENTCT"]).parents[2]
    with contextlib.redirect_stdout(sys.stderr):  # its table is for people, ours for meson
        contradictions = script().main(build, 48, 1)
    equal(contradictions, [], f"contradictions with {MODULE}")


if __name__ == "__main__":
    main()
