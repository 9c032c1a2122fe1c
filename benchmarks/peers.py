"""Compares kept with other tools on one pipeline: what they cost, and which stages they run after which edit.

python -m benchmarks.peers                 all of them; the first time makes their environments, below build/peers
python -m benchmarks.peers --write         and puts the tables into docs/benchmarks.md
python -m benchmarks.peers doit make       only these, beside kept
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import edits
from benchmarks.measuring import Cost, Trial, median, run, settled
from benchmarks.table import machine, markdown, put, shown
from benchmarks.tools import PIPELINES, ROOT, TOOLS, Tool
from benchmarks.venvs import NotInstalledError, environment, release

LIMIT = 120.0  # seconds of wall clock after which a command is given up
ROUNDS = 5
QUIET = {
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_LOGGING_VERBOSITY": "WARN",
    "DVC_NO_ANALYTICS": "true",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass
class Found:
    """What one tool showed."""

    tool: Tool
    release: str = ""
    problem: str = ""  # why there is nothing else
    costs: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    ours: dict[str, float] = field(default_factory=dict)  # of kept, in turn with it
    verdicts: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)


class Project:
    """A folder with the five stages, and the commands of one tool in it."""

    def __init__(self, folder: Path, tool: Tool, programs: Path, more: Mapping[str, str] | None = None) -> None:
        self.folder, self.tool = folder, tool
        shutil.copytree(PIPELINES / tool.name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(PIPELINES / "work", folder / "work", ignore=shutil.ignore_patterns("__pycache__"))
        home = folder.parent / "home"
        home.mkdir(exist_ok=True)
        self.variables = {
            **QUIET,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "ZENML_CONFIG_PATH": str(folder / ".zenconfig"),
            **(more or {}),
        }
        edits.numbers(folder)
        edits.ridge(1.0)(folder)

    def begin(self, commands: tuple[tuple[str, ...], ...]) -> None:
        """Do what a new project needs."""
        for command in commands:
            run(self._words(command), self.folder, more=self.variables, limit=LIMIT)

    def build(self, variant: str = "a") -> Cost:
        """Build a variant."""
        return run(self._words(self.tool.command, variant), self.folder, more=self.variables, limit=LIMIT)

    def many(self) -> Cost:
        """Build the many stages."""
        return run(self._words(self.tool.many), self.folder, more=self.variables, limit=LIMIT)

    def ran(self) -> str:
        """Return which stages ran since this was asked last."""
        log = self.folder / "runs.log"
        letters = log.read_text() if log.exists() else ""
        log.write_text("")
        return letters

    def result(self, variant: str) -> float:
        """Return the error that the tool gives."""
        return float(json.loads((self.folder / self.tool.result.format(variant=variant)).read_text()))

    def right(self, variant: str) -> float:
        """Return the error that the functions give without any tool, of the same sources and data."""
        command = [sys.executable, "-m", "work.plain", variant]
        variables = {**os.environ, **self.variables}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=True)
        self.ran()
        return float(done.stdout)

    def _words(self, command: tuple[str, ...], variant: str = "a") -> list[str]:
        """Return the words of a command, with the path of its program: it is looked up in the caller's PATH else."""
        ridge = json.loads((self.folder / "params.json").read_text())["ridge"]
        words = [word.format(variant=variant, ridge=ridge) for word in command]
        return [shutil.which(words[0], path=self.variables["PATH"]) or words[0], *words[1:]]


def judged(project: Project) -> dict[str, str]:
    """Make all edits, one after the other; return how many stages ran of how many had to."""
    found = {}
    project.begin(project.tool.begin)
    project.build()
    for edit in edits.EDITS:
        edit.change(project.folder)
        right = project.right(edit.variant)
        try:
            project.build(edit.variant)
            ran, made = project.ran(), project.result(edit.variant)
        except (RuntimeError, OSError, ValueError) as problem:
            print(f"{project.tool.name}: {edit.name}: {problem}", file=sys.stderr)
            found[edit.name] = "failed"
            continue
        found[edit.name] = edits.verdict(edit, ran, abs(made - right) <= 1e-12 * abs(right))
        if edit.undo is not None:
            edit.undo(project.folder)
            project.build(edit.variant)
            project.ran()
    return found


# Python takes bytecode for that of a source which has changed twice within a second: no tool is to answer for that.
_UNCOMPILED = {"PYTHONDONTWRITEBYTECODE": "1"}
PAIRED = "kept, "  # before the name of what was measured of kept, in turn with the tool


def timed(project: Project, rounds: int, ours: Trial) -> dict[str, Cost]:
    """Return what a first build costs, a build with nothing to do, a swap, and a parameter that is set back."""
    project.begin(project.tool.begin)
    costs = {"first build": project.build()}
    costs.update(in_turn("nothing to do", project.build, ours, rounds))
    costs["swap"] = project.build("b")
    back = []
    for number in range(min(rounds, 3)):
        project.build()
        edits.ridge(2.0 + number)(project.folder)
        project.build()
        edits.ridge(1.0)(project.folder)
        back.append(project.build())
    costs["flip back"] = median(back)
    return costs


def in_turn(work: str, theirs: Trial, ours: Trial, rounds: int) -> dict[str, Cost]:
    """Return what a command costs, and what kept costs for the same."""
    return {name: median(costs) for name, costs in settled({work: theirs, PAIRED + work: ours}, rounds).items()}


def timed_many(project: Project, count: int, rounds: int, ours: Trial) -> dict[str, Cost]:
    """Return what many stages cost."""
    for name, other in project.tool.files.items():
        (project.folder / name).replace(project.folder / other)
    for name in ("in", "out"):
        (project.folder / name).mkdir()
    for number in range(count):
        (project.folder / "in" / f"{number}.txt").write_text(f"{number}")
    project.begin(project.tool.begin_many)
    costs = {f"{count:,}, first": project.many()}
    return {**costs, **in_turn(f"{count:,}, nothing to do", project.many, ours, min(rounds, 3))}


def looked_at(tool: Tool, folder: Path, options: argparse.Namespace, ours: dict[str, Trial]) -> Found:
    """Install a tool and measure all of it; what fails is said in its place. The first is kept, the others' measure."""
    found = Found(tool)
    try:
        programs = environment(options.environments / tool.name, (*tool.packages, "numpy"), again=tool.name == "kept")
    except NotInstalledError as problem:
        found.problem = f"not installed: {problem}"
        return found
    found.release = _release(tool, programs)

    def project(name: str, more: Mapping[str, str] | None = None) -> Project:
        (folder / name).mkdir(parents=True)
        return Project(folder / name / tool.name, tool, programs, more)

    five, many = project("five"), project("many")
    ours.setdefault("five", five.build)
    ours.setdefault("many", many.many)
    measures: dict[str, Callable[[], dict[str, Cost]]] = {
        "five": lambda: timed(five, options.rounds, ours["five"]),
        "many": lambda: timed_many(many, options.stages, options.rounds, ours["many"]),
    }
    for name, measure in measures.items():
        try:
            costs = measure()
        except RuntimeError as problem:
            print(f"{tool.name}: {problem}", file=sys.stderr)
            found.costs[name] = (str(problem).splitlines() or ["failed"])[-1][-80:]
            continue
        for work, cost in costs.items():
            where = found.ours if work.startswith(PAIRED) else found.seconds
            where[work.removeprefix(PAIRED)] = cost.cpu
    for verdicts, more in ((found.verdicts, {}), (found.listed, {"LISTED": "1"})):
        if not more or tool.listed:
            try:
                verdicts.update(judged(project(f"edits{len(more)}", {**_UNCOMPILED, **more})))
            except RuntimeError as problem:
                print(f"{tool.name}: {problem}", file=sys.stderr)
    return found


def _release(tool: Tool, programs: Path) -> str:
    """Return the version of a tool."""
    if not tool.packages:
        done = subprocess.run([tool.command[0], "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split("\n")[0].split()[-1]
    return release(programs, "kept" if tool.name == "kept" else tool.packages[0].split("[")[0])


def speed(found: list[Found], count: int) -> str:
    """Draw what the tools cost, and how many times what kept costs."""
    works = ["first build", "nothing to do", "swap", "flip back", f"{count:,}, first", f"{count:,}, nothing to do"]
    kept = found[0].seconds
    rows = []
    for one in found:
        cells = [f"{one.tool.name} {one.release}"]
        for work in works:
            if work not in one.seconds:
                cells.append(one.problem or one.costs["many" if work[0].isdigit() else "five"])
                continue
            times = one.seconds[work] / one.ours.get(work, kept.get(work, float("nan")))
            cells.append(
                shown(one.seconds[work]) + (f" ({times:.{1 if times < 10 else 0}f}x)" if one is not found[0] else "")
            )
        rows.append(cells)
    return markdown(["tool", *works], rows)


def correctness(found: list[Found]) -> str:
    """Draw how many stages ran of how many had to, a column for every tool and way to use it."""
    columns = [("had to run", {edit.name: str(len(edit.runs)) for edit in edits.EDITS})]
    for one in found:
        if one.verdicts:
            columns.append((f"{one.tool.name} ({one.tool.tracked})", one.verdicts))
        if one.listed:
            columns.append((f"{one.tool.name} (by hand)", one.listed))
    rows = [[edit.name, *(cells.get(edit.name, "") for _, cells in columns)] for edit in edits.EDITS]
    wrong = ["**stale / needless / failed**", ""]
    for _, cells in columns[1:]:
        words = " ".join(cells.values())
        wrong.append(" / ".join(str(words.count(word)) for word in ("stale", "needless", "failed")))
    return markdown(["edit", *(name for name, _ in columns)], [*rows, wrong])


def main(words: list[str]) -> int:
    """Measure, print and perhaps write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    parser.add_argument("tool", nargs="*", help=f"of {', '.join(tool.name for tool in TOOLS)}; all if none is named")
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "peers", metavar="FOLDER")
    parser.add_argument("--stages", type=int, default=1_000, metavar="N", help="how many are many")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="whose median is taken")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args(words)
    if unknown := set(options.tool) - {tool.name for tool in TOOLS}:
        parser.error(f"no tool {', '.join(sorted(unknown))}")
    where, found, ours = machine(), [], {}
    with tempfile.TemporaryDirectory(prefix="kept-peers-", ignore_cleanup_errors=True) as folder:
        for tool in TOOLS:
            if tool.name != "kept" and options.tool and tool.name not in options.tool:
                continue
            started = time.monotonic()
            found.append(looked_at(tool, Path(folder, tool.name), options, ours))
            print(f"{tool.name}: {time.monotonic() - started:.0f} s {found[-1].problem}", file=sys.stderr, flush=True)
            if tool.name != "kept":
                shutil.rmtree(Path(folder, tool.name), ignore_errors=True)
    text = f"Measured {where}\n\n{speed(found, options.stages)}\n\n{correctness(found)}"
    print(text)
    if options.write:
        put("peers", text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
