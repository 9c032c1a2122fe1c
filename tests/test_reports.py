"""A report reads what is recorded of variants, and draws it for people and for machines."""

import csv
import io
import json
import math

import pytest

from kept.errors import KeptError
from kept.reports import FORMATS, Row, columns_of, render, sorted_rows

WHEN = "2026-11-23T04:05:06+00:00"
GOOD = Row("mnist_tf", True, {"accuracy": 0.91234567, "loss": 0.5, "note": "ok"}, "Sequential", 12.345, WHEN, "abc+")
BEST = Row("mnist_sklearn", True, {"accuracy": 0.95, "loss": 10, "note": "a,b"}, "LogisticRegression", 3.0, WHEN, "abc")
MISSING = Row("mnist_new", False, {}, "")
ROWS = [GOOD, MISSING, BEST]


# ---- drawing


def test_the_columns_are_what_the_variants_have():
    """The variant first, then every scalar artifact with the accuracy in front, then model, time and date."""
    assert columns_of(ROWS) == ["variant", "accuracy", "loss", "note", "model", "seconds", "when"]
    assert columns_of([]) == ["variant", "model", "seconds", "when"]


def test_the_table_is_for_people():
    """Numbers are short and to the right, times are readable, what is missing is said to be."""
    assert render([GOOD, MISSING], (), "table").splitlines() == [
        "variant      accuracy  loss       note       model         seconds  when",
        "---------  ----------  ---------  ---------  ----------  ---------  -------------------",
        "mnist_tf       0.9123  0.5        ok         Sequential       12.3  2026-11-23 04:05:06",
        "mnist_new   not built  not built  not built              not built  not built",
    ]


def test_markdown_is_a_table_of_github():
    """It can be pasted into a pull request."""
    drawn = render([GOOD], ("variant", "accuracy"), "markdown").splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in drawn if "---" not in line] == [
        ["variant", "accuracy"],
        ["mnist_tf", "0.9123"],
    ]
    assert set(drawn[1]) <= set("|-: ")


def test_json_says_everything_exactly():
    """All values in full, a version, and what is not built as such."""
    told = json.loads(render(ROWS, (), "json"))
    assert told["schema_version"] == 1
    assert told["variants"][0] == {
        "variant": "mnist_tf",
        "built": True,
        "values": {"accuracy": 0.91234567, "loss": 0.5, "note": "ok"},
        "model": "Sequential",
        "seconds": 12.345,
        "when": WHEN,
        "commit": "abc+",
    }
    assert (told["variants"][1]["built"], told["variants"][1]["seconds"]) == (False, None)


def test_csv_is_read_back_as_it_was_written():
    """Values in full, quoted where they must be, empty where there is none."""
    rows = list(csv.reader(io.StringIO(render(ROWS, (), "csv"))))
    assert rows == [
        ["variant", "accuracy", "loss", "note", "model", "seconds", "when"],
        ["mnist_tf", "0.91234567", "0.5", "ok", "Sequential", "12.345", WHEN],
        ["mnist_new", "", "", "", "", "", ""],
        ["mnist_sklearn", "0.95", "10", "a,b", "LogisticRegression", "3.0", WHEN],
    ]


def test_columns_may_be_chosen_and_ordered():
    """What was asked for, in that order; the commit is there on request."""
    rows = list(csv.reader(io.StringIO(render([BEST], ("commit", "loss", "variant"), "csv"))))
    assert rows == [["commit", "loss", "variant"], ["abc", "10", "mnist_sklearn"]]


@pytest.mark.parametrize("format_", FORMATS)
def test_no_variant_is_no_error(format_):
    """An empty table has a head and nothing below it."""
    assert "mnist" not in render([], (), format_)


def test_numbers_that_are_none_are_drawn():
    """NaN and infinity, booleans and big integers come out as they are."""
    row = Row("x", True, {"nan": math.nan, "inf": math.inf, "yes": True, "big": 10**20, "zero": 0.0}, "", 0.0, WHEN)
    drawn = render([row], ("nan", "inf", "yes", "big", "zero"), "table").splitlines()[2].split()
    assert drawn == ["nan", "inf", "True", str(10**20), "0"]


@pytest.mark.parametrize("column", ["accurac", "nothing"])
def test_an_unknown_column_is_told_with_what_there_is(column):
    """Chosen or sorted by, a name that is not there gets a hint."""
    for draw in (lambda: render(ROWS, (column,), "table"), lambda: sorted_rows(ROWS, column)):
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
    assert "majority:model failed" in run.err
    assert "not built" in project.doit("report").out


def test_a_report_may_go_to_a_file(project):
    """The file holds what stdout would; nothing else is in it."""
    project.doit("report", "--format", "json", "--out", "report.json")
    assert json.loads(project.read("report.json")) == json.loads(project.doit("report", "--format", "json").out)


def test_a_report_may_be_sorted(project):
    """Best first, by any column."""
    rows = json.loads(project.doit("report", "--format", "json", "--sort", "accuracy").out)["variants"]
    best = [row["values"]["accuracy"] for row in rows]
    assert best == sorted(best, reverse=True)
    run = project.doit("report", "--sort", "acuracy")
    assert run.code == 1
    assert "the report has no column 'acuracy'" in run.out
    assert "hint: did you mean accuracy?" in run.out


def test_an_unknown_format_is_told_by_doit(project):
    """The choices are listed, nothing runs."""
    run = project.doit("report", "--format", "htm")
    assert (run.code, run.ran) == (3, [])
    assert "'json'" in run.err


def test_columns_of_a_report_may_be_declared(project):
    """dodo.py chooses; what is declared wrongly is told when it is drawn, when the columns are known."""
    project.edit(
        "dodo.py", "report(Nearest, Majority)", 'report(Nearest, columns=("accuracy", "variant"), format="csv")'
    )
    run = project.doit("report")
    assert run.out.splitlines()[0] == "accuracy,variant"
    assert run.out.splitlines()[1].endswith(",nearest")
    project.edit("dodo.py", '"accuracy", "variant"', '"acuracy",')
    run = project.doit("report")
    assert run.code == 1
    assert "did you mean accuracy?" in run.out + run.err


def test_scalars_in_a_named_tuple_have_columns_of_their_own(project):
    """A field is named after its stage; arrays and texts that are no scalars are left out."""
    project.write(
        "recipes/nearest.py",
        project.read("recipes/nearest.py")
        + '''

class Scores(NamedTuple):
    f1: float
    passed: bool
    table: list


def judge(model: Model, test: np.ndarray) -> Scores:
    """Judge a model."""
    return Scores(0.5, True, [1, 2])
''',
    )
    project.edit(
        "recipes/nearest.py", "from typing import TYPE_CHECKING", "from typing import TYPE_CHECKING, NamedTuple"
    )
    project.edit(
        "dodo.py",
        "\n\nclass Majority",
        "    scores = stage(nearest.judge, model, Points.scaled.test)\n\n\nclass Majority",
    )
    told = json.loads(project.doit("report", "--format", "json").out)["variants"]
    assert {name: told[0]["values"][name] for name in ("scores.f1", "scores.passed")} == {
        "scores.f1": 0.5,
        "scores.passed": True,
    }
    assert "scores.table" not in told[0]["values"]


def test_two_reports_of_one_name_are_told(project):
    """Both would be `doit report`."""
    project.write("dodo.py", project.read("dodo.py") + "\ntask_second = report(Nearest)\n")
    run = project.doit("report")
    assert (run.code, run.ran) == (3, [])
    assert "Task names must be unique" in run.err
