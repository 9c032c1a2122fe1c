"""Measures how time and memory grow with a graph: twice the stages may cost twice as much, not four times."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import graphs
from benchmarks.measuring import Cost, interleaved, median, of_rounds, program, run, settled
from benchmarks.table import Row, failed, shown

LINEAR = 2.3  # twice is linear; the rest is for noise
SHAPES: dict[str, tuple[Callable[[Path, int], Path], int]] = {
    "leaves": (graphs.leaves, 50_000),
    "a chain": (graphs.chain, 5_000),
    "a fan-in": (graphs.fan_in, 5_000),
}
FIRST, IDLE, LAST = "first build", "nothing to do", "`clean`"
WORKS = {
    FIRST: ["doit"],
    IDLE: ["doit"],
    "nothing to do, `kept`": ["kept"],
    "`list --all`": ["doit", "list", "--all"],
    "`why`": ["doit", "why"],
    LAST: ["doit", "clean"],
}


def rows(folder: Path, rounds: int, divisor: int = 1) -> Iterator[Row]:
    """Measure all shapes at half and at full size; the divisor makes all of them smaller, for a try."""
    for name, (write, size) in SHAPES.items():
        count = max(2, size // divisor)
        folders = {size: write(folder / f"{name.split()[-1]}{size}", size) for size in (count // 2, count)}
        for work, words in WORKS.items():
            yield _grown(f"{name} of {count:,}: {work}", words, folders, rounds)
        for here in folders.values():
            shutil.rmtree(here)


def _grown(work: str, words: list[str], folders: dict[int, Path], rounds: int) -> Row:
    """Compare one command at both sizes; the first and the last can be run only once."""
    command = [*program(words[0]), *words[1:]]
    bound = f"{LINEAR}x at twice the size"
    try:
        trials = {str(size): lambda here=here: run(command, here) for size, here in folders.items()}
        once, short = work.endswith((FIRST, LAST)), IDLE in work
        rounds = 1 if once else 3 * rounds if short else rounds
        half, full = (settled if short else interleaved)(trials, rounds).values()
    except RuntimeError as problem:
        return failed(work, bound, str(problem).strip().splitlines()[-1])
    time = of_rounds(lambda a, b: a.cpu / b.cpu, full, half)
    memory = of_rounds(lambda a, b: a.peak / b.peak, full, half)
    measured = f"time {time:.2f}x, memory {memory:.2f}x"
    return Row(work, bound, measured, max(time, memory) <= LINEAR, "half the size", _figures(median(full)))


def _figures(cost: Cost) -> str:
    return f"{shown(cost.cpu)}, {cost.peak / 1e6:.0f} MB"
