"""`doit why` says what a run would do and every reason; `doit accept` lets what was built stand."""

import json
import os
import stat

import pytest

ALL = ["rows", "scaled", "model", "accuracy"]


def everything(top):
    """Return name, kind, mode, times and content of all below a folder; reading may move access times only."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in [*folders, *names]:
            place = os.path.join(folder, name)
            seen = os.lstat(place)
            content = b""
            if stat.S_ISREG(seen.st_mode):
                with open(place, "rb") as file:
                    content = file.read()
            found[os.path.relpath(place, top)] = (seen.st_mode, seen.st_mtime_ns, seen.st_ino, seen.st_size, content)
    return found


@pytest.fixture
def built(project):
    """Give a project whose variants are built."""
    assert project.doit("nearest", "majority").code == 0
    return project


def paragraphs(run):
    """Return what is said of each stage: its verdict and the lines below."""
    found = {}
    for line in run.out.splitlines():
        if not line.startswith(" "):
            task, verdict = line.split("  ", 1)
            found[task] = [verdict]
        else:
            found[task].append(line.strip())
    return found


def verdicts(run):
    return {task: lines[0] for task, lines in paragraphs(run).items()}


# ---- what is said


def test_before_anything_was_built_everything_would_be(project):
    """Each stage was never built, or waits for one that was not; the exit code says that there is something to do."""
    run = project.doit("why", "nearest")
    assert (run.code, run.ran, run.err) == (1, [], "")
    assert set(verdicts(run).values()) == {"would be built"}
    assert "never built" in paragraphs(run)["points:rows"]
    assert {"points:scaled comes first", "points:rows comes first"} <= set(paragraphs(run)["nearest:model"])


def test_when_nothing_would_run_it_says_where_everything_comes_from(built):
    """The exit code is 0, and each stage names the record that it was made by."""
    run = built.doit("why")
    assert (run.code, run.ran, run.err) == (0, [], "")
    assert set(verdicts(run).values()) == {"up to date"}
    assert paragraphs(run)["nearest:model"][1].startswith("from nearest:model, built 20")


def test_the_commit_is_told_where_there_is_one(built):
    """The user's own history says what the code was; a plus means that it was edited since."""
    built.git("init", "-q")
    built.git("add", "recipes", "dodo.py", "data")
    built.git("commit", "-qm", "one")
    commit = built.git("rev-parse", "HEAD")[:8]
    built.doit("-a", "nearest")
    assert f"commit {commit}" in paragraphs(built.doit("why", "nearest"))["nearest:model"][1]
    built.edit("recipes/settings.py", "shrink: float = 0.1", "shrink: float = 0.3")
    built.doit("nearest")
    assert f"commit {commit}+" in paragraphs(built.doit("why", "nearest"))["nearest:model"][1]


def test_a_change_of_code_is_shown_as_a_difference(built):
    """The part that changed, where it stands, and its lines as recorded and as they are now."""
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    run = built.doit("why", "nearest")
    told = paragraphs(run)
    assert run.code == 1
    assert told["points:rows"][0] == "up to date"
    assert told["points:scaled"][0] == "would be built"
    (reason,) = [line for line in told["points:scaled"] if line.startswith("code ")]
    assert "LARGEST" in reason
    assert "(recipes/limits.py:3)" in reason
    assert {"-LARGEST = 6.0", "+LARGEST = 5.0"} <= set(told["points:scaled"])
    assert told["nearest:model"] == ["would be built if what comes first changes", "points:scaled comes first"]


def test_a_library_that_only_an_input_brings_is_no_reason_while_that_input_waits(project):
    """What reads a value without naming its library may stay as it is, so it would be built only if that changes."""
    project.write("recipes/told.py", "def told(model) -> str:\n    return type(model).__name__\n")
    project.edit("dodo.py", "from recipes import majority", "from recipes import told, majority")
    accuracy = "    accuracy = stage(nearest.evaluate, model, Points.scaled.test, Points.rows.y_test)\n"
    project.edit("dodo.py", accuracy, f"{accuracy}    word = stage(told.told, model)\n")
    assert project.doit("nearest:word").code == 0
    project.edit("dodo.py", "Training(shrink=0.1)", "Training(shrink=0.2)")
    told = paragraphs(project.doit("why", "nearest:word"))
    assert told["nearest:model"][0] == "would be built"
    assert told["nearest:word"] == ["would be built if what comes first changes", "nearest:model comes first"]


def test_a_change_of_a_parameter_is_shown_with_both_values(built):
    """From what to what, by the name of the parameter."""
    built.edit("dodo.py", "Training(shrink=0.1)", "Training(shrink=0.25)")
    told = paragraphs(built.doit("why", "nearest:model"))
    (reason,) = [line for line in told["nearest:model"] if line.startswith("parameter ")]
    assert reason == (
        "parameter training: Training(shrink=0.1, distance='euclid') → Training(shrink=0.25, distance='euclid')"
    )


def test_a_change_of_an_input_file_is_shown_by_name(built):
    """The file, and its digests and sizes before and after."""
    built.edit("data/points.csv", "-1.96,-0.91,0", "-1.97,-0.91,0")
    told = paragraphs(built.doit("why", "points"))
    (reason,) = [line for line in told["points:rows"] if line.startswith("input ")]
    assert "data/points.csv" in reason
    assert "bytes) → " in reason


def test_a_missing_and_a_damaged_artifact_are_told_apart(built):
    """What is not there and what is not as recorded; both would be restored."""
    built.remove("artifacts/nearest/accuracy.json")
    built.write("artifacts/points/scaled/test.npy", "damaged")
    run = built.doit("why", "nearest")
    told = paragraphs(run)
    assert run.code == 1
    assert told["nearest:accuracy"][:2] == ["would be restored", "artifact missing artifacts/nearest/accuracy.json"]
    assert told["points:scaled"][0] == "would be restored"
    assert told["points:scaled"][1].startswith("artifact damaged artifacts/points/scaled/test.npy: ")


def test_what_comes_back_would_be_restored(built):
    """A change that is taken back has a record: nothing would execute, and the record is named."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    built.doit("nearest")
    built.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    told = paragraphs(built.doit("why", "nearest:model"))["nearest:model"]
    assert told[0] == "would be restored"
    assert any(line.startswith("from nearest:model, built ") for line in told)


def test_a_stage_that_cannot_be_judged_says_why(built):
    """A missing input file is told with its stage; what needs it cannot be judged either."""
    built.remove("data/points.csv")
    run = built.doit("why", "nearest")
    assert run.code == 1
    assert verdicts(run)["points:rows"] == "cannot be judged"
    told = paragraphs(run)["points:rows"]
    assert told[1:3] == ["error input file 'data/points.csv' does not exist", "stage:     points:rows"]
    assert told[-1].startswith("hint: ")
    assert "data/points.csv" in run.out
    assert "Traceback" not in run.err


def test_what_follows_a_variant_is_that_of_its_own(built):
    """Asked for a pipeline it tells its stages and what they need, asked for one stage the same for that."""
    assert list(verdicts(built.doit("why", "nearest"))) == [
        "points:rows", "points:scaled", "nearest:model", "nearest:accuracy",
    ]  # fmt: skip
    assert list(verdicts(built.doit("why", "points:scaled"))) == ["points:rows", "points:scaled"]
    assert list(verdicts(built.doit("why", "artifacts/points/rows/y_test.npy"))) == ["points:rows"]
    assert len(verdicts(built.doit("why"))) == 6


def test_an_unknown_task_is_told_with_its_neighbours(built):
    """A misspelt name gets a hint, exit code 3 and no traceback."""
    run = built.doit("why", "neerest")
    assert (run.code, run.out) == (3, "")
    assert "there is no task 'neerest'" in run.err
    assert "did you mean nearest" in run.err
    assert "Traceback" not in run.err


def test_a_plain_task_is_explained_as_doit_does(built):
    """A task of doit's own is judged by doit."""
    task = "\n\ndef task_copy():\n    return {'actions': ['true'], 'file_dep': ['artifacts/nearest/accuracy.json']}\n"
    built.write("dodo.py", built.read("dodo.py") + task)
    run = built.doit("why", "copy")
    assert (run.code, run.ran) == (1, [])
    assert "artifacts/nearest/accuracy.json" in run.out
    built.doit("copy")
    assert built.doit("why", "copy").code == 0


def test_what_kept_cannot_see_is_told_on_request(built):
    """`--blind` lists what decides a stage without being in its key."""
    built.edit(
        "recipes/majority.py", 'mark("other model")', 'mark("other model")\n    import os\n    os.environ["HOME"]'
    )
    told = paragraphs(built.doit("why", "--blind", "majority:model"))["majority:model"]
    assert any("environment variable" in line and "recipes/majority.py" in line for line in told), told


def test_what_importing_reads_has_no_note_and_no_line(project):
    """A file and a variable that a module reads at its top are noticed: they are reasons, by a name without a line."""
    project.write("rate.txt", "1\n")
    top = 'import os\nRATE = open("rate.txt").read() + os.environ.get("MODE", "x")\n\n\ndef train('
    project.edit("recipes/majority.py", "def train(", top)
    project.edit("recipes/majority.py", 'mark("other model")', 'mark("other model" + RATE[:0])')
    run = project.doit("majority")
    assert "(recipes/majority.py:" not in run.out
    project.write("rate.txt", "2\n")
    told = paragraphs(project.doit("why", "--blind", "majority:model", env={"MODE": "y"}))["majority:model"]
    assert "code file rate.txt (rate.txt)" in told
    assert any(line.startswith("code environment MODE") for line in told), told
    assert not any("(recipes/majority.py:" in line for line in told if "not seen" in line)


def test_a_declared_variable_quietens_its_own_line_only(project):
    """Not that of a variable whose name, default or text happens to hold the declared one."""
    project.edit(
        "recipes/majority.py",
        'mark("other model")',
        'mark("other model")\n    import os\n    os.environ["RATE"]\n    os.environ["RATE_LIMIT"]\n'
        '    os.environ.get("OTHER", "RATE")\n    os.environ[ASKED]',
    )
    project.write("recipes/majority.py", project.read("recipes/majority.py") + '\n\nASKED = "RATE"\n')
    project.edit("dodo.py", "majority.train)", 'majority.train, env=["RATE"])')
    told = paragraphs(project.doit("why", "--blind", "majority:model", env={"RATE": "1"}))["majority:model"]
    seen = [line.partition("which is not seen: ")[2] for line in told if "which is not seen" in line]
    assert [text.partition(" (")[0] for text in seen if "environ" in text] == [
        "os.environ['RATE_LIMIT']",
        "os.environ.get('OTHER', 'RATE')",
    ]


@pytest.mark.parametrize(
    ("settings", "option", "told"),
    [
        ("", "", ["default_rng()", "random.random()"]),
        ("", ", seed=False", ["default_rng()", "np.random.rand()", "random.random()", "random.randrange(3)"]),
        ("seed = false", "", ["default_rng()", "np.random.rand()", "random.random()", "random.randrange(3)"]),
    ],
    ids=["seeded", "not this stage", "nowhere"],
)
def test_what_is_seeded_needs_no_mention(project, settings, option, told):
    """A stage draws from seeded generators; what is drawn at import, or from generators of its own, is not seeded."""
    project.write("pyproject.toml", f"[tool.kept]\n{settings}\n")
    drawn = 'mark("other model")\n    random.randrange(3), np.random.rand(), default_rng(), DRAWN'
    project.edit("recipes/majority.py", 'mark("other model")', drawn)
    head = "import random\n\nimport numpy as np\nfrom numpy.random import default_rng\n\nDRAWN = random.random()\n"
    text = project.read("recipes/majority.py")
    before, future, after = text.partition("from __future__ import annotations\n")
    project.write("recipes/majority.py", before + future + head + after)
    project.edit("dodo.py", "majority.train)", f"majority.train{option})")
    lines = paragraphs(project.doit("why", "--blind", "majority:model"))["majority:model"]
    seen = [line.partition("which is not seen: ")[2].partition(" (recipes/majority")[0] for line in lines]
    assert sorted(text for text in seen if "rand" in text or "rng" in text) == told


# ---- for machines


def test_everything_that_is_said_is_said_to_machines_too(built):
    """One object with a version, a stage each, its outcome and its reasons; nothing else on stdout."""
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    for arguments in (["why", "--json", "nearest"], ["why", "nearest", "--json"]):
        run = built.doit(*arguments)
        told = json.loads(run.out)
        assert (run.code, run.err) == (1, "")
        assert told["schema_version"] == 1
        by_name = {stage["stage"]: stage for stage in told["stages"]}
        assert list(by_name) == ["points:rows", "points:scaled", "nearest:model", "nearest:accuracy"]
        assert by_name["points:rows"]["outcome"] == "up to date"
        assert by_name["points:scaled"]["outcome"] == "built"
        (reason,) = by_name["points:scaled"]["reasons"]
        assert (reason["cause"], reason["where"]) == ("code", "recipes/limits.py:3")
        assert "+LARGEST = 5.0" in reason["diff"].splitlines()
        assert by_name["nearest:model"]["perhaps"] is True
        assert [r["cause"] for r in by_name["nearest:model"]["reasons"]] == ["waits"]


def test_a_plain_task_does_not_spoil_the_json(built):
    """Nothing but JSON goes to stdout, whatever was asked for."""
    built.write("dodo.py", built.read("dodo.py") + "\n\ndef task_plain():\n    return {'actions': ['true']}\n")
    run = built.doit("why", "--json", "nearest", "plain")
    assert json.loads(run.out)["schema_version"] == 1


# ---- nothing is written


@pytest.mark.parametrize("arguments", [["why"], ["why", "--json"], ["why", "--last"], ["why", "--blind"]])
def test_asking_before_the_first_run_writes_nothing(project, arguments):
    """No file, no folder and no time changes: not even a folder for artifacts is made."""
    before = everything(project.root)
    assert project.doit(*arguments).ran == []
    assert everything(project.root) == before


@pytest.mark.parametrize("changed", [False, True])
def test_asking_after_a_run_writes_nothing(project, changed):
    """Neither bytes nor times change, of sources, artifacts, memory and store alike."""
    assert project.spawn("nearest").wait().code == 0
    if changed:
        project.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
        project.remove("artifacts/nearest/accuracy.json")
    before = everything(project.root)
    for arguments in (["why"], ["why", "--json"], ["why", "--last"], ["why", "--blind"], ["why", "nearest:model"]):
        assert project.doit(*arguments).ran == []
        assert everything(project.root) == before


def test_asking_about_a_declared_variable_writes_no_secret(project):
    """The key that hides the values of variables is made by runs only."""
    project.edit("dodo.py", 'Path("data/points.csv"))', 'Path("data/points.csv"), env=["HOME"])')
    before = everything(project.root)
    assert project.doit("why").code == 1
    assert everything(project.root) == before


@pytest.mark.parametrize("again", [("-a",), ()], ids=["the same", "an edit that is taken back"])
def test_what_failed_since_is_not_called_forgotten(built, again):
    """What the stage had made before is put back: nobody forgot it, it raised when it was last run."""
    if not again:
        built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    built.order("model", "fail")
    assert built.doit(*again, "nearest:model").code == 1
    built.order("model", None)
    if not again:
        built.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    told = paragraphs(built.doit("why", "nearest:model"))["nearest:model"]
    assert told[:2] == ["would be restored", "failed since"]
    run = built.doit("nearest:model")
    assert (run.ran, run.outcomes["nearest:model"]) == ([], "restored")
    built.doit("forget", "nearest:model")
    assert paragraphs(built.doit("why", "nearest:model"))["nearest:model"][1] == "forgotten"


# ---- the last run


def test_the_last_run_can_be_asked_for_again(built):
    """What executed, was restored or failed, and why; what was up to date is not in it."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    built.remove("artifacts/points/rows/X_test.npy")
    ran = built.doit("nearest")
    why = built.doit("why", "--last")
    assert why.code == 0  # a run would do nothing by now
    told = paragraphs(why)
    assert {task: lines[0] for task, lines in told.items()} == {
        task: outcome for task, outcome in ran.outcomes.items() if outcome != "up to date"
    }
    assert told["points:rows"] == ["restored", "artifact missing artifacts/points/rows/X_test.npy"]
    assert told["nearest:model"][1].startswith("parameter training: ")


def test_the_last_run_of_some_stages_only(built):
    """Names choose, as without `--last`."""
    built.doit("-a", "nearest", "majority")
    told = verdicts(built.doit("why", "--last", "majority:model"))
    assert set(told) <= {"points:rows", "points:scaled", "majority:model"}
    assert told["majority:model"] == "built"


# ---- accept


def test_an_accepted_change_executes_nothing(built):
    """What was built stands for the new code; who accepted it, when and why is shown from then on."""
    before = built.shown()
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    run = built.doit("accept", "points:scaled", "--reason", "only a comment, really")
    assert (run.code, run.ran, run.err) == (0, [], "")
    assert "points:scaled  accepted by " in run.out
    run = built.doit("nearest")
    assert (run.ran, set(run.outcomes.values())) == ([], {"up to date"})
    assert built.shown() == before
    told = paragraphs(built.doit("why", "points:scaled"))["points:scaled"]
    assert any(line.startswith("accepted by ") and line.endswith("only a comment, really") for line in told)


def test_a_change_after_an_accepted_one_counts(built):
    """Accepting is for the code as it is, not for what comes later."""
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    built.doit("accept", "points:scaled")
    built.edit("recipes/limits.py", "LARGEST = 5.0", "LARGEST = 2.0")
    assert built.doit("nearest").ran[0] == "scaled"


def test_a_change_is_accepted_for_a_whole_variant(built):
    """Each stage that would run for its code alone is accepted; the others have nothing to accept."""
    built.edit("recipes/settings.py", "shrink: float = 0.1", "shrink: float = 0.3")
    run = built.doit("accept", "nearest")
    assert (run.code, run.ran) == (0, [])
    assert "nearest:model  accepted by " in run.out
    assert "points:rows  nothing to accept: up to date" in run.out
    assert built.doit("nearest").ran == []


def test_restored_is_nothing_to_accept(built):
    """What has a record of its own needs nobody's word."""
    built.remove("artifacts/nearest/accuracy.json")
    run = built.doit("accept", "nearest:accuracy")
    assert "nearest:accuracy  nothing to accept: would be restored" in run.out


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "option"),
    [
        ("dodo.py", "shrink=0.1", "shrink=0.2", "parameter training", "--even-parameters"),
        ("data/points.csv", "-1.96,-0.91,0", "-1.97,-0.91,0", "input path", "--even-inputs"),
    ],
)
def test_more_than_code_is_not_accepted_unless_it_is_said(built, file, old, new, what, option):
    """A change of a parameter or an input is a change of the result, so it has to be named."""
    task = "points:rows" if "inputs" in option else "nearest:model"
    built.edit(file, old, new)
    run = built.doit("accept", task)
    assert (run.code, run.ran, run.out) == (3, [], "")
    assert run.err.startswith(f"ERROR: {task} is not accepted: more than its code changed")
    assert what in run.err
    assert option in run.err
    assert "Traceback" not in run.err
    assert built.doit("why", task).code == 1
    run = built.doit("accept", task, option)
    assert (run.code, run.ran) == (0, [])
    assert built.doit("why", task).code == 0


def test_what_was_never_built_cannot_be_accepted(project):
    """There is nothing that could stand."""
    run = project.doit("accept", "points:rows")
    assert (run.code, run.ran, run.out) == (3, [], "")
    assert run.err.startswith("ERROR: points:rows has no record that could stand for it")
    assert "hint: run `doit points:rows`" in run.err


def test_accept_needs_to_be_told_what(built):
    """Nothing is accepted wholesale by accident."""
    run = built.doit("accept")
    assert (run.code, run.ran, run.out) == (3, [], "")
    assert "accept which stage?" in run.err


def test_only_what_is_named_is_accepted(built):
    """A stage whose inputs wait for something else cannot be accepted before that is."""
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    built.edit("recipes/settings.py", "shrink: float = 0.1", "shrink: float = 0.3")
    run = built.doit("accept", "nearest:model")
    assert (run.code, run.out) == (3, "")
    assert "points:scaled comes first" in run.err
    run = built.doit("accept", "nearest:model", "points:scaled")
    assert (run.code, run.out.count("accepted by")) == (0, 2)
    assert built.doit("nearest").ran == []


def test_why_last_shows_the_difference_that_the_run_saw(project):
    """After the run the code is told as before it: the part, the place, what was and what is."""
    assert project.doit("nearest").code == 0
    project.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    before = project.doit("why", "nearest").out
    assert project.doit("nearest").code == 0
    after = project.doit("why", "--last", "nearest").out
    for text in ("-LARGEST = 6.0", "+LARGEST = 5.0", "recipes/limits.py"):
        assert text in before
        assert text in after
