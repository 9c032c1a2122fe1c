"""`kept log` says what runs have done; every verb answers a mistake with the way out."""

import json

import pytest

SHRINK = ("shrink=0.1", "shrink=0.2")


@pytest.fixture
def built(project):
    """Give a project in which `nearest` was built, then changed and built again."""
    assert project.doit("nearest").code == 0
    project.edit("dodo.py", *SHRINK)
    assert project.doit("nearest").code == 0
    return project


def runs(built):
    return list(dict.fromkeys(line["run"] for line in json.loads(built.kept("log", "-n", "0", "--json").out)["lines"]))


def test_log_shows_each_run_with_what_it_did(built):
    """Oldest first, in sum, then a line a stage with its first reason."""
    first, second = runs(built)
    lines = built.kept("log").out.splitlines()
    heads = [line for line in lines if line.startswith("run ")]
    assert [head.split()[1] for head in heads] == [first, second]
    assert "4 stages: 4 built in" in heads[0]
    assert "2 stages: 2 built in" in heads[1]
    assert [line.split()[2] for line in lines[1:5]] == [f"points:{n}" for n in ("rows", "scaled")] + [
        f"nearest:{n}" for n in ("model", "accuracy")
    ]
    assert lines[1].endswith(": never built")
    assert ": parameter training: Training(shrink=0.1, distance='euclid') → Training(shrink=0.2" in lines[6]


def test_log_says_why_a_stage_failed(built):
    """The error in one line, whatever it holds; what failed before a stage could be judged, too."""
    built.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    built.edit("recipes/nearest.py", '    mark("model")\n', '    raise ValueError("two\\nlines" + 500 * "!")\n')
    assert built.doit("nearest").code == 1
    line = built.kept("log", "-n", "1").out.splitlines()[1]
    assert "nearest:model failed in " in line
    assert ": ValueError: two lines!!!" in line
    assert len(line) < 400
    (last,) = json.loads(built.kept("log", "-n", "1", "--json").out)["lines"]
    assert last["said"].startswith("ValueError: two lines!")
    assert "    ValueError: two lines!" in built.doit("why", "--last").out
    built.remove("data/points.csv")
    built.doit("nearest")
    assert "points:rows failed: input file 'data/points.csv' does not exist" in built.kept("log", "-n", "1").out


def test_log_of_a_stage_a_pipeline_or_a_run(built):
    """Names of stages and pipelines, spelt as targets or as artifacts, and ids of runs or their beginnings."""
    first, second = runs(built)
    assert [line["stage"] for line in json.loads(built.kept("log", "points", "--json").out)["lines"]] == [
        "points:rows",
        "points:scaled",
    ]
    for name in ("nearest:model", "nearest/model"):
        shown = json.loads(built.kept("log", name, "--json").out)
        assert shown["schema_version"] == 1
        assert [line["run"] for line in shown["lines"]] == [first, second]
    assert {line["run"] for line in json.loads(built.kept("log", second, "--json").out)["lines"]} == {second}
    assert [
        line["run"] for line in json.loads(built.kept("log", "nearest:model", "-n", "1", "--json").out)["lines"]
    ] == [second]


def test_log_of_many_stages_is_a_page_that_leaves_no_failure_out(built):
    """A run of a thousand stages takes forty lines, with those that failed among them; naming the run shows all."""
    run = runs(built)[0]
    line = json.loads((built.root / "artifacts/.kept/runs.jsonl").read_text().splitlines()[0])
    names = [f"many:s{n}" for n in range(1000)]
    outcomes = {name: "failed" if n % 300 == 299 else "built" for n, name in enumerate(names)}
    journal = [json.dumps({**line, "run": "20300101T000000-1", "stage": s, "outcome": o}) for s, o in outcomes.items()]
    built.write("artifacts/.kept/runs.jsonl", "\n".join(journal) + "\n")
    shown = built.kept("log").out.splitlines()
    assert len(shown) == 42
    assert "1000 stages: 3 failed, 997 built" in shown[0]
    assert sum(line.startswith("  !! ") for line in shown) == 3
    assert shown[-1] == "     and 960 more: kept log 20300101T000000-1"
    assert len(built.kept("log", "20300101T000000-1").out.splitlines()) == 1001
    assert run not in "".join(shown)


def test_log_of_nothing(project):
    """A project in which nothing has run has an empty log, and that is no mistake."""
    run = project.kept("log")
    assert (run.code, run.out, run.err) == (0, "no run has done anything yet\n", "")
    assert json.loads(project.kept("log", "--json").out) == {"schema_version": 1, "lines": []}


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (("log", "neares"), "nothing is remembered of a stage 'neares'", "did you mean nearest"),
        (("log", "1999"), "there is no run '1999'", "see `kept log`"),
        (("log", "--jsn"), "kept log: unrecognized arguments: --jsn", "kept log [-h] [--json]"),
        (("log", "-n", "few"), "kept log: argument -n: invalid int value: 'few'", "kept log [-h] [--json]"),
        (("show", "nearest/modle"), "there is no artifact 'nearest/modle'", "did you mean nearest/model"),
        (("show", "nearest/model", "--run", "1999"), "there is no run '1999'", "see `kept log`"),
        (("show",), "kept show: the following arguments are required: ARTIFACT", "kept show [-h]"),
        (("diff", "nearest", "majorty"), "dodo.py declares no pipeline or stage 'majorty'", "did you mean majority"),
        (("diff", "nearest", "2"), "a run is not compared with a variant", "name two runs, or two variants"),
        (("diff", "nearest", "nearest", "rowz"), "nothing is remembered of a stage 'rowz'", "did you mean rows"),
        (("plan", "nearset"), "dodo.py declares no pipeline or stage 'nearset'", "did you mean nearest"),
        (("plan", "xyz"), "dodo.py declares no pipeline or stage 'xyz'", "`doit list --all` shows all"),
        (("graph", "--format", "mermiad"), "there is no format 'mermiad'", "did you mean mermaid?"),
        (("graph", "--format", "gif"), "there is no format 'gif'", "choose one of text, mermaid, dot, svg"),
        (("debug", "nearest"), "nearest is not one stage", "name one of them"),
        (
            ("shell", "nearest:acuracy"),
            "dodo.py declares no pipeline or stage 'nearest:acuracy'",
            "did you mean nearest:acc",
        ),
    ],
)
def test_a_mistake_is_answered_with_the_way_out(built, arguments, what, hint):
    """What is wrong, then a hint; exit code 3, as doit's; nothing on standard output, nothing executed."""
    run = built.kept(*arguments)
    assert (run.code, run.out, run.ran) == (3, "", []), run
    lines = run.err.splitlines()
    assert lines[0] == f"ERROR: {what}"
    assert lines[-1].startswith(f"hint: {hint}"), run.err


def test_verbs_say_what_they_are_for(built):
    """`--help` of each says what it does and how; exit code 0."""
    for verb in ("log", "show", "diff", "plan", "graph", "debug", "shell", "fingerprint"):
        run = built.kept(verb, "--help")
        assert (run.code, run.err) == (0, ""), run
        assert run.out.startswith(f"usage: kept {verb} [-h]")
        assert len(run.out.splitlines()[2:]) >= 3


def test_outside_of_a_project_verbs_say_so(built):
    """Where no folder above has a dodo.py; and with artifacts but without dodo.py, where that is needed."""
    for verb in (("log",), ("show", "x/y"), ("plan",), ("graph",), ("debug", "x:y")):
        run = built.kept(*verb, cwd=built.root.parent)
        assert (run.code, run.err.splitlines()[0]) == (3, "ERROR: there is no kept project here"), run
    built.remove("dodo.py")
    assert built.kept("log").code == 0
    run = built.kept("plan")
    assert (run.code, run.err.splitlines()[0]) == (3, "ERROR: there is no dodo.py here")


@pytest.mark.parametrize(
    ("text", "what", "at"),
    [
        ("import nowhere\n", "dodo.py cannot be loaded: ModuleNotFoundError: No module named 'nowhere'", "dodo.py:1"),
        ("x = 1\ny = (\n", "dodo.py cannot be loaded: SyntaxError: '(' was never closed", "dodo.py:2"),
        (
            "import recipes.broken\n",
            "dodo.py cannot be loaded: ZeroDivisionError: division by zero",
            "recipes/broken.py:2",
        ),
        ("from kept import Pipeline\nPipeline()\n", "a pipeline is its class: Pipeline() makes nothing", ""),
    ],
)
def test_a_dodo_that_cannot_be_loaded_says_where(built, text, what, at):
    """The file and the line, no traceback through kept."""
    built.write("recipes/broken.py", "x = 0\ny = 1 / x\n")
    built.write("dodo.py", text)
    run = built.kept("plan")
    assert (run.code, run.out) == (3, "")
    assert run.err.splitlines()[0].startswith(f"ERROR: {what}")
    assert at in run.err
    assert "Traceback" not in run.err
    assert built.kept("show", "nearest/accuracy").code == 0  # what was built can be shown all the same


def test_a_reader_that_stops_reading_is_no_mistake(built):
    """`kept log | head -1` ends without a traceback."""
    import subprocess
    import sys

    program = "import sys; sys.argv = ['kept', 'log']; from kept.launcher import main; sys.exit(main())"
    command = f"'{sys.executable}' -c \"{program}\" | true"
    done = subprocess.run(
        ["bash", "-c", command], cwd=built.root, env=built._environment(), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
