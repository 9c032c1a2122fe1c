"""The benchmarks run, and draw what they find; how fast anything is, is not tested."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import deep, edits, large, many, measuring, mnist, peers, table, tools, venvs

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they measure with what Linux tells of a process")


def failures(rows: list[table.Row]) -> list[table.Row]:
    """Return the rows whose command failed; a bound that does not hold is no failure."""
    return [row for row in rows if row.measured == "failed"]


@pytest.mark.slow
def test_the_rows_of_mnist_are_measured(tmp_path: Path):
    """Every command that the table runs on the pipeline of this repository succeeds."""
    pytest.importorskip("sklearn")
    found = list(mnist.rows(tmp_path, 1, images=100, edits=["normalize"]))
    assert not failures(found)
    assert len(found) == 7


def test_the_rows_of_many_stages_are_measured(tmp_path: Path):
    """Nothing to do, one leaf and the first build are measured, beside ninja where it is installed."""
    found = list(many.rows(tmp_path, 1, 5))
    assert not failures(found)
    assert [row.work for row in found] == [
        "5 stages, first build: a stage",
        "5 stages, the same durable by hand, no checks: a stage",
        "5 stages, nothing to do: `doit`",
        "5 stages, nothing to do: `kept`",
        "5 stages, one source of one leaf changed",
    ]
    assert ("not installed" in found[1].beside) == (shutil.which("ninja") is None)


@pytest.mark.slow
def test_the_rows_of_large_graphs_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every shape is built, listed, explained and cleaned at two sizes."""
    monkeypatch.setattr(deep, "SHAPES", {name: (write, 6) for name, (write, _) in deep.SHAPES.items()})
    found = list(deep.rows(tmp_path, 1))
    assert not failures(found)
    assert len(found) == len(deep.SHAPES) * len(deep.WORKS)


def test_the_lines_of_a_large_array_become_rows():
    """A bound is a ratio, a time or a count of bytes, and each is held against its figure."""
    ratio = large.row(4, ["save", "0.150 s", "2.0", "2.50"])
    assert (ratio.work, ratio.bound, ratio.measured, ratio.holds) == ("4 MB: save", "2x", "2.50x", False)
    assert large.row(4, ["restore", "9.9 ms", "10 ms", ""]).holds
    assert large.row(4, ["read", "4,000,000 bytes", "0", ""]).holds is False
    assert large.row(4, ["np.save", "0.1 s", "", "1.0"]).holds is None


def test_what_is_measured_is_what_a_user_runs():
    """Commands get nothing of how the benchmark was started: bytecode is written."""
    code = "from benchmarks.measuring import environment; print('PYTHONDONTWRITEBYTECODE' in environment())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_the_command_refuses_a_section_that_it_does_not_have():
    """A misspelt section is an error, not an empty table."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mnits"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no section mnits" in done.stderr


def costs(*cpu: float) -> list[measuring.Cost]:
    return [measuring.Cost(seconds, seconds, 0) for seconds in cpu]


def test_what_counts_is_the_median_of_the_rounds():
    """A round in which the machine is slow is slow for both: the ratio of the medians would show it."""
    ours, theirs = costs(0.2, 0.9, 0.22), costs(0.1, 0.5, 0.1)
    assert table.ratio("work", 2, ours, theirs, "other").cells()[1:4] == ("2x", "2.00x", "yes")
    assert table.difference("work", 0.1, ours, theirs, "other").cells()[1:4] == ("100 ms", "120 ms", "**no**")
    assert table.figures(ours, theirs) == "220 ms / 100 ms"


def test_a_table_replaces_the_one_before(tmp_path: Path):
    """What is written stands between the marks, and nothing else of the page changes."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: begin -->\nold\n<!-- table: end -->\nafter\n")
    row = table.ratio("work", 2, costs(0.5), costs(0.1), "other")
    table.put("table", table.markdown(table.HEAD, [row.cells()]), page)
    lines = page.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "old" not in lines
    assert "| work | 2x | 5.00x | **no** | other | 500 ms / 100 ms |" in lines


def test_a_page_without_marks_is_refused(tmp_path: Path):
    """A table is never written to somewhere else."""
    page = tmp_path / "page.md"
    page.write_text("<!-- table: begin -->\n")
    with pytest.raises(ValueError, match="has no marks"):
        table.put("table", "new", page)


def compared(folder: Path, name: str) -> peers.Project:
    """Return the five stages in one of the compared tools, as it is installed here."""
    tool = next(tool for tool in tools.TOOLS if tool.name == name)
    here = folder / name
    return peers.Project(here, tool, Path(sys.executable).parent, {"PYTHONPATH": f"{here}:{ROOT}"})


@pytest.mark.parametrize("name", ["kept", "doit", "make", "joblib"])
def test_the_compared_pipelines_give_one_result(tmp_path: Path, name: str):
    """Both variants run five stages in all, and what they give is what the functions give without any tool."""
    if name == "make" and shutil.which("make") is None:
        pytest.skip("make is not installed")
    if name == "joblib":
        pytest.importorskip("joblib")
    project = compared(tmp_path, name)
    project.build("a")
    assert project.ran() == "RSFWE"
    assert project.result("a") == project.right("a")
    project.build("b")
    assert project.ran() == "DE"
    assert project.result("b") == project.right("b")
    assert project.right("a") != project.right("b")


@pytest.mark.slow
def test_kept_runs_what_has_to_run_and_nothing_else(tmp_path: Path):
    """After every edit of the comparison kept runs as many stages as have to, and the result is right."""
    found = peers.judged(compared(tmp_path, "kept"))
    assert found == {edit.name: f"{len(edit.runs)}/{len(edit.runs)}" for edit in edits.EDITS}


def test_a_wrong_result_is_called_stale():
    """What ran is held against what had to, and a result against the right one."""
    edit = edits.Edit("edit", edits.nothing, "WE")
    assert edits.verdict(edit, "WE", right=True) == "2/2"
    assert edits.verdict(edit, "SFWE", right=True) == "4/2 needless"
    assert edits.verdict(edit, "", right=False) == "0/2 **stale**"


@pytest.mark.parametrize("edit", edits.EDITS, ids=lambda edit: edit.name)
def test_an_edit_that_has_to_run_changes_the_result(tmp_path: Path, edit: edits.Edit):
    """A case whose result stayed the same could not show that it was stale."""
    project = compared(tmp_path, "kept")
    before = project.right("a")
    if edit.name.endswith(", back"):
        (file, old, new) = edits.HELPER
        (edits.replaced(file, old, new) if "helper" in edit.name else edits.ridge(5.0))(project.folder)
        assert project.right("a") != before
    edit.change(project.folder)
    assert (project.right(edit.variant) != before) == ("E" in edit.runs)


def test_a_tool_that_cannot_be_installed_is_reported():
    """The table has its row, with the reason."""
    with pytest.raises(venvs.NotInstalledError, match="ERROR: nothing matches"):
        venvs.told([sys.executable, "-c", "raise SystemExit('one\\nERROR: nothing matches\\ntwo')"])
    kept = peers.Found(tools.TOOLS[0], "1", seconds={"first build": 1.0})
    lost = peers.Found(tools.TOOLS[1], problem="not installed: why")
    kept.costs = {"five": "failed", "many": "failed"}
    assert peers.speed([kept, lost], 10).splitlines()[3].count("not installed: why") == 6
