"""Measures what a command costs: processor seconds of the process and all its children, wall seconds, memory."""

from __future__ import annotations

import compileall
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    cpu: float  # seconds, user and system, children included
    wall: float  # seconds
    peak: int  # bytes of the largest process


TREE = Path(__file__).parents[1]  # where kept lies that is measured
YOUNG = 2.2  # seconds
MINUTE = 60.0  # seconds
Trial = Callable[[], Cost]


def program(name: str) -> list[str]:
    """Return how to start a command of this environment: ``doit``, ``kept``."""
    script = Path(sys.executable).with_name(name)
    modules = {"doit": "doit", "kept": "kept.launcher"}
    return [str(script)] if script.is_file() else [sys.executable, "-m", modules[name]]


def environment() -> dict[str, str]:
    """Return a user's environment: nothing of how the benchmark was started, but where kept lies."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DOIT", "KEPT"))}
    return {**plain, "PYTHONPATH": str(TREE)}


def measure_copy(folder: Path) -> None:
    """Measure a compiled copy of kept from now on, so that nobody edits below a measurement."""
    global TREE  # noqa: PLW0603  what is measured is one for the process, as its environment is
    shutil.copytree(TREE / "kept", folder / "kept", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=1)
    TREE = folder


def run(
    argv: Sequence[str],
    cwd: Path,
    *,
    codes: Sequence[int] = (0,),
    more: Mapping[str, str] | None = None,
    limit: float | None = None,
) -> Cost:
    """Run a command with its output thrown away; RuntimeError if it ends with another exit code, or not in time."""
    with open(os.devnull, "r+b") as null, open(cwd.parent / "errors", "w+b") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**environment(), **(more or {})},
            stdin=null,
            stdout=null,
            stderr=errors,
            start_new_session=limit is not None,
        )
        late = threading.Timer(limit or 0, os.killpg, (process.pid, signal.SIGKILL))
        if limit is not None:
            late.start()
        _, status, used = os.wait4(process.pid, 0)
        late.cancel()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if limit is not None and process.returncode == -signal.SIGKILL:
            raise RuntimeError(f"{' '.join(argv)}\nstopped after {limit:.0f} s")
        if process.returncode not in codes:
            errors.seek(0)
            told = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(argv)} ended with {process.returncode}:\n{told}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024)


def output(argv: Sequence[str], cwd: Path, *, codes: Sequence[int] = (0,)) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(argv, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"[-3000:])
    return done.stdout


def interleaved(trials: Mapping[str, Trial], rounds: int) -> dict[str, list[Cost]]:
    """Return what each trial costs in each round; they take turns, so that a busy machine slows all of them alike.

    After a minute no further round is begun.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in trials}
    start = time.perf_counter()
    for _ in range(rounds):
        for name, trial in trials.items():
            costs[name].append(trial())
        if time.perf_counter() - start > MINUTE:
            break
    return costs


def settled(trials: Mapping[str, Trial], rounds: int) -> dict[str, list[Cost]]:
    """Run all until nothing is left to write and no file is too young to be trusted by its time, then measure.

    A single round is a try: it does not wait.
    """
    for wait in (YOUNG, YOUNG, 0) if rounds > 1 else ():
        for trial in trials.values():
            trial()
        time.sleep(wait)
    return interleaved(trials, rounds)


def of_rounds(figure: Callable[[Cost, Cost], float], ours: Sequence[Cost], theirs: Sequence[Cost]) -> float:
    """Return the median of what is reckoned of the two costs of each round: neighbours in time had the same machine."""
    return statistics.median(figure(a, b) for a, b in zip(ours, theirs, strict=True))


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        int(statistics.median(cost.peak for cost in costs)),
    )
