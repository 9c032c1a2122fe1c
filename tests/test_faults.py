"""Whole runs where something is damaged, or has an odd name."""

from __future__ import annotations

import hashlib
import os

import pytest
from projects import Project

TRAIN, MODEL = "artifacts/points/scaled/train.npy", "artifacts/nearest/model.pkl"
DAMAGE = {
    "flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "zeroed": lambda data: bytes(len(data)),
    "truncated": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "grown": lambda data: data + b"\0",
}


def blob_of(project: Project, file: str):
    name = hashlib.sha256(project.path(file).read_bytes()).hexdigest()
    return project.path(f"artifacts/.kept/blobs/{name[:2]}/{name[2:]}")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["here", "in workers"])
def test_a_damaged_blob_is_set_aside_and_made_again(project, damage, processes):
    """What artifacts/ has lost is not restored from it; one warning names the stage, and the damaged bytes are kept."""
    assert project.doit("nearest").code == 0
    before, blob = project.shown(), blob_of(project, TRAIN)
    bad = DAMAGE[damage](blob.read_bytes())
    blob.chmod(0o644)
    blob.write_bytes(bad)
    project.remove(TRAIN)
    run = project.doit(*processes, "nearest")
    assert (run.code, run.ran) == (0, ["scaled"]), run
    assert run.outcomes["points:scaled"] == "built"
    assert project.shown() == before
    (line,) = [line for line in run.out.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: points:scaled: store: blob")
    (aside,) = project.path("artifacts/.kept/quarantine").iterdir()
    assert aside.read_bytes() == bad
    assert project.doit("nearest").ran == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_artifact_is_restored(project, damage):
    """Nothing executes, nothing downstream runs, and the stage is named with the file."""
    assert project.doit("nearest").code == 0
    before = project.shown()
    data = project.path(MODEL).read_bytes()
    project.path(MODEL).write_bytes(DAMAGE[damage](data))
    assert f"artifact damaged {MODEL}" in project.doit("why", "nearest:model").out
    run = project.doit("nearest")
    assert (run.code, run.ran) == (0, []), run
    assert run.outcomes["nearest:model"] == "restored"
    assert project.shown() == before


NAMES = [
    b"a b.csv", "Ünï.csv".encode(), "U\u0308ni\u0308.csv".encode(), "点.csv".encode(), b"\xff\xfe.csv",
    b"new\nline.csv", b"-n.csv", b"'quo\"ted'.csv", b"$HOME;.csv", b"%s{}.csv", b"*?[a].csv", b"x" * 200,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_odd_names_of_inputs(project, name):
    """Any name that the file system takes is one: it is read, remembered, and its changes are seen."""
    file = os.fsdecode(name)
    try:
        os.rename(project.path("data/points.csv"), os.path.join(os.fsencode(project.path("data")), name))
    except OSError:
        pytest.skip("the file system does not take it")
    project.edit("dodo.py", 'Path("data/points.csv")', f"Path({'data/' + file!a})")
    assert project.doit("nearest").code == 0
    again = project.doit("nearest")
    assert (again.code, again.ran) == (0, []), again
    place = project.path("data") / file
    place.write_bytes(place.read_bytes().replace(b"\n-1.96", b"\n-1.97"))
    run = project.doit("nearest")
    assert (run.code, run.ran) == (0, ["rows", "scaled", "model", "accuracy"]), run
    for arguments in (("why",), ("list", "--all", "-s"), ("info", "points:rows")):
        asked = project.doit(*arguments)
        assert "Traceback" not in asked.out + asked.err, asked


@pytest.mark.parametrize("name", [b"a b", "Ünï 点".encode(), b"\xff", b"'\"$;"], ids=ascii)
def test_odd_names_of_the_project(project, name):
    """A project lies where its user has put it."""
    place = project.root.with_name(os.fsdecode(name))
    try:
        project.root.rename(place)
    except OSError:
        pytest.skip("the file system does not take it")
    project.root = place
    assert project.doit("nearest").code == 0
    again = project.doit("nearest")
    assert (again.code, again.ran) == (0, []), again
    project.remove("artifacts/nearest")
    back = project.doit("-n", "2", "nearest")
    assert (back.code, back.ran) == (0, []), back
