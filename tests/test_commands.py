"""doit's own commands behave as its users expect, in a project of kept."""

import json
import os

import pytest

ALL = ["rows", "scaled", "model", "accuracy"]
BUILT = ["points:rows", "points:scaled", "nearest:model", "nearest:accuracy"]


def only(word):
    return dict.fromkeys(BUILT, word)


@pytest.fixture
def built(project):
    """Give a project whose variant `nearest` is built."""
    run = project.doit("nearest")
    assert (run.code, run.ran, run.err) == (0, ALL, ""), run
    return project


# ---- list, info


def test_list_shows_the_pipelines_and_what_they_are(project):
    """Targets with their docstrings; nothing is executed, nothing is built."""
    run = project.doit("list")
    assert (run.code, run.ran, run.err) == (0, [], "")
    assert [line.split(maxsplit=1) for line in run.out.splitlines()] == [
        ["majority", "The most frequent label decides."],
        ["nearest", "The nearest centroid decides."],
        ["points", "Points, read and scaled."],
        ["report", "table of nearest, majority"],
    ]
    assert project.shown() == {}


def test_tasks_of_doit_and_of_kept_keep_the_order_of_their_lines(project):
    """A run does them so, and a pipeline is declared where its class stands, whatever stands above it."""
    project.write(
        "dodo.py",
        "from kept import Pipeline, stage\n\n\ndef task_second():\n    return {'actions': None}\n\n\n"
        "class Fourth(Pipeline):\n    one = stage(sorted, [1])\n\n\n"
        "task_third = task_second\n\n\nclass First(Pipeline):\n    one = stage(sorted, [1])\n\n\n"
        "def task_last():\n    return {'actions': None}\n",
    )
    listed = [line.split()[0] for line in project.doit("list", "--sort=definition").out.splitlines()]
    assert listed == ["second", "third", "fourth", "first", "last"]


def test_list_all_shows_the_stages_once_each(project):
    """A stage is listed under the pipeline that owns it, with its function's first sentence."""
    run = project.doit("list", "--all")
    listed = dict(line.split(maxsplit=1) for line in run.out.splitlines())
    assert list(listed) == [
        "majority", "majority:accuracy", "majority:model", "nearest", "nearest:accuracy", "nearest:model", "points",
        "points:rows", "points:scaled", "report",
    ]  # fmt: skip
    assert listed["nearest:model"] == "Find the centre of each label."


def test_list_status_judges_without_running(built):
    """U and R are as a run would find them; asking changes nothing."""
    built.edit("recipes/settings.py", "shrink: float = 0.1", "shrink: float = 0.2")
    before = built.shown()
    for _ in range(2):
        run = built.doit("list", "--all", "-s")
        status = {name: letter for letter, name, *_ in map(str.split, run.out.splitlines())}
        assert [status[task] for task in BUILT] == ["U", "U", "R", "R"]
        assert status["majority:model"] == "R"
    assert (built.shown(), built.executed()) == (before, ALL)


def test_info_shows_a_stage_as_a_doit_task(built):
    """Its doc, files, neighbours and targets are there, and whether it is up to date."""
    run = built.doit("info", "nearest:model")
    assert (run.code, run.err) == (0, "")
    for text in ("Find the centre of each label.", "artifacts/points/scaled/train.npy", "artifacts/nearest/model.pkl"):
        assert text in run.out
    assert "status     : up-to-date" in run.out


def test_info_says_why_a_stage_would_run(built):
    """The reasons are those of `doit why`."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    run = built.doit("info", "nearest:model")
    assert "status     : run" in run.out
    assert "parameter training" in run.out
    assert run.ran == []


# ---- clean, forget, ignore


def test_clean_removes_artifacts_and_a_run_restores_them(built):
    """The store is not cleaned: nothing executes afterwards."""
    before = built.shown()
    run = built.doit("clean")
    assert run.code == 0
    assert "removing file 'artifacts/nearest/model.pkl'" in run.out
    assert built.shown() == {}
    run = built.doit("nearest")
    assert (run.outcomes, run.ran) == (only("restored"), [])
    assert built.shown() == before


def test_clean_of_one_stage_leaves_the_others(built):
    """Only what was asked for is removed."""
    built.doit("clean", "nearest:accuracy")
    assert not built.path("artifacts/nearest/accuracy.json").exists()
    assert built.path("artifacts/nearest/model.pkl").exists()
    assert built.doit("nearest").outcomes == {**only("up to date"), "nearest:accuracy": "restored"}


def test_clean_dry_run_removes_nothing(built):
    """It says what it would do."""
    before = built.shown()
    run = built.doit("clean", "--dry-run", "nearest:model")
    assert "removing file 'artifacts/nearest/model.pkl'" in run.out
    assert built.shown() == before


def test_clean_with_dependencies_removes_those_too(built):
    """`clean -c` goes on to what the task needs."""
    built.doit("clean", "-c", "nearest:model")
    assert list(built.shown()) == ["nearest/accuracy.json"]


def test_clean_and_forget_then_restore(built):
    """`clean --forget` drops what is claimed; the records stay."""
    before = built.shown()
    assert built.doit("clean", "--forget").code == 0
    run = built.doit("nearest")
    assert (run.outcomes, run.ran) == (only("restored"), [])
    assert built.shown() == before


@pytest.mark.parametrize("what", [["nearest:model"], ["nearest"], ["--all"], ["-s", "nearest:accuracy"]])
def test_what_was_forgotten_is_restored(built, what):
    """`forget` takes back what is claimed of a stage; its record in the store still says what came of it."""
    before = built.shown()
    run = built.doit("forget", *what)
    assert run.code == 0
    assert built.shown() == before
    run = built.doit("nearest")
    assert run.ran == []
    assert "restored" in run.outcomes.values()
    assert set(run.outcomes.values()) <= {"restored", "up to date"}
    assert set(built.doit("nearest").outcomes.values()) == {"up to date"}


def test_an_ignored_stage_is_left_alone_until_it_is_forgotten(built):
    """`ignore` stops at the stage and what needs it; `forget` takes that back."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    assert built.doit("ignore", "nearest:model").code == 0
    run = built.doit("nearest")
    assert (run.code, run.ran) == (0, [])
    assert "nearest:model ignored" in run.out
    assert run.out.splitlines()[-1].startswith("4 stages: 2 ignored, ")
    built.doit("forget", "nearest:model")
    assert built.doit("nearest").ran == ["model", "accuracy"]


def test_an_ignored_stage_is_nothing_to_do(built):
    """Why and plan say so, with what ends it, of what needs the stage as well; it is no failure on screen."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    assert built.doit("ignore", "nearest:model").code == 0
    run = built.doit("nearest")
    assert "-- nearest:model ignored\n-- nearest:accuracy ignored\n" in run.out
    assert "!!" not in run.out
    ends = "ignored: `doit forget nearest:model` ends that"
    why = built.doit("why", "nearest")
    assert why.code == 0
    assert f"nearest:model  {ends}\nnearest:accuracy  {ends}\n" in why.out
    told = json.loads(built.doit("why", "--json", "nearest").out)["stages"]
    assert [stage["outcome"] for stage in told] == ["up to date", "up to date", "ignored", "ignored"]
    plan = built.kept("plan", "nearest")
    assert plan.code == 0
    assert f"-- nearest:model {ends}\n" in plan.out
    assert plan.out.splitlines()[-1] == "4 stages: 2 up to date, 2 ignored"
    assert f"nearest:model  ({ends})" in built.kept("graph", "nearest").out
    built.doit("forget", "nearest:model")
    assert built.doit("why", "nearest").code == 1
    assert built.doit("nearest").ran == ["model", "accuracy"]


def test_an_ignored_pipeline_or_task_is_told_by_its_name(built):
    """That is the name that `doit forget` takes it back by."""
    built.write("dodo.py", built.read("dodo.py") + '\n\ndef task_plain():\n    return {"actions": ["true"]}\n')
    built.doit("ignore", "nearest", "plain")
    why = built.doit("why", "nearest", "plain")
    assert why.code == 0
    assert "nearest:accuracy  ignored: `doit forget nearest` ends that\n" in why.out
    assert "plain  ignored: `doit forget plain` ends that\n" in why.out
    built.doit("forget", "nearest", "plain")
    assert "ignored" not in built.doit("why", "nearest", "plain").out


def test_reset_dep_executes_nothing_and_forgets_nothing(built):
    """What is recorded of a stage is recorded by running it: resetting its dependencies changes nothing."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    run = built.doit("reset-dep", "nearest:model")
    assert (run.code, run.ran) == (0, [])
    assert "Traceback" not in run.err
    assert built.doit("nearest").ran == ["model", "accuracy"]


# ---- options of run


def test_always_executes_what_is_selected(built):
    """`-a` means execution, not restoring; the same bytes come of it, and are recorded."""
    before = built.shown()
    run = built.doit("-a", "nearest")
    assert (run.code, run.ran) == (0, ALL)
    assert set(run.outcomes.values()) == {"built"}
    assert built.shown() == before
    assert built.doit("nearest").ran == []


def test_a_failure_stops_the_run(project):
    """Without --continue nothing is begun after a failure."""
    project.order("model", "fail")
    run = project.doit("nearest", "majority")
    assert (run.code, run.ran) == (1, ["rows", "scaled", "model"])


@pytest.mark.parametrize("option", ["-c", "--continue"])
def test_other_branches_go_on_after_a_failure(project, option):
    """With --continue what does not need the failed stage is built; what needs it is not tried, an error to doit."""
    project.order("model", "fail")
    run = project.doit(option, "nearest", "majority")
    assert (run.code, run.ran) == (2, ["rows", "scaled", "model", "other model", "accuracy"])
    assert run.outcomes["nearest:model"] == "failed"
    assert "nearest:accuracy" not in run.outcomes
    project.order("model", None)
    run = project.doit("nearest", "majority")
    assert (run.code, run.ran) == (0, ["model", "accuracy"])


def test_single_builds_the_stage_alone(built):
    """`-s` goes into nothing but the stage itself."""
    built.edit("recipes/nearest.py", "digits: int = 6", "digits: int = 1")
    run = built.doit("-s", "nearest:accuracy")
    assert (run.code, run.ran) == (0, ["accuracy"])
    assert run.outcomes == {"nearest:accuracy": "built"}


def test_single_does_not_build_from_what_is_stale(built):
    """Where what the stage needs would change first, it says so instead of making a mixture."""
    built.edit("recipes/tables.py", "0.0254", "0.0255")
    before = built.shown()
    run = built.doit("-s", "nearest:accuracy")
    assert (run.code, run.ran) == (1, [])
    assert "what it needs would change first" in run.out
    assert "points:scaled" in run.out
    assert "hint: leave out -s" in run.out
    assert built.shown() == before


@pytest.mark.parametrize("target", ["artifacts/nearest/model.pkl", "artifacts/points/scaled/train.npy"])
def test_a_file_is_a_target(project, target):
    """`doit FILE` builds the stage that makes the file, and what it needs."""
    project.doit("nearest")  # a suffix that only the value decides is known once it was built
    project.doit("clean")
    run = project.doit(target)
    assert run.code == 0
    assert project.path(target).is_file()
    assert not project.path("artifacts/nearest/accuracy.json").exists()


def test_a_file_of_a_declared_type_is_a_target_from_the_start(project):
    """Where the declared type settles the suffix the file can be asked for before it was ever built."""
    run = project.doit("artifacts/points/scaled/train.npy")
    assert (run.code, run.ran) == (0, ["rows", "scaled"])


@pytest.mark.parametrize("fails", [False, True], ids=["", "after a failure"])
def test_an_artifact_of_another_format_takes_the_place_of_the_one_before(project, fails):
    """Nobody reads the old one beside it, whether it is built or restored; what the user has put there stays."""
    project.write("work.py", "import numpy as np\n\n\ndef made():\n    return 3\n")
    head = "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n"
    project.write("dodo.py", head + "    a = stage(work.made)\n")
    project.doit()
    if fails:
        project.edit("work.py", "return 3", "return 1 / 0")
        assert project.doit().code == 1
        project.edit("work.py", "return 1 / 0", "return 3")
    project.edit("work.py", "return 3", "return np.arange(3)")
    project.doit()
    assert os.listdir(project.path("artifacts/p")) == ["a.npy"]
    project.edit("work.py", "return np.arange(3)", "return 3")
    project.doit()
    assert os.listdir(project.path("artifacts/p")) == ["a.json"]
    project.write("artifacts/p/a.json", "mine")
    project.edit("work.py", "return 3", "return np.arange(4)")
    project.doit()
    assert sorted(os.listdir(project.path("artifacts/p"))) == ["a.json", "a.npy"]


def test_an_unknown_task_is_told_as_doit_does(project):
    """The exit code is 3 and there is no traceback."""
    run = project.doit("nearst")
    assert (run.code, run.ran) == (3, [])
    assert "nearst" in run.err
    assert "Traceback" not in run.err


def test_a_dodo_py_that_does_not_name_kept_is_told(project):
    """Its code would be loaded by Python alone, and run from old bytecode."""
    project.write("work.py", "def made():\n    return 3\n")
    head = "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n"
    project.write("flow.py", head + "    a = stage(work.made)\n")
    project.write("dodo.py", "from flow import P\n")
    run = project.doit()
    assert (run.code, run.outcomes) == (3, {})
    assert "hint: write `import kept` in dodo.py" in run.err
    assert "Traceback" not in run.err
    project.write("dodo.py", "import kept\nfrom flow import P\n")
    assert project.doit().outcomes == {"p:a": "built"}


# ---- where doit is started


def test_a_project_may_be_run_from_elsewhere(project, tmp_path):
    """`-f` names the dodo.py, its folder is the project's: artifacts lie there, and nothing here."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = project.doit("-f", "../project/dodo.py", "nearest", cwd=elsewhere)
    assert (run.code, run.ran) == (0, ALL), run
    assert list(elsewhere.iterdir()) == []
    assert project.doit("nearest").outcomes == only("up to date")
    assert project.doit("nearest", "-f", str(project.root / "dodo.py"), cwd=elsewhere).code in (0, 3)


def test_the_working_folder_may_be_named(project, tmp_path):
    """`-d` changes to a folder first; with the project's own it is as if started there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = project.doit("-f", "../project/dodo.py", "-d", "../project", "nearest", cwd=elsewhere)
    assert (run.code, run.ran) == (0, ALL), run
    assert list(elsewhere.iterdir()) == []
    assert project.doit("nearest").outcomes == only("up to date")


def test_a_project_is_found_from_a_folder_within_it(project):
    """`-k` looks for dodo.py upwards."""
    run = project.doit("-k", "nearest", cwd="recipes")
    assert (run.code, run.ran) == (0, ALL), run
    assert not project.path("recipes/artifacts").exists()


def test_a_project_that_was_moved_is_up_to_date(built, tmp_path):
    """Nothing that is remembered names the place of the project."""
    moved = tmp_path / "moved"
    os.rename(built.root, moved)
    built.root = moved
    run = built.doit("nearest")
    assert (run.code, run.ran) == (0, [])
    assert run.outcomes == only("up to date")


# ---- plain tasks beside

PLAIN = '''

def copy(targets):
    mark("copy")
    Path(targets[0]).write_bytes(Path("artifacts/nearest/accuracy.json").read_bytes())
    return {"size": Path(targets[0]).stat().st_size}


def task_copy():
    """Copy the accuracy."""
    return {
        "actions": [copy],
        "file_dep": ["artifacts/nearest/accuracy.json"],
        "targets": ["copy.json"],
        "clean": True,
    }


def task_show():
    """Use what another task returned."""
    return {"actions": [(lambda size: mark(f"show {size}"),)], "getargs": {"size": ("copy", "size")}}
'''


@pytest.fixture
def mixed(project):
    """Give a project with doit tasks of the plain kind."""
    text = project.read("dodo.py").replace("from recipes import", "from recipes.marks import mark\nfrom recipes import")
    project.write("dodo.py", text + PLAIN)
    return project


def test_a_plain_task_may_depend_on_an_artifact(mixed):
    """The artifact is built first, the plain task runs when it changed, and only then."""
    run = mixed.doit("copy")
    assert (run.code, run.ran) == (0, [*ALL, "copy"])
    assert ".  copy" in run.out.splitlines()
    assert mixed.read("copy.json") == mixed.read("artifacts/nearest/accuracy.json")
    run = mixed.doit("copy")
    assert (run.code, run.ran) == (0, [])
    assert "-- copy" in run.out.splitlines()
    mixed.edit(
        "recipes/nearest.py", 'mark("accuracy")\n', 'mark("accuracy")\n    test = test[:3]\n    labels = labels[:3]\n'
    )
    assert mixed.doit("copy").ran == ["accuracy", "copy"]


def test_values_go_from_one_plain_task_to_another(mixed):
    """`getargs` works as without kept, in the run that makes the value and, where it changed, in later ones."""
    assert mixed.doit("show").ran == [*ALL, "copy", "show 4"]
    assert mixed.doit("show").ran == []
    mixed.edit("dodo.py", "Path(targets[0]).write_bytes(", "Path(targets[0]).write_bytes(b' ' + ")
    mixed.doit("forget", "copy")
    assert mixed.doit("show").ran == ["copy", "show 5"]


def test_the_state_of_plain_tasks_survives_a_kill(mixed):
    """It is written when the task ends, not when the run does."""
    mixed.write(
        "dodo.py", mixed.read("dodo.py") + "\n\ndef task_zkill():\n    return {'actions': [lambda: mark('die')]}\n"
    )
    mixed.order("die", "kill")
    run = mixed.doit("copy", "zkill")
    assert run.code == -9
    assert run.ran[-2:] == ["copy", "die"]
    assert mixed.doit("copy").ran == []


def test_no_database_of_doits_own_is_left(mixed):
    """What doit remembers lies with what kept does."""
    for arguments in (["copy"], ["list"], ["info", "copy"], ["clean", "-n"]):
        assert mixed.spawn(*arguments).wait().code == 0
    assert not [path.name for path in mixed.root.iterdir() if path.name.startswith(".doit.db")]


def test_a_plain_task_is_cleaned_forgotten_and_reset_as_ever(mixed):
    """Clean removes its target, forget makes it run, reset-dep takes the change as seen."""
    mixed.doit("copy")
    mixed.doit("clean", "copy")
    assert not mixed.path("copy.json").exists()
    assert mixed.doit("copy").ran == ["copy"]
    mixed.doit("forget", "copy")
    assert mixed.doit("copy").ran == ["copy"]
    mixed.write("artifacts/nearest/accuracy.json", "0.5")
    assert mixed.doit("reset-dep", "copy").code == 0
    mixed.doit("list")
    assert mixed.doit("-s", "copy").ran == []


def test_a_plain_task_that_fails_is_told_as_doit_does(mixed):
    """The exit code is 1 for a failed task and 2 for an error, and what went wrong is shown."""
    more = "\n\ndef task_fails():\n    return {'actions': [lambda: False]}\n"
    more += "\n\ndef task_raises():\n    return {'actions': [lambda: 1 / 0]}\n"
    mixed.write("dodo.py", mixed.read("dodo.py") + more)
    run = mixed.doit("fails")
    assert (run.code, "fails failed" in run.out + run.err) == (1, True), run
    run = mixed.doit("raises")
    assert (run.code, "ZeroDivisionError" in run.out + run.err) == (2, True), run


def test_a_project_without_kept_is_doits_own(project):
    """Where dodo.py does not use kept, doit is as it always was: its reporter, its database, its exit codes."""
    project.write("dodo.py", "def task_a():\n    return {'actions': ['true'], 'file_dep': ['data/points.csv']}\n")
    run = project.spawn().wait()
    assert (run.code, run.out, run.err) == (0, ".  a\n", "")
    assert project.spawn().wait().out == "-- a\n"
    assert not project.path("artifacts").exists()
    for command in ("why", "accept"):
        run = project.spawn(command, "a").wait()
        assert (run.code, "this dodo.py declares no pipeline of kept" in run.err) == (3, True), run


# ---- slips


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["neerest"], "did you mean nearest"),
        (["modle"], "did you mean "),
        (["Nearest"], "did you mean nearest?"),
        (["auto"], "see `doit list --all`"),
        (["nearest", "-n", "2"], "`doit -n ... TASK`"),
        (["nearest", "--always-execute"], "`doit --always-execute ... TASK`"),
        (["forget"], "name it, or forget all that is claimed: `doit forget --all`"),
        (["artifacts/nearest/acuracy.json"], "did you mean nearest:accuracy?"),
        (["lst"], "did you mean list?"),
        (["qqqqqqqq"], "see `doit list --all`"),
        *(([verb, "neerest"], "did you mean nearest") for verb in
          ("list", "info", "clean", "forget", "ignore", "reset-dep", "why", "accept")),
        (["report", "--frmat", "json"], "did you mean --format"),
        (["report", "--sort"], "see `doit help report`"),
        (["why", "nearest", "--lst"], "did you mean --last"),
        (["--alwys"], "did you mean --always-execute"),
        (["-n", "-1", "nearest"], "`-n 0` runs stages in this process, `-n 4` four at a time"),
        (["accept", "nearest:model", "points:rows", "--reason"], "see `doit help accept`"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_what_is_near(project, arguments, hint):
    """A name or an option that there is not: one line, the nearest ones, and nothing runs."""
    run = project.doit(*arguments)
    assert (run.code, run.ran, run.out) == (3, [], "")
    assert run.err.count("\n") == 2
    assert f"\nhint: {hint}" in run.err


def test_kept_hints_at_its_own_verbs(project):
    """`kept lgo` is `kept log`; doit knows no such command."""
    assert "hint: did you mean log?" in project.kept("lgo").err
    assert "did you mean" not in project.doit("lgo").err


def test_a_project_without_kept_is_answered_by_doit_alone(project):
    """Whoever does not use kept reads what doit says."""
    project.write("dodo.py", 'def task_one():\n    return {"actions": None}\n')
    assert 'Invalid parameter: "onne". Must be a command, task, or a target.' in project.spawn("onne").wait().err
    assert "option --alwys not recognized (parsing options" in project.spawn("--alwys").wait().err


@pytest.mark.parametrize("command", ["run", "why"])
def test_a_database_that_nobody_knows_is_refused(built, command):
    """Those of plugins are looked for where one is named, and help names all."""
    for words in (["--backend", "nonsense"], ["--backe=nonsense"]):
        run = built.doit(command, *words)
        assert (run.code, "available choices are: 'dbm', 'json', 'sqlite3'" in run.err) == (3, True), run
    assert built.doit(command, "--backend=json", "nearest").code == 0
    assert "choices: dbm, json, sqlite3" in built.doit("help", command).out
    assert not list(built.root.glob(".doit*"))
