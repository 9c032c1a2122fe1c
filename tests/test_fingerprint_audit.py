"""What importing reads where no text tells is seen while it happens, and counts from then on."""

import os

import pytest
from fingerprint_projects import opened

from kept.digest import Memo
from kept.fingerprint import asked, audit


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        yield files


@pytest.fixture
def memo(tmp_path, project):
    memory = Memo(tmp_path / "memo.db")
    audit.install(project.root, memory)
    yield memory
    audit.uninstall()


def next_run(project, memo):
    """Fingerprint as another process does, which has imported nothing yet."""
    asked.clear()
    return project.made(memo=memo)


def names(made):
    return [part.name for part in made.parts]


STAGES = """
    from hidden import CFG
    def train(x): return CFG
"""


def test_a_file_read_by_a_computed_name_counts(project, memo):
    """A configuration file whose name no text says is part of the fingerprint once an import has read it."""
    project.write(
        stages=STAGES,
        hidden="from pathlib import Path\nCFG = [Path(__file__).with_name(n + 'n').read_text() for n in ['c.jso']]\n",
    )
    (project.root / "c.json").write_text("1")
    assert "file c.json" not in names(project.made(memo=memo))
    project.loaded()
    before = project.made(memo=memo)
    assert "file c.json" in names(before)
    (project.root / "c.json").write_text("2")
    assert next_run(project, memo).digest != before.digest


FILE = "import os\nFILE = os.path.join(os.path.dirname(__file__), *['da' + 'ta.txt'])\n"
POOL = "from concurrent.futures import ThreadPoolExecutor as Pool\nfrom pathlib import Path\n"
WAYS = {
    "in a thread": (
        "import threading\nfrom pathlib import Path\nCFG = []\n"
        "one = threading.Thread(target=lambda: CFG.append(Path(FILE).read_text()))\none.start()\none.join()\n"
    ),
    "in a thread of a thread": (
        POOL + "def inner():\n    with Pool() as pool:\n        return pool.submit(Path(FILE).read_text).result()\n"
        "with Pool() as outer:\n    CFG = outer.submit(inner).result()\n"
    ),
    "in a pool of threads": POOL + "with Pool() as pool:\n    CFG = list(pool.map(Path.read_text, [Path(FILE)]))\n",
    "in a thread for a coroutine": (
        "import asyncio\nfrom pathlib import Path\nCFG = asyncio.run(asyncio.to_thread(Path(FILE).read_text))\n"
    ),
    "by NumPy": "import numpy as np\nCFG = np.fromfile(FILE, dtype='u1').tolist()\n",
    "by pandas": "import pandas as pd\nCFG = pd.read_csv(FILE).columns.tolist()\n",
    "by tomllib": "import tomllib\nwith open(FILE, 'rb') as file:\n    CFG = tomllib.load(file)\n",
    "by SQLite": "import sqlite3\nCFG = sqlite3.connect(FILE)\nCFG.close()\n",
    "by SQLite, named by a URI": (
        "import sqlite3\nCFG = sqlite3.connect(f'file:{FILE}?mode=ro', uri=True)\nCFG.close()\n"
    ),
    "as data of a module": "import pkgutil\nCFG = pkgutil.get_data(__name__, os.path.basename(FILE))\n",
    "by lines": "import linecache\nCFG = linecache.getline(FILE, 1)\n",
    "by its descriptor": "CFG = os.open(FILE, os.O_RDONLY)\nos.close(CFG)\n",
    "by a memory map": (
        "import mmap\nwith open(FILE) as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:\n"
        "    CFG = data[:]\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_counts_in_whatever_way_it_is_read(project, memo, way):
    """A thread that an import starts, a library and a database read for the module that is imported."""
    project.write(stages=STAGES, hidden=FILE + WAYS[way])
    (project.root / "data.txt").write_text("a = 1\n")
    project.loaded()
    before = project.made(memo=memo)
    assert "file data.txt" in names(before)
    (project.root / "data.txt").write_text("a = 2\n")
    assert next_run(project, memo).digest != before.digest


ASKED = {
    "by a configuration": (
        "from configparser import ConfigParser as Read\n"
        "CFG = Read(os.environ, interpolation=None)['DEFAULT']['lr_of_test']\n"
    ),
    "by maps one after the other": (
        "from collections import ChainMap\nCFG = [ChainMap({}, os.environ)[n] for n in ['LR_OF_TE' + 'ST']]\n"
    ),
    "by a template": "import string\nCFG = string.Template('$' + 'LR_OF_TEST').substitute(os.environ)\n",
    "by a path": "CFG = os.path.expandvars('$LR_OF_' + 'TEST')\n",
    "in a thread": POOL + "with Pool() as pool:\n    CFG = list(pool.map(os.getenv, ['LR_OF_' + 'TEST']))\n",
    "in a copy": "CFG = os.environ.copy()\n",
    "in a dict": "CFG = dict(os.environ)\n",
    "in bytes": "CFG = [os.environb[n] for n in [b'LR_OF_' + b'TEST']]\n",
}


@pytest.mark.parametrize("way", ASKED)
def test_a_variable_counts_in_whatever_way_it_is_asked_for(project, memo, monkeypatch, way):
    """What is handed on to a class of Python's own, or to a thread, is asked for by the module that is imported."""
    monkeypatch.setenv("LR_OF_TEST", "1")
    project.write(stages=STAGES, hidden="import os\n" + ASKED[way])
    project.loaded()
    before = project.made(memo=memo)
    assert "environment LR_OF_TEST" in names(before)
    monkeypatch.setenv("LR_OF_TEST", "2")
    assert next_run(project, memo).digest != before.digest


def test_what_a_library_keeps_for_itself_does_not_count(project, memo):
    """The database of a library, and the variables that it looks at by itself, are none of the module's."""
    project.write(
        stages=STAGES,
        hidden="import shelf\nCFG = shelf.opened()\n",
        **{
            "site-packages__shelf": "import os, sqlite3\n"
            "def opened():\n    sqlite3.connect(__file__[:-3] + '.db').close()\n    return os.environ.get('TERM')\n"
        },
    )
    project.loaded()
    found = names(project.made(memo=memo))
    assert not [name for name in found if name.startswith(("file", "environment"))]


def test_a_folder_listed_counts(project, memo):
    """A file that appears in a folder which an import listed changes the fingerprint."""
    project.write(
        stages=STAGES, hidden="import os\nCFG = sorted(os.listdir(os.path.dirname(__file__) + '/co' + 'nf'))\n"
    )
    (project.root / "conf").mkdir()
    (project.root / "conf" / "a.yaml").write_text("")
    project.loaded()
    before = project.made(memo=memo)
    (project.root / "conf" / "b.yaml").write_text("")
    assert next_run(project, memo).digest != before.digest


def test_a_variable_asked_for_by_a_computed_name_counts(project, memo, monkeypatch):
    """A variable whose name no text says counts once an import has asked for it."""
    project.write(stages=STAGES, hidden="import os\nCFG = [os.environ.get('LR_' + n) for n in ['A']]\n")
    project.loaded()
    before = project.made(memo=memo)
    assert "environment LR_A" in names(before)
    monkeypatch.setenv("LR_A", "2")
    assert next_run(project, memo).digest != before.digest


def test_a_module_loaded_behind_our_back_counts(project, memo):
    """A project module that an import loads in a way no text says is taken in whole, and that is said."""
    project.write(
        stages=STAGES,
        hidden="import sys\nimp = vars(sys.modules['builtins'])['__imp' + 'ort__']\n"
        "CFG = [imp(n) for n in ['pl' + 'ug']]\n",
        plug="def f(x): return 1\n",
    )
    project.loaded()
    before = project.made(memo=memo)
    assert "plug.f" in names(before)
    project.write(plug="def f(x): return 2\n")
    assert next_run(project, memo).digest != before.digest


def test_what_is_seen_belongs_to_the_bytes_that_ran(project, memo):
    """After an edit of the module that read a file, what its old bytes read counts no more."""
    project.write(
        stages=STAGES,
        hidden="from pathlib import Path\nCFG = [Path(__file__).with_name('c.' + n).read_text() for n in ['json']]\n",
    )
    (project.root / "c.json").write_text("1")
    project.loaded()
    assert "file c.json" in names(project.made(memo=memo))
    project.write(hidden="CFG = 3\n")
    assert "file c.json" not in names(project.made(memo=memo))


def test_reads_inside_functions_and_of_others_do_not_count(project, memo, tmp_path):
    """Only what happens while a module of the project is imported is noted, and only of the project's folder."""
    (tmp_path / "far.txt").write_text("1")
    project.write(
        stages="import os\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
        "FAR = (HERE.parent / ('f' + 'ar.txt')).read_text()\n"
        "def train(x): return (HERE / ('c.' + x)).read_text(), os.environ.get('H' + x), FAR\n"
    )
    (project.root / "c.json").write_text("1")
    project.loaded().train("json")
    assert names(project.made(memo=memo)) == ["stages.FAR", "stages.HERE", "stages.train"]


def test_what_is_read_on_the_way_of_a_stored_value_counts_and_the_store_itself_does_not(project, memo):
    """A module that loads an artifact while it is imported depends on that artifact, wherever the store lies."""
    project.write(
        stages=STAGES,
        hidden="import os\nfrom pathlib import Path\nfrom kept.digest import digest_file\n"
        "from kept.store import Store\n"
        "HERE = os.path.dirname(__file__)\nstore = Store(HERE + '/ca' + 'che')\n"
        "CFG = [digest_file(Path(HERE, n + 'on')).hex for n in ['made.js']] + [store.put_bytes(b'x').size]\n",
    )
    (project.root / "made.json").write_text("1")
    project.loaded()
    found = [name for name in names(project.made(memo=memo)) if name.startswith("file ")]
    assert found == ["file made.json"]


def test_the_environment_still_works(memo, monkeypatch):
    """Variables are read, set and listed as before while they are watched."""
    monkeypatch.setenv("A_OF_TEST", "1")
    assert os.environ["A_OF_TEST"] == os.getenv("A_OF_TEST") == dict(os.environ)["A_OF_TEST"] == "1"
    assert "NOT_THERE" not in os.environ
    with pytest.raises(KeyError):
        os.environ["NOT_THERE"]
