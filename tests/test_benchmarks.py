"""The benchmarks run, and draw what they find; how fast anything is, is not tested."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import deep, many, mnist, table

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


def test_a_table_replaces_the_one_before(tmp_path: Path):
    """What is written stands between the marks, and nothing else of the page changes."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: begin -->\nold\n<!-- table: end -->\nafter\n")
    row = table.ratio("work", 2, 0.5, 0.1, "other")
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
