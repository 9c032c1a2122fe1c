"""Says what each run did, what it left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .. import errors, formats
from ..actions import Outcome, Output, Record
from ..build import Project
from ..build.journal import Line
from ..reports.records import is_scalar

MADE = (Outcome.BUILT, Outcome.RESTORED)


class History:
    """The runs of a project, oldest first, and by which line of the journal each stage came to be as a run left it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._records: dict[str, Record | None] = {}
        self._values: dict[str, Any] = {}

    @cached_property
    def lines(self) -> list[Line]:
        """Every line of the journal."""
        return list(self.project.journal.lines())

    @cached_property
    def runs(self) -> tuple[str, ...]:
        """The ids of all runs."""
        return tuple(dict.fromkeys(line.run for line in self.lines))

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """Every stage that a run touched or that artifacts/ shows."""
        return tuple(dict.fromkeys([line.stage for line in self.lines] + list(self.project.claims)))

    def run(self, name: str) -> str:
        """Return the id of the run that a name or the unique beginning of one stands for."""
        found = [run for run in self.runs if run.startswith(name)] if name else []
        if name in found or len(found) == 1:
            return name if name in found else found[0]
        raise errors.unknown_run(name, self.runs)

    def left(self, run: str, stage: str) -> Line | None:
        """Return the line that says how a run left a stage: its own, else the newest one before; None: not built."""
        for _, lines in self.states({stage}, end=run):
            found = lines
        return found.get(stage)

    def states(self, stages: Collection[str], end: str = "") -> Iterator[tuple[str, dict[str, Line]]]:
        """Yield each run that touched one of these stages, with the line by which each of them was left.

        With ``end`` that run comes last, whether it touched one or not.
        """
        lines = [line for line in self.lines if line.stage in stages or line.run == end]
        last = {line.run: index for index, line in enumerate(lines)}
        state: dict[str, Line] = {}
        own: dict[str, dict[str, Line]] = defaultdict(dict)  # runs may overlap: what a run did itself counts for it
        for index, line in enumerate(lines):
            if line.stage in stages:
                state[line.stage] = own[line.run][line.stage] = line
            if last[line.run] == index:
                yield line.run, {**state, **own.pop(line.run, {})}
                if line.run == end:
                    return

    def record(self, key: str) -> Record | None:
        """Return the record of a key, read once; None where it is gone or cannot be read."""
        if key not in self._records:
            self._records[key] = self.project.record(key) if key else None
        return self._records[key]

    def scalars(self, name: str, line: Line) -> Iterator[tuple[str, Any]]:
        """Yield the scalar artifacts that a line left, under the stage's ``name``: "accuracy", "scores.f1"."""
        return self.values(name, self.record(line.key) if line.outcome in MADE else None)

    def values(self, name: str, record: Record | None) -> Iterator[tuple[str, Any]]:
        """Yield the scalar artifacts of a record."""
        for output in record.outputs if record is not None else ():
            if is_scalar(output):
                value = self._value(output)
                if value is not None:
                    yield name + (f".{output.name}" if output.name else ""), value

    def _value(self, output: Output) -> Any:
        if output.digest.hex not in self._values:
            path = self.project.store.path(output.digest)
            self._values[output.digest.hex] = formats.load(output.format, path) if path is not None else None
        return self._values[output.digest.hex]


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """What one run did to a variant, what it left of it: ``run.outcomes["model"]``, ``run.scalars["accuracy"]``.

    ``outcomes`` names the stages that were built, restored or failed in it; those that are not there it left alone.
    ``scalars`` are those of the whole variant when the run ended, ``seconds`` what executing its stages took,
    ``when`` is UTC, ISO 8601.
    """

    id: str
    variant: str
    when: str
    outcomes: Mapping[str, Outcome] = field(hash=False)
    scalars: Mapping[str, Any] = field(hash=False)
    seconds: float

    def load(self, artifact: str) -> Any:
        """Return the value of an artifact of the variant as this run left it: ``"model"``, ``"digits.X_train"``."""
        from .artifacts import load

        return load(f"{self.variant}/{artifact.replace('.', '/')}", self.id)

    def __repr__(self) -> str:
        did = (f"{outcome.value} {names}" for outcome, names in _by_outcome(self.outcomes).items())
        left = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {errors.one_line(value, 30)}"
                for name, value in self.scalars.items())  # fmt: skip
        return f"<run {self.id} of {self.variant}: {'; '.join([*did, ', '.join(left)]).removesuffix('; ')}>"


def _by_outcome(outcomes: Mapping[str, Outcome]) -> dict[Outcome, str]:
    """Name the stages of each outcome; many are counted."""
    counted = Counter(outcomes.values())
    named = {kind: ", ".join(name for name, outcome in outcomes.items() if outcome is kind) for kind in counted}
    return {kind: f"{counted[kind]} stages" if counted[kind] > 5 else named[kind] for kind in Outcome if kind in named}


def runs_of(project: Project, target: str, names: Mapping[str, str]) -> list[Run]:
    """Return the runs that touched one of the stages, newest first; ``names``: task → its name in the variant."""
    history = History(project)
    return [_run(history, target, run, lines, names) for run, lines in history.states(names)][::-1]


def _run(history: History, target: str, run: str, lines: Mapping[str, Line], names: Mapping[str, str]) -> Run:
    own = [line for line in lines.values() if line.run == run]
    return Run(
        run,
        target,
        max(line.when for line in own),
        {names[line.stage]: line.outcome for line in own},
        {n: value for task, line in lines.items() for n, value in history.scalars(names[task], line)},
        round(sum(line.seconds for line in own), 6),
    )
