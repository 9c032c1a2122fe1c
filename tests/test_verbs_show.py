"""`kept show` says of an artifact what it is, where it lies, and all that it came of."""

import json
import os
import re
from pathlib import Path

import pytest

SHRINK = ("shrink=0.1", "shrink=0.2")


@pytest.fixture
def built(project):
    """Give a project in which `nearest` is built."""
    assert project.doit("nearest").code == 0
    return project


def shown(built, *arguments, **more):
    """Return what `kept show --json` says, one artifact."""
    run = built.kept("show", *arguments, "--json", **more)
    assert (run.code, run.ran, run.err) == (0, [], ""), run
    answer = json.loads(run.out)
    assert answer["schema_version"] == 1
    (artifact,) = answer["artifacts"]
    return artifact


def facts(run):
    """Read the lines of `kept show` as name → texts."""
    found, name = {}, ""
    lines = [line for line in run.out.splitlines() if line.startswith("  ")]
    width = re.match("  value +", lines[0]).end()
    for line in lines:
        name = line[:width].strip() or name
        found.setdefault(name, []).append(line[width:])
    return found


def test_show_says_everything_of_an_artifact(built):
    """Value, file, size, digest, code, parameters, inputs, versions, commit, host, seconds, and what makes it again."""
    run = built.kept("show", "nearest/model")
    assert (run.code, run.ran, run.err) == (0, [], "")
    told = facts(run)
    assert run.out.splitlines()[0] == "nearest/model"
    assert told["value"][0] == "Centroids"
    assert told["file"] == ["artifacts/nearest/model.pkl (as recorded)"]
    assert told["size"] == [f"{os.path.getsize(built.path('artifacts/nearest/model.pkl'))} bytes"]
    assert told["digest"] == [f"sha256 {built.shown()['nearest/model.pkl']}"]
    assert told["made by"][0].startswith("recipes.nearest.train (recipes/nearest.py:")
    assert any(line.startswith("recipes.models.Centroids  recipes/models.py:") for line in told["code"])
    assert told["params"] == ["training = Training(shrink=0.1, distance='euclid')"]
    assert [line.split(maxsplit=3)[:3] for line in told["inputs"]] == [
        ["labels", "=", "points/rows/y_train"],
        ["train", "=", "points/scaled/train"],
    ]
    assert "numpy" in told["versions"][0]
    assert told["versions"][0].startswith("cpython 3.")
    assert told["seed"] == ["0"]
    assert f" on {os.uname().nodename}" in told["built"][0]
    assert told["commit"] == ["none"]
    assert told["reason"] == ["never built"]
    assert told["now"] == ["up to date"]
    assert told["again"] == ["doit nearest:model"]


def test_show_for_machines_says_the_same(built):
    """The same facts under their names, whole digests and keys."""
    artifact = shown(built, "nearest/accuracy")
    assert artifact["value"] == [["kind", "float"], ["value", "0.9"]]
    assert (artifact["file"], artifact["state"]) == ("artifacts/nearest/accuracy.json", "as recorded")
    assert artifact["digest"] == built.shown()["nearest/accuracy.json"]
    record = artifact["record"]
    assert (record["function"], record["params"]) == ("recipes.nearest.evaluate", {"digits": "6"})
    assert record["inputs"]["model"]["digest"] == built.shown()["nearest/model.pkl"]
    assert (record["commit"], record["dirty"], record["accepted"]) == (None, False, None)
    assert artifact["again"] == "doit nearest:accuracy"


def test_the_command_that_it_names_makes_it_again(built):
    """Removed, and brought back by what `again` says: the same bytes."""
    before = built.shown()
    for name in ("nearest/model", "points/rows/X_test"):
        artifact = shown(built, name)
        built.remove(artifact["file"])
        assert shown(built, name)["state"] == "missing"
        program, *arguments = artifact["again"].split()
        assert program == "doit"
        assert built.doit(*arguments).code == 0
        assert built.shown() == before


def test_an_array_shows_shape_type_and_range(built):
    """A stage with several artifacts shows each, then what they all came of, once."""
    run = built.kept("show", "points/rows")
    lines = run.out.splitlines()
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles == [f"points/rows/{n}" for n in ("X_train", "y_train", "X_test", "y_test")] + ["points:rows"]
    assert lines[1].split(maxsplit=1)[1] == "ndarray (30, 2) float64"
    assert ["min", "-2.83"] in [line.split() for line in lines]
    assert sum("made by" in line for line in lines) == 1


def test_a_method_of_a_built_in_value_is_shown_with_its_value(project):
    """Whether it is the function or a parameter, it says what it is, and not where in memory that was."""
    project.write("words.py", "def apply(f, x): return [f(one) for one in x]\n")
    stages = '    one = stage(", ".join, ["a"])\n    two = stage(words.apply, {1: 2}.get, [1])\n'
    head = "import words\nfrom kept import Pipeline, stage\n\n"
    project.write("dodo.py", f"{head}class Words(Pipeline):\n{stages}")
    assert project.doit("words").code == 0
    told = facts(project.kept("show", "words/one"))
    assert told["made by"][0].startswith("str.join, fingerprint")
    assert facts(project.kept("show", "words/two"))["params"] == ["f = {1: 2}.get", "x = [1]"]


@pytest.mark.parametrize("name", ["nearest:model", "artifacts/nearest/model.pkl", "./artifacts/nearest/model.pkl"])
def test_an_artifact_has_several_names(built, name):
    """As doit's task, and as the file that the shell completes."""
    assert shown(built, name)["artifact"] == "nearest/model"


def test_an_inherited_artifact_is_found_by_its_variants_name(built):
    """dodo.py knows who inherits what."""
    assert shown(built, "nearest/rows/X_test")["artifact"] == "points/rows/X_test"


def test_several_artifacts_at_once(built):
    """In the order in which they were named."""
    answer = json.loads(built.kept("show", "nearest/accuracy", "points/rows/y_test", "--json").out)
    assert [a["artifact"] for a in answer["artifacts"]] == ["nearest/accuracy", "points/rows/y_test"]


def test_a_file_that_was_changed_by_hand_is_told_apart(built):
    """What is shown of the value is what was recorded, not what somebody wrote over it."""
    built.write("artifacts/nearest/accuracy.json", "0.1")
    artifact = shown(built, "nearest/accuracy")
    assert (artifact["state"], artifact["value"][1]) == ("changed since it was built", ["value", "0.9"])
    assert artifact["now"].startswith("would be restored: artifact damaged")


def test_a_stale_artifact_says_so(built):
    """Another parameter, not built yet: the artifact is not what a run would make, and the way back is told."""
    built.edit("dodo.py", *SHRINK)
    artifact = shown(built, "nearest/model")
    assert artifact["now"].startswith("would be built: parameter training: ")
    assert artifact["again"] == "put back what `doit why nearest:model` shows, then: doit nearest:model"


def test_an_artifact_of_a_commit_is_made_again_from_there(project):
    """The commit stands in the record, clean or edited, and in the command."""
    project.write(".gitignore", "artifacts/\nexecuted.log\n")
    project.git("init", "-q")
    project.git("add", "-A")
    project.git("commit", "-qm", "one")
    commit = project.git("rev-parse", "HEAD").strip()
    project.doit("nearest")
    assert shown(project, "nearest/model")["record"]["commit"] == commit
    assert facts(project.kept("show", "nearest/model"))["commit"] == [f"{commit}, clean"]
    before = project.shown()
    project.edit("dodo.py", *SHRINK)
    again = shown(project, "nearest/model")["again"]
    assert again == f"git checkout {commit[:12]} && doit nearest:model"
    project.doit("nearest")
    assert facts(project.kept("show", "nearest/model"))["commit"] == [f"{commit}, dirty"]
    project.git("checkout", "-q", "-f", commit[:12])
    project.doit("nearest:model")
    assert project.shown()["nearest/model.pkl"] == before["nearest/model.pkl"]


def test_asking_git_for_the_commit_writes_nothing_of_its(project):
    """A touched file makes `git status` write its index anew, under a lock that a commit beside would run into."""
    project.write(".gitignore", "artifacts/\nexecuted.log\n")
    project.git("init", "-q")
    project.git("add", "-A")
    project.git("commit", "-qm", "one")
    os.utime(project.root / "dodo.py", (1, 1))
    index = (project.root / ".git" / "index").read_bytes()
    project.doit("nearest")
    assert facts(project.kept("show", "nearest/model"))["commit"][0].endswith(", clean")
    assert (project.root / ".git" / "index").read_bytes() == index


def test_an_earlier_run_is_shown_as_it_left_things(built):
    """`--run` with an id from `kept log`."""
    first = built.shown()["nearest/model.pkl"]
    built.edit("dodo.py", *SHRINK)
    built.doit("nearest")
    run = json.loads(built.kept("log", "--json").out)["lines"][0]["run"]
    artifact = shown(built, "nearest/model", "--run", run)
    assert (artifact["run"], artifact["digest"], artifact["state"]) == (run, first, "another one is shown")
    assert artifact["record"]["params"] == {"training": "Training(shrink=0.1, distance='euclid')"}
    assert shown(built, "points/rows/X_test", "--run", run)["state"] == "as recorded"


def test_an_accepted_artifact_says_who_accepted_it(built):
    """Who, when, why."""
    built.edit("recipes/nearest.py", "* power + floor", "* power + floor + 0")
    assert built.doit("accept", "nearest:model", "--reason", "adds nothing").code == 0
    told = facts(built.kept("show", "nearest/model"))
    assert told["accepted"][0].endswith(": adds nothing")
    assert shown(built, "nearest/model")["record"]["accepted"]["reason"] == "adds nothing"


def test_a_record_that_cannot_be_read_is_a_line_that_says_so(built):
    """The artifact is there and can be shown; what made it is not known any more."""
    for place in Path(built.root, "artifacts/.kept/actions").rglob("*"):
        if place.is_file():
            place.chmod(0o644)
            place.write_bytes(b"{")
    run = built.kept("show", "nearest/accuracy")
    assert run.code == 0
    told = facts(run)
    assert told["value"] == ["float", "value  0.9"]
    assert told["record"] == ["gone, or it cannot be read: what made this is not known"]
    assert told["again"] == ["doit nearest:accuracy"]
    assert "warning: " in run.out


def test_a_value_that_cannot_be_loaded_is_a_line_that_says_so(built):
    """A class that is gone from the project: all the rest is shown."""
    built.remove("recipes/models.py")
    artifact = shown(built, "nearest/model")
    assert artifact["value"][0] == ["kind", "Centroids"]
    assert artifact["value"][1][0] == "problem"
    assert artifact["record"]["function"] == "recipes.nearest.train"
    assert artifact["now"] == "dodo.py does not say"


def test_where_others_can_write_a_pickle_is_not_loaded_to_be_shown(built):
    """Looking must be harmless."""
    built.path("artifacts/.kept").chmod(0o777)
    artifact = shown(built, "nearest/model")
    assert artifact["value"][0] == ["kind", "Centroids"]
    assert "not trusted" in artifact["value"][1][1]


def test_show_writes_nothing_beside_the_project_or_into_artifacts(built):
    """No bytecode, no change of what is built."""
    before = {p: p.read_bytes() for p in built.root.rglob("*") if p.is_file() and p.suffix in (".py", ".pyc", ".npy")}
    built.kept("show", "nearest/model", "points/rows")
    after = {p: p.read_bytes() for p in built.root.rglob("*") if p.is_file() and p.suffix in (".py", ".pyc", ".npy")}
    assert after == before
