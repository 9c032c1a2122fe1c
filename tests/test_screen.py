"""On a terminal a run is in colour and lives; everywhere else its lines are plain and final."""

import io
import os
import re
import select
import struct
import subprocess
from collections import Counter

import pytest
from projects import PATIENCE, command

from kept.actions import Outcome
from kept.screen import Lines, seconds, summary

pty = pytest.importorskip("pty", reason="terminals as on Unix")
fcntl = pytest.importorskip("fcntl", reason="terminals as on Unix")
termios = pytest.importorskip("termios", reason="terminals as on Unix")

COLOUR = re.compile(r"\x1b\[\d+m")


class Terminal:
    """A doit that runs on a terminal of its own."""

    def __init__(self, project, *arguments, columns=0, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        given = {**project._environment(), "TERM": "xterm", **environment}
        self.process = subprocess.Popen(
            [*command(), *arguments], cwd=project.root, env=given, stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        project.spawned.append(self.process)
        self.text = ""

    def read_until(self, pattern):
        """Read what is shown until it holds a pattern, or, for None, to the end."""
        while pattern is None or not re.search(pattern, self.text):
            assert len(self.text) < 10_000, self.text
            assert select.select([self.master], [], [], PATIENCE)[0], self.text
            try:
                got = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                got = b""
            if not got:
                assert pattern is None, self.text
                break
            self.text += got.decode()
        return self.text

    def end(self):
        """Read the rest, and return the exit code."""
        self.read_until(None)
        os.close(self.master)
        return self.process.wait(PATIENCE)


def lines(text):
    """Return the lines that stay on a terminal: what is erased is gone."""
    shown = [line.split("\r\x1b[K")[-1].split("\x1b[K")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    return [line for line in shown if line and not line.startswith("note: ")]


# ---- elsewhere


def test_in_a_pipe_every_line_is_plain(project):
    """No colour, no line that is taken back; TERM does not matter there."""
    run = project.doit("nearest", env={"TERM": "xterm-256color"})
    assert run.code == 0
    assert "\x1b" not in run.out
    assert "\r" not in run.out


# ---- on a terminal


def test_on_a_terminal_outcomes_have_a_colour(project):
    """One colour for an outcome; the words are the same as in a pipe."""
    terminal = Terminal(project, "nearest")
    assert terminal.end() == 0
    built = [line for line in lines(terminal.text) if "built in" in line and "stages" not in line]
    assert len(built) == 4
    assert all(line.startswith("\x1b[32m.  ") and line.endswith("\x1b[0m") for line in built)
    again = Terminal(project, "nearest")
    assert again.end() == 0
    assert COLOUR.sub("", "\n".join(lines(again.text))).splitlines() == [
        "-- points:rows up to date",
        "-- points:scaled up to date",
        "-- nearest:model up to date",
        "-- nearest:accuracy up to date",
        "4 stages: 4 up to date",
    ]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colour_is_left_out_where_it_is_not_wanted(project, environment):
    """NO_COLOR is honoured, and a terminal that can do nothing is asked for nothing."""
    terminal = Terminal(project, "nearest", **environment)
    assert terminal.end() == 0
    assert not COLOUR.search(terminal.text)
    if "TERM" in environment:
        assert "\x1b" not in terminal.text


def test_an_empty_no_color_is_none(project):
    """The convention: a variable that is set to nothing is not set."""
    terminal = Terminal(project, "nearest", NO_COLOR="")
    assert terminal.end() == 0
    assert COLOUR.search(terminal.text)


def test_a_long_stage_shows_that_it_lives(project):
    """The last line says how far the run is, what runs and for how long; it is gone when the stage has ended."""
    project.order("model", "wait")
    terminal = Terminal(project, "nearest")
    pipe = os.open(project.path("orders/model.here"), os.O_RDONLY | os.O_NONBLOCK)
    select.select([pipe], [], [], PATIENCE)
    terminal.read_until(r"\.\. 2 of 4 done: nearest:model \d+\.\d s")
    project.go("model")
    os.close(pipe)
    assert terminal.end() == 0
    assert not [line for line in lines(terminal.text) if " done: " in line]
    assert ".. nearest:model started: never built" in lines(terminal.text)


def test_what_a_stage_prints_does_not_reach_the_terminal(project):
    """The terminal is the run's own, descriptors included."""
    project.edit("recipes/nearest.py", 'mark("model")', 'mark("model")\n    import os; os.system("echo leaked")')
    terminal = Terminal(project, "nearest")
    assert terminal.end() == 0
    assert "leaked" not in terminal.text


# ---- words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 s"), (0.04, "0.0 s"), (9.96, "10.0 s"), (99.9, "99.9 s"), (100, "1 min 40 s"), (3725, "1 h 2 min")],
)
def test_times_are_written_for_people(value, text):
    """Tenths of a second as long as they matter."""
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        ({Outcome.BUILT: 1}, "1 stage: 1 built in 2.0 s"),
        ({Outcome.UP_TO_DATE: 1}, "1 stage: 1 up to date"),
        ({Outcome.UP_TO_DATE: 4}, "4 stages: 4 up to date"),
        ({Outcome.RESTORED: 2, Outcome.UP_TO_DATE: 2}, "4 stages: 2 restored, 2 up to date in 2.0 s"),
        (
            {Outcome.UP_TO_DATE: 1, Outcome.RESTORED: 1, Outcome.BUILT: 1, Outcome.FAILED: 1},
            "4 stages: 1 failed, 1 built, 1 restored, 1 up to date in 2.0 s",
        ),
    ],
)
def test_the_summary_counts_outcomes(count, text):
    """The worst first; a time only where something was done."""
    assert summary(Counter(count), 2.0) == text


def test_lines_to_something_that_is_no_file_are_plain():
    """A text buffer is written to like a pipe."""
    stream = io.StringIO()
    written = Lines(stream)
    written.begin("x")
    written.write(written.mark(Outcome.BUILT, "x built") + "\n")
    written.end("x")
    written.close()
    assert stream.getvalue() == ".  x built\n"


def test_a_stream_that_cannot_write_a_character_replaces_it(project):
    """An arrow on a terminal of ASCII is a question mark, not the end of the run."""
    project.doit("nearest")
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    run = project.spawn("nearest", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}).wait()
    assert (run.code, run.ran) == (0, ["model", "accuracy"])
    assert " ? Training(shrink=0.2" in run.out


@pytest.mark.parametrize(("columns", "shown"), [(0, ".. 2 of 4 done: nearest:model N s"), (12, ".. 2 of 4 d")])
def test_the_line_that_lives_is_as_wide_as_the_terminal(project, columns, shown):
    """A line that would wrap could not be taken back; a terminal that does not know its width has eighty columns."""
    project.order("model", "wait")
    terminal = Terminal(project, "nearest", columns=columns)
    pipe = os.open(project.path("orders/model.here"), os.O_RDONLY | os.O_NONBLOCK)
    select.select([pipe], [], [], PATIENCE)
    terminal.read_until(r"never built\r\n(?:[^\n]*\r\x1b\[K){2}")
    project.go("model")
    os.close(pipe)
    assert terminal.end() == 0
    lived = terminal.text.split("nearest:model started: never built\r\n")[1].split("\r\x1b[K")[0]
    assert re.sub(r"\d+\.\d", "N", lived) == shown
