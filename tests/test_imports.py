"""Whoever has nothing to compute does not wait for libraries to load."""

import pytest

HEAVY = {"tensorflow", "keras", "sklearn", "pandas", "numpy", "pyarrow", "polars", "skops", "scipy", "torch"}


def loaded(run):
    """Name the libraries that a run has imported, of those that take their time."""
    assert run.modules, "the run did not come to its end"
    return {name.partition(".")[0] for name in run.modules} & HEAVY


@pytest.fixture
def built(project):
    """Give a project whose variants are built and that imports numpy within functions only."""
    assert project.doit("nearest", "majority").code == 0
    return project


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--all"], ["list", "--all", "-s"], ["info", "nearest:model"], ["help", "report"], ["why"]],
    ids=" ".join,
)
def test_asking_loads_no_library(project, arguments):
    """Before anything was built."""
    run = project.doit(*arguments, bare=True)
    assert run.code in (0, 1), run
    assert (run.ran, loaded(run)) == ([], set())


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--all", "-s"],
        ["info", "nearest:model"],
        ["why"],
        ["why", "--json"],
        ["why", "--last"],
        ["forget", "nearest"],
        ["clean"],
        ["ignore", "nearest:model"],
        ["reset-dep"],
    ],
    ids=" ".join,
)
def test_asking_loads_no_library_after_a_run(built, arguments):
    """Records, claims and reasons are read without the libraries of the values that they are about."""
    run = built.doit(*arguments, bare=True)
    assert run.code in (0, 1), run
    assert (run.ran, loaded(run)) == ([], set())


def test_a_run_with_nothing_to_do_loads_no_library(built):
    """Neither the first time nor when its answer is known."""
    for _ in range(3):
        run = built.doit("nearest", "majority", bare=True)
        assert (run.code, run.ran, loaded(run)) == (0, [], set())
        assert "6 stages: 6 up to date" in run.out


def test_restoring_loads_no_library(built):
    """Bytes are put in place without becoming values."""
    built.doit("clean")
    run = built.doit("nearest", "majority", bare=True)
    assert (run.code, run.ran, loaded(run)) == (0, [], set())
    assert set(run.outcomes.values()) == {"restored"}


def test_going_back_to_an_earlier_parameter_loads_no_library(built):
    """A change that is taken back costs nothing but copies."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    built.doit("nearest")
    built.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    run = built.doit("nearest", bare=True)
    assert (run.code, run.ran, loaded(run)) == (0, [], set())


def test_a_changed_comment_loads_no_library(built):
    """Code is read, not run, to see whether it changed."""
    built.edit("recipes/scaling.py", '    mark("scaled")', '    mark("scaled")  # a comment\n')
    run = built.doit("nearest", bare=True)
    assert (run.code, run.ran, loaded(run)) == (0, [], set())


def test_accepting_a_change_loads_no_library(built):
    """It only says of a record that it stands."""
    built.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    run = built.doit("accept", "points:scaled", bare=True)
    assert (run.code, run.ran, loaded(run)) == (0, [], set())


def test_a_failure_of_judging_loads_no_library(built):
    """What cannot be judged is told at once."""
    built.remove("data/points.csv")
    run = built.doit("nearest", bare=True)
    assert (run.ran, loaded(run)) == ([], set())


@pytest.mark.parametrize("format_", ["table", "markdown", "json", "csv"])
def test_a_report_of_numbers_loads_no_library(built, format_):
    """Scalars are text; the values of models and arrays are not looked at."""
    run = built.doit("report", "--format", format_, bare=True)
    assert (run.code, run.ran, loaded(run)) == (0, [], set())


def test_a_run_loads_what_its_stages_use_and_nothing_else(project):
    """numpy, for its arrays; none of the libraries that other projects use."""
    run = project.doit("nearest", bare=True)
    assert (run.code, loaded(run)) == (0, {"numpy"})


def test_a_stage_of_plain_values_loads_no_library(project):
    """A pipeline that uses no library needs none."""
    functions = "def one() -> int:\n    return 1\n\n\ndef two(one: int) -> float:\n    return one / 2\n"
    project.write("recipes/plain.py", functions)
    project.write(
        "dodo.py",
        "from recipes.plain import one, two\n\nfrom kept import Pipeline, stage\n\n\n"
        "class Plain(Pipeline):\n    first = stage(one)\n    second = stage(two, first)\n",
    )
    run = project.doit("plain", bare=True)
    assert (run.code, loaded(run)) == (0, set()), run
    assert run.outcomes == {"plain:first": "built", "plain:second": "built"}
