"""Nothing to do is said again from a receipt, and any doubt takes the normal path."""

import ast
import os
import shutil
import struct
import subprocess
import sys
import sysconfig

import pytest

from kept import receipt
from kept.digest import Memo

ARGUMENTS = ["nearest"]

# A file is trusted when it is two seconds old; the clock is moved on, so that no test waits.
LATER = """
import sys
from kept.digest import Memo
real = Memo.now_ns
Memo.now_ns = lambda self: real(self) + 10**10
from doit.doit_cmd import DoitMain
sys.exit(DoitMain().run(sys.argv[1:]))
"""


def _run(project, *command, **environment):
    """Run a command in the project as a user would; return what it printed."""
    done = subprocess.run(
        command, cwd=project.root, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


def _later(project, *arguments, **environment):
    return _run(project, sys.executable, "-c", LATER, *arguments, **environment)


def _doit(project, *arguments, **environment):
    return _run(project, sys.executable, "-m", "doit", *arguments, **environment)


@pytest.fixture(autouse=True)
def _plainly_named(monkeypatch):
    """Let this process look like a child of its interpreter, however the tests were started."""
    monkeypatch.setattr(sys, "executable", os.path.abspath(sys.executable))
    given = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(given))
    tell = (
        "import sys; print(sys.path, '\\n', tuple(sys.flags), '\\n', (False, sys.stdout.encoding, sys.stdout.errors))"
    )
    told = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True).stdout
    path, flags, screen = map(ast.literal_eval, told.split("\n ", 2))
    real = receipt.setting
    monkeypatch.setattr(sys, "path", path)
    assert flags == tuple(sys.flags)
    monkeypatch.setattr(receipt, "setting", lambda arguments: (*real(arguments)[:-1], screen))


@pytest.fixture
def answered(project, monkeypatch):
    """Give a project that was built, and found up to date: its receipt answers."""
    monkeypatch.chdir(project.root)
    _doit(project, *ARGUMENTS)
    text = _later(project, *ARGUMENTS)
    assert receipt.read(ARGUMENTS) == text
    return project


def _damage(project):
    path = project.path("artifacts/nearest/accuracy.json")
    times = path.stat()
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _same_size(project):
    path = project.path("recipes/limits.py")
    times = path.stat()
    path.write_text(path.read_text().replace("6.0", "7.0"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


EDITS = {
    "a source": lambda p: p.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0"),
    "a source, size and time kept": _same_size,
    "an input": lambda p: p.write("data/points.csv", p.read("data/points.csv") + "\n"),
    "dodo.py": lambda p: p.edit("dodo.py", "shrink=0.1", "shrink=0.2"),
    "an artifact deleted": lambda p: p.remove("artifacts/nearest/accuracy.json"),
    "an artifact damaged, size and time kept": _damage,
    "settings": lambda p: p.write("pyproject.toml", "[tool.kept]\nseed = 3\n"),
    "a module that hides another": lambda p: p.write("numpy.py", "raise ImportError('not this one')\n"),
    "a module that hides another in a package": lambda p: p.write("recipes/json.py", "\n"),
    "forgotten": lambda p: _doit(p, "forget", "nearest:model"),
    "ignored": lambda p: _doit(p, "ignore", "nearest:model"),
    "cleaned": lambda p: _doit(p, "clean", "nearest"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_takes_the_normal_path(answered, edit):
    """Whatever a run looks at: when it is another, the receipt is silent."""
    EDITS[edit](answered)
    assert receipt.read(ARGUMENTS) is None


def test_the_answer_is_that_of_a_run(answered):
    """The text is what the run without the receipt prints."""
    text = _doit(answered, *ARGUMENTS)
    for name in os.listdir("artifacts/.kept"):
        if name.startswith("receipt-"):
            os.unlink(f"artifacts/.kept/{name}")
    assert _doit(answered, *ARGUMENTS) == text
    assert "4 stages: 4 up to date" in text


def test_the_answer_comes_before_dodo_py_is_loaded(answered):
    """A run that is answered imports nothing of the project: a poisoned interpreter would show it."""
    poison = "import sys; sys.modules['kept.tasks'] = None\n"
    command = f"{poison}from doit.doit_cmd import DoitMain; sys.exit(DoitMain().run(['nearest']))"
    assert "up to date" in _run(answered, sys.executable, "-c", command)


@pytest.mark.parametrize("arguments", [[], ["majority"], ["nearest", "majority"], ["-v", "2", "nearest"]])
def test_another_command_line_is_another_question(answered, arguments):
    """A receipt answers the words that it was written for."""
    assert receipt.read(arguments) is None


def test_another_environment_is_another_question(answered, monkeypatch):
    """PYTHONPATH decides what is imported."""
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert receipt.read(ARGUMENTS) is None


def test_another_folder_is_another_question(answered, monkeypatch, tmp_path):
    """A project that was moved is looked at anew."""
    os.rename(answered.root, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert receipt.read(ARGUMENTS) is None


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: d[:-1], lambda d: d[:9] + bytes([d[9] ^ 1]) + d[10:]])
def test_a_damaged_receipt_is_silent(answered, damage):
    """Its checksum, then its layout, are looked at first."""
    place = receipt.place(ARGUMENTS)
    with open(place, "rb") as file:
        data = file.read()
    with open(place, "wb") as file:
        file.write(damage(data))
    assert receipt.read(ARGUMENTS) is None
    assert "4 stages: 4 up to date" in _doit(answered, *ARGUMENTS)


def test_files_are_looked_at_by_compiled_code():
    """Where there is a compiler, an installation has what makes a no-op of many files fast: nobody would miss it."""
    if shutil.which("cc") is None or not os.path.exists(f"{sysconfig.get_path('include')}/Python.h"):
        pytest.skip("no C compiler, or no headers of Python")
    assert receipt.unchanged is not receipt.in_python, "not compiled: python -m pip install -e ."


STATES = {
    "nothing": lambda here: None,
    "content": lambda here: here.joinpath("b").write_text("longer"),
    "mtime": lambda here: os.utime(here / "b", ns=(0, 1)),
    "ctime": lambda here: os.chmod(here / "b", 0o600),
    "inode": lambda here: (shutil.copy2(here / "b", here / "new"), os.replace(here / "new", here / "b")),
    "gone": lambda here: here.joinpath("b").unlink(),
    "a file in a folder": lambda here: here.joinpath("folder", "new").touch(),
    "where a link leads": lambda here: here.joinpath("c").write_text("longer"),
    "a name of odd bytes": lambda here: here.joinpath(os.fsdecode(b"\xff \n")).write_text("longer"),
}


@pytest.mark.parametrize("unchanged", [receipt.unchanged, receipt.in_python], ids=["as installed", "in Python"])
@pytest.mark.parametrize("edit", STATES)
def test_the_two_ways_to_look_at_files_are_one(tmp_path, edit, unchanged):
    """Compiled or in Python: each sees each part of a file's state, and pairs that do not fit."""
    names = ["a", "b", "c", os.fsdecode(b"\xff \n"), "folder", "link", "b"]
    for name in names[:4]:
        tmp_path.joinpath(name).write_text("text")
    tmp_path.joinpath("folder").mkdir()
    tmp_path.joinpath("link").symlink_to("c")
    paths = b"".join(os.fsencode(tmp_path / name) + b"\0" for name in names)
    states = b"".join(struct.pack("=3qQ", *receipt.stat(tmp_path / name)) for name in names)
    STATES[edit](tmp_path)
    assert unchanged(paths, states) is (edit == "nothing")
    assert unchanged(b"", b"") is True
    for bad in [(paths, b""), (b"", states), (paths, states[:-1]), (paths, states[:-32]), (paths[:-1], b"\0" * 31)]:
        assert unchanged(*bad) is False


def test_an_age_that_fits_no_receipt_is_not_trusted(tmp_path, monkeypatch):
    """A file system may give a file a year that cannot be counted in nanoseconds: then there is no answer."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / receipt.FOLDER).mkdir(parents=True)
    (tmp_path / receipt.FOLDER / "memo.db").touch()
    asked = receipt.Asked(["a"])
    asked.began_ns = 10**18
    for year in (-(2**64), 2**64):
        asked.write([], {}, {"one": ["task"]}, {"one": (year, 0, 1, 1)}, "text")
        assert receipt.read(["a"]) is None


def test_a_file_that_is_too_new_leaves_no_receipt(project, monkeypatch):
    """Within two seconds a file may change without its stat changing: nothing is answered from it."""
    monkeypatch.chdir(project.root)
    _doit(project, *ARGUMENTS)
    _doit(project, *ARGUMENTS)
    assert receipt.read(ARGUMENTS) is None


def test_what_dodo_py_read_counts(project, monkeypatch):
    """A file, a folder and a variable that loading dodo.py asked for belong to the question."""
    project.write("names.txt", "a\n")
    project.write("parts/one.txt", "1\n")
    reads = "import os\nNAMES = open('names.txt').read()\nPARTS = os.listdir('parts')\nMODE = os.environ.get('MODE')\n"
    project.write("dodo.py", reads + project.read("dodo.py"))
    monkeypatch.chdir(project.root)
    for change in (
        lambda: project.write("names.txt", "b\n"),
        lambda: project.write("parts/two.txt", "2\n"),
        lambda: monkeypatch.setenv("MODE", "fast"),
    ):
        _doit(project, *ARGUMENTS)
        _later(project, *ARGUMENTS)
        assert receipt.read(ARGUMENTS) is not None
        change()
        assert receipt.read(ARGUMENTS) is None


@pytest.mark.parametrize("name", ["DOIT_FILE", "DOIT_SEEK_FILE"])
def test_another_dodo_py_is_another_question(answered, monkeypatch, name):
    """Variables name it as options do."""
    monkeypatch.setenv(name, "other.py")
    assert receipt.read(ARGUMENTS) is None


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one", "workers"])
@pytest.mark.parametrize("ends", ["Ctrl-C", "a mistake in what judges"])
def test_a_run_that_was_cut_off_leaves_no_receipt(project, workers, ends):
    """What it did not come to is not up to date: the next run builds it, and says so."""
    head = "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n"
    project.write("dodo.py", head + "    a = stage(work.a)\n    b = stage(work.b, a)\n")
    project.write("work.py", "def a():\n    return 1\n\n\ndef b(a):\n    return a\n")
    _doit(project, *workers)
    assert "2 up to date" in _later(project, *workers)
    project.edit("work.py", "return a\n", "return a + 1\n")
    cut_off = "import kept.build.project as p\nimport kept.build.making as m\n"
    if ends == "Ctrl-C":
        cut_off += "def cut(*_, **__): raise KeyboardInterrupt\nm._job = cut\n"
    else:
        cut_off += "def cut(*_, **__): raise RuntimeError('no more')\np.Project._since = cut\n"
    command = [sys.executable, "-c", cut_off + LATER, *workers]
    assert subprocess.run(command, cwd=project.root, capture_output=True, check=False).returncode != 0
    assert "1 built" in _later(project, *workers)
    assert "2 up to date" in _later(project, *workers)


def test_a_linked_folder_in_an_input_is_looked_into(project, tmp_path):
    """Data on another disk is data: what changes there is built anew, with a receipt as without."""
    head = "from pathlib import Path\nimport work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n"
    project.write("dodo.py", head + "    a = stage(work.a, Path('data'))\n")
    project.write("work.py", "def a(data):\n    return (data / 'disk' / 'a.txt').read_text()\n")
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "a.txt").write_text("one")
    project.path("data").mkdir(exist_ok=True)
    project.path("data/disk").symlink_to(disk, target_is_directory=True)
    project.path("data/.#a.txt").symlink_to("me@host.123")  # an editor's lock
    os.mkfifo(project.path("data/pipe"))
    _doit(project)
    assert "1 up to date" in _later(project)
    assert "1 up to date" in _later(project)
    (disk / "a.txt").write_text("two")
    assert "1 built" in _later(project)
    assert "two" in project.read("artifacts/p/a.json")


def test_something_else_in_the_folder_of_a_stage_changes_nothing(answered):
    """A file that nobody reads, in a folder without modules, is no reason to look again."""
    answered.write("artifacts/notes.txt", "hello\n")
    assert receipt.read(ARGUMENTS) is not None


def test_what_is_newer_than_the_run_is_not_trusted(tmp_path, monkeypatch):
    """A file may have changed after its stage was judged: what is newer than the run's beginning leaves no receipt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / receipt.FOLDER).mkdir(parents=True)
    (tmp_path / "source.py").write_text("1\n")
    changed = os.stat("source.py").st_mtime_ns
    (tmp_path / receipt.FOLDER / "memo.db").touch()
    asked = receipt.Asked(["a"])
    asked.began_ns = changed
    assert not asked.write(set(), {}, {"source.py": ()}, {}, "text")
    assert receipt.read(["a"]) is None
    asked.began_ns = changed + 3 * 10**9
    assert asked.write(set(), {}, {"source.py": ()}, {}, "text")
    assert receipt.read(["a"]) == "text"


# ---- what stands after a change

STAGES = {"points:rows", "points:scaled", "nearest:model", "nearest:accuracy"}


def test_what_stands_is_what_has_not_changed(answered):
    """After a change the receipt says which stages need not be judged: those none of whose own files has changed."""
    assert set(receipt.Asked(ARGUMENTS).standing()) == STAGES
    answered.write("data/points.csv", answered.read("data/points.csv") + "\n")
    assert set(receipt.Asked(ARGUMENTS).standing()) == STAGES - {"points:rows"}
    _damage(answered)
    assert set(receipt.Asked(ARGUMENTS).standing()) == STAGES - {"points:rows", "nearest:accuracy"}
    answered.edit("recipes/limits.py", "LARGEST = 6.0", "LARGEST = 5.0")
    assert receipt.Asked(ARGUMENTS).standing() == {}


@pytest.mark.parametrize("edit", sorted(set(EDITS) - {"an input"} - {name for name in EDITS if "artifact" in name}))
def test_nothing_stands_once_anything_common_has_changed(answered, edit):
    """Sources, settings, modules and what was forgotten concern every stage."""
    EDITS[edit](answered)
    assert edit == "cleaned" or receipt.Asked(ARGUMENTS).standing() == {}


def test_a_run_that_built_something_leaves_what_stands(answered):
    """The next run need not judge the others, yet no answer is known before one finds nothing to do."""
    answered.write("data/points.csv", answered.read("data/points.csv") + "\n")
    _later(answered, *ARGUMENTS)
    assert receipt.read(ARGUMENTS) is None
    assert set(receipt.Asked(ARGUMENTS).standing()) == STAGES
    assert "4 stages: 4 up to date" in _later(answered, *ARGUMENTS)
    assert "4 stages: 4 up to date" in receipt.read(ARGUMENTS)


WITH_LIBRARY = """
def table() -> str:
    import tabulate
    return tabulate.tabulate([[1]])
"""
TWO_STAGES = """
from kept import Pipeline, stage
import work

class A(Pipeline):
    one = stage(work.one)
    table = stage(work.table)
"""


@pytest.mark.parametrize(("first", "looked_at"), [("", False), ("import tabulate\n", True)], ids=["stage", "dodo.py"])
def test_a_library_that_a_stage_has_loaded_is_not_looked_at(project, first, looked_at):
    """Its version is in the key; what dodo.py itself loads may decide what there is to do."""
    project.write("work.py", "def one() -> int:\n    return 1\n" + WITH_LIBRARY)
    project.write("dodo.py", first + TWO_STAGES)
    _later(project, "a")
    project.edit("work.py", "[[1]]", "[[2]]")
    assert "1 built, 1 up to date" in _later(project, "a")
    (written,) = project.path(receipt.FOLDER).glob("receipt-*")
    assert (b"-packages/tabulate/__init__.py" in written.read_bytes()) is looked_at


def test_what_is_too_new_does_not_stand(tmp_path, monkeypatch):
    """A file that came during the run is looked at again next time, the others are not; there is no answer yet."""
    monkeypatch.chdir(tmp_path)
    os.makedirs(receipt.FOLDER)
    for name in ("artifacts/.kept/memo.db", "old", "new", "common"):
        (tmp_path / name).write_text(name)
    asked = receipt.Asked(["x"])
    state = receipt.stat("old")
    asked.began_ns = max(state[:2]) + receipt.RACY_NS
    late = (state[0] + 1, *state[1:])
    known = {"old": state, "new": late, "common": late}
    assert asked.write(set(), {}, {"old": {"a:old"}, "new": {"a:new"}}, known, "nothing to do\n")
    assert receipt.read(["x"]) is None
    assert set(asked.standing()) == {"a:old"}
    assert not asked.write(set(), {}, {"old": {"a:old"}, "common": set()}, known, "nothing to do\n")
    assert asked.write(set(), {}, {"old": {"a:old"}}, known, "nothing to do\n")
    assert receipt.read(["x"]) == "nothing to do\n"


def test_another_process_that_changes_something_voids_a_receipt_in_the_making(tmp_path, monkeypatch):
    """Who is about to change something counts up: a run that began before may remember nothing then."""
    monkeypatch.chdir(tmp_path)
    memo = Memo(tmp_path / receipt.FOLDER / "memo.db")
    memo.remember("kind", "name", b"")
    asked = receipt.Asked(["x"])
    memo.drop_receipts()
    assert not asked.write(set(), {}, {}, {}, "theirs\n")
    assert asked.write(set(), {}, {}, {}, "ours\n", memo.changes)
    assert receipt.read(["x"]) == "ours\n"
    memo.drop_receipts()
    assert receipt.read(["x"]) is None
    memo.close()


TRACES = """
import os, sys
from kept.witness import Witness
real = os.stat
witness = Witness()
witness.begin()
taken = os.stat
import shutil
witness.end()
taken(os.curdir)
assert shutil.rmtree.avoids_symlink_attacks
assert taken is not real and os.stat is real and witness not in sys.meta_path
assert "write" not in vars(sys.stdout) and not witness.doubt and not witness.paths
print("none")
"""


def test_a_witness_leaves_no_trace(project):
    """What is imported while it listens works as ever, and it hears nothing afterwards."""
    assert _run(project, sys.executable, "-c", TRACES) == "none\n"
