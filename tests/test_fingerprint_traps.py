"""The traps beside the digest: each test fails without its remedy."""

import os
import py_compile
import subprocess
import sys
import textwrap
from importlib.machinery import SourceFileLoader

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
    before = SourceFileLoader.get_code
    loading.install(project.root)
    yield
    SourceFileLoader.get_code = before


STALE = """
    import importlib, importlib.util, os, sys
    root, folder, how, hook = sys.argv[1:]
    sys.dont_write_bytecode = False
    if hook:
        from kept.fingerprint import loading
        loading.install(root)
    path = os.path.join(folder, "pk", "stages.py")
    def loaded():
        if how == "by path":
            spec = importlib.util.spec_from_file_location("stages", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
        for name in ("pk.stages", "pk"):
            sys.modules.pop(name, None)
        sys.path[:] = [folder, *[one for one in sys.path if one != folder]]
        importlib.invalidate_caches()
        return importlib.import_module("pk.stages")
    def written(text):
        with open(path, "w") as file: file.write(text)
        os.utime(path, (1000, 1000))
    written("K = 1\\n")
    loaded()
    written("K = 2\\n")
    print(loaded().K)
"""


LOADED = """
    import hashlib, importlib, os, sys
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = False
    from kept.fingerprint import loading
    path = os.path.join(sys.argv[1], "queue_of_mine.py")
    def loaded(text, time):
        with open(path, "w") as file: file.write(text)
        os.utime(path, (time, time))
        sys.modules.pop("queue_of_mine", None)
        importlib.invalidate_caches()
        import queue_of_mine
        sys.dont_write_bytecode = sys.argv[2] == "another second"
    loaded("K = 1\\n", 1000)
    loaded("K = 2\\n", 1001 if sys.argv[2] == "another second" else 1000)
    loading.install(sys.argv[1])
    with open(path, "rb") as file: digest = hashlib.sha256(file.read()).hexdigest()
    print(len(loading.moved({path: digest})), os.path.exists(importlib.util.cache_from_source(path)))
"""


@pytest.mark.parametrize(("when", "moved"), [("the same second", "1 False"), ("another second", "0 True")])
def test_bytecode_that_ran_before_kept_came_is_looked_at(tmp_path, when, moved):
    """What `python -m doit` takes for a module of Python's own may be of an old edit: nothing is recorded of that."""
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", textwrap.dedent(LOADED), str(tmp_path), when]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == moved


@pytest.mark.parametrize("place", ["project", "elsewhere"])
@pytest.mark.parametrize("how", ["imported", "by path"])
@pytest.mark.parametrize(("hook", "result"), [("", "1"), ("hook", "2")])
def test_an_edit_in_the_same_second_is_what_runs(tmp_path, place, how, hook, result):
    """Python itself runs the old code from its .pyc; with the hook what is on disk runs, wherever code is followed."""
    (tmp_path / place / "pk").mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONDONTWRITEBYTECODE": ""}
    given = [str(tmp_path / "project"), str(tmp_path / place), how, hook]
    command = [sys.executable, "-c", textwrap.dedent(STALE), *given]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == result


@pytest.mark.usefixtures("hook")
def test_bytecode_is_taken_only_if_it_names_the_bytes_of_its_source(project, monkeypatch):
    """A project of many modules is compiled once; what is left for the next run, plain Python checks as well."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    project.write(stages="import pk.a\nK = pk.a.K\n", pk____init__="", pk__a="K = 1\n")
    assert project.loaded().K == 1
    left = sorted(project.root.rglob("*.pyc"))
    assert [path.name.partition(".")[0] for path in left] == ["stages", "a"]  # Python leaves none of a file of no bytes
    assert {path.read_bytes()[4:8] for path in left} == {b"\x03\0\0\0"}
    compiled = []
    monkeypatch.setattr(loading._Compiled, "source_to_code", lambda *given: compiled.append(given[1]))
    project.forget()
    assert (project.loaded().K, compiled) == (1, [])


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize("mode", ["TIMESTAMP", "UNCHECKED_HASH", "CHECKED_HASH"])
def test_bytecode_of_other_source_is_not_run(project, monkeypatch, mode):
    """However it was written, and whatever it claims."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    project.write(stages="K = 1\n")
    path, before = project.root / "stages.py", os.stat(project.root / "stages.py")
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode[mode])
    path.write_text("K = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.loaded().K == 2
    (left,) = project.root.rglob("*.pyc")
    plainly = subprocess.run(
        [sys.executable, "-c", "import stages; print(stages.K)"], cwd=project.root, capture_output=True, check=True
    )
    assert plainly.stdout == b"2\n"
    left.write_bytes(left.read_bytes()[:30])
    project.forget()
    assert project.loaded().K == 2


@pytest.mark.usefixtures("hook")
def test_an_edit_after_the_import_is_noticed(project):
    """A stage is not run with code other than that of its key: loaded files that differ are listed."""
    project.write(stages="import hh\ndef train(x): return hh.f(x)\n", hh="def f(x): return 1\n")
    project.loaded()
    assert loading.moved(project.made().files) == []
    project.write(hh="def f(x): return 2\n")
    assert loading.moved(project.made().files) == [str(project.root / "hh.py")]


@pytest.mark.usefixtures("hook")
def test_an_edit_of_code_elsewhere_is_noticed(project, tmp_path, monkeypatch):
    """So it is on PYTHONPATH; yet what a library makes and loads elsewhere is no module of the project."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "hh.py").write_text("def f(x): return 1\n")
    monkeypatch.syspath_prepend(place)
    project.write(stages="def train(x):\n    import hh\n    return hh.f(x)\n")
    before, count = project.made().files, loading.count()
    project.loaded("hh")
    assert (loading.moved(before), loading.count()) == ([], count)
    (place / "hh.py").write_text("def f(x): return 2\n")
    assert loading.moved(project.made().files) == [str(place / "hh.py")]
    del sys.modules["hh"]


@pytest.mark.usefixtures("hook")
def test_libraries_and_folders_elsewhere_load_as_ever(project):
    """What no fingerprint follows is loaded from its bytecode, whoever has written that."""
    project.write(**{"site-packages__thirdd": "K = 1\n"})
    assert loading.loaded_digest(project.loaded("thirdd").__file__) is None
    project.write(stages="K = 1\n")
    assert loading.loaded_digest(project.loaded("stages").__file__) is not None


def test_early_cutoff_past_a_class(project):
    """A consumer whose input holds a Model changes with Model.predict, although the bytes of its input do not."""
    model = "class Model:\n    def predict(self, x): return {}\n"
    project.write(stages="def evaluate(model): return model.predict(1)\n", model=model.format(20))
    before = project.made("stages:evaluate", also=["model:Model"]).digest
    alone = project.made("stages:evaluate").digest
    project.write(model=model.format(21))
    assert project.made("stages:evaluate", also=["model:Model"]).digest != before
    assert project.made("stages:evaluate").digest == alone
