"""`kept diff` compares two runs, or two variants: what they were made of, what that made."""

import json
from pathlib import Path

import pytest

SHRINK = ("shrink=0.1", "shrink=0.9")


@pytest.fixture
def built(project):
    """Give a project in which both variants are built."""
    assert project.doit().code == 0
    return project


def runs(built):
    return list(dict.fromkeys(line["run"] for line in json.loads(built.kept("log", "-n", "0", "--json").out)["lines"]))


def diff(built, *arguments):
    """Return what `kept diff --json` says, by stage."""
    run = built.kept("diff", *arguments, "--json")
    assert (run.ran, run.err) == ([], ""), run
    answer = json.loads(run.out)
    assert answer["schema_version"] == 1
    assert run.code == (0 if all(stage["same"] for stage in answer["stages"]) else 1)
    return {stage["name"]: stage for stage in answer["stages"]}


def causes(stage):
    return [(reason["cause"], reason["name"]) for reason in stage["reasons"]]


def test_two_runs_differ_in_a_parameter(built):
    """The parameter where it is, the input that came of it; the rest is the same."""
    built.edit("dodo.py", *SHRINK)
    built.doit("nearest")
    stages = diff(built, *runs(built))
    assert {name for name, stage in stages.items() if stage["same"]} == {
        "points:rows", "points:scaled", "majority:model", "majority:accuracy",
    }  # fmt: skip
    assert causes(stages["nearest:model"]) == [("parameter", "training")]
    assert causes(stages["nearest:accuracy"]) == [("input", "model")]
    text = built.kept("diff", *runs(built)).out
    assert "    parameter training: Training(shrink=0.1, distance='euclid') → Training(shrink=0.9" in text
    assert "the same: points:rows, points:scaled, majority:model, majority:accuracy\n" in text


def test_two_runs_differ_in_code_that_is_shown_as_a_diff(built):
    """The part that changed, by name and place, as a unified diff against what it was."""
    built.edit("recipes/nearest.py", "(1 - shrink) * power", "(1 - 2 * shrink) * power")
    built.doit("nearest")
    run = built.kept("diff", *runs(built))
    assert run.code == 1
    lines = run.out.splitlines()
    assert lines[0] == f"--- run {runs(built)[0]}"
    assert lines[1] == f"+++ run {runs(built)[1]}"
    at = next(
        i for i, line in enumerate(lines) if line.startswith("    code recipes.nearest.shrunk (recipes/nearest.py:")
    )
    assert [line.strip() for line in lines[at + 2 : at + 5]] == [
        "def shrunk(rows, shrink, floor, power=1.0):",
        "-    return rows.mean(axis=0) * (1 - shrink) * power + floor",
        "+    return rows.mean(axis=0) * (1 - 2 * shrink) * power + floor",
    ]


def test_two_runs_differ_in_data(built):
    """The file and its digests; stages that made the same of it say so."""
    text = built.read("data/points.csv")
    built.write("data/points.csv", text.replace("x,y,label", "x, y, label") if "x,y,label" in text else "# \n" + text)
    built.doit()
    stages = diff(built, *runs(built))
    (reason,) = stages["points:rows"]["reasons"]
    assert (reason["cause"], reason["name"], reason["where"]) == ("input", "path", "data/points.csv")
    assert stages["points:rows"]["same_result"]
    assert stages["points:scaled"]["same"]
    assert "    it made the same bytes" in built.kept("diff", *runs(built)).out


def test_two_variants_differ_in_a_function(built):
    """One function in the place of another is one reason; scalars and seconds stand at the end."""
    stages = diff(built, "nearest", "majority")
    assert {name for name, stage in stages.items() if stage["same"]} == {"rows", "scaled"}
    first = stages["model"]["reasons"][0]
    assert (first["cause"], first["old"], first["new"]) == ("code", "recipes.nearest.train", "recipes.majority.train")
    assert "-def train(train: np.ndarray, labels: np.ndarray, training: Training) -> Centroids:" in first["diff"]
    assert "+def train(train: np.ndarray, labels: np.ndarray) -> Constant:" in first["diff"]
    assert ("parameter", "training") in causes(stages["model"])
    assert stages["accuracy"]["a"]["scalars"] == {"accuracy": 0.9}
    assert stages["accuracy"]["b"]["scalars"] == {"accuracy": 0.4}
    lines = built.kept("diff", "nearest", "majority").out.splitlines()
    assert lines[:2] == ["--- nearest", "+++ majority"]
    assert "nearest:model → majority:model" in lines
    assert [line.split() for line in lines if line.startswith("accuracy  ")] == [
        ["accuracy", "0.9", "→", "0.4", "-0.5"]
    ]
    assert [line.split()[:2] for line in lines[-2:]] == [["model", "took"], ["accuracy", "took"]]


def test_a_change_that_several_stages_share_is_shown_once(built):
    """Then it is only named."""
    lines = built.kept("diff", "nearest", "majority").out.splitlines()
    shown = [line for line in lines if line.startswith("    code recipes.models.Constant")]
    assert len(shown) == 2
    assert [line.endswith(", as above") for line in shown] == [False, True]
    assert sum("+class Constant(Model):" in line for line in lines) <= 3


def test_only_some_stages(built):
    """Names of stages, as a variant knows them, as doit does, or of whole pipelines."""
    assert list(diff(built, "nearest", "majority", "accuracy")) == ["accuracy"]
    assert list(diff(built, "nearest", "majority", "nearest:model", "rows")) == ["rows", "model"]
    assert list(diff(built, "nearest", "majority", "points")) == ["rows", "scaled"]


def test_no_difference_is_said_by_the_exit_code(built):
    """As diff does it: 0 where there is none."""
    run = built.kept("diff", "nearest", "nearest")
    assert (run.code, run.out.splitlines()[2:]) == (0, ["", "the same: rows, scaled, model, accuracy"])


def test_what_one_side_has_not_is_said(project):
    """A stage that was not built, one that failed, a record that is gone."""
    project.doit("nearest")
    text = project.kept("diff", "nearest", "majority").out
    assert "nearest:model\n    not built in majority\n" in text
    project.edit("dodo.py", *SHRINK)
    project.order("model", "fail")
    project.doit("nearest")
    first, second = runs(project)
    assert f"nearest:model\n    failed in run {second}\n" in project.kept("diff", first, second).out
    assert diff(project, first, second)["nearest:model"]["b"]["failed"]
    key = diff(project, first, second)["nearest:model"]["a"]["key"]
    (place,) = Path(project.root, "artifacts/.kept/actions").rglob(f"*{key[2:]}*")
    place.unlink()
    assert f"    its record in run {first} is gone, or cannot be read\n" in project.kept("diff", first, second).out


def test_a_run_may_be_named_by_its_beginning(built):
    """As far as it is the only one."""
    built.edit("dodo.py", *SHRINK)
    built.doit("nearest")
    first, second = runs(built)
    assert built.kept("diff", first, second).out == built.kept("diff", first + "", second).out
    assert built.kept("diff", "2", second).code == 3


def test_what_must_be_named_is_told_without_what_may_be(built):
    """Two sides are needed, stages are not."""
    run = built.kept("diff")
    assert run.code == 3
    assert "required: A, B\n" in run.err
