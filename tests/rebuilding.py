"""What a row of the rebuild table is made of, and how it is tried."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from projects import Project, Run

# Column → the task it stands for, and the mark that the task leaves when it executes.
COLUMNS = {
    "rows": ("points:rows", "rows"),
    "scaled": ("points:scaled", "scaled"),
    "model": ("nearest:model", "model"),
    "accuracy": ("nearest:accuracy", "accuracy"),
    "model′": ("majority:model", "other model"),
    "accuracy′": ("majority:accuracy", "accuracy"),
}
OUTCOMES = {"built": "B", "restored": "R", "up to date": "-", "failed": "F"}
LEGEND = {
    "B": "built: executed",
    "R": "restored: put back from the store, nothing executes",
    "-": "left alone: up to date",
    "F": "failed: raised while it executed",
    "X": "cannot be judged: says why, nothing executes",
    "K": "killed while it executed",
    ".": "not reached, or no longer there",
}

Change = Callable[[Project], object]
Runner = Callable[[Project], Run]
Clean = Callable[[Project, tuple[str, ...]], dict[str, str]]  # what a build from nothing shows of some tasks


@dataclass(frozen=True)
class Step:
    """One change to a project, and what the next run does to each stage."""

    title: str
    marks: str  # a letter a column: see LEGEND; the columns of the other variant follow after a space
    change: Change
    run: Runner | None = None  # doit, of what the row is about, unless it is told otherwise
    names: Mapping[str, str] = field(default_factory=dict)  # column → task, where the step renames one
    more: tuple[str, ...] = ()  # marks of stages that have no column

    @property
    def letters(self) -> dict[str, str]:
        return dict(zip(COLUMNS, self.marks.replace(" ", ""), strict=False))

    def ends_with(self, run: Run) -> bool:
        """Say whether a run has the exit code of such a step: doit's own, or the signal that ended it."""
        if "K" in self.marks:
            return run.code < 0
        if "X" in self.marks or "--continue" in run.args:  # doit counts a task whose input failed as an error
            return run.code == 2
        return run.code == (1 if "F" in self.marks else 0)


@dataclass(frozen=True)
class Row:
    """Steps one after the other, in a project that is built before the first."""

    steps: tuple[Step, ...]
    built: bool = True

    @property
    def both(self) -> bool:
        """Whether the row is about both variants."""
        return any(" " in step.marks for step in self.steps)

    @property
    def title(self) -> str:
        return self.steps[0].title

    def then(self, title: str, marks: str, change: Change | None = None, run: Runner | None = None) -> Row:
        return Row((*self.steps, Step(title, marks, change or nothing, run)), self.built)


def row(
    title: str,
    marks: str,
    change: Change | None = None,
    run: Runner | None = None,
    *,
    built: bool = True,
    names: Mapping[str, str] | None = None,
    more: tuple[str, ...] = (),
) -> Row:
    return Row((Step(title, marks, change or nothing, run, names or {}, more),), built)


# ---- trying


def check(row: Row, project: Project, clean: Clean) -> None:
    """Go through the steps of a row: what ran, what the screen says, what artifacts/ shows, and that it stays so."""
    targets = ("nearest", "majority") if row.both else ("nearest",)
    for step in row.steps:
        step.change(project)
        run = step.run(project) if step.run else project.doit(*targets)
        assert run_marks(step, run) == step.letters, f"{step.title}: {run}"
        assert sorted(run.ran) == sorted(executing(step)), f"{step.title}: {run}"
        assert step.ends_with(run), f"{step.title}: {run}"
        if run.code != 0:
            continue
        expected = clean(project, tuple(run.outcomes)) if set(step.marks) & {"B", "R"} else {}
        shown = project.shown()
        assert {file: shown.get(file) for file in expected} == expected, f"{step.title}: not as in a clean build\n{run}"
        again = project.doit(*run.outcomes)
        assert set(again.outcomes.values()) == {"up to date"}, f"{step.title}, again: {again}"
        assert again.ran == [], f"{step.title}, again: {again}"


def executing(step: Step) -> list[str]:
    """List the marks of what executes in a step."""
    return [*(COLUMNS[column][1] for column, letter in step.letters.items() if letter in "BFK"), *step.more]


def run_marks(step: Step, run: Run) -> dict[str, str]:
    """Translate what the screen says into letters."""
    tasks = {column: step.names.get(column, COLUMNS[column][0]) for column in step.letters}
    found = {column: OUTCOMES[run.outcomes[task]] if task in run.outcomes else "." for column, task in tasks.items()}
    for special, shown in (("K", "."), ("X", "F")):  # what executed tells them apart: the screen does not
        found |= {c: special for c, letter in step.letters.items() if letter == special and found[c] == shown}
    return found


# ---- changes


def nothing(_: Project) -> None:
    pass


@dataclass(frozen=True)
class Edit:
    """Replaces a text of a file by another."""

    file: str
    old: str
    new: str

    def __call__(self, project: Project) -> None:
        project.edit(self.file, self.old, self.new)

    @property
    def back(self) -> Edit:
        return Edit(self.file, self.new, self.old)


def all_of(*changes: Change) -> Change:
    def change(project: Project) -> None:
        for one in changes:
            one(project)

    return change


def written(file: str, text: str) -> Change:
    return lambda project: project.write(file, text)


def removed(*files: str) -> Change:
    return all_of(*(lambda project, file=file: project.remove(file) for file in files))


def told(stage: str, what: str | None) -> Change:
    return lambda project: project.order(stage, what)


def same_stat(change: Change, file: str) -> Change:
    """Make a change after which the file's size and time are as before."""

    def disguised(project: Project) -> None:
        before = project.path(file).stat()
        change(project)
        os.utime(project.path(file), ns=(before.st_atime_ns, before.st_mtime_ns))
        assert project.path(file).stat().st_size == before.st_size

    return disguised


def same_second(edit: Edit) -> Change:
    """Let a build of the old text and the edit fall into one second, with one size: a .pyc would be taken for fresh."""

    def change(project: Project) -> None:
        path = project.path(edit.file)
        second = path.stat().st_mtime_ns // 10**9 * 10**9
        os.utime(path, ns=(second, second))
        project.doit("nearest")
        edit(project)
        os.utime(path, ns=(second + 10**8, second + 10**8))

    return change


def touched(file: str) -> Change:
    return lambda project: os.utime(project.path(file))


def flipped(file: str) -> Change:
    """Turn over the bits of the last byte of a file."""

    def change(project: Project) -> None:
        data = bytearray(project.path(file).read_bytes())
        data[-1] ^= 0xFF
        project.path(file).write_bytes(data)

    return change


def blob_flipped(file: str) -> Change:
    """Damage what the store keeps of an artifact."""

    def change(project: Project) -> None:
        content = project.path(file).read_bytes()
        blobs = [p for p in project.path("artifacts/.kept").rglob("*") if p.is_file() and p.read_bytes() == content]
        assert blobs
        for blob in blobs:
            blob.chmod(0o644)
            flipped(str(blob))(project)

    return change


def file_renamed(old: str, new: str) -> Change:
    return lambda project: project.path(old).rename(project.path(new))


def library(version: str) -> Change:
    """Install the library `gauge` in a version, in a site-packages of its own."""

    def change(project: Project) -> None:
        place = project.root.parent / "site-packages"
        shutil.rmtree(place, ignore_errors=True)
        info = place / f"gauge-{version}.dist-info"
        (place / "gauge").mkdir(parents=True)
        info.mkdir()
        (place / "gauge" / "__init__.py").write_text(f"def level(x):\n    return x  # as in {version}\n")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gauge\nVersion: {version}\n")
        (info / "RECORD").write_text(f"gauge/__init__.py,,\ngauge-{version}.dist-info/METADATA,,\n")
        project.environment["PYTHONPATH"] = str(place)

    return change


def variable(name: str, value: str) -> Change:
    return lambda project: project.environment.update({name: value})


def git(*commands: str) -> Change:
    def change(project: Project) -> None:
        for command in commands:
            project.git(*command.split())

    return change


def moved_away(project: Project) -> None:
    """Move the whole project to another folder."""
    place = project.root.with_name("elsewhere")
    shutil.move(project.root, place)
    project.root = place


# ---- runs


def doit(*args: str) -> Runner:
    return lambda project: project.doit(*args)


def signalled(stage: str, number: signal.Signals, *args: str) -> Runner:
    """Send a signal while a stage executes."""

    def run(project: Project) -> Run:
        project.order(stage, "wait")
        spawned = project.spawn(*args)
        spawned.until_executing(stage)
        spawned.send(number)
        result = spawned.wait()
        project.order(stage, None)
        assert result.code == -number
        return result

    return run


def two_at_once(stage: str, *args: str) -> Runner:
    """Start a run while another one executes a stage: together they execute each once."""

    def run(project: Project) -> Run:
        before = len(project.executed())
        project.order(stage, "wait")
        first = project.spawn(*args)
        first.until_executing(stage)
        second = project.spawn(*args)
        second.read_until("wait")
        project.go(stage)
        runs = first.wait(), second.wait()
        project.order(stage, None)
        assert [one.code for one in runs] == [0, 0], "".join(map(str, runs))
        assert runs[1].outcomes[COLUMNS[stage][0]] == "restored", str(runs[1])
        lines = sorted((runs[0].out + runs[1].out).splitlines(), key=lambda line: " built in " in line)
        return Run(args, 0, "\n".join(lines), "", project.executed()[before:])

    return run
