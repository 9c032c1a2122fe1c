"""Variants that a loop of dodo.py declares are all there, whatever their names stand for afterwards."""

import pytest

WORK = """\
from recipes.marks import mark


def show(value: int) -> int:
    mark(f"out {value}")
    return value
"""
HEAD = "import work\n\nfrom kept import Pipeline, report, stage\n\n\n"
LOOP = """\
for value in (1, 2, 3):

    class V(Pipeline, name=f"v{value}"):
        out = stage(work.show, value)
"""
FACTORY = """\
def variant(value):
    class V(Pipeline, name=f"v{value}"):
        out = stage(work.show, value)

    return V


ALL = [variant(value) for value in (1, 2, 3)]
"""
REPORT = "\n\nclass Base(Pipeline):\n    out = stage(work.show, 2)\n\n\ntask_report = report(Base, V)\n"
BUILT = {"v1:out": "built", "v2:out": "built", "v3:out": "built"}


@pytest.mark.parametrize("dodo", [LOOP, FACTORY], ids=["a loop", "a function"])
def test_every_variant_is_there(project, dodo):
    """Each is listed, built in the order of its declaration, and found by the verbs."""
    project.write("work.py", WORK)
    project.write("dodo.py", HEAD + dodo)
    assert [line.split()[0] for line in project.doit("list").out.splitlines()] == ["v1", "v2", "v3"]
    assert list(project.doit().outcomes.items()) == list(BUILT.items())
    assert project.kept("plan", "v2").out.splitlines()[0] == "-- v2:out up to date"
    assert project.doit("v1", "v2", "v3").outcomes == dict.fromkeys(BUILT, "up to date")


def test_every_variant_is_there_beside_others(project):
    """Those that have a name, or stand in a report, are there once."""
    project.write("work.py", WORK)
    project.write("dodo.py", HEAD + LOOP + REPORT)
    assert project.doit("-n", "2").code == 0
    assert sorted(project.executed()) == ["out 1", "out 2", "out 3"]
    assert {line.split()[0] for line in project.doit("list").out.splitlines()} == {"base", "report", "v1", "v2", "v3"}
