"""Prints the table of what is promised about speed, with what is measured now.

python -m benchmarks              all of it, about ten minutes of a machine that does nothing else
python -m benchmarks --quick      1,000 stages, to see that it works; the ratios say little
python -m benchmarks --write      and puts the table into docs/benchmarks.md
python -m benchmarks mnist many   only these sections
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import deep, large, many, measuring, mnist
from benchmarks.table import HEAD, Row, machine, markdown, put


def sections(options: argparse.Namespace) -> dict[str, Callable[[Path], Iterator[Row]]]:
    """Return what can be measured; each takes a folder to itself."""
    return {
        "mnist": lambda folder: mnist.rows(folder, options.rounds, images=options.images),
        "many": lambda folder: many.rows(folder, options.rounds, options.stages),
        "deep": lambda folder: deep.rows(folder, min(options.rounds, 3), 10_000 // options.stages),
        "large": lambda folder: large.rows(folder, 40 if options.quick else 400, min(options.rounds, 3)),
    }


def parsed(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="*", help="mnist, many, deep, large; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer stages, images and rounds: a try")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--stages", type=int, default=None, metavar="N", help="instead of 10,000; the others follow")
    parser.add_argument("--images", type=int, default=None, metavar="N", help="of MNIST, instead of all")
    parser.add_argument("--rounds", type=int, default=None, metavar="N", help="whose median is taken")
    options = parser.parse_args(words)
    options.stages = options.stages or (1_000 if options.quick else 10_000)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.images = options.images or (2_000 if options.quick else None)
    if unknown := set(options.section) - set(sections(options)):
        parser.error(f"no section {', '.join(sorted(unknown))}")
    return options


def memory() -> Path | None:
    """Return a folder in memory, if one has room for 75,000 stages: waiting for a disk says nothing of growth."""
    place = Path("/dev/shm")
    return place if place.is_dir() and shutil.disk_usage(place).free > 4e9 else None


def main(words: list[str]) -> int:
    """Measure, print and perhaps write; return 1 if a bound does not hold."""
    options = parsed(words)
    with tempfile.TemporaryDirectory(prefix="kept-bench-") as copy:
        measuring.measure_copy(Path(copy))
        return measured(options)


def measured(options: argparse.Namespace) -> int:
    """Measure what is asked for."""
    where, started, rows = machine(), time.monotonic(), []
    for name, measure in sections(options).items():
        if options.section and name not in options.section:
            continue
        place = memory() if name == "deep" else None
        with tempfile.TemporaryDirectory(prefix="kept-bench-", dir=place, ignore_cleanup_errors=True) as folder:
            for row in measure(Path(folder)):
                rows.append(row)
                print(f"[{time.monotonic() - started:4.0f} s] {' | '.join(row.cells())}", file=sys.stderr, flush=True)
    text = f"Measured {where}\n\n{markdown(HEAD, (row.cells() for row in rows))}"
    print(text)
    if options.write:
        put("table", text)
    return 1 if any(row.holds is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
