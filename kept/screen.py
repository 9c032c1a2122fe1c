"""Shows what becomes of tasks, line by line."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Container
from typing import Any, Protocol, TextIO

from . import pipe
from .actions import Outcome
from .build import Judgement, Result
from .reports.words import seconds

MARKS = {Outcome.BUILT: ". ", Outcome.RESTORED: "=>", Outcome.UP_TO_DATE: "--", Outcome.FAILED: "!!"}
_COLOURS = {Outcome.BUILT: "32", Outcome.RESTORED: "36", Outcome.UP_TO_DATE: "2", Outcome.FAILED: "31"}
_TAIL = 30  # lines of a failed stage's log


class Ahead(Protocol):
    """What the last line says of the whole run: see progress.py."""

    def begins(self, task: str) -> None: ...  # noqa: D102  # its class tells
    def ends(self, task: str) -> None: ...  # noqa: D102  # its class tells
    def done(self) -> str: ...  # noqa: D102  # its class tells
    def left(self) -> float | None: ...  # noqa: D102  # its class tells


class Lines:
    """Writes lines to where doit's output goes, and lives while a stage has the process's own output.

    On a terminal the last line shows how far the run is, what runs and how long; elsewhere lines are plain and final.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = _own(stream)
        self.live = bool(getattr(stream, "isatty", lambda: False)()) and os.environ.get("TERM") != "dumb"
        self.coloured = self.live and not os.environ.get("NO_COLOR")
        self.running: dict[str, float] = {}
        self.ahead: Ahead | None = None
        self._lock = threading.Lock()
        self._ticker: threading.Thread | None = None
        self._done = threading.Event()
        self._shown = False

    def write(self, text: str) -> None:
        """Write whole lines."""
        with self._lock:
            self._send(text)

    def mark(self, outcome: Outcome, text: str) -> str:
        """Put the mark of an outcome before a line, in its colour on a terminal."""
        line = f"{MARKS[outcome]} {text}"
        return f"\x1b[{_COLOURS[outcome]}m{line}\x1b[0m" if self.coloured else line

    def begin(self, name: str) -> None:
        """Show that something runs now."""
        self.running[name] = time.monotonic()
        if self.ahead is not None:
            self.ahead.begins(name)
        if self.live and self._ticker is None:
            self._done.clear()
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def end(self, name: str) -> None:
        """Show that it has ended."""
        self.running.pop(name, None)
        if self.ahead is not None:
            self.ahead.ends(name)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._done.set()
        if self._ticker is not None:
            self._ticker.join()
            self._ticker = None
        with self._lock:
            self._send()

    def _tick(self) -> None:
        while not self._done.wait(0.5):
            with self._lock:
                self._send()

    def _send(self, text: str = "") -> None:
        try:
            self._erase()
            self.stream.write(text)
            self._draw()
            self.stream.flush()
        except OSError as problem:  # nobody reads on, or a disk is full: what is asked for is built all the same
            self.stream, self.live = open(os.devnull, "w", encoding="utf-8"), False  # noqa: SIM115  # until the run ends
            if not isinstance(problem, BrokenPipeError):
                sys.stderr.write(f"WARNING: standard output cannot be written: {problem.strerror}; the run goes on\n")

    def _erase(self) -> None:
        if self._shown:
            self.stream.write("\r\x1b[K")
            self._shown = False

    def _draw(self) -> None:
        if not self.live or not self.running:
            return
        now = time.monotonic()
        text = ", ".join(f"{name} {seconds(now - since)}" for name, since in self.running.items())
        self.stream.write(f".. {self._far()}{text}"[: self._width() - 1])
        self._shown = True

    def fitted(self, line: str) -> str:
        """Let a line that says more than must be known end where the terminal does; elsewhere it is whole."""
        width = max(self._width(), 40) if self.live else len(line)
        return line if len(line) <= width else line[: width - 1] + "…"

    def _width(self) -> int:
        return (os.get_terminal_size(self.stream.fileno()).columns if _has_fd(self.stream) else 0) or 80

    def _far(self) -> str:
        if self.ahead is None:
            return ""
        left = self.ahead.left()
        return f"{self.ahead.done()} done" + (f", about {_roughly(left)} left: " if left is not None else ": ")


def _roughly(value: float) -> str:
    return seconds(value) if value >= 100 else f"{max(1, round(value))} s"


def _has_fd(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, ValueError, AttributeError, io.UnsupportedOperation):
        return False
    return True


def _own(stream: TextIO) -> TextIO:
    """Return a stream of our own to the same place: a running stage has descriptors 1 and 2 for itself."""
    if not _has_fd(stream) or stream.fileno() not in (1, 2):
        return stream
    stream.flush()
    return open(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace", buffering=1)


class Screen:
    """A doit reporter: a line when a stage starts, one when it is done, a summary at the end."""

    desc = "kept: a line per stage and a summary"

    def __init__(self, stream: TextIO) -> None:
        self.lines = Lines(stream)
        self.started = time.monotonic()
        self.became: dict[str, Outcome] = {}  # of each stage; the last word of one that was made again counts
        self.plain = False  # whether a plain task ran, failed or was ignored
        self.ignored = self.untried = 0  # stages of this run that doit passed over, and that it never came to
        self.notes: list[str] = []  # said once, before the summary
        self.text: list[str] = []  # all that was written, for the receipt
        self.stages: Container[str] = ()  # tasks that are shown by stage_done

    @property
    def count(self) -> Counter[Outcome]:
        """How many stages came to each outcome."""
        return Counter(self.became.values())

    # ---- stages

    def stage_starts(self, judged: Judgement) -> None:
        """Show that a stage executes, and why."""
        name = judged.stage.task
        why = f": {judged.reasons[0]}" if judged.reasons else ""
        more = f" (and {len(judged.reasons) - 1} more)" if len(judged.reasons) > 1 else ""
        self.lines.write(self.lines.fitted(f".. {name} started{why}{more}") + "\n")
        self.lines.begin(name)

    def stage_done(self, result: Result) -> None:
        """Show what became of a stage."""
        self.lines.end(result.task)
        self.became[result.task] = result.outcome
        text = f"{result.task} {result.outcome.value}"
        if result.outcome is Outcome.BUILT:
            text += f" in {seconds(result.seconds)}"
        elif result.outcome is Outcome.FAILED and result.failure is not None:
            text += f" after {seconds(result.seconds)}" if result.seconds else ""
            text += f": {result.failure.what}"
        out = self.lines.mark(result.outcome, text) + "\n"
        if (failure := result.failure) is not None:
            out += _indented(failure.text.removeprefix(failure.what + "\n")) + _log(failure.log)
            raised = failure.log and "\nhint: " not in failure.text  # what does not fit fails in no line of its
            out += f"   hint: kept debug {result.task} opens it where it fails\n" if raised else ""
        self._write(out + "".join(f"warning: {warning}\n" for warning in result.warnings))

    def report(self, text: str, *, to_stdout: bool) -> None:
        """Write a report; one for machines has standard output for itself, the rest is on standard error then."""
        if to_stdout:
            pipe.write(text + "\n")
        else:
            self._write(text + "\n")

    def say(self, text: str) -> None:
        """Write a line of its own."""
        self.lines.write(text + "\n")

    # ---- what doit calls, for plain tasks and groups

    def initialize(self, tasks: Any, _selected: Any) -> None:
        """Say so where nothing can be done at all: it is a slip, a class that stands in a function for one."""
        if not self.stages and not any(task.actions for task in tasks.values()):
            self._write("note: nothing to build: dodo.py declares neither stages, by class X(Pipeline), nor tasks\n")

    def get_status(self, task: Any) -> None:
        """Hear that a task is looked at."""

    def execute_task(self, task: Any) -> None:
        """Show that a plain task runs."""
        self.plain = self.plain or bool(task.actions)
        if task.actions and task.name[0] != "_":
            self._write(f".  {task.title()}\n")

    def add_success(self, task: Any) -> None:
        """Hear that a plain task is done."""

    def add_failure(self, task: Any, fail: Any) -> None:
        """Show what went wrong with a plain task, or that a stage was not even tried."""
        if not fail.report or task.has_subtask:
            return
        if fail.get_name() == "UnmetDependency":
            self._write(f"!! {task.name} not run: it needs {' and '.join(fail.message.split())}\n")
            return
        self.lines.write(f"!! {task.name} failed: {fail.get_msg().strip()}\n")
        self.plain = True

    def skip_uptodate(self, task: Any) -> None:
        """Show that a plain task has nothing to do."""
        if task.name[0] != "_" and task.name not in self.stages:
            self._write(f"-- {task.title()}\n")

    def skip_ignore(self, task: Any) -> None:
        """Show that a task is ignored, as the user asked."""
        self.plain = True
        self.ignored += task.name in self.stages
        self._write(f"{MARKS[Outcome.UP_TO_DATE]} {task.title()} ignored\n")

    def cleanup_error(self, exception: Any) -> None:
        """Show what went wrong in a teardown."""
        sys.stderr.write(exception.get_msg())

    def runtime_error(self, msg: str) -> None:
        """Show what stopped the whole run."""
        self.lines.write(f"run stopped: {msg}\n")

    def teardown_task(self, task: Any) -> None:
        """Hear that a teardown starts."""

    def complete_run(self) -> None:
        """Say how it went, in one line."""
        self.lines.close()
        for note in dict.fromkeys(self.notes):
            self._write(f"note: {note}\n")
        if self.became or self.ignored or self.untried:
            took = time.monotonic() - self.started
            self._write(summary(self.count, took, untried=self.untried, ignored=self.ignored) + "\n")

    def _write(self, text: str) -> None:
        self.text.append(text)
        self.lines.write(text)


def summary(count: Counter[Outcome], took: float, *, untried: int = 0, ignored: int = 0) -> str:
    """Count stages by outcome: ``4 stages: 4 built in 9.1 s``; without a time where nothing was done."""
    order = (Outcome.BUILT, Outcome.RESTORED, Outcome.UP_TO_DATE)
    said = {Outcome.FAILED.value: count[Outcome.FAILED], "not run": untried, "ignored": ignored}
    said |= {outcome.value: count[outcome] for outcome in order}
    total = sum(said.values())
    parts = ", ".join(f"{number} {words}" for words, number in said.items() if number)
    idle = set(count) <= {Outcome.UP_TO_DATE}
    return f"{total} stage{'s' if total != 1 else ''}: {parts}" + ("" if idle else f" in {seconds(took)}")


def _indented(text: str) -> str:
    return "".join(f"   {line}\n" for line in text.splitlines())


def _log(path: str) -> str:
    """Show the end of what a failed stage wrote."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    shown = os.path.relpath(path)
    if not lines:
        return ""
    head = f"   its output ({shown}):\n" if len(lines) <= _TAIL else f"   the end of its output ({shown}):\n"
    return head + "".join(f"   | {line}\n" for line in lines[-_TAIL:])
