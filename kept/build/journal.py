"""Keeps what each run did, one line a stage, in ``runs.jsonl``."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ..actions import Cause, Outcome, Reason
from ..digest import canonical_json, fits


@dataclass(frozen=True, slots=True)
class Line:
    """What one run did to one stage."""

    run: str
    when: str  # UTC, ISO 8601
    stage: str
    outcome: Outcome
    key: str
    seconds: float
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """Write the line as plain JSON values."""
        return {
            "run": self.run,
            "when": self.when,
            "stage": self.stage,
            "outcome": self.outcome.value,
            "key": self.key,
            "seconds": round(self.seconds, 6),
            "reasons": [[r.cause.value, r.name, r.old, r.new, r.where] for r in self.reasons],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Line:
        """Read a line; KeyError, TypeError or ValueError where it is malformed."""
        reasons = tuple(Reason(Cause(cause), *rest) for cause, *rest in value["reasons"])
        made = cls(
            value["run"], value["when"], value["stage"], Outcome(value["outcome"]), value["key"],
            value["seconds"], reasons,
        )  # fmt: skip
        if not fits(made, cls):
            raise TypeError(value)
        return made


class Journal:
    """The runs of a project, oldest first.

    Each stage that executed, was restored or failed appends its line as it ends, in one write: a killed run has those
    that it finished. A torn or foreign line is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def run(self) -> str:
        """The name of this run: when it began, by which process."""
        return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"

    def append(self, stage: str, outcome: Outcome, key: str, seconds: float, reasons: tuple[Reason, ...]) -> None:
        """Note what became of a stage."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = canonical_json(Line(self.run, now, stage, outcome, key, seconds, reasons).as_json()) + b"\n"
        with contextlib.suppress(OSError):  # a log that cannot be written stops no build
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def lines(self) -> Iterator[Line]:
        """Read every line that is whole."""
        try:
            text = self.path.read_bytes()
        except OSError:
            return
        for line in text.splitlines():
            try:
                yield Line.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                continue

    def last(self) -> list[Line]:
        """Return the lines of the last run that did something."""
        lines = list(self.lines())
        return [line for line in lines if line.run == lines[-1].run]
