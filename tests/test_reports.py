"""A report reads what is recorded of variants, and draws it for people and for machines."""

import csv
import io
import json
import math
import subprocess
import sys

import pytest

from kept import Pipeline, report, stage
from kept.errors import KeptError
from kept.reports.records import State
from kept.reports.rows import Row, check_column, columns_of, sorted_rows
from kept.reports.text import render

WHEN = "2026-11-23T04:05:06+00:00"
NAMES = frozenset({"accuracy", "loss", "note", "model"})


def built(variant, values, model="", seconds=0.0, commit=""):
    return Row(variant, State.BUILT, values, "", model, seconds, WHEN, commit, NAMES)


GOOD = built("mnist_tf", {"accuracy": 0.91234567, "loss": 0.5, "note": "ok"}, "Sequential", 12.345, "abc+")
BEST = built("mnist_sklearn", {"accuracy": 0.95, "loss": 10, "note": "a,b"}, "LogisticRegression", 3.0, "abc")
MISSING = Row("mnist_new", State.NOT_BUILT, {}, "not built", names=NAMES)
FAILED = Row("mnist_bad", State.FAILED, {"loss": 2.0}, "failed: accuracy", names=NAMES)
OTHER = built("points", {"accuracy": 0.5})
ROWS = [GOOD, MISSING, BEST]


# ---- drawing


def test_the_columns_are_what_the_variants_have():
    """The variant first, then every scalar artifact with the accuracy in front, then what made it, when, from what."""
    assert columns_of(ROWS) == ["variant", "state", "accuracy", "loss", "note", "model", "seconds", "when", "commit"]
    assert columns_of([]) == ["variant", "state", "model", "seconds", "when", "commit"]


def test_what_variants_share_stands_before_what_only_some_have():
    """Pipelines of different shape stand in one table; what is not built yet does not move a column."""
    other = Row("points", State.BUILT, {"purity": 1.0, "loss": 2.0}, names=frozenset({"purity", "loss"}))
    assert columns_of([other, GOOD, MISSING])[2:-4] == ["accuracy", "loss", "purity", "note"]


def test_the_table_is_for_people():
    """Numbers are short and to the right, times are readable, what is missing is said to be and why."""
    assert render([GOOD, MISSING, FAILED], (), "table").splitlines() == [
        "variant      accuracy       loss  note       model         seconds  when                 commit",
        "---------  ----------  ---------  ---------  ----------  ---------  -------------------  --------",
        "mnist_tf       0.9123        0.5  ok         Sequential       12.3  2026-11-23 04:05:06  abc+",
        "mnist_new   not built  not built  not built              not built  not built",
        "mnist_bad      failed          2  failed                    failed  failed: accuracy",
    ]


def test_a_cell_that_a_variant_cannot_have_is_empty():
    """Only what it declares can be missing."""
    shape = Row("points", State.NOT_BUILT, {}, "not built", names=frozenset({"purity"}))
    assert render([GOOD, shape], ("variant", "note"), "table").splitlines()[3].split() == ["points"]


def test_columns_that_say_nothing_are_left_out_for_people():
    """No variant has a model or lies in a repository; asked for, the columns are there, and for machines always."""
    row = built("points", {"purity": 1.0})
    assert render([row], (), "table").splitlines()[0].split() == ["variant", "purity", "seconds", "when"]
    assert render([row], ("variant", "commit"), "table").splitlines()[0].split() == ["variant", "commit"]
    assert render([row], (), "csv").splitlines()[0] == "variant,state,purity,model,seconds,when,commit"


def test_markdown_is_a_table_of_github():
    """It can be pasted into a pull request, whatever the cells hold."""
    row = built("mnist_tf", {"note": "a|b\\c\n\x1b[31mred"})
    drawn = render([row], ("variant", "note"), "markdown").splitlines()
    assert drawn[0].strip("|").split() == ["variant", "|", "note"]
    assert drawn[2].strip("|").split(" | ")[1].strip() == "a\\|b\\\\c \N{REPLACEMENT CHARACTER}[31mred"
    assert set(drawn[1]) <= set("|-: ")


def test_a_long_text_is_cut_for_people_only():
    """A table stays a table; machines get everything."""
    row = built("x", {"note": "long " * 40})
    assert max(map(len, render([row], (), "table").splitlines())) < 120
    assert json.loads(render([row], (), "json"))["variants"][0]["values"]["note"] == "long " * 40


def test_json_says_everything_exactly():
    """All values in full, a version, and what is not built as such."""
    told = json.loads(render([*ROWS, FAILED], (), "json"))
    assert told["schema_version"] == 1
    assert told["variants"][0] == {
        "variant": "mnist_tf",
        "state": "built",
        "built": True,
        "problem": "",
        "values": {"accuracy": 0.91234567, "loss": 0.5, "note": "ok"},
        "model": "Sequential",
        "seconds": 12.345,
        "when": WHEN,
        "commit": "abc+",
    }
    missing, failed = told["variants"][1], told["variants"][3]
    assert (missing["built"], missing["seconds"], missing["problem"]) == (False, None, "not built")
    assert (failed["state"], failed["problem"]) == ("failed", "failed: accuracy")


def test_json_has_no_numbers_that_json_does_not_know():
    """What is no number, or infinite, is null: every reader of JSON can read it."""
    row = built("x", {"nan": math.nan, "inf": math.inf, "one": 1.0})
    assert json.loads(render([row], (), "json"), parse_constant=pytest.fail)["variants"][0]["values"] == {
        "nan": None,
        "inf": None,
        "one": 1.0,
    }


def test_csv_is_read_back_as_it_was_written():
    """Values in full, quoted where they must be, empty where there is none."""
    rows = list(csv.reader(io.StringIO(render(ROWS, (), "csv"))))
    assert rows == [
        ["variant", "state", "accuracy", "loss", "note", "model", "seconds", "when", "commit"],
        ["mnist_tf", "built", "0.91234567", "0.5", "ok", "Sequential", "12.345", WHEN, "abc+"],
        ["mnist_new", "not built", "", "", "", "", "", "", ""],
        ["mnist_sklearn", "built", "0.95", "10", "a,b", "LogisticRegression", "3.0", WHEN, "abc"],
    ]


def test_columns_may_be_chosen_and_ordered():
    """What was asked for, in that order."""
    rows = list(csv.reader(io.StringIO(render([BEST], ("commit", "loss", "variant"), "csv"))))
    assert rows == [["commit", "loss", "variant"], ["abc", "10", "mnist_sklearn"]]


@pytest.mark.parametrize("format_", ["table", "markdown", "json", "csv"])
def test_no_variant_is_no_error(format_):
    """An empty table has a head and nothing below it."""
    assert "mnist" not in render([], (), format_)


def test_numbers_that_are_none_are_drawn():
    """NaN and infinity, booleans and big integers come out as they are."""
    row = built("x", {"nan": math.nan, "inf": math.inf, "yes": True, "big": 10**20, "zero": 0.0})
    drawn = render([row], ("nan", "inf", "yes", "big", "zero"), "table").splitlines()[2].split()
    assert drawn == ["nan", "inf", "True", str(10**20), "0"]


@pytest.mark.parametrize("column", ["accurac", "nothing"])
def test_an_unknown_column_is_told_with_what_there_is(column):
    """Chosen or sorted by, a name that is not there gets a hint."""
    for draw in (lambda: check_column(column, columns_of(ROWS)), lambda: sorted_rows(ROWS, column)):
        with pytest.raises(KeptError, match=f"no column '{column}'") as caught:
            draw()
        assert "accuracy" in caught.value.hint


# ---- sorting


def test_rows_stay_as_declared_unless_they_are_sorted():
    """The order of report(...) is the user's."""
    assert sorted_rows(ROWS, "") == ROWS


def test_the_best_comes_first_and_what_is_missing_last():
    """Numbers fall, texts rise; a row without a value is at the end either way."""
    assert sorted_rows(ROWS, "accuracy") == [BEST, GOOD, MISSING]
    assert sorted_rows(ROWS, "seconds") == [GOOD, BEST, MISSING]
    assert sorted_rows(ROWS, "note") == [BEST, GOOD, MISSING]
    assert sorted_rows(ROWS, "variant") == [MISSING, BEST, GOOD]


def test_a_minus_turns_the_order_round():
    """Of a loss the smallest is the best; empty cells stay last."""
    assert sorted_rows(ROWS, "-loss") == [GOOD, BEST, MISSING]
    assert sorted_rows(ROWS, "-note") == [GOOD, BEST, MISSING]


def test_columns_of_mixed_values_can_be_sorted():
    """No number is smaller than NaN, and no text than a number: neither may upset the order."""
    rows = [built(str(n), {"x": value}) for n, value in enumerate([math.nan, 1, 3.0, True, math.inf])]
    assert [row.variant for row in sorted_rows(rows, "x")] == ["4", "2", "1", "3", "0"]
    mixed = [built(str(n), {"x": value}) for n, value in enumerate(["b", 2, "a"])]
    assert [row.variant for row in sorted_rows(mixed, "x")] == ["1", "2", "0"]


# ---- the task


def test_a_report_builds_what_is_missing_and_draws_it(project):
    """All variants are built; a row each, the summary of the run after it."""
    run = project.doit("report")
    assert (run.code, run.err) == (0, "")
    assert set(run.ran) == {"rows", "scaled", "model", "accuracy", "other model"}
    lines = run.out.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("variant"))
    assert lines[head].split() == ["variant", "accuracy", "model", "seconds", "when"]
    assert [line.split()[0] for line in lines[head + 2 : head + 4]] == ["nearest", "majority"]
    assert lines[-1].startswith("6 stages: 6 built in ")
    again = project.doit("report")
    assert (again.code, again.ran) == (0, [])
    assert again.out.splitlines()[-5:-1] == lines[head : head + 4]


def test_the_default_run_includes_the_report(project):
    """Plain `doit` does everything that dodo.py declares."""
    run = project.doit()
    assert run.code == 0
    assert "variant" in run.out


def test_a_report_beside_another_reporter_ends_with_its_line(project):
    """`doit -r executed-only` shows nothing after it."""
    run = project.doit("-r", "executed-only", "report")
    assert run.out.startswith("variant")
    assert run.out.endswith("\n")


@pytest.mark.parametrize("format_", ["json", "csv", "markdown"])
def test_a_report_for_machines_has_stdout_to_itself(project, format_):
    """What is built meanwhile is shown on stderr, whether something was or not."""
    for summary in ("6 stages: 6 built in ", "6 stages: 6 up to date"):
        run = project.doit("report", "--format", format_)
        assert run.code == 0
        assert run.err.splitlines()[-1].startswith(summary)
        assert "points:rows" not in run.out
        if format_ == "json":
            told = json.loads(run.out)
            assert [row["variant"] for row in told["variants"]] == ["nearest", "majority"]
            assert all(row["built"] and isinstance(row["values"]["accuracy"], float) for row in told["variants"])
        elif format_ == "csv":
            rows = list(csv.DictReader(io.StringIO(run.out)))
            assert [row["variant"] for row in rows] == ["nearest", "majority"]
        else:
            assert [line[0] for line in run.out.splitlines()] == ["|"] * 4


def test_a_report_reads_what_the_run_recorded(project):
    """Model, seconds and time are those of the records, not of this run."""
    first = json.loads(project.doit("report", "--format", "json").out)
    project.doit("clean")
    second = json.loads(project.doit("report", "--format", "json").out)
    assert second == first
    assert [row["model"] for row in first["variants"]] == ["Centroids", "Constant"]
    assert all(row["seconds"] > 0 for row in first["variants"])
    assert first["variants"][0]["values"]["accuracy"] == json.loads(project.read("artifacts/nearest/accuracy.json"))


def test_a_report_shows_what_could_not_be_built(project):
    """One variant fails, the others are built and shown, and the exit code says that something went wrong."""
    project.order("other model", "fail")
    run = project.doit("report", "--format", "json")
    told = {row["variant"]: row for row in json.loads(run.out)["variants"]}
    assert run.code != 0
    assert (told["nearest"]["built"], told["majority"]["built"]) == (True, False)
    assert told["majority"]["values"] == {}
    assert told["majority"]["seconds"] is None
    assert (told["majority"]["state"], told["majority"]["problem"]) == ("failed", "failed: model")
    assert "majority:model failed" in run.err
    assert "failed: model" in project.doit("report").out


def test_a_report_may_go_to_a_file(project):
    """The file holds what stdout would; nothing else is in it."""
    run = project.doit("report", "--format", "json", "--out", "reports/report.txt")
    assert "report written to reports/report.txt" in run.out
    told = project.doit("report", "--format", "json").out
    assert project.read("reports/report.txt") == told
    assert [path.name for path in project.path("reports").iterdir()] == ["report.txt"]


def test_the_name_of_the_file_says_the_format_unless_it_is_asked_for(project):
    """--out report.csv is enough; --format has the last word."""
    project.doit("report", "--out", "report.csv")
    assert project.read("report.csv").startswith("variant,state,")
    project.doit("report", "--out", "report.md")
    assert project.read("report.md").startswith("| variant")
    project.doit("report", "--format", "table", "--out", "report.csv")
    assert project.read("report.csv").splitlines()[1].startswith("-----")


def test_a_file_that_cannot_be_written_is_told(project):
    """What stands in the way is named; what was built stays built."""
    project.write("taken", "a file")
    run = project.doit("report", "--out", "taken/report.md")
    assert run.code == 1
    assert "the file cannot be written" in run.out
    assert "taken/report.md" in run.out
    assert project.doit("nearest").ran == []


def test_a_report_may_be_sorted(project):
    """Best first, by any column."""
    rows = json.loads(project.doit("report", "--format", "json", "--sort", "accuracy").out)["variants"]
    best = [row["values"]["accuracy"] for row in rows]
    assert best == sorted(best, reverse=True)
    rows = json.loads(project.doit("report", "--format", "json", "--sort", "-accuracy").out)["variants"]
    assert [row["values"]["accuracy"] for row in rows] == best[::-1]


def test_a_column_that_no_variant_declares_is_told_before_anything_runs(project):
    """A slip on the command line must not cost a night of training."""
    run = project.doit("report", "--sort", "acuracy")
    assert (run.code, run.ran) == (3, [])
    assert "the report has no column 'acuracy'" in run.err
    assert "hint: did you mean accuracy?" in run.err


def test_a_column_that_is_no_scalar_is_told_when_that_is_known(project):
    """Whether an artifact is one number is known when it is built."""
    run = project.doit("report", "--sort", "rows.X_train")
    assert run.code == 1
    assert "the report has no column 'rows.X_train'" in run.out


def test_an_unknown_format_is_told_before_anything_runs(project):
    """The choices are listed, with the nearest."""
    run = project.doit("report", "--format", "htm")
    assert (run.code, run.ran) == (3, [])
    assert "a report has no format 'htm'" in run.err
    assert "formats: table, markdown, json, csv, html" in run.err
    assert "hint: did you mean html?" in run.err


def test_columns_of_a_report_may_be_declared(project):
    """dodo.py chooses; what no variant declares is told at once."""
    project.edit(
        "dodo.py", "report(Nearest, Majority)", 'report(Nearest, columns=("accuracy", "variant"), format="csv")'
    )
    run = project.doit("report")
    assert run.out.splitlines()[0] == "accuracy,variant"
    assert run.out.splitlines()[1].endswith(",nearest")
    project.edit("dodo.py", '"accuracy", "variant"', '"acuracy",')
    run = project.doit("list")
    assert run.code == 3
    assert "did you mean accuracy?" in run.err


def judge(project, fields: str, scores: str) -> None:
    """Give each model a stage of scores, a NamedTuple of these fields and values."""
    project.write(
        "recipes/nearest.py",
        project.read("recipes/nearest.py")
        + "\n\nclass Scores(NamedTuple):\n"
        + "".join(f"    {field}\n" for field in fields.split(", "))
        + "\n\ndef judge(model: Model, test: np.ndarray) -> Scores:\n"
        + f'    """Judge a model."""\n    import numpy as np\n\n    return Scores({scores})\n',
    )
    project.edit(
        "recipes/nearest.py", "from typing import TYPE_CHECKING", "from typing import TYPE_CHECKING, NamedTuple"
    )
    project.edit(
        "dodo.py",
        "\n\nclass Majority",
        "    scores = stage(nearest.judge, model, Points.scaled.test)\n\n\nclass Majority",
    )


def test_scalars_in_a_named_tuple_have_columns_of_their_own(project):
    """A field is named after its stage; arrays and texts that are no scalars are left out."""
    judge(project, "f1: float, passed: bool, table: list", "0.5, True, [1, 2]")
    told = json.loads(project.doit("report", "--format", "json").out)["variants"]
    assert {name: told[0]["values"][name] for name in ("scores.f1", "scores.passed")} == {
        "scores.f1": 0.5,
        "scores.passed": True,
    }
    assert "scores.table" not in told[0]["values"]


def test_numbers_of_numpy_are_columns_where_the_annotation_says_float(project):
    """`-> float` and a float64 is a number in the JSON; metrics of scikit-learn and means of NumPy are such."""
    fields = "f1: float, least: float, count: int, passed: bool, table: list"
    judge(project, fields, "np.float64(0.5), np.float32(0.25), np.int64(3), np.bool_(True), [np.float64(1)]")
    told = json.loads(project.doit("report", "--format", "json", "--sort", "scores.f1").out)["variants"]
    values = {name: value for name, value in told[0]["values"].items() if name.startswith("scores")}
    assert values == {"scores.f1": 0.5, "scores.least": 0.25, "scores.count": 3, "scores.passed": True}


def test_two_reports_of_one_name_are_told(project):
    """Both would be `doit report`; every command says so, with both lines."""
    line = len(project.read("dodo.py").splitlines())
    project.write("dodo.py", project.read("dodo.py") + "\ntask_second = report(Nearest)\n")
    for command in ("report", "list", "why"):
        run = project.doit(command)
        assert (run.code, run.ran) == (3, [])
        assert "two things are called 'report'" in run.err
        assert f"dodo.py:{line}\n" in run.err
        assert f"dodo.py:{line + 2}\n" in run.err
        assert "Traceback" not in run.err


@pytest.mark.parametrize(
    "other",
    [
        'def task_nearest():\n    return {"actions": ["true"]}\n',
        'def task_other():\n    return {"basename": "nearest", "actions": ["true"]}\n',
        'task_other = report(Majority, name="nearest")\n',
    ],
    ids=["task", "basename", "report"],
)
def test_two_things_of_one_name_are_told_apart(project, other):
    """A pipeline and a task or a report of the same name: no command picks one of them."""
    project.write("dodo.py", f"{project.read('dodo.py')}\n\n{other}")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (3, [])
    assert "two things are called 'nearest'" in run.err
    assert "dodo.py:" in run.err
    assert "hint: give one another name" in run.err


def test_two_reports_of_two_names_stand_beside_each_other(project):
    """Each is a task of its own."""
    project.write("dodo.py", project.read("dodo.py") + '\ntask_second = report(Nearest, name="second", format="csv")\n')
    assert len(project.doit("second").out.splitlines()) == 2
    assert "majority" in project.doit("report").out


class Shape(Pipeline, name="shape_of_a_report"):
    """Declares what a report may name."""

    lengths = stage(len, "some text")
    kinds = stage(len, "other text")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"predictions": Shape.lengths}, "mistakes are told from predictions with labels"),
        ({"images": Shape.lengths, "labels": Shape.kinds}, "mistakes are told from predictions with labels"),
        ({"predictions": "lengths", "labels": Shape.kinds}, "a report needs an artifact for predictions"),
        ({"predictions": Shape, "labels": Shape.kinds}, "a report needs an artifact for predictions"),
        ({"columns": ("lenghts",)}, "the report has no column 'lenghts'"),
        ({"format": "tabel"}, "a report has no format 'tabel'"),
    ],
)
def test_a_report_that_is_declared_wrongly_is_told_there(given, said):
    """At the user's line, with a hint, before anything is built."""
    with pytest.raises(KeptError, match=said) as caught:
        report(Shape, **given)
    facts = dict(caught.value.facts)
    assert str(facts["where"]).rpartition(":")[0].endswith("test_reports.py")
    assert caught.value.hint


# ---- what is not as it should be


def test_old_numbers_do_not_stand_for_new_ones(project):
    """What comes after a stage that failed is left from an earlier run, and is not shown."""
    before = json.loads(project.doit("report", "--format", "json").out)["variants"][0]
    project.edit("recipes/scaling.py", "scale(X_train), scale(X_test)", "scale(X_train) * 2, scale(X_test) * 2")
    project.order("scaled", "fail")
    told = json.loads(project.doit("report", "--format", "json").out)["variants"]
    assert before["values"]
    assert [(row["state"], row["values"]) for row in told] == [("failed", {})] * 2
    assert told[0]["problem"] == "failed: scaled"
    project.order("scaled", None)
    assert json.loads(project.doit("report", "--format", "json").out)["variants"][0]["state"] == "built"


def test_what_another_pipeline_lacks_is_lacking(project):
    """A stage that needs one of a pipeline beside it shows nothing old when that one fails."""
    wired = "nearest.evaluate, Nearest.model, Points.scaled.test, Points.rows.y_test"
    beside = f"class Beside(Pipeline):\n    accuracy = stage({wired})\n"
    declared = project.read("dodo.py").replace("report(Nearest, Majority)", "report(Beside)")
    project.write("dodo.py", declared.replace("task_report", f"{beside}\n\ntask_report"))
    assert json.loads(project.doit("report", "--format", "json").out)["variants"][0]["values"]
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    project.order("model", "fail")
    told = json.loads(project.doit("report", "--format", "json").out)["variants"]
    assert [(row["state"], row["values"]) for row in told] == [("not built", {})]


def test_a_missing_input_is_a_failure_of_the_variant(project):
    """A stage that cannot be judged has not been built, whatever lies in artifacts/."""
    project.doit("report")
    project.remove("data/points.csv")
    run = project.doit("report")
    assert run.code != 0
    assert "failed: rows" in run.out


def test_a_variant_that_nobody_built_says_so(project):
    """Nothing is built for a report that is drawn from the records alone."""
    project.doit("nearest")
    told = drawn_from_records(project, "table")
    assert [line.split()[0] for line in told.splitlines()[2:]] == ["nearest", "majority"]
    assert "not built: model, accuracy" in told.splitlines()[3]


def test_a_record_that_cannot_be_read_is_a_row_that_says_so(project):
    """The numbers are still there; when and how they came about is lost."""
    project.doit("report")
    for record in project.path("artifacts/.kept/actions").rglob("*"):
        if record.is_file() and b'"nearest:model"' in record.read_bytes():
            record.chmod(0o644)
            record.write_bytes(record.read_bytes()[:-20])
    run = project.doit("report")
    assert (run.code, run.ran) == (0, [])
    line = next(line for line in run.out.splitlines() if line.startswith("nearest"))
    assert "record unreadable: model" in line
    assert "0." in line.split()[1] or line.split()[1] == "1"


def drawn_from_records(project, format_):
    """Draw a report in a process that has not run anything."""
    script = (
        "import sys; sys.path.insert(0, '.'); import dodo; from kept.build import Project;"
        f"print(dodo.task_report.draw(Project('.'), {{'format': {format_!r}}}))"
    )
    environment = project._environment()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project.root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
