"""What a fingerprint says: its parts, libraries, widenings, blind spots, files, and what it costs to ask again."""

import os
import sys

import pytest
from fingerprint_projects import opened

from kept.digest import Memo
from kept.errors import KeptError
from kept.fingerprint import shown


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


def test_parts_are_named_placed_and_quoted(project):
    """Each part says its name, its place relative to the project, and its source as written."""
    project.write(stages=STAGES, hh="# first\ndef scale(x):\n    return x  # as it is\n")
    parts = {part.name: part for part in project.made().parts}
    assert list(parts) == ["hh.scale", "stages.K", "stages.train"]
    assert (parts["hh.scale"].file, parts["hh.scale"].line) == ("hh.py", 2)
    assert parts["hh.scale"].source == "def scale(x):\n    return x  # as it is\n"


def test_names_of_parts_do_not_move(project):
    """Parts keep their names when lines move, so that `why` compares like with like."""
    project.write(stages="import random\nrandom.seed(0)\ndef train(x): return x\n")
    before = [part.name for part in project.made().parts]
    project.write(stages="# new\n\nimport random\nrandom.seed(0)\ndef train(x): return x\n")
    assert [part.name for part in project.made().parts] == before == ["stages.train", "stages: random.seed(0)"]


def test_renaming_the_function_changes_nothing(project):
    """The name of the stage's own function shows in part names only, also where it calls itself."""
    project.write(stages="def train(x): return train(x - 1) if x else 0\n")
    before = project.made()
    project.write(stages="def fit(x): return fit(x - 1) if x else 0\n")
    after = project.made("stages:fit")
    assert before.digest == after.digest
    assert [part.name for part in after.parts] == ["stages.fit"]


def test_moving_the_file_changes_nothing(project):
    """The name of the stage's own file does not count, nor that of the package around it."""
    project.write(
        stages=STAGES, hh="def scale(x): return x\n", pk__a__steps=STAGES, pk____init__="", pk__a____init__=""
    )
    assert project.made().digest == project.made("pk.a.steps:train").digest


def test_reading_its_own_name_makes_the_name_count(project):
    """A stage that asks for its name is another one under another name."""
    project.write(stages="def train(x): return train.__name__\n", other="def fit(x): return fit.__name__\n")
    assert project.made().digest != project.made("other:fit").digest


IN_ITS_MODULE = {
    "name": ("def train(x): return __name__", True),
    "name in a helper": ("def h(): return [__name__]\ndef train(x): return h()", True),
    "package": ("def train(x): return __package__", True),
    "file": ("from pathlib import Path\ndef train(x): return Path(__file__).stem", True),
    "folder and file": ("import os\nHERE = __file__\ndef train(x): return os.path.dirname(HERE)", True),
    "file, replaced": ("def train(x): return __file__.replace('.py', '.txt')", True),
    "spec": ("def train(x): return __spec__.name", True),
    "module of a class": ("class C: pass\ndef train(x): return C.__module__", True),
    "module of a class, by text": ("class C: pass\ndef train(x): return getattr(C, '__module__')", True),
    "file of a function": ("import inspect\ndef train(x): return inspect.getfile(train)", True),
    "logger": ("import logging\nlog = logging.getLogger(__name__)\ndef train(x): log.info(x)", False),
    "logger below": ("import logging as lg\nlog = lg.getLogger(f'{__name__}.a')\ndef train(x): log.info(x)", False),
    "folder": ("from pathlib import Path\nUP = Path(__file__).resolve().parent\ndef train(x): return UP / x", False),
    "folder above": ("from pathlib import Path\nUP = Path(__file__).parents[1]\ndef train(x): return UP / x", False),
    "file beside": ("from pathlib import Path\nF = Path(__file__).with_name('a')\ndef train(x): return F", False),
    "folder by os": ("import os\nD = os.path.dirname(os.path.abspath(__file__))\ndef train(x): return D + x", False),
    "own module": ("import sys\ndef train(x): return getattr(sys.modules[__name__], 'K')\nK = 1", False),
    "resource": ("from importlib.resources import files\ndef train(x): return files(__package__) / 'a.txt'", False),
    "script": ("MAIN = '__main__' == __name__ or 1\ndef train(x): return MAIN", False),
    "name of a class": ("class C: pass\ndef train(x): return C.__name__", False),
}


@pytest.mark.parametrize("case", IN_ITS_MODULE)
def test_asking_for_its_module_makes_the_name_of_the_file_count(project, case):
    """A stage whose code takes the name of its file is another one in another file; to find things by it is none."""
    text, counts = IN_ITS_MODULE[case]
    project.write(stages=text, pk__a__steps=text, pk__a__other=text, pk____init__="", pk__a____init__="")
    digests = [project.made(f"{one}:train").digest for one in ("stages", "pk.a.steps", "pk.a.other")]
    assert len(set(digests)) == (3 if counts else 1)


def test_nothing_is_imported(project):
    """A project whose every import would fail is fingerprinted all the same."""
    project.write(
        stages="import hh, nowhere\nraise SystemExit\ndef train(x): return hh.f(x)\n", hh="1 / 0\ndef f(x): 0\n"
    )
    assert {part.name for part in project.made().parts} >= {"stages.train", "hh.f"}
    assert not {"stages", "hh"} & set(sys.modules)


def test_files_are_those_of_the_closure(project):
    """Every file that importing the stage executes is listed with its digest; others are not."""
    project.write(stages=STAGES, hh="import deep\ndef scale(x): return x\n", deep="", elsewhere="")
    names = {os.path.basename(path) for path in project.made().files}
    assert names == {"stages.py", "hh.py", "deep.py"}


def test_a_local_name_of_a_shared_namespace_names_one_library(project):
    """Of distributions that share a name those count that a function takes something of, under a local name, too."""
    taken = "import space.one\n    from space import two\n    s = space\n    return s.one.f(two.g(x))\n"
    project.write(stages=f"def train(x):\n    {taken}")
    for name in ("one", "two", "three"):
        info = project.root / "site-packages" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f"space/{name}/__init__.py,,\n")
    (project.root / "site-packages" / "space").mkdir()
    assert set(project.made().libraries) == {"one", "two"}


def test_libraries_are_those_that_reached_code_names(project):
    """The version of a library counts where reached code names it, in a function too; an unused import does not."""
    project.write(
        stages="import unused\nfrom used import f\ndef train(x):\n    import inner.deep as d\n    return f(d.g(x))\n"
    )
    for name in ("used", "unused", "inner"):
        info = project.root / "site-packages" / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {name.title()}\nVersion: 1.2.post1\n\nVersion: 9 is only text\n")
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}/deep.py,,\n")
        (project.root / "site-packages" / name).mkdir()
        (project.root / "site-packages" / name / "__init__.py").write_text("")
    assert project.made().libraries == {"Inner": "1.2.post1", "Used": "1.2.post1"}


def test_distributions_that_share_a_name_are_told_apart(project):
    """In a namespace that several distributions fill, only the one that holds the module counts."""
    project.write(stages="from google.cloud import storage\ndef train(x): return storage.f(x)\n")
    for name, module in (("gcs", "storage"), ("gbq", "bigquery")):
        info = project.root / "site-packages" / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f"google/cloud/{module}/__init__.py,,\n")
        folder = project.root / "site-packages" / "google" / "cloud" / module
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    assert list(project.made().libraries) == ["gcs"]


def test_a_library_without_version_counts_by_its_files(project, memo):
    """A module that somebody copied into site-packages has no version: its bytes are looked at each time."""
    project.write(stages="import loose\ndef train(x): return loose.f(x)\n", **{"site-packages__loose": "K = 1\n"})
    before = project.made(memo=memo).libraries
    project.write(**{"site-packages__loose": "K = 2\n"})
    assert before != project.made(memo=memo).libraries


def test_widening_is_said(project):
    """What cannot be followed is taken in whole, and a line says what, why and where."""
    project.write(
        stages="import importlib\nimport hh\ndef train(x, n): return importlib.import_module('plug.' + n), hh\n",
        plug____init__="",
        plug__a="K = 1\n",
        hh="def f(x): return x\n",
    )
    made = project.made()
    assert made.widenings == (
        "all of hh.py: used as a value at stages.py:3",
        "all of plug/: loaded by computed name at stages.py:3",
    )
    assert {"plug.a.K", "hh.f"} <= {part.name for part in made.parts}


def test_blind_spots_are_pointed_at(project):
    """The lint names what reached code does that no fingerprint sees; unreached code is left in peace."""
    project.write(
        stages="""
        import os, time, random, requests
        import numpy as np
        def other(): return os.environ["OTHER"]
        def train(x):
            a = os.environ["HOME"]
            b = open("data.csv").read()
            c = time.time()
            d = requests.get("https://example.org")
            e = random.random() + np.random.rand()
            return np.random.default_rng()
        """
    )
    found = [(one.line, one.what) for one in project.made().blind]
    assert found == [
        (6, "environment variable HOME"),
        (7, "file"),
        (8, "clock"),
        (9, "network"),
        (10, "global randomness"),
        (10, "global randomness"),
        (11, "unseeded randomness"),
    ]


def test_what_importing_reads_is_no_blind_spot(project):
    """Variables and files of the project that a module reads while it is imported count, so nothing is said of them."""
    project.write(
        stages="""
        import os, pathlib
        import polars as pl
        MODE = os.environ.get("MODE", "x")
        HERE = pathlib.Path(__file__).parent
        TEXTS = [pathlib.Path("conf.txt").read_text(), open(HERE / "a.txt").read(), pl.read_csv("a.csv")]
        def read(name, default=os.getenv("DEFAULT")): return open(f"{name}.txt").read()
        class Named:
            name = os.environ["NAME"]
        LATER = lambda: os.environ["LATER"]
        OUTSIDE = [open("/etc/hosts").read(), open("../a.txt").read(), open(f"/tmp/{MODE}").read()]
        COMPILED = pl.read_csv(f"data/{MODE}.csv")
        ALL = dict(os.environ)
        def train(x): return MODE, TEXTS, read, Named, LATER, OUTSIDE, COMPILED, ALL
        """
    )
    found = [(one.line, one.what) for one in project.made().blind]
    assert found == [
        (7, "file"),
        (10, "environment variable LATER"),
        (11, "file"),
        (11, "file"),
        (11, "file"),
        (12, "file"),
        (13, "the environment"),
    ]


def test_values_of_variables_are_not_kept(project, memo, monkeypatch):
    """A variable asked for at import counts, but its value is nowhere to be read."""
    monkeypatch.setenv("API_KEY", "sesame-open")
    project.write(stages="import os\nKEY = os.environ['API_KEY']\ndef train(x): return KEY\n")
    made = project.made(memo=memo)
    assert "environment API_KEY" in [part.name for part in made.parts]
    memo.close()
    assert "sesame-open" not in repr(made)
    assert b"sesame-open" not in b"".join(file.read_bytes() for file in memo_files(memo))


def memo_files(memo):
    from pathlib import Path

    return [path for path in Path(memo.path).parent.iterdir() if path.is_file()]


def test_also_adds_roots(project):
    """Classes of values that come in count with all they reach: editing a method changes the consumer's fingerprint."""
    project.write(stages="def train(m): return m.predict()\n", hh="class Model:\n    def predict(self): return 1\n")
    before = project.made(also=["hh:Model"])
    project.write(hh="class Model:\n    def predict(self): return 2\n")
    assert before.digest != project.made(also=["hh:Model"]).digest
    assert before.digest != project.made().digest


# ---- what is refused


def test_a_syntax_error_is_placed(project):
    """A helper that is no Python is named with its line; stages that do not load it are judged."""
    project.write(
        stages="import broken\ndef train(x): return x\n", fine="def train(x): return x\n", broken="x = 1\ndef f(:\n"
    )
    with pytest.raises(KeptError, match=r"broken.py cannot be read as Python[\s\S]*broken.py:2"):
        project.made()
    assert project.made("fine:train").parts


def test_bytes_that_are_no_text_are_refused(project):
    """A source file in no known encoding is named."""
    project.write(stages="import hh\ndef train(x): return x\n")
    (project.root / "hh.py").write_bytes(b"K = '\xff'\n")
    with pytest.raises(KeptError, match=r"hh.py cannot be read as Python"):
        project.made()


def test_another_encoding_is_read(project):
    """A file that declares its encoding means what it says, whatever the encoding."""
    project.write(stages="import hh\ndef train(x): return hh.K\n")
    (project.root / "hh.py").write_bytes("# coding: latin-1\nK = 'é'\n".encode("latin-1"))
    before = project.made().digest
    (project.root / "hh.py").write_bytes("K = 'é'\n".encode())
    assert project.made().digest == before


@pytest.mark.parametrize(
    ("target", "missing"), [("nowhere:f", "module nowhere"), ("stages:nothing", "nothing in stages.py")]
)
def test_missing_code_is_named(project, target, missing):
    """A module or function that is not there is an error that names it."""
    project.write(stages="def train(x): return x\n")
    with pytest.raises(KeptError, match=missing):
        project.made(target)


def test_a_missing_helper_is_no_error(project):
    """An import that finds nothing may be caught by the code, or run elsewhere: it is part of the fingerprint."""
    project.write(stages="import nowhere\ndef train(x): return nowhere.f(x)\n")
    before = project.made().digest
    project.write(nowhere="def f(x): return x\n")
    assert project.made().digest != before


# ---- shown


def test_shown_as_lines(project):
    """The drawing has a line per part and ends with the whole digest."""
    project.write(stages="import time, hh\ndef train(x): return hh, time.time()\n", hh="K = 1\n")
    made = project.made()
    lines = shown.lines(made)
    assert lines[0] == "2 parts"
    assert lines[1].split() == ["hh.K", "hh.py:1", made.parts[0].digest[:12]]
    assert "  all of hh.py: used as a value at stages.py:2" in lines
    assert "  clock: time.time()  at stages.py:2" in lines
    assert lines[-1] == f"fingerprint {made.digest}"


def test_shown_as_values(project):
    """The same as values that JSON holds, the whole digest last."""
    import json

    project.write(stages=STAGES, hh="def scale(x): return x\n")
    plain = shown.plain(project.made())
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain)[-1] == "digest"
