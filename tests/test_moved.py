"""What changes while a run is going on: no result is recorded under a key that does not say what ran."""

import json
import os

import pytest

SOMEONE = '''"""Somebody else, who changes the project while a stage runs; what to do lies in orders/."""

import os


def acts(name):
    try:
        with open(f"orders/{name}") as file:
            order = file.read()
    except FileNotFoundError:
        return
    os.unlink(f"orders/{name}")
    exec(order, {})
'''
HEAD = "from pathlib import Path\n\nfrom kept import Pipeline, stage\n\nimport work\n\n\nclass P(Pipeline):\n"
BOTH = pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one", "workers"])


@pytest.fixture
def small(project):
    """Give a project of one module and the lines of its pipeline."""

    def declared(work: str, *lines: str):
        project.write("someone.py", SOMEONE)
        project.write("work.py", "import os\nfrom pathlib import Path\n\nimport someone\n\n" + work)
        project.write("dodo.py", HEAD + "".join(f"    {line}\n" for line in lines))
        return project

    return declared


def value(project, name: str):
    return json.loads(project.read(f"artifacts/p/{name}.json"))


def not_recorded(project, args, task: str, *changed: str):
    """Run; the result of a task is used, with one warning, and the next run does not believe it."""
    run = project.doit(*args)
    assert run.code == 0, run
    assert run.out.count(f"{task}: not recorded: {', '.join(changed)} changed while it ran") == 1, run
    again = project.doit()
    assert again.outcomes[task] == "built", again
    assert project.doit().outcomes[task] == "up to date"


READ = """def read(path):
    someone.acts("before")
    text = Path(path).read_text()
    someone.acts("after")
    return text
"""
WRITE = "def write() -> Path:\n    Path('written.txt').write_text('one')\n    return Path('written.txt')\n\n\n"
SWAP = "import os\nopen('new', 'w').write('two')\nos.replace('new', {!r})\n"


@BOTH
def test_an_artifact_that_is_given_as_a_path_changes(small, args):
    """A stage opens it when it likes: what it read is not what it was judged with."""
    project = small(WRITE + READ, "written = stage(work.write)", "text = stage(work.read, written)")
    project.write("orders/before", SWAP.format("artifacts/p/written.txt"))
    not_recorded(project, args, "p:text", "artifacts/p/written.txt")
    assert value(project, "text") == "one"


@BOTH
def test_a_file_in_an_artifact_changes(small, args):
    """A folder is compared with all that is in it."""
    write = WRITE.replace("Path('written.txt')", "Path('made/written.txt')")
    write = write.replace("    Path", "    os.makedirs('made', exist_ok=True)\n    Path", 1).replace(
        "return Path('made/written.txt')", "return Path('made')"
    )
    read = READ.replace("Path(path)", "Path(path, 'written.txt')")
    project = small(write + read, "written = stage(work.write)", "text = stage(work.read, written)")
    project.write("orders/before", SWAP.format("artifacts/p/written/written.txt"))
    not_recorded(project, args, "p:text", "artifacts/p/written")
    assert value(project, "text") == "one"


@BOTH
@pytest.mark.parametrize("given", ["data/text.txt", "data"])
def test_an_input_changes_and_changes_back(small, args, given):
    """Another commit is checked out for a while: that the file holds the same afterwards does not matter."""
    project = small(READ.replace("Path(path)", "Path('data/text.txt')"), f"text = stage(work.read, Path({given!r}))")
    project.write("data/text.txt", "one")
    project.write("orders/before", SWAP.format("data/text.txt"))
    project.write("orders/after", SWAP.format("data/text.txt").replace("two", "one"))
    not_recorded(project, args, "p:text", given)
    assert value(project, "text") == "one"


@BOTH
def test_what_is_only_read_has_not_changed(small, args):
    """Neither reading an input nor writing something else beside it, for a while, is a change."""
    read = READ + "    Path('data/lock').write_text('')\n    os.unlink('data/lock')\n"
    read = read.replace("    return text\n", "") + "    return text\n"
    lines = (
        "written = stage(work.write)",
        "text = stage(work.read, Path('data/text.txt'))",
        "again = stage(work.read, written)",
    )
    project = small(
        WRITE + read + "\n\ndef folder(path):\n    return read(path / 'text.txt')\n",
        *lines,
        "whole = stage(work.folder, Path('data'))",
    )
    project.write("data/text.txt", "one")
    run = project.doit(*args)
    assert "not recorded" not in run.out, run
    assert set(project.doit().outcomes.values()) == {"up to date"}


# ---- code that only other processes load

INSIDE = "def inside():\n    import late\n\n    return late.VALUE\n\n\n"
ELSEWHERE = {
    "spawned": "with multiprocessing.get_context('spawn').Pool(1) as pool:\n        return pool.apply(inside)",
    "of a server": "with multiprocessing.get_context('forkserver').Pool(1) as pool:\n        return pool.apply(inside)",
    "forked": "with multiprocessing.get_context('fork').Pool(1) as pool:\n        return pool.apply(inside)",
    "a program": "said = subprocess.run([sys.executable, '-c', f'import work; print(work.{inside.__name__}())'],"
    " stdout=subprocess.PIPE)\n    return int(said.stdout)",
    "a shell": "os.system(f'{sys.executable} -c \"import work; print(work.{inside.__name__}())\" > said')\n"
    "    return int(open('said').read())",
}


def in_another_process(small, how: str):
    work = "import multiprocessing\nimport subprocess\nimport sys\n\n\n" + INSIDE
    work += f"def outside():\n    someone.acts('before')\n    {ELSEWHERE[how]}\n"
    project = small(work, "value = stage(work.outside)")
    project.write("late.py", "VALUE = 1\n")
    return project


@BOTH
@pytest.mark.parametrize("how", ELSEWHERE)
def test_code_changes_before_another_process_loads_it(small, args, how):
    """A stage may have others load its code: what they have loaded is not what was judged."""
    project = in_another_process(small, how)
    project.write("orders/before", "open('late.py', 'w').write('VALUE = 22\\n')")
    not_recorded(project, args, "p:value", "late.py")
    assert value(project, "value") == 22


@BOTH
def test_another_process_that_stays(small, args):
    """A stage may use a process that one before it has started, and that loads code when it is first needed."""
    project = in_another_process(small, "spawned")
    kept = (
        "def first():\n    global pool\n    pool = multiprocessing.get_context('spawn').Pool(1)\n"
        "    return pool.apply(len, ('a',))\n\n\n"
        "def second(one):\n    someone.acts('before')\n    return pool.apply(inside)\n"
    )
    project.write("work.py", project.read("work.py") + "\n\n" + kept)
    project.write("dodo.py", HEAD + "    one = stage(work.first)\n    two = stage(work.second, one)\n")
    project.write("orders/before", "open('late.py', 'w').write('VALUE = 22\\n')")
    run = project.doit(*args[:1], *("1" for _ in args[1:]))
    assert run.out.count("p:two: not recorded: late.py changed while it ran") == 1, run


@BOTH
def test_code_that_no_other_process_has_changed(small, args):
    """Other processes alone are no reason to run a stage again."""
    project = in_another_process(small, "a program")
    assert "not recorded" not in project.doit(*args).out
    assert project.doit().outcomes["p:value"] == "up to date"


# ---- artifacts that stages write to

TABLE = """import sqlite3


def table(mode) -> Path:
    place = Path("made.sqlite")
    place.unlink(missing_ok=True)
    db = sqlite3.connect(place)
    db.execute(f"pragma journal_mode={mode}")
    db.execute("create table t (x int)")
    db.execute("insert into t values (45)")
    db.commit()
    db.close()
    return place


def total(path, after=0) -> int:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute("select sum(x) from t").fetchone()[0]
    finally:
        db.close()


def add(path) -> int:
    db = sqlite3.connect(path)
    db.execute("insert into t values (5)")
    db.commit()
    someone.acts("added")
    db.close()
    return 1
"""
MODES = pytest.mark.parametrize("mode", ["delete", "wal"])


@BOTH
@MODES
def test_a_stage_that_writes_to_its_input_spoils_no_other(small, args, mode):
    """The others are given what was made, and recorded; it runs each time, and is told what to do about it."""
    lines = f"made = stage(work.table, {mode!r})", "add = stage(work.add, made)", "sum = stage(work.total, made, add)"
    project = small(TABLE, *lines)
    told = "warning: p:add: not recorded: artifacts/p/made.sqlite changed while it ran; run again"
    told += " (if the stage writes to it, let it write to a copy)"
    for outcome in ("built", "up to date"):
        run = project.doit(*args)
        assert (run.code, run.outcomes["p:add"], run.outcomes["p:sum"]) == (0, "built", outcome), run
        assert [line for line in run.out.splitlines() if "not recorded" in line] == [told]
        assert value(project, "sum") == 45
        back = "warning: artifacts/p/made.sqlite was changed since p:made made it: it is put back\n"
        assert run.out.count(back) == (outcome == "built")
    project.edit("dodo.py", "work.add, made", "work.total, made")
    assert project.doit(*args).outcomes == {"p:made": "restored", "p:add": "built", "p:sum": "built"}
    assert set(project.doit(*args).outcomes.values()) == {"up to date"}


@MODES
def test_what_a_killed_stage_left_beside_its_input_is_not_read(small, mode):
    """SQLite takes in what it finds there: the next stage would be given rows that nobody had made."""
    project = small(TABLE, f"made = stage(work.table, {mode!r})", "sum = stage(work.add, made)")
    project.write("orders/added", "import os\nos.kill(os.getpid(), 9)\n")
    assert project.spawn().wait().code == -9
    project.edit("dodo.py", "work.add", "work.total")
    run = project.doit()
    assert (run.outcomes["p:sum"], value(project, "sum")) == ("built", 45), run
    assert "not recorded" not in run.out
    assert set(project.doit().outcomes.values()) == {"up to date"}


def test_what_another_run_shows_by_now_is_not_put_back(small):
    """It is that one's turn: the stage is given what is there, and not recorded."""
    late = "\n\ndef late(path, first):\n    return Path(path).read_text()\n"
    project = small(
        WRITE + READ + late,
        "written = stage(work.write)",
        "first = stage(work.read, written)",
        "text = stage(work.late, written, first)",
    )
    forget = "subprocess.run([sys.executable, '-m', 'kept', 'forget', 'p:written'], check=True)\n"
    project.write("orders/after", "import subprocess, sys\n" + forget + SWAP.format("artifacts/p/written.txt"))
    run = project.doit()
    assert value(project, "text") == "two"
    assert "p:text: not recorded" in run.out, run
    assert "put back" not in run.out


# ---- what modules find while they are imported

ASKS = {
    "a file": "WHAT = Path('conf.txt').read_text()",
    "a file that may be missing": "try:\n    WHAT = Path('more.txt').read_text()\nexcept OSError:\n    WHAT = 'none'",
    "a folder": "WHAT = ' '.join(sorted(os.listdir('parts')))",
    "whether there is a file": "WHAT = Path('more.txt').exists()",
}
CHANGE = (
    "from pathlib import Path\nPath('conf.txt').write_text('two')\nPath('more.txt').write_text('two')\n"
    "Path('parts/two').write_text('')\n"
)
LOOK = "def look(_):\n    return late.WHAT\n"
LATER = "def look(_):\n    import late\n    someone.acts('after')\n    return late.WHAT\n"


def found(project, asks: str) -> object:
    """Do what the module does, now."""
    names: dict[str, object] = {}
    here = os.getcwd()
    os.chdir(project.root)
    try:
        exec("import os\nfrom pathlib import Path\n\n" + ASKS[asks], names)
    finally:
        os.chdir(here)
    return names["WHAT"]


def begun(small, asks: str, look: str):
    first = "def first():\n    someone.acts('before')\n    return 1\n\n\n"
    work = "import late\n\n\n" * (look is LOOK) + first + look
    project = small(work, "first = stage(work.first)", "look = stage(work.look, first)")
    project.write("late.py", "import os\nfrom pathlib import Path\n\n" + ASKS[asks] + "\n")
    project.write("conf.txt", "one")
    project.write("parts/one", "")
    return project


@BOTH
@pytest.mark.parametrize("asks", ASKS)
def test_it_is_something_else_when_the_stage_is_judged(small, args, asks):
    """A module is imported when dodo.py is loaded, a stage judged when all before it are built: hours later, maybe."""
    project = begun(small, asks, LOOK)
    before = found(project, asks)
    project.write("orders/before", CHANGE)
    assert project.doit(*args).code == 0
    now = found(project, asks)
    assert now != before
    assert project.doit().outcomes["p:look"] == "built"
    assert value(project, "look") == now
    project.write("conf.txt", "one")
    project.remove("more.txt")
    project.remove("parts/two")
    project.doit()
    assert value(project, "look") == before


@BOTH
@pytest.mark.parametrize("asks", ASKS)
def test_it_changes_after_a_late_import(small, args, asks):
    """What a stage's own import has found is in the key, not what there is when the stage ends."""
    project = begun(small, asks, LATER)
    before = found(project, asks)
    project.write("orders/after", CHANGE)
    assert project.doit(*args).code == 0
    assert value(project, "look") == before
    assert project.doit(*args).outcomes["p:look"] == "built"
    assert value(project, "look") == found(project, asks) != before


@BOTH
def test_a_variable_that_is_set_after_the_import(small, args):
    """The key names the value that the module has found; so does a run in which it is given."""
    project = small(
        "LEVEL = os.environ.get('LEVEL', 'none')\n\n\ndef level():\n    return LEVEL\n", "level = stage(work.level)"
    )
    project.edit("dodo.py", "import work\n", "import work\nimport os\n\nos.environ['LEVEL'] = '3'\n")
    assert project.doit(*args).code == 0
    assert project.doit(env={"LEVEL": "3"}).code == 0
    assert value(project, "level") == "3"
    assert project.doit().code == 0
    assert value(project, "level") == "none"


@BOTH
def test_what_the_import_itself_has_made_is_no_change(small, args):
    """Modules that keep a note of their own, or look for what is not there yet, are recorded like any other."""
    work = (
        "if not Path('made').exists():\n    Path('made').mkdir()\n    Path('made/it').write_text('one')\n"
        "IT = Path('made/it').read_text() + os.environ.get('OMP_NUM_THREADS', '')[:0]\n\n\ndef it():\n    return IT\n"
    )
    project = small(work, "it = stage(work.it)")
    run = project.doit(*args)
    assert (run.code, run.outcomes["p:it"]) == (0, "built")
    assert "not recorded" not in run.out, run
    assert project.doit(*args).outcomes["p:it"] == "up to date"
    assert project.doit().outcomes["p:it"] == "up to date"


UPGRADE = """
import os, shutil
place = os.environ["PYTHONPATH"].split(os.pathsep)[0]
shutil.rmtree(place + "/gauge-1.dist-info")
shutil.copytree(place + "/../2", place, dirs_exist_ok=True)
"""


@BOTH
def test_a_library_is_upgraded(small, args):
    """What is loaded of it is the old one, or both: the result belongs to neither version."""
    work = (
        "def first():\n    someone.acts('before')\n    return 1\n\n\ndef second(one):\n    return gauge.LEVEL + one\n"
    )
    project = small("import gauge\n\n\n" + work, "one = stage(work.first)", "two = stage(work.second, one)")
    place = project.root.parent / "site-packages"
    for version, where in (("1", place), ("2", project.root.parent / "2")):
        (where / f"gauge-{version}.dist-info").mkdir(parents=True)
        (where / f"gauge-{version}.dist-info/METADATA").write_text(f"Name: gauge\nVersion: {version}\n")
        (where / f"gauge-{version}.dist-info/RECORD").write_text("gauge.py,,\n")
        (where / "gauge.py").write_text(f"LEVEL = {version}0\n" * int(version))  # of another size: no old .pyc fits
    project.environment["PYTHONPATH"] = str(place)
    project.write("orders/before", UPGRADE)
    not_recorded(project, args, "p:two", "gauge")
    assert value(project, "two") == 21
