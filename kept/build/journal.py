"""Keeps what each run did, one line a stage, in ``runs.jsonl``."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ..actions import Cause, Outcome, Reason
from ..digest import canonical_json, fits
from ..lean import dataclass

try:
    import fcntl
except ImportError:  # Windows: nothing is dropped there
    fcntl = None  # type: ignore[assignment]  # absence is the value

LARGEST = 16 << 20  # bytes, tens of thousands of lines; beyond it the older half goes, in whole runs
_LONGEST = 300  # letters of what is said: a line is written at once


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
    said: str = ""  # why it failed, in one line

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
            **({"said": self.said} if self.said else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Line:
        """Read a line; KeyError, TypeError or ValueError where it is malformed."""
        reasons = tuple(Reason(Cause(cause), *rest) for cause, *rest in value["reasons"])
        made = cls(
            value["run"], value["when"], value["stage"], Outcome(value["outcome"]), value["key"],
            value["seconds"], reasons, value.get("said", ""),
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

    @cached_property
    def _last(self) -> dict[str, Outcome]:
        """What runs last did to each stage, as it was when this was first asked."""
        return {line.stage: line.outcome for line in self.lines()}

    def unclaimed(self, stage: str) -> Cause:
        """Say why nothing is claimed of a stage that is as it was when it was built."""
        return Cause.FAILED if self._last.get(stage) is Outcome.FAILED else Cause.FORGOTTEN

    def append(
        self, stage: str, outcome: Outcome, key: str, seconds: float, reasons: tuple[Reason, ...], said: str = ""
    ) -> None:
        """Note what became of a stage."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        said = " ".join(said.split())[:_LONGEST]
        line = canonical_json(Line(self.run, now, stage, outcome, key, seconds, reasons, said).as_json()) + b"\n"
        with contextlib.suppress(OSError), self._opened() as (fd, _):  # a log that cannot be written stops no build
            size = os.lseek(fd, 0, os.SEEK_END)
            torn = size and os.pread(fd, 1, size - 1) != b"\n"  # by a full disk: what follows must not be lost, too
            os.write(fd, b"\n" + line if torn else line)

    def trim(self) -> None:
        """Drop the oldest runs once the file is too large: never a run that goes on, nor one of the newer half."""
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_size <= LARGEST:
                return
            with self._opened(alone=True) as (fd, locked):
                if not locked:
                    return
                text = os.pread(fd, os.fstat(fd).st_size, 0)
                kept = b"".join(_newest(text.splitlines(keepends=True), len(text) - LARGEST // 2))
                if len(kept) == len(text):
                    return
                draft = self.path.parent / "tmp" / f"{os.getpid()}-{os.urandom(8).hex()}"  # left there, it is swept
                draft.write_bytes(kept)
                os.replace(draft, self.path)

    @contextlib.contextmanager
    def _opened(self, *, alone: bool = False) -> Iterator[tuple[int, bool]]:
        """Open the file and, where locks work, let nobody put another in its stead, or ``alone`` nobody write to it."""
        while True:
            fd = self._descriptor()
            try:
                locked = _locked(fd, alone)
                if not locked or os.path.samestat(os.fstat(fd), os.stat(self.path)):
                    yield fd, locked
                    return
            finally:
                os.close(fd)

    def _descriptor(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            return os.open(self.path, flags, 0o644)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, flags, 0o644)

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


def _locked(fd: int, alone: bool) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    except OSError:  # a network file system
        return False
    return fcntl is not None


def _newest(lines: list[bytes], drop: int) -> Iterator[bytes]:
    """Yield the lines of each run that has one after the first ``drop`` bytes, or whose process is there still."""
    runs, end = [], 0
    recent = set()
    for line in lines:
        end += len(line)
        runs.append(_run(line))
        if end > drop:
            recent.add(runs[-1])
    recent |= {run for run in set(runs) - recent if _goes_on(run)}
    return (line for line, run in zip(lines, runs, strict=True) if run in recent)


def _run(line: bytes) -> str:
    try:
        return str(json.loads(line)["run"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _goes_on(run: str) -> bool:
    """Say whether the process that a run is named after exists; another one may have its number now, no harm done."""
    number = run.rpartition("-")[2]
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True
