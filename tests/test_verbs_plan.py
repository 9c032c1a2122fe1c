"""`kept plan` says what a run would do, and then the run does that."""

import json

import pytest

SHRINK = ("shrink=0.1", "shrink=0.2")


def plan(project, *tasks):
    """Return what `kept plan --json` says: stage → what would become of it."""
    run = project.kept("plan", *tasks, "--json")
    assert (run.ran, run.err) == ([], ""), run
    answer = json.loads(run.out)
    assert answer["schema_version"] == 1
    found = {s["stage"]: "perhaps" if s["perhaps"] else s["outcome"] for s in answer["stages"]}
    assert run.code == (0 if set(found.values()) <= {"up to date"} else 1)
    return found


@pytest.fixture
def built(project):
    """Give a project in which `nearest` is built."""
    assert project.doit("nearest").code == 0
    return project


def test_before_the_first_run_everything_would_be_built(project):
    """Never timed; nothing is executed, and nothing at all is written."""
    run = project.kept("plan", "nearest")
    assert run.code == 1
    assert run.out.splitlines() == [
        ".  points:rows would be built, never timed: never built",
        ".  points:scaled would be built, never timed: never built",
        ".  nearest:model would be built, never timed: never built",
        ".  nearest:accuracy would be built, never timed: never built",
        "4 stages: 4 to build",
    ]
    assert not project.path("artifacts").exists()


def test_after_a_run_nothing_would_be_done(built):
    """Exit code 0: what CI asks."""
    run = built.kept("plan", "nearest")
    assert (run.code, run.out.splitlines()[-1]) == (0, "4 stages: 4 up to date")


def test_an_edit_would_build_what_it_reaches(built):
    """The first reason, how long that took last time, and what depends on it only if its result changes."""
    built.edit("dodo.py", *SHRINK)
    assert plan(built, "nearest") == {
        "points:rows": "up to date",
        "points:scaled": "up to date",
        "nearest:model": "built",
        "nearest:accuracy": "perhaps",
    }
    *_, model, accuracy, total = built.kept("plan", "nearest").out.splitlines()
    assert model.startswith(".  nearest:model would be built, about ")
    assert ": parameter training: Training(shrink=0.1" in model
    assert accuracy.startswith(".  nearest:accuracy would be built if what comes first changes, about ")
    assert total.startswith("4 stages: 1 to build, 1 to build if what comes first changes, 2 up to date; about ")


def test_the_time_is_what_earlier_runs_took(built):
    """The newest in the journal; sums leave out what never ran."""
    journal = built.path("artifacts/.kept/runs.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        line["seconds"] = {"nearest:model": 3700.0, "nearest:accuracy": 20.0}.get(line["stage"], 1.0)
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    built.edit("dodo.py", *SHRINK)
    answer = json.loads(built.kept("plan", "nearest", "majority", "--json").out)
    assert {s["stage"]: s["seconds"] for s in answer["stages"]} == {
        "points:rows": 0.0,
        "points:scaled": 0.0,
        "nearest:model": 3700.0,
        "nearest:accuracy": 20.0,
        "majority:model": None,
        "majority:accuracy": None,
    }
    assert (answer["seconds"], answer["never_timed"]) == (3720.0, 2)
    assert built.kept("plan", "nearest", "majority").out.endswith("; about 1 h 2 min by earlier runs, 2 never timed\n")


def test_the_plan_is_what_the_run_does(built):
    """Edits of several kinds: what would be built executes, what would be restored does not, the rest is left."""
    built.doit()
    built.edit("dodo.py", *SHRINK)
    built.remove("artifacts/points/rows/X_test.npy")
    built.edit("recipes/majority.py", "labels).argmax()", "labels).argmax() + 0")
    planned = plan(built)
    run = built.doit()
    outcomes = {**run.outcomes}
    assert planned == {
        "points:rows": "restored",
        "points:scaled": "up to date",
        "nearest:model": "built",
        "nearest:accuracy": "perhaps",
        "majority:model": "built",
        "majority:accuracy": "perhaps",
    }
    assert {stage: outcomes[stage] for stage, what in planned.items() if what != "perhaps"} == {
        stage: what for stage, what in planned.items() if what != "perhaps"
    }
    assert outcomes["majority:accuracy"] == "up to date"  # the same model: early cutoff
    assert plan(built) == dict.fromkeys(planned, "up to date")


def test_nothing_is_executed_or_written(built):
    """Every file is as before, bytes and times, the memory and the store included."""
    built.edit("dodo.py", *SHRINK)
    built.remove("artifacts/points/rows/X_test.npy")

    def all_files():
        files = (p for p in built.root.rglob("*") if p.is_file() and not p.name.endswith(("-shm", "-wal")))
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files}  # those two are SQLite's own locks

    before = all_files()
    run = built.kept("plan")
    assert (run.code, run.ran) == (1, [])
    after = all_files()
    assert {p for p in {*before, *after} if before.get(p) != after.get(p)} == set()


def test_names_of_all_kinds(built):
    """Stages, variants, reports, inherited stages under their variant's name, files of artifacts."""
    both = {"points:rows", "points:scaled", "nearest:model", "nearest:accuracy", "majority:model", "majority:accuracy"}
    assert set(plan(built, "report")) == set(plan(built)) == both
    for name in ("nearest:rows", "points/rows", "artifacts/points/rows/X_test.npy", "nearest/rows/X_test"):
        assert list(plan(built, name)) == ["points:rows"], name
    assert list(plan(built, "nearest:model")) == ["points:rows", "points:scaled", "nearest:model"]


def test_it_works_from_a_subfolder(built):
    """The project is found as git finds its own."""
    assert built.kept("plan", "nearest", cwd="recipes").code == 0


def test_a_stage_that_cannot_be_judged_says_why(built):
    """A missing input file: the others are judged all the same."""
    built.remove("data/points.csv")
    run = built.kept("plan", "points")
    assert run.code == 1
    assert run.out.splitlines()[0].startswith(
        "!! points:rows cannot be judged: error input file 'data/points.csv' does"
    )


def test_a_damaged_record_is_a_warning(built):
    """The plan says that it is there, and what follows from it."""
    for place in built.path("artifacts/.kept/actions").rglob("*"):
        if place.is_file():
            place.chmod(0o644)
            place.write_bytes(b"{")
    built.edit("dodo.py", *SHRINK)
    run = built.kept("plan", "nearest")
    assert "warning: " in run.out
    assert run.code == 1
