"""What runs did is kept, and not for ever."""

import json
import os
import subprocess
import sys

import pytest
from store_pieces import environment

from kept.actions import Cause, Outcome, Reason
from kept.build import journal as room
from kept.build.journal import Journal

KEY = "0" * 64


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Give a journal that may take 20 kB."""
    monkeypatch.setattr(room, "LARGEST", 20_000)
    (tmp_path / "tmp").mkdir()
    return Journal(tmp_path / "runs.jsonl")


def past(journal: Journal, runs: int, stages: int = 10) -> list[str]:
    """Let some runs of processes that have ended have done something."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"20261101T{n:06}-{ended.pid}" for n in range(runs)]
    for name in names:
        journal.__dict__["run"] = name
        for number in range(stages):
            journal.append(f"p:s{number}", Outcome.BUILT, KEY, 1.0, (Reason(Cause.NEVER_BUILT),))
    del journal.__dict__["run"]
    return names


def test_old_runs_go_when_the_journal_is_too_large(journal):
    """The newer half stays, each run of it whole, in order; what is dropped is the oldest."""
    names = past(journal, 30)
    journal.trim()
    left = [line.run for line in journal.lines()]
    assert os.path.getsize(journal.path) <= 20_000
    assert os.path.getsize(journal.path) >= 10_000
    assert list(dict.fromkeys(left)) == names[-len(left) // 10 :]
    assert len(left) % 10 == 0
    assert os.listdir(journal.path.parent / "tmp") == []


def test_a_journal_of_moderate_size_is_left_alone(journal):
    """Nothing is read or written for it."""
    past(journal, 3)
    before = os.stat(journal.path)
    journal.trim()
    assert os.stat(journal.path) == before
    journal.path.unlink()
    journal.trim()
    assert not journal.path.exists()


def test_a_run_that_goes_on_loses_no_line(journal):
    """However long ago it began and however much others have done since."""
    journal.append("p:mine", Outcome.BUILT, KEY, 1.0, ())
    own = journal.run
    past(journal, 30)
    journal.trim()
    assert [line.stage for line in journal.lines() if line.run == own] == ["p:mine"]
    assert os.path.getsize(journal.path) <= 20_000


def test_what_is_torn_or_foreign_goes_with_its_neighbours(journal):
    """A line that nobody can read neither stops the rest nor stays for ever; what follows a torn one is whole."""
    journal.path.write_bytes(b'{"run": []}\n[1]\n\xff\xfe\n' + b'{"run":"2026')
    past(journal, 1)
    assert len(list(journal.lines())) == 10
    past(journal, 30)
    journal.trim()
    assert all(json.loads(line)["run"] for line in journal.path.read_bytes().splitlines())


def test_a_journal_that_cannot_be_locked_is_not_trimmed(journal, monkeypatch):
    """On a disk without locks a line that is being written could be lost."""
    past(journal, 30)
    before = journal.path.read_bytes()
    monkeypatch.setattr(room, "_locked", lambda fd, alone: False)
    journal.trim()
    assert journal.path.read_bytes() == before
    journal.append("p:s", Outcome.BUILT, KEY, 1.0, ())
    assert len(journal.path.read_bytes()) > len(before)


WRITER = """
import sys
from pathlib import Path
from kept.actions import Cause, Outcome, Reason
from kept.build import journal as room
room.LARGEST = 30_000
journal = room.Journal(Path(sys.argv[1]))
for number in range(400):
    journal.append(f"p:{number}", Outcome.BUILT, "0" * 64, 1.0, (Reason(Cause.NEVER_BUILT),))
    if number % 7 == 0:
        journal.trim()
print(journal.run)
sys.stdout.flush()
sys.stdin.read()
"""


def test_writers_and_trimmers_at_once_lose_nothing(journal):
    """Four runs write, and each trims all the time: every line of every run is there, in order."""
    past(journal, 60)
    command = [sys.executable, "-c", WRITER, str(journal.path)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
        for _ in range(4)
    ]
    runs = [writer.stdout.readline().strip() for writer in writers]
    lines = list(journal.lines())
    for run in runs:
        assert [line.stage for line in lines if line.run == run] == [f"p:{n}" for n in range(400)]
    for writer in writers:
        writer.communicate()
    journal.trim()
    assert {line.run for line in journal.lines()} <= set(runs)


def test_accepting_is_in_the_log(project):
    """As what it is: nothing ran, somebody said why; in lines and for machines."""
    assert project.doit("nearest").code == 0
    project.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    assert project.doit("accept", "points:scaled", "--reason", "as many as it has").code == 0
    shown = json.loads(project.kept("log", "--json").out)["lines"][-1]
    assert (shown["stage"], shown["outcome"], shown["seconds"]) == ("points:scaled", "restored", 0)
    cause, said = shown["reasons"][0][:2]
    assert cause == "accepted"
    assert said.endswith("(as many as it has)")
    assert [reason[0] for reason in shown["reasons"][1:]] == ["code"]
    assert "=> " in project.kept("log").out.splitlines()[-1]
    assert "points:scaled restored: accepted by " in project.kept("log").out
    assert "accepted by " in project.doit("why", "--last").out
