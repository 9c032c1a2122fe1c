"""The store is kept small and sound: what sweeps, counts, checks and forgets, as a user calls it."""

import json
import os

import pytest
from projects import Project

import kept.build
from kept import upkeep

STORE = "artifacts/.kept"
DAY = 24 * 3600


def stored(project: Project) -> dict[str, bytes]:
    """Return every blob and record."""
    places = [p for part in ("blobs", "actions") for p in (project.path(STORE) / part).rglob("*") if p.is_file()]
    return {str(place.relative_to(project.path(STORE))): place.read_bytes() for place in places}


def older(project: Project, days: float) -> None:
    """Let all that is stored have been used some days earlier."""
    for place in [*project.path(STORE).glob("blobs/*/*"), *project.path(STORE).glob("actions/*/*")]:
        seen = place.stat()
        os.utime(place, ns=(seen.st_atime_ns, seen.st_mtime_ns - int(days * DAY * 1e9)))


def settings(project: Project, **values: object) -> None:
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    project.write("pyproject.toml", "\n".join(["[tool.kept]", *lines, ""]))


@pytest.fixture
def grown(project: Project) -> Project:
    """Give a project that was built, changed and built again; all of it was used 40 days ago."""
    assert project.doit("nearest").code == 0
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    assert project.doit("nearest").ran == ["model", "accuracy"]
    older(project, 40)
    return project


def flip(project: Project, before: str, now: str) -> list[str]:
    """Set a parameter; say what had to run."""
    project.edit("dodo.py", f"shrink={before}", f"shrink={now}")
    return project.doit("nearest").ran


def flip_back(project: Project) -> list[str]:
    """Return to what was built first; say what had to run."""
    return flip(project, "0.2", "0.1")


# ---- the bound


def test_nothing_goes_while_there_is_room(grown):
    """However old it is."""
    before = stored(grown)
    assert json.loads(grown.kept("gc", "--json").out)["records"] == 0
    assert stored(grown) == before
    assert flip_back(grown) == []


def test_a_sweep_leaves_what_artifacts_shows(grown):
    """With no room at all the older variant goes, and what is shown stays, whole and up to date."""
    settings(grown, max_size="1 B", keep_days=0)
    shown = grown.shown()
    run = grown.kept("gc")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("removed 2 records and ")
    assert grown.kept("verify").code == 0
    grown.remove("artifacts/nearest")
    assert grown.doit("nearest").ran == []
    assert grown.shown() == shown
    assert flip_back(grown) == ["model", "accuracy"]


@pytest.mark.parametrize("end", ["fail", "kill"])
@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["", "n2"])
def test_a_sweep_leaves_what_artifacts_shows_of_a_stage_that_was_cut_off(grown, end, args):
    """Another version of it failed or was killed: what it showed before is there, and going back restores it."""
    settings(grown, max_size="1 B", keep_days=0)
    shown = grown.shown()
    grown.order("model", end)
    grown.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    assert grown.doit(*args, "nearest").code != 0
    older(grown, 40)
    assert grown.kept("gc").code == 0
    assert grown.shown() == shown
    grown.order("model", None)
    grown.remove("artifacts/nearest")
    assert flip(grown, "0.3", "0.2") == []
    assert grown.shown() == shown
    assert grown.kept("verify").code == 0


def test_a_sweep_leaves_what_another_run_shows_since(grown):
    """A run that has gone on for days sweeps by what artifacts/ shows at its end."""
    flip(grown, "0.2", "0.3")
    settings(grown, max_size="1 B", keep_days=0)
    long = kept.build.Project(grown.root)
    assert "nearest:model" in long.claims
    assert flip(grown, "0.3", "0.1") == []
    shown = grown.shown()
    older(grown, 40)
    assert upkeep.sweep(long).records == 2
    grown.remove("artifacts/nearest")
    assert grown.doit("nearest").ran == []
    assert grown.shown() == shown


def test_a_dry_run_says_what_a_sweep_does_and_does_nothing(grown):
    """The same numbers, in words and for machines."""
    settings(grown, max_size="1 B", keep_days=0)
    before = stored(grown)
    told = json.loads(grown.kept("gc", "--dry-run", "--json").out)
    words = grown.kept("gc", "--dry-run").out
    assert stored(grown) == before
    assert (told["records"], told["blobs"]) == (2, 1)
    assert words.startswith("would remove 2 records and 1 blob, ")
    done = json.loads(grown.kept("gc", "--json").out)
    assert (told.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert told == done
    assert done["records"] == 2
    assert len([name for name in before if name.startswith("actions/")]) - 2 == done["kept_records"]
    assert set(stored(grown)) < set(before)


def test_what_was_used_of_late_goes_last(grown):
    """Of two variants that nobody shows the older one goes, if that is enough: ``keep_days`` spares the other."""
    grown.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    grown.doit("nearest")
    assert flip(grown, "0.3", "0.1") == []  # used now
    older(grown, 20)
    flip(grown, "0.1", "0.3")
    older(grown, 5)
    total = json.loads(grown.kept("du", "--json").out)
    settings(grown, max_size=f"{total['total'] + total['records'] - 1} B", keep_days=30)
    assert json.loads(grown.kept("gc", "--json").out)["records"] == 1
    assert flip(grown, "0.3", "0.1") == []
    assert flip(grown, "0.1", "0.2") != []


@pytest.mark.parametrize("keep_days", [0, 10, 1000])
def test_the_bound_counts_more_than_the_days(grown, keep_days):
    """What was used within ``keep_days`` goes, too, where the rest is not enough; all that goes is counted."""
    settings(grown, max_size="1 B", keep_days=keep_days)
    swept = json.loads(grown.kept("gc", "--json").out)
    assert (swept["records"], swept["blobs"]) == (2, 1)


def test_nothing_younger_than_a_day_goes(project):
    """Another run may be about to need it: the store is larger than its bound rather."""
    project.doit("nearest")
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    settings(project, max_size="1 B", keep_days=0)
    project.doit("nearest")
    assert json.loads(project.kept("gc", "--json").out)["records"] == 0
    assert flip_back(project) == []


def test_a_run_sweeps_by_itself_when_enough_was_built(grown):
    """A tenth of the bound has come since the last sweep: nobody has to think of it."""
    settings(grown, max_size="100 B", keep_days=0)
    before = set(stored(grown))
    grown.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    assert grown.doit("nearest").ran == ["model", "accuracy"]
    assert before - set(stored(grown))
    assert grown.doit("nearest").ran == []
    grown.edit("dodo.py", "shrink=0.3", "shrink=0.1")
    assert grown.doit("nearest").ran == ["model", "accuracy"]


def test_a_run_that_builds_little_sweeps_nothing(grown):
    """Not on the first day, and not before a tenth of the bound has come."""
    settings(grown, max_size="10 MB", keep_days=0)
    before = set(stored(grown))
    grown.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    grown.doit("nearest")
    assert before <= set(stored(grown))


def test_a_sweep_that_is_refused_is_a_warning_of_the_run(grown):
    """A record that cannot be read may need anything: nothing is removed, and the run is as good as ever."""
    settings(grown, max_size="100 B", keep_days=0)
    newer = next(grown.path(STORE).glob("actions/*/*"))
    newer.chmod(0o644)
    key = newer.parent.name + newer.name
    newer.write_bytes(sealed(key))
    before = {name for name in stored(grown) if name.startswith("blobs/")}
    grown.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    run = grown.doit("nearest")
    assert run.code == 0
    assert run.outcomes["nearest:model"] == "built"
    assert before <= set(stored(grown))
    assert grown.kept("gc").code == 3


def sealed(key: str) -> bytes:
    """Write a sound record of a newer kept."""
    from kept.digest import canonical_json, digest_bytes

    body = {"format": 99, "key": key, "record": {"outputs": []}}
    return canonical_json({**body, "checksum": digest_bytes(canonical_json(body)).hex})


# ---- how much there is


def test_shared_bytes_are_counted_once(project):
    """In a pipeline and in all: two stages that made the same array need it once."""
    project.write(
        "work.py",
        "import numpy as np\n\n\ndef a() -> np.ndarray:\n    return np.arange(5000.0)\n\n\n"
        "def b() -> np.ndarray:\n    return np.arange(5000.0) * 1\n",
    )
    project.write(
        "dodo.py",
        "import work\nfrom kept import Pipeline, stage\n\n\nclass One(Pipeline):\n    x = stage(work.a)\n"
        "    y = stage(work.b)\n\n\nclass Two(Pipeline):\n    z = stage(work.b)\n",
    )
    assert project.doit().code == 0
    told = json.loads(project.kept("du", "--json").out)
    array = project.path("artifacts/one/x.npy").stat().st_size
    stages = told["stages"]
    assert set(stages) == {"one:x", "one:y", "two:z"} or set(stages) == {"one:x", "one:y"}
    assert all(array < size < array + 2000 for size in stages.values())
    assert array < told["pipelines"]["one"] < array + 4000
    assert array < told["total"] < array + 4000
    blobs = [place.stat().st_size for place in project.path(STORE).glob("blobs/*/*")]
    assert told["total"] == sum(blobs)
    lines = project.kept("du").out.splitlines()
    assert lines[-1].split("in all")[1].strip() == f", of 20.0 GB ({len(blobs)} blobs)".strip()
    assert [line.split()[-1] for line in lines[:3]] == ["one", "one:x", "one:y"]


# ---- whether it is sound


def damage(project: Project, kinds: int) -> None:
    """Make a store that is corrupt (1), open to others (2), unverifiable (4), or several of these."""
    root = project.path(STORE)
    if kinds & 1:
        blob = max(root.glob("blobs/*/*"), key=lambda place: place.stat().st_size)
        blob.chmod(0o644)
        blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    if kinds & 2:
        (root / "actions").chmod(0o777)
    if kinds & 4:
        (root / "blobs" / "ab").mkdir(exist_ok=True)
        (root / "blobs" / "ab" / "of-another-program").write_bytes(b"?")


@pytest.mark.parametrize("kinds", range(8))
def test_verify_says_by_its_exit_code_what_is_wrong(project, kinds):
    """One bit for each kind; nothing is changed by looking."""
    project.doit("nearest")
    damage(project, kinds)
    before = stored(project)
    run = project.kept("verify")
    assert (run.code, run.err) == (kinds, "")
    assert run.out.splitlines()[-1].endswith(("; 1 finding", " findings"))
    found = {finding["fault"] for finding in json.loads(project.kept("verify", "--json").out)["findings"]}
    assert found == {name for bit, name in ((1, "CORRUPT"), (2, "UNTRUSTED"), (4, "UNVERIFIABLE")) if kinds & bit}
    assert stored(project) == before


def test_verify_repairs_what_is_damaged_and_nothing_else(project):
    """Moved aside, it is a miss: the next run makes it again; what others can write stays the user's to mend."""
    project.doit("nearest")
    shown = project.shown()
    damage(project, 7)
    run = project.kept("verify", "--repair")
    assert run.code == 6
    assert "(moved aside)" in run.out
    assert project.kept("verify").code == 6
    assert os.listdir(project.path(STORE) / "quarantine") != []
    (project.path(STORE) / "actions").chmod(0o755)
    (project.path(STORE) / "blobs/ab/of-another-program").unlink()
    assert project.kept("verify").code == 0
    project.remove("artifacts/nearest")
    project.remove("artifacts/points")
    run = project.doit("nearest")
    assert run.code == 0
    assert run.ran
    assert project.shown() == shown
    assert project.kept("verify").code == 0


# ---- forgetting


def test_what_is_forgotten_is_restored(project):
    """Only what artifacts/ is taken to show is forgotten; a stage, or a pipeline with all its own."""
    project.doit("nearest")
    run = project.kept("forget", "nearest")
    assert run.out == "forgot nearest:accuracy\nforgot nearest:model\n"
    run = project.doit("nearest")
    assert run.ran == []
    assert run.outcomes["nearest:model"] == "restored"
    assert run.outcomes["points:rows"] == "up to date"


def test_what_is_forgotten_with_its_records_runs_again(project):
    """All variants of its past, and nothing else."""
    project.doit("nearest")
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    project.doit("nearest")
    run = project.kept("forget", "--records", "nearest:model")
    assert run.out == "forgot nearest:model and 2 records\n"
    assert project.doit("nearest").ran == ["model"]  # the same model: early cutoff
    project.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    assert project.doit("nearest").ran == ["model"]
    assert project.kept("forget", "--records", "points:rows").out == "forgot points:rows and 1 record\n"
    assert project.kept("verify").code == 0


def test_forgetting_what_is_not_there_is_told_with_what_is_near(project):
    """Nothing is forgotten then."""
    project.doit("nearest")
    run = project.kept("forget", "neerest")
    assert run.code == 3
    assert "nearest" in run.err
    assert project.doit("nearest").outcomes["nearest:model"] == "up to date"


def test_the_log_for_machines_says_what_when_and_why(project):
    """A line a stage: run, time, outcome, key, seconds and reasons."""
    project.doit("nearest")
    told = json.loads(project.kept("log", "--json").out)
    assert told["schema_version"] == 1
    assert {line["stage"] for line in told["lines"]} == {
        "points:rows",
        "points:scaled",
        "nearest:model",
        "nearest:accuracy",
    }
    for line in told["lines"]:
        assert line["outcome"] == "built"
        assert line["seconds"] >= 0
        assert project.path(f"{STORE}/actions/{line['key'][:2]}/{line['key'][2:]}").is_file()
        assert [reason[0] for reason in line["reasons"]][-1:] in (["never built"], ["waits"])
        assert line["when"].endswith("+00:00")
