"""What the file that declares a pipeline changes in the code of a stage counts; the rest of it does not."""

import pytest
from fingerprint_projects import opened
from projects import new_project

from kept.digest import Memo

STAGES = "import config, hh\ndef train(n=1): return hh.f(n) * config.RATE\n"
CONFIG = "RATE = 1\nOTHER = 1\n"
HH = "class M: rate = 1\ndef f(n): return n * M.rate\n"
HEAD = "from kept import Pipeline, stage\nimport config, hh, stages, elsewhere\n"
TAIL = "class P(Pipeline):\n    out = stage(stages.train)\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as files:
        files.write(stages=STAGES, config=CONFIG, hh=HH, elsewhere="K = 1\n")
        yield files


COUNTS = {
    "an attribute of a module": ("config.RATE = 2\n", "config.RATE = 3\n"),
    "a setting that is there or not": ("", "config.RATE = 3\n"),
    "a function replaced by a lambda": ("hh.f = lambda n: n + 1\n", "hh.f = lambda n: n + 2\n"),
    "a function replaced by one of its own": (
        "def g(n): return n + 1\nhh.f = g\n",
        "def g(n): return n + 2\nhh.f = g\n",
    ),
    "setattr": ("setattr(config, 'RATE', 2)\n", "setattr(config, 'RATE', 3)\n"),
    "in a loop": ("for m in (config, hh): m.RATE = 2\n", "for m in (config, hh): m.RATE = 3\n"),
    "in a function that is called": (
        "def setup():\n    config.RATE = 2\nsetup()\n",
        "def setup():\n    config.RATE = 3\nsetup()\n",
    ),
    "a constant that it is set to": ("K = 2\nconfig.RATE = K\n", "K = 3\nconfig.RATE = K\n"),
    "a class": ("hh.M.rate = 2\n", "hh.M.rate = 3\n"),
    "defaults of the stage": ("stages.train.__defaults__ = (2,)\n", "stages.train.__defaults__ = (3,)\n"),
    "the stage wrapped in place": (
        "import functools\nstages.train = functools.partial(stages.train, n=2)\n",
        "import functools\nstages.train = functools.partial(stages.train, n=3)\n",
    ),
    "a seed": ("import random\nrandom.seed(1)\n", "import random\nrandom.seed(2)\n"),
    "a number drawn from what it seeds": (
        "import random\nrandom.seed(1)\n",
        "import random\nrandom.seed(1)\nDRAWN = random.random()\n",
    ),
    "a variable": ("import os\nos.environ['LR'] = '1'\n", "import os\nos.environ['LR'] = '2'\n"),
    "the decimal context": (
        "import decimal\ndecimal.getcontext().prec = 5\n",
        "import decimal\ndecimal.getcontext().prec = 9\n",
    ),
    "which of two comes last": ("config.RATE = 2\nconfig.RATE = 3\n", "config.RATE = 3\nconfig.RATE = 2\n"),
}

COUNTS_NOT = {
    "a constant": ("K = 1\n", "K = 2\n"),
    "a parameter of another stage": (
        "class Q(Pipeline):\n    out = stage(stages.train, n=1)\n",
        "class Q(Pipeline):\n    out = stage(stages.train, n=2)\n",
    ),
    "pipelines made in a loop": (
        "for k in (1, 2): globals()[f'P{k}'] = type(f'P{k}', (Pipeline,), {})\n",
        "for k in (1, 2, 3): globals()[f'P{k}'] = type(f'P{k}', (Pipeline,), {})\n",
    ),
    "a task of doit": (
        "def task_plot(): return {'actions': ['a']}\n",
        "def task_plot(): return {'actions': ['b']}\n",
    ),
    "settings of doit": ("DOIT_CONFIG = {}\nDOIT_CONFIG['verbosity'] = 1\n", "DOIT_CONFIG = {}\n"),
    "a module that the stage does not use": ("elsewhere.K = 2\n", "elsewhere.K = 3\n"),
    "where modules are looked for": ("import sys\nsys.path.append('lib')\n", "import sys\n"),
    "a folder made": ("import os\nos.makedirs('out', exist_ok=True)\n", ""),
    "a number drawn": ("import random\nDRAWN = random.random()\n", ""),
    "a number drawn by numpy": ("import numpy as np\nDRAWN = np.random.rand(2)\n", "import numpy as np\n"),
    "what is noted by a function that imports something": (
        "NOTES = []\ndef note(x):\n    import gc\n    NOTES.append(x)\nnote(1)\n",
        "NOTES = []\ndef note(x):\n    import gc\n    NOTES.append(x)\nnote(2)\n",
    ),
    "what is logged": ("import logging\nlogging.basicConfig(level=10)\n", "import logging\n"),
}  # fmt: skip


def digests(project, texts, tmp_path):
    memo = Memo(tmp_path / "memo.db")
    found = []
    for text in texts:
        project.write(dodo=HEAD + text + TAIL)
        found.append(project.made(beside="dodo").digest)
        assert project.made(beside="dodo", memo=memo).digest == found[-1]
        assert project.made(beside="dodo", memo=memo).digest == found[-1]  # recalled
    return found


@pytest.mark.parametrize("name", COUNTS)
def test_changes_code(name, project, tmp_path):
    """What dodo.py does to a module that the stage uses, or to what all share, changes the fingerprint."""
    before, after = digests(project, COUNTS[name], tmp_path)
    assert before != after


@pytest.mark.parametrize("name", COUNTS_NOT)
def test_changes_no_code(name, project, tmp_path):
    """What else stands in dodo.py leaves the fingerprint as it is, and as it is without dodo.py."""
    before, after = digests(project, COUNTS_NOT[name], tmp_path)
    assert before == after == project.made().digest


def test_nothing_that_it_imports_is_loaded_for_that(project):
    """The modules of other stages are no part of a fingerprint for being imported by the same dodo.py."""
    project.write(dodo=HEAD + "config.RATE = 2\n" + TAIL)
    files = {path.rpartition("/")[2] for path in project.made(beside="dodo").files}
    assert files == {"stages.py", "config.py", "hh.py", "dodo.py"}


SETTING = """
from kept import Pipeline, stage
import config, stages
config.RATE = {}

class P(Pipeline):
    out = stage(stages.train)
    other = stage(stages.train, n=2)
"""


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["here", "in processes"])
def test_run(more, tmp_path):
    """A setting changed in dodo.py builds again, and other processes see it, too."""
    empty = tmp_path / "like"
    empty.mkdir()
    for name, text in {"stages": STAGES, "config": CONFIG, "hh": HH, "dodo": SETTING.format(2)}.items():
        (empty / f"{name}.py").write_text(text)
    project = new_project(tmp_path / "project", empty)
    shown = project.root / "artifacts" / "p"
    for rate in (2, 3):
        project.write("dodo.py", SETTING.format(rate))
        project.doit(*more)
        assert [(shown / f"{name}.json").read_text() for name in ("out", "other")] == [f"{rate}\n", f"{2 * rate}\n"]
