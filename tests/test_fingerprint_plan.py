"""Asked again, a fingerprint costs a look at each thing it was made from, and sees each change of them."""

import os
import time

import pytest
from fingerprint_projects import opened

from kept.digest import Memo


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        yield files


@pytest.fixture
def memo(tmp_path):
    return Memo(tmp_path / "memo.db")


STAGES = """
    import hh
    import math

    K = 2

    def train(x):
        return hh.scale(x) * K
"""


# ---- asked again


def test_a_warm_fingerprint_reads_nothing(project, memo, monkeypatch):
    """With everything as it was, no source is read, parsed or summarised."""
    project.write(stages=STAGES, hh="def scale(x): return x\n")
    before = project.made(memo=memo)
    monkeypatch.setattr("kept.fingerprint.project.Project.source", None)
    monkeypatch.setattr("kept.fingerprint.reading.summarise", None)
    assert project.made(memo=memo) == before


def test_an_edit_is_summarised_alone(project, memo, monkeypatch):
    """After an edit only the edited file is parsed."""
    from kept.fingerprint import reading

    project.write(stages=STAGES, hh="def scale(x): return x\n", **{f"m{n}": "" for n in range(5)})
    before = project.made(memo=memo)
    real, seen = reading.summarise, []
    monkeypatch.setattr(reading, "summarise", lambda source: seen.append(source) or real(source))
    project.write(hh="def scale(x): return x + 1\n")
    assert project.made(memo=memo).digest != before.digest
    assert seen == [b"def scale(x): return x + 1\n"]


@pytest.mark.parametrize("new", ["thirdd.py", "thirdd/__init__.py", "statistics.py", "optional.py", "plug/b.py"])
def test_a_new_file_is_seen(project, memo, new):
    """A file that takes the place of a library, or fills a look-up that found nothing, ends the remembered plan."""
    project.write(
        stages="""
        import importlib, pkgutil, statistics, thirdd, plug
        try: import optional
        except ImportError: optional = None
        for one in pkgutil.iter_modules(plug.__path__): importlib.import_module("plug." + one.name)
        def train(x): return thirdd.f(x), statistics.mean(x), optional
        """,
        plug____init__="",
        **{"site-packages__thirdd": ""},
    )
    info = project.root / "site-packages" / "thirdd-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("thirdd.py,,\n")
    before = project.made(memo=memo)
    assert project.made(memo=memo) == before
    path = project.root / new
    path.parent.mkdir(exist_ok=True)
    path.write_text("K = 1\ndef f(x): return x\ndef mean(x): return x\n")
    assert project.made(memo=memo).digest != before.digest


LIBRARY = """
    import thirdd
    try: import optional
    except ImportError: optional = None
    def train(x): return thirdd.f(x), optional
"""


@pytest.fixture
def library(project):
    """Make a folder of one library, older than anything else."""
    project.write(stages=LIBRARY, **{"site-packages__thirdd": ""})
    info = project.root / "site-packages" / "thirdd-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("thirdd.py,,\n")
    return info.parent


@pytest.fixture
def listed(monkeypatch):
    """Gather the folders that are listed, the first time in a process."""
    found, real = [], os.listdir
    monkeypatch.setattr("kept.fingerprint.project._listed", {})
    monkeypatch.setattr(os, "listdir", lambda path: found.append(str(path)) or real(path))
    return found


def later(monkeypatch):
    """Let ten seconds pass for all that is written from now on."""
    files, process = Memo.now_ns, time.time_ns
    monkeypatch.setattr(Memo, "now_ns", lambda memo: files(memo) + 10**10)
    monkeypatch.setattr(time, "time_ns", lambda: process() + 10**10)


def another_process(monkeypatch):
    monkeypatch.setattr("kept.fingerprint.project._listed", {})


def test_a_folder_of_libraries_that_has_settled_is_not_listed(project, library, memo, monkeypatch, listed):
    """It is large; while it looks as it did long after its last change, the same names are in it."""
    later(monkeypatch)
    before = project.made(memo=memo)
    assert str(library) in listed
    another_process(monkeypatch)
    listed.clear()
    assert project.made(memo=memo) == before
    assert str(library) not in listed


def test_a_young_folder_of_libraries_is_listed(project, library, memo, monkeypatch, listed):
    """It may change once more in the same tick of its clock, which is not that of the process."""
    process = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: process() + 10**10)
    before = project.made(memo=memo)
    another_process(monkeypatch)
    listed.clear()
    assert project.made(memo=memo) == before
    assert str(library) in listed


@pytest.mark.parametrize("kept_times", [False, True])
def test_what_comes_to_a_settled_folder_of_libraries_is_seen(project, library, memo, monkeypatch, kept_times):
    """With the folder's time set back, too."""
    later(monkeypatch)
    before, times = project.made(memo=memo), os.stat(library)
    (library / "optional.py").write_text("")
    if kept_times:
        os.utime(library, ns=(times.st_atime_ns, times.st_mtime_ns))
    another_process(monkeypatch)
    assert project.made(memo=memo).digest != before.digest


def test_a_link_to_nothing_among_libraries_is_looked_at(project, library, memo, monkeypatch):
    """What it leads to may come without a change of the folder."""
    (library / "optional").symlink_to(project.root.parent / "elsewhere")
    later(monkeypatch)
    before = project.made(memo=memo)
    (project.root.parent / "elsewhere").mkdir()
    (project.root.parent / "elsewhere" / "__init__.py").write_text("")
    assert project.made(memo=memo).digest != before.digest


def test_a_folder_that_changes_while_a_fingerprint_is_made_has_not_settled(project, library, memo, monkeypatch):
    """What was looked up before the change is looked up again."""
    from kept.fingerprint import plan

    later(monkeypatch)
    real = plan.settled

    def changed(modules):
        (library / "optional.py").write_text("")
        return real(modules)

    monkeypatch.setattr(plan, "settled", changed)
    before = project.made(memo=memo)
    another_process(monkeypatch)
    assert project.made(memo=memo).digest != before.digest


@pytest.mark.parametrize("what", ["variable", "file", "version", "new file"])
def test_a_changed_input_is_seen(project, memo, monkeypatch, what):
    """A plan holds only while variables, files read at import and installed versions are as they were."""
    project.write(
        stages="""
        import os, json, thirdd
        LR = os.environ.get("LR_OF_TEST")
        CFG = json.load(open(os.path.join(os.path.dirname(__file__), "c.json")))
        try: MORE = open("more.json").read()
        except OSError: MORE = None
        def train(x): return LR, CFG, MORE, thirdd.f(x)
        """,
        **{"site-packages__thirdd": ""},
    )
    (project.root / "c.json").write_text("1")
    info = project.root / "site-packages" / "thirdd-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("thirdd.py,,\n")
    before = project.made(memo=memo)
    if what == "variable":
        monkeypatch.setenv("LR_OF_TEST", "2")
    elif what == "file":
        (project.root / "c.json").write_text("2")
    elif what == "version":
        info.rename(info.with_name("thirdd-2.dist-info"))
    else:
        (project.root / "more.json").write_text("1")
    after = project.made(memo=memo)
    assert (after.digest, after.libraries) != (before.digest, before.libraries)


def test_a_warm_fingerprint_is_quick(project, memo):
    """Five stages with memory warm take a few milliseconds; the bound is wide, machines are busy."""
    text = "import numpy as np\nimport hh\n" + "".join(
        f"def s{n}(x): return hh.scale(np.mean(x)) + {n}\n" for n in range(5)
    )
    project.write(stages=text, hh="def scale(x): return x\n")
    for n in range(5):
        project.made(f"stages:s{n}", memo=memo)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        for n in range(5):
            project.made(f"stages:s{n}", memo=memo)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02
