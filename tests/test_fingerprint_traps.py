"""The traps beside the digest: each test fails without its remedy."""

import os
import subprocess
import sys
import textwrap

import pytest
from fingerprint_projects import opened

from kept.fingerprint import loading


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        yield files


@pytest.fixture
def hook(project):
    """Load the project from source for one test."""
    hooks, cache = list(sys.path_hooks), dict(sys.path_importer_cache)
    loading.install(project.root)
    yield
    sys.path_hooks[:] = hooks
    sys.path_importer_cache.clear()
    sys.path_importer_cache.update(cache)


STALE = """
    import importlib, os, sys
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = False
    if sys.argv[2] == "hook":
        from kept.fingerprint import loading
        loading.install(sys.argv[1])
    path = os.path.join(sys.argv[1], "stages.py")
    def written(text):
        with open(path, "w") as file: file.write(text)
        os.utime(path, (1000, 1000))
    written("K = 1\\n")
    import stages
    written("K = 2\\n")
    sys.modules.pop("stages")
    importlib.invalidate_caches()
    import stages
    print(stages.K)
"""


@pytest.mark.parametrize(("how", "result"), [("plain", "1"), ("hook", "2")])
def test_an_edit_in_the_same_second_is_what_runs(tmp_path, how, result):
    """Python itself runs the old code from its .pyc; with the hook what is on disk runs."""
    (tmp_path / "project").mkdir()
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", textwrap.dedent(STALE), str(tmp_path / "project"), how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == result


@pytest.mark.usefixtures("hook")
def test_no_pyc_is_written(project, monkeypatch):
    """The project's files leave no bytecode behind that somebody could read later."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    project.write(stages="import pk.a\nK = pk.a.K\n", pk____init__="", pk__a="K = 1\n")
    assert project.loaded().K == 1
    assert not list(project.root.rglob("*.pyc"))


@pytest.mark.usefixtures("hook")
def test_an_edit_after_the_import_is_noticed(project):
    """A stage is not run with code other than that of its key: loaded files that differ are listed."""
    project.write(stages="import hh\ndef train(x): return hh.f(x)\n", hh="def f(x): return 1\n")
    project.loaded()
    assert loading.moved(project.made().files) == []
    project.write(hh="def f(x): return 2\n")
    assert loading.moved(project.made().files) == [str(project.root / "hh.py")]


@pytest.mark.usefixtures("hook")
def test_libraries_and_folders_elsewhere_load_as_ever(project):
    """Only the project's own files are loaded by the hook."""
    project.write(**{"site-packages__thirdd": "K = 1\n"})
    assert type(project.loaded("thirdd").__loader__).__name__ == "SourceFileLoader"


def test_early_cutoff_past_a_class(project):
    """A consumer whose input holds a Model changes with Model.predict, although the bytes of its input do not."""
    model = "class Model:\n    def predict(self, x): return {}\n"
    project.write(stages="def evaluate(model): return model.predict(1)\n", model=model.format(20))
    before = project.made("stages:evaluate", also=["model:Model"]).digest
    alone = project.made("stages:evaluate").digest
    project.write(model=model.format(21))
    assert project.made("stages:evaluate", also=["model:Model"]).digest != before
    assert project.made("stages:evaluate").digest == alone
