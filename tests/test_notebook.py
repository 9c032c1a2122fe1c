"""What a pipeline, an artifact and a report show of themselves in a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
import types

import pytest
from projects import Project

from kept import Pipeline

SCRIPT = """
import json, sys
sys.path.insert(0, ".")
import dodo
shown = [dodo.Nearest, dodo.Nearest.model, dodo.Points.rows, dodo.Points.rows.X_train, dodo.Nearest.accuracy]
print(json.dumps([one._repr_html_() for one in (*shown, dodo.task_report)]))
"""


def shown(project: Project) -> list[str]:
    """Show six things of a project, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=project.root,
        env=project._environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    read: list[str] = json.loads(done.stdout)
    return read


def test_what_was_built_shows_itself(project: Project):
    """A pipeline as its picture, an artifact with its file and its maker, a report as its table."""
    project.doit("report")
    pipeline, model, rows, field, accuracy, report = shown(project)
    assert pipeline.count("<rect") == 4
    assert "The nearest centroid decides." in pipeline
    assert "accuracy 0." in pipeline
    assert "built" in pipeline
    assert "artifacts/nearest/model.pkl" in model
    assert "Centroids" in model
    assert "by recipes.nearest.train" in model
    assert rows.count("artifacts/points/rows/") == 4
    assert field.count("artifacts/points/rows/X_train.npy") == 1
    assert f"<td>{json.loads(project.read('artifacts/nearest/accuracy.json'))}</td>" in accuracy
    assert report.count("<tr>") == 3
    assert "majority" in report


def test_what_was_not_built_says_so(project: Project):
    """Nothing is built for showing it, and nothing fails."""
    pipeline, model, *_, report = shown(project)
    assert pipeline.count("not built") >= 4
    assert "not built" in model
    assert "not built" in report
    assert project.executed() == []


def test_ipython_finds_it(project: Project):
    """IPython asks classes for class methods only, and nothing for names that any object would answer."""

    class Shown(Pipeline, name="shown_in_ipython"):
        """Nothing."""

    assert isinstance(Shown._repr_html_, types.MethodType)
    formatters = pytest.importorskip("IPython.core.formatters", reason="needs IPython")
    project.doit("nearest")
    script = SCRIPT.replace("one._repr_html_()", "format(one)").replace(
        "import dodo\n",
        "import dodo\nfrom IPython.core.formatters import DisplayFormatter\n"
        "def format(one):\n    return DisplayFormatter().format(one)[0]['text/html']\n",
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.root,
        env=project._environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(done.stdout)) == 6
    assert formatters


def test_outside_a_project_there_is_nothing_to_show(tmp_path, monkeypatch):
    """The plain text of an object is shown instead, as IPython does for None."""

    class Elsewhere(Pipeline, name="shown_elsewhere"):
        """Nothing."""

    monkeypatch.chdir(tmp_path)
    assert Elsewhere._repr_html_() is None
