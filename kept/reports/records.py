"""Reads what is recorded of the stages of a report, each once."""

from __future__ import annotations

import enum
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from .. import errors, formats
from ..actions import Claim, Outcome, Output, Reason, Record
from ..lean import dataclass
from ..pipeline import Input, Stage, with_upstream
from ..store import Store

READABLE = ("json", "npy")  # formats that run no code and import nothing heavy; nothing else is loaded for a report


class Judged(Protocol):
    """What a run found out about a stage."""

    @property
    def outcome(self) -> Outcome: ...  # noqa: D102  # its class tells


class Line(Protocol):
    """What one run did to one stage."""

    @property
    def run(self) -> str: ...  # noqa: D102  # its class tells
    @property
    def when(self) -> str: ...  # noqa: D102  # its class tells
    @property
    def stage(self) -> str: ...  # noqa: D102  # its class tells
    @property
    def outcome(self) -> Outcome: ...  # noqa: D102  # its class tells
    @property
    def key(self) -> str: ...  # noqa: D102  # its class tells
    @property
    def reasons(self) -> tuple[Reason, ...]: ...  # noqa: D102  # its class tells


class Lines(Protocol):
    """What runs have done, oldest first."""

    @property
    def run(self) -> str: ...  # noqa: D102  # its class tells
    def lines(self) -> Iterable[Line]: ...  # noqa: D102  # its class tells


class Recorded(Protocol):
    """What a report reads of a project."""

    @property
    def root(self) -> Path: ...  # noqa: D102  # its class tells
    @property
    def claims(self) -> Mapping[str, Claim]: ...  # noqa: D102  # its class tells
    @property
    def judgements(self) -> Mapping[str, Judged]: ...  # noqa: D102  # its class tells
    @property
    def store(self) -> Store: ...  # noqa: D102  # its class tells
    @property
    def journal(self) -> Lines: ...  # noqa: D102  # its class tells
    def record(self, key: str) -> Record | None: ...  # noqa: D102  # its class tells


class State(enum.Enum):
    """What can be said of a stage or a variant, worst last."""

    BUILT = "built"
    NOT_BUILT = "not built"
    UNREADABLE = "record unreadable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one stage now."""

    stage: Stage
    state: State = State.NOT_BUILT
    claim: Claim | None = None
    record: Record | None = None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Its artifacts as they lie in artifacts/; none where they are not what the stage would make now."""
        return self.claim.outputs if self.claim is not None else ()


class Records:
    """The records of a project, for one report: a stage that variants share is read once."""

    def __init__(self, project: Recorded) -> None:
        self.project = project
        self._standings: dict[str, Standing] = {}
        self._values: dict[str, Any] = {}

    def standing(self, stage: Stage) -> Standing:
        """Say what is known of a stage; what it needs is read first, in whatever pipeline that stands."""
        if stage.task not in self._standings:
            ready = all(task in self._standings for task in stage.upstream)
            for one in [stage] if ready else with_upstream([stage]):
                if one.task not in self._standings:
                    self._standings[one.task] = self._read(one)
        return self._standings[stage.task]

    def _read(self, stage: Stage) -> Standing:
        task = stage.task
        judged = self.project.judgements.get(task)
        claim = self.project.claims.get(task)
        if judged is not None and judged.outcome is Outcome.FAILED:
            return Standing(stage, State.FAILED)
        if claim is None:
            return Standing(stage, State.FAILED) if self._failed(task) else Standing(stage)
        record = self.project.record(claim.key)
        if record is None:
            return Standing(stage, State.UNREADABLE, claim)
        return Standing(stage, State.BUILT, claim, record) if self._current(stage, record) else Standing(stage)

    def _current(self, stage: Stage, record: Record) -> bool:
        """Say whether a stage was given what its inputs are now.

        What comes after a stage that failed keeps its claim, and the old numbers must not stand for new ones.
        """
        given = {given.digest for given in record.action.inputs.values()}
        for wire in stage.wires.values():
            if not isinstance(wire, Input):
                continue
            before = self._standings[wire.stage]
            taken = [output for output in before.outputs if output.name == wire.field or not wire.field]
            if not taken or any(output.digest not in given for output in taken):
                return False
        return True

    # ---- runs

    @cached_property
    def history(self) -> Mapping[str, list[Line]]:
        """What runs did to each stage, oldest first; the journal is read where somebody asks."""
        lines: dict[str, list[Line]] = defaultdict(list)
        for line in self.project.journal.lines():
            lines[line.stage].append(line)
        return lines

    def _failed(self, task: str) -> bool:
        lines = self.history.get(task)
        return lines is not None and lines[-1].outcome is Outcome.FAILED

    def outcome(self, standing: Standing) -> Outcome | None:
        """Say what the last run did to a stage; None if it did not come to it."""
        task = standing.stage.task
        if standing.state is State.FAILED:
            return Outcome.FAILED
        if standing.state is State.NOT_BUILT:
            return None
        lines = self.history.get(task)
        last = lines[-1] if lines else None
        judged = self.project.judgements
        if last is not None and (last.run == self.project.journal.run or not judged):
            return last.outcome
        return Outcome.UP_TO_DATE

    def before(self, standing: Standing) -> Record | None:
        """Return the record of the run before: the last one of this stage that was made under another key."""
        if standing.claim is None:
            return None
        keys = [line.key for line in self.history.get(standing.stage.task, ()) if line.outcome is not Outcome.FAILED]
        while keys and keys[-1] == standing.claim.key:
            keys.pop()
        return self.project.record(keys[-1]) if keys else None

    # ---- values

    def value(self, output: Output) -> Any:
        """Return the value of an artifact in a format that is safe and light; None where it cannot be had."""
        if output.format not in READABLE or output.tree:
            return None
        if output.digest.hex not in self._values:
            self._values[output.digest.hex] = self._load(output)
        return self._values[output.digest.hex]

    def _load(self, output: Output) -> Any:
        try:
            path = self.project.store.path(output.digest)
            return formats.load(output.format, path) if path is not None else None
        except errors.KeptError:
            return None

    def sources(self, record: Record) -> Mapping[str, str]:
        """Return the text of each part of a record's code; empty where it is gone."""
        if record.sources is None:
            return {}
        try:
            read = json.loads(self.project.store.read(record.sources))
        except (errors.KeptError, ValueError):
            return {}
        return {str(name): str(text) for name, text in read.items()} if isinstance(read, dict) else {}


# The types of which JSON makes one number, truth value or text: NumPy's have the size behind their names.
_SCALARS = re.compile(r"u?int(c|\d+)?|u?longlong|float\d*|(bool|str)_?")


def is_scalar(output: Output) -> bool:
    """Say whether an artifact is one number, truth value or text."""
    return output.format == "json" and _SCALARS.fullmatch(output.kind) is not None


def named(standing: Standing) -> Iterator[tuple[str, Output]]:
    """Yield the artifacts of a stage under the names by which they are asked for: ``accuracy``, ``digits.X_train``."""
    for output in standing.outputs:
        yield standing.stage.name + (f".{output.name}" if output.name else ""), output
