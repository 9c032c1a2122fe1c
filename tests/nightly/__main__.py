"""Run the tests that take minutes, or root: ``python -m tests.nightly [part [argument ...]]``.

Parts: ``versions``, ``syscalls`` (strace), ``powercut`` and ``reflink`` (root), ``larger`` (than memory), ``long`` (the
random tests of tests/, ten times as long) and ``mutants``. What the machine does not allow is skipped, with the reason.
"""

import os
import subprocess
import sys
from pathlib import Path

from . import larger, mutants, powercut, reflink, syscalls, versions

TOP = Path(__file__).parent.parent.parent


def long() -> int:
    """Run the random tests with more examples, more time and more cases."""
    more = {"STORE_EXAMPLES": "600", "STORE_RACE_SECONDS": "10", "STORE_FUZZ": "100000", "KEPT_FUZZ": "10"}
    tests = [*(f"tests/test_store_{name}.py" for name in ("random", "races", "fuzz")), "tests/test_fuzz.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-rP", *tests]
    return subprocess.run(command, cwd=TOP, check=False, env={**os.environ, **more, "PYTHONPATH": str(TOP)}).returncode


def main(arguments: list[str]) -> int:
    """Run one part or all; return 0 if nothing was wrong."""
    rest = arguments[1:]
    parts = {
        "versions": lambda: versions.main(rest),
        "syscalls": syscalls.main,
        "powercut": lambda: powercut.main(int(rest[0]) if rest else 10),
        "reflink": reflink.main,
        "larger": lambda: larger.main(float(rest[0]) if rest else 3),
        "long": long,
        "mutants": lambda: mutants.main(rest),
    }
    return max([parts[arguments[0]]()] if arguments else [part() for part in parts.values()])


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
