"""Whatever dodo.py asks of the world while it is loaded: where that is another, no receipt answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from projects import Project

FIRST, SECOND = "VALUE = 1\n", "VALUE = 22\n"
BY_PATH = """
import importlib.util
spec = importlib.util.spec_from_file_location("conf", {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
ASKED = module.VALUE
"""
SCANNED = """
import os
with os.scandir("data") as entries:
    ASKED = sorted({what} for entry in entries)
"""


def _text(file: str, text: str) -> Callable[[Project], object]:
    return lambda project: project.write(file, text)


def _link(project: Project) -> None:
    project.remove("data/link")
    project.path("data/link").symlink_to("sub")


WORK = """
def a(asked):
    return asked


def names(file):
    return list(open(file).read())
"""
DECLARED = """
import work
from kept import Pipeline, stage


class P(Pipeline):
    a = stage(work.a, asked=ASKED)
"""


@dataclass
class Ask:
    """What stands in dodo.py, and an edit that makes it another value."""

    code: str
    edit: Callable[[Project], object]


ASKS = {
    "a module loaded by its path": Ask(BY_PATH.format(path="data/conf.py"), _text("data/conf.py", SECOND)),
    "a module outside loaded by its path": Ask(BY_PATH.format(path="../conf.py"), _text("../conf.py", SECOND)),
    "a module loaded by its path, by SourceFileLoader": Ask(
        "from importlib.machinery import SourceFileLoader\n"
        "ASKED = SourceFileLoader('conf', 'data/conf.py').load_module().VALUE\n",
        _text("data/conf.py", SECOND),
    ),
    "a script that is run": Ask(
        "import runpy\nASKED = runpy.run_path('data/conf.py')['VALUE']\n", _text("data/conf.py", SECOND)
    ),
    "source that a loader gives": Ask(
        "import importlib.util\nASKED = importlib.util.find_spec('data.conf').loader.get_source('data.conf')\n",
        _text("data/conf.py", SECOND),
    ),
    "data beside a module": Ask(
        "import pkgutil\nASKED = str(pkgutil.get_data('work', 'data/a.txt'))\n", _text("data/a.txt", "b")
    ),
    "resources of a package": Ask(
        "from importlib import resources\nASKED = resources.files('data').joinpath('a.txt').read_text()\n",
        _text("data/a.txt", "b"),
    ),
    "whether there is a module": Ask(
        "import importlib.util\nASKED = importlib.util.find_spec('data.late') is None\n", _text("data/late.py", "")
    ),
    "whether there is a module beside": Ask(
        "import importlib.util\nASKED = importlib.util.find_spec('late') is None\n", _text("late.py", "")
    ),
    "whether a folder is a package": Ask(
        "import importlib.util\nASKED = importlib.util.find_spec('data').origin is None\n",
        _text("data/__init__.py", ""),
    ),
    "whether a module can be imported": Ask(
        "try:\n    import data.late\n    ASKED = 1\nexcept ImportError:\n    ASKED = 0\n", _text("data/late.py", "")
    ),
    "whether there is a module in a folder that is on the path for a while": Ask(
        "import sys, importlib.util\nsys.path.insert(0, 'data')\nASKED = importlib.util.find_spec('late') is None\n"
        "del sys.path[0]\n",
        _text("data/late.py", ""),
    ),
    "modules of a folder": Ask(
        "import pkgutil\nASKED = [one.name for one in pkgutil.iter_modules(['data'])]\n", _text("data/late.py", "")
    ),
    "sizes in a folder": Ask(SCANNED.format(what="entry.stat().st_size"), _text("data/a.txt", "bb")),
    "names in a folder": Ask(SCANNED.format(what="entry.name"), _text("data/b.txt", "a")),
    "where a link in a folder leads": Ask(SCANNED.format(what="entry.is_dir()"), _link),
    "where a link in a walk leads": Ask("import os\nASKED = next(os.walk('data'))[1]\n", _link),
    "a folder behind a link": Ask(
        SCANNED.format(what="entry.is_dir()"),
        lambda project: (project.remove("data/sub"), project.write("data/sub", "")),
    ),
    "a variable in bytes": Ask(
        "import os\nASKED = os.environb.get(b'MODE', b'').decode()\n",
        lambda project: project.environment.update(MODE="fast"),
    ),
    "all variables in bytes": Ask(
        "import os\nASKED = b'MODE' in dict(os.environb)\n", lambda project: project.environment.update(MODE="fast")
    ),
    "the text of all variables": Ask(
        "import os\nASKED = 'MODE' in repr(os.environ)\n", lambda project: project.environment.update(MODE="fast")
    ),
    "a copy of all variables": Ask(
        "import os\nASKED = os.environ.copy().get('MODE')\n", lambda project: project.environment.update(MODE="fast")
    ),
    "variables in a configuration": Ask(
        "import os, configparser\nread = configparser.ConfigParser(os.environ, interpolation=None)\n"
        "ASKED = read['DEFAULT'].get('MODE')\n",
        lambda project: project.environment.update(MODE="fast"),
    ),
    "a file that a module's function reads in a loop": Ask(
        "import work\nASKED = [name for name in work.names('data/a.txt')]\n", _text("data/a.txt", "b")
    ),
    "a file read in a thread": Ask(
        "from concurrent.futures import ThreadPoolExecutor\nfrom pathlib import Path\n"
        "with ThreadPoolExecutor() as pool:\n    ASKED = list(pool.map(Path.read_text, [Path('data/a.txt')]))\n",
        _text("data/a.txt", "b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKS)
def test_what_dodo_py_asked_for_is_asked_again(project: Project, name: str):
    """A receipt is silent as soon as any of it is another, and there is none where all variables were asked for."""
    shutil.rmtree(project.root)
    project.old = True
    project.write(
        "work.py", "def a(asked):\n    return asked\n\n\ndef names(file):\n    return list(open(file).read())\n"
    )
    project.write("data/a.txt", "a")
    project.write("data/conf.py", FIRST)
    project.write("../conf.py", FIRST)
    project.path("data/sub").mkdir()
    project.path("data/link").symlink_to("a.txt")
    project.write("dodo.py", ASKS[name].code + DECLARED)
    for _ in range(3):
        run = project.doit(bare=True)
        assert run.code == 0, run
    before = project.read("artifacts/p/a.json")
    assert run.outcomes == {"p:a": "up to date"}, run
    assert "thread" in name or ("dodo" in run.modules) is ("variables" in name), run
    ASKS[name].edit(project)
    run = project.doit(bare=True)
    assert run.outcomes == {"p:a": "built"}, run
    assert project.read("artifacts/p/a.json") != before
