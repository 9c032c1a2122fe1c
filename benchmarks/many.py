"""Measures many stages: nothing to do, one leaf changed, the first build, beside ninja and plain doit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import graphs
from benchmarks.measuring import Cost, Trial, interleaved, median, of_rounds, program, run, settled
from benchmarks.table import Row, failed, figures, ratio, shown

FIRST = 0.001  # seconds of CPU a stage over calling the functions


def rows(folder: Path, rounds: int, count: int) -> Iterator[Row]:
    """Measure all lines of the table that speak of ten thousand stages, each with one input file and one output."""
    built, first = _first(folder, min(rounds, 3), count)
    yield from first
    yield from _no_op(folder, built, rounds, count)
    yield from _one_leaf(folder, built, rounds, count)


def _first(folder: Path, rounds: int, count: int) -> tuple[Path, list[Row]]:
    """Build from nothing, several times; return the last project and what a stage costs, by kept and by hand."""
    called = graphs.calls(folder / "calls", count)
    ours = iter([graphs.leaves(folder / f"leaves{number}", count) for number in range(rounds)])
    hands = iter([graphs.by_hand(folder / f"hand{number}", count) for number in range(rounds)])
    built: list[Path] = []

    def build() -> Cost:
        built.append(next(ours))
        return run(program("doit"), built[-1])

    trials: dict[str, Trial] = {
        "build": build,
        "hand": lambda: run([sys.executable, "by_hand.py"], next(hands)),
        "calls": lambda: run([sys.executable, "calls.py"], called),
    }
    costs = interleaved(trials, rounds)
    for here in (*built[:-1], *folder.glob("hand*")):
        shutil.rmtree(here)

    def row(name: str, how: str, bound: float | None) -> Row:
        each = of_rounds(lambda made, calls: (made.cpu - calls.cpu) / count, costs[name], costs["calls"])
        holds = None if bound is None else each <= bound
        both = figures(costs[name], costs["calls"])
        asked = "" if bound is None else shown(bound)
        return Row(f"{count:,} stages, {how}: a stage", asked, shown(each), holds, "calling the functions", both)

    return built[-1], [row("build", "first build", FIRST), row("hand", "the same durable by hand, no checks", None)]


def _no_op(folder: Path, built: Path, rounds: int, count: int) -> Iterator[Row]:
    """Compare with ninja, if it is installed."""
    doit, kept, ninja = program("doit"), program("kept"), shutil.which("ninja")
    trials: dict[str, Trial] = {"doit": lambda: run(doit, built), "kept": lambda: run(kept, built)}
    bounds = {"doit": 2.5, "kept": 1.0}
    if ninja is None:
        for name, costs in settled(trials, 3 * rounds).items():
            work = f"{count:,} stages, nothing to do: `{name}`"
            yield Row(work, f"{bounds[name]}x", "", None, "ninja: not installed", shown(median(costs).cpu))
        return
    same = graphs.ninja_leaves(folder / "ninja", count)
    run([ninja, "--quiet"], same)
    trials["ninja"] = lambda: run([ninja, "--quiet"], same)
    took = settled(trials, 3 * rounds)
    release = subprocess.run([ninja, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    for name, bound in bounds.items():
        yield ratio(f"{count:,} stages, nothing to do: `{name}`", bound, took[name], took["ninja"], f"ninja {release}")


def _one_leaf(folder: Path, built: Path, rounds: int, count: int) -> Iterator[Row]:
    """Change one source and build, as often as there are rounds."""
    doit = program("doit")
    work = f"{count:,} stages, one source of one leaf changed"
    plain = graphs.plain_leaves(folder / "plain", count)
    values = iter(range(count, 10 * count + 1000))

    def changed(here: Path) -> Cost:
        (here / "in" / "0.txt").write_text(str(next(values)))
        return run(doit, here)

    try:
        run(doit, plain)
        trials: dict[str, Trial] = {"ours": lambda: changed(built), "plain": lambda: changed(plain)}
        took = settled(trials, rounds)
    except RuntimeError as problem:
        yield failed(work, "1.5x", str(problem))
        return
    yield ratio(work, 1.5, took["ours"], took["plain"], "plain doit doing the same")
