"""On a terminal the last line of a run says how far it is, what runs, and how long it may still take."""

from __future__ import annotations

import os
import re
import select
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from kept import Pipeline, progress, stage
from kept.actions import Outcome
from kept.build import Project
from kept.pipeline import stages
from kept.progress import Progress


def one() -> int:
    return 1


def add(*numbers: int) -> int:
    return sum(numbers)


class Counted(Pipeline, name="counted_for_progress"):
    """Two ways from the first stage to the last."""

    first = stage(one)
    left = stage(add, first)
    right = stage(add, first)
    last = stage(add, left, right)


NAMES = [f"counted_for_progress:{name}" for name in ("first", "left", "right", "last")]
FIRST, LEFT, RIGHT, LAST = NAMES


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that is set by hand."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def run_of(folder: Path, took: dict[str, float], workers: int = 0) -> Progress:
    """Begin a run of all four stages in a project whose journal says what they took."""
    project = Project(folder)
    project.add(stages(Counted))
    for task, seconds in took.items():
        project.journal.append(task, Outcome.BUILT, "", seconds, ())
    groups = {name: SimpleNamespace(name=name, task_dep=list(project.stages[name].upstream)) for name in NAMES}
    groups["all"] = SimpleNamespace(name="all", task_dep=NAMES)
    return Progress(project, groups, ["all"], workers)


ALL = dict(zip(NAMES, (10.0, 20.0, 30.0, 40.0), strict=True))


def test_what_is_done_is_counted(tmp_path, clock):
    """Whatever became of it: left alone, restored or executed."""
    run = run_of(tmp_path, ALL)
    assert run.done() == "0 of 4"
    run.ends(FIRST)
    run.begins(LEFT)
    assert run.done() == "1 of 4"
    run.ends(LEFT)
    run.ends("of another run")
    assert run.done() == "2 of 4"


def test_only_what_is_selected_is_counted(tmp_path, clock):
    """With all that it needs."""
    project = run_of(tmp_path, ALL).project
    groups = {name: SimpleNamespace(name=name, task_dep=list(project.stages[name].upstream)) for name in NAMES}
    assert Progress(project, groups, [LEFT], 0).done() == "0 of 2"


def test_what_is_left_is_what_runs_and_what_depends_on_it(tmp_path, clock):
    """By the newest earlier run, less the time that has gone by."""
    run = run_of(tmp_path, {LEFT: 500.0})
    run.project.journal.append(LEFT, Outcome.BUILT, "", 20.0, ())
    run = run_of(tmp_path, {FIRST: 10.0, RIGHT: 30.0, LAST: 40.0})
    run.ends(FIRST)
    run.begins(LEFT)
    clock.seconds += 5
    assert run.left() == 15 + 40  # nothing says that the right one will run, too
    clock.seconds += 100
    assert run.left() == 40  # later than it should be: the rest still lies ahead
    run.ends(LEFT)
    run.begins(RIGHT)
    clock.seconds += 10
    assert run.left() == 20 + 40


def test_workers_share_what_is_left(tmp_path, clock):
    """It takes as long as the longest, or its share of the sum."""
    run = run_of(tmp_path, ALL, workers=2)
    run.ends(FIRST)
    run.begins(LEFT)
    run.begins(RIGHT)
    clock.seconds += 2
    assert run.left() == (18 + 28 + 40) / 2


def test_what_never_ran_has_no_time(tmp_path, clock):
    """Where nothing is known nothing is said."""
    run = run_of(tmp_path, {})
    run.begins(FIRST)
    clock.seconds += 2
    assert run.left() is None


def test_what_failed_or_was_restored_says_nothing_of_times(tmp_path, clock):
    """A failure after a second does not make a stage of an hour a short one."""
    project = Project(tmp_path)
    for outcome in (Outcome.FAILED, Outcome.RESTORED):
        project.journal.append(FIRST, outcome, "", 1.0, ())
    run = run_of(tmp_path, {})
    assert run.took == {}
    project.journal.append(FIRST, Outcome.BUILT, "", 3600.0, ())
    project.journal.append(FIRST, Outcome.FAILED, "", 1.0, ())
    assert run_of(tmp_path, {}).took == {FIRST: 3600.0}


def test_many_stages_are_not_counted_at_every_look(tmp_path, clock, monkeypatch):
    """The sum is made once a second at most."""
    run = run_of(tmp_path, ALL)
    run.begins(FIRST)
    clock.seconds += 2
    first = run.left()
    monkeypatch.setattr(run, "_estimated", None)
    assert run.left() == first


# ---- a real one


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("columns", "colour"), [(80, True), (200, False)])
def test_a_terminal_shows_it_and_is_left_clean(project, columns, colour):
    """Under what is done stands one line that changes; no wider than the terminal; nothing of it stays."""
    import fcntl
    import struct
    import subprocess
    import termios

    from projects import command

    assert project.doit("nearest").code == 0
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    project.order("model", "wait")
    here = os.open(project.path("orders/model.here"), os.O_RDONLY | os.O_NONBLOCK)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = project._environment({"TERM": "xterm"} | ({} if colour else {"NO_COLOR": "1"}))
    process = subprocess.Popen(
        [*command(), "nearest"], cwd=project.root, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    heard = ""
    try:
        deadline = time.monotonic() + 30
        while "2 of 4 done" not in heard:
            assert select.select([ours], [], [], max(0, deadline - time.monotonic()))[0], heard
            heard += os.read(ours, 4096).decode()
        project.go("model")
        while True:
            assert select.select([ours], [], [], max(0, deadline - time.monotonic()))[0], heard
            try:
                heard += os.read(ours, 4096).decode()
            except OSError:  # it has ended
                break
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(here)
    moving = re.findall(r"\.\. \d of 4 done[^\r]*", heard)
    assert moving
    assert all(len(line) < columns for line in moving)
    assert re.match(r"\.\. 2 of 4 done(, about \d+ s left)?: nearest:model \d+\.\d s", moving[0])
    assert ("\x1b[32m" in heard) == colour
    left = screen(heard, columns)
    assert not any(" done" in line for line in left)
    assert left[-1].startswith("4 stages: ")


def screen(heard: str, columns: int) -> list[str]:
    """Return the lines that a terminal would show in the end: a return goes to the start of a line, [K clears it."""
    lines = []
    for line in re.sub(r"\x1b\[\d*m", "", heard).replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part.removeprefix("\x1b[K") if part.startswith("\x1b[K") else part + shown[len(part) :]
        lines.append(shown)
    return [line for line in lines if line]


def test_elsewhere_lines_are_plain_and_final(project):
    """Piped, or on a dumb terminal: no line that changes, no colour, no carriage return."""
    out = project.doit("nearest").out
    assert "\r" not in out
    assert "\x1b" not in out
    assert " done" not in out
