"""Edits of small projects: each changes the fingerprint if, and only if, it may change behaviour."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import fingerprint_cases
import fingerprint_edits
import fingerprint_more
import fingerprint_quiet
import pytest

RUNNER = Path(__file__).with_name("fingerprint_runner.py")
CASES = [*fingerprint_cases.C, *fingerprint_more.C, *fingerprint_edits.C, *fingerprint_quiet.C]
NAMES = [case["name"] for case in CASES]
# The false alarms that are admitted: both would need code compared across names.
ADMITTED = {"helper moved and re-exported", "equal tuples made apart or shared"}
# A change of the canonical form changes every key there is: raise canonical.SCHEME with this.
ALL_DIGESTS = "7116aec2316dfead930845b82d47ff685761cfa13dcb175a9879f7c0e781836d"


def answers(python, side, seed, folder, mode="--static"):
    """Fingerprint one side of all cases in a fresh process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
    alone = ["-S"] if mode == "--static" else []  # no library of this machine may have a say
    command = [python, "-W", "ignore", *alone, str(RUNNER), side, str(folder), mode]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@cache
def both(python, mode, folder):
    with ThreadPoolExecutor(2) as pool:
        before = pool.submit(answers, python, "before", 1, folder / "before", mode)
        after = pool.submit(answers, python, "after", 2, folder / "after", mode)
        return list(zip(before.result(), after.result(), strict=True))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cases")


def judge(case, before, after):
    """Say what is wrong with a pair of fingerprints; None if nothing is."""
    for answer in (before, after):
        assert answer is None or "error" not in answer, answer["error"]
    if case["expect"] == "change":
        return None if before != after else "a miss: the edit may change what train does"
    tolerated = case["soft"] or case["name"] in ADMITTED
    return None if before == after or tolerated else "a false alarm: the edit changes nothing that train does"


@pytest.mark.parametrize("number", range(len(CASES)), ids=NAMES)
def test_by_name(number, folder):
    """An edit is judged rightly from the text alone, with another hash seed on each side."""
    assert judge(CASES[number], *both(sys.executable, "--static", folder)[number]) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each case needs a fork")
@pytest.mark.parametrize("number", range(len(fingerprint_cases.C)), ids=NAMES[: len(fingerprint_cases.C)])
def test_by_live_object(number, folder):
    """An edit is judged rightly from the imported function, too, run before or not."""
    before, after = both(sys.executable, "--live", folder)[number]
    if before is not None and after is not None:  # a fake extension cannot be imported
        assert judge(CASES[number], before, after) is None


def test_all_digests_are_the_known_ones(folder):
    """Digests are the same on every Python, every machine, and from one version of kept to the next."""
    import hashlib

    digests = [side["digest"] for pair in both(sys.executable, "--static", folder) for side in pair]
    assert hashlib.sha256("".join(digests).encode()).hexdigest() == ALL_DIGESTS


def interpreter(version):
    """Find a Python that answers, among those on the path and those of pyenv, whose own command may refuse."""
    name = f"python{version}"
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/{name}")
    for python in (shutil.which(name), *map(str, sorted(homes))):
        if python and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
            return python
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_agrees(version, folder):
    """Another Python version gives every case the same digests."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    assert both(python, "--static", folder / version) == both(sys.executable, "--static", folder)


NEW_SYNTAX = {
    "type parameter": ("def h{}(x): return x\ndef train(x): return h(x)\n", "", "[T]", "same"),
    "bound of a type parameter": (
        "def h[T: {}](x: T) -> T: return x\ndef train(x): return h(x)\n",
        "int",
        "float",
        "same",
    ),
    "type parameter that is read": (
        "def h[{}](x): return T.__name__\nT = 1\ndef train(x): return h(x)\n",
        "S",
        "T",
        "change",
    ),
    "unrelated alias": ("type X = {}\ndef train(x): return x\n", "int", "float", "same"),
    "alias that is read": ("type X = {}\ndef train(x): return isinstance(x, X.__value__)\n", "int", "float", "change"),
    "alias of a class of the project": (
        "from hh import P\ntype X = P\ndef train(x): return X.__value__.k + {}\n",
        "1",
        "2",
        "change",
    ),
    "generic class": (
        "class M[T]:\n    def f(self, x): return x + {}\ndef train(x): return M[int]().f(x)\n",
        "1",
        "2",
        "change",
    ),
    "generic class that becomes one": ("class M{}:\n    k = 1\ndef train(x): return M.__mro__\n", "", "[T]", "change"),
    "f-string with the same quotes inside": ("def train(x): return f'{{x['{}']}}'\n", "a", "b", "change"),
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
@pytest.mark.parametrize("name", NEW_SYNTAX)
def test_syntax_of_python_312(name, tmp_path, monkeypatch):
    """Type parameters and aliases are annotations, until somebody reads them."""
    from kept.fingerprint import fingerprint

    text, before, after, expect = NEW_SYNTAX[name]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "hh.py").write_text("class P: k = 1\n")
    digests = []
    for value in (before, after):
        (tmp_path / "stages.py").write_text(text.format(value))
        digests.append(fingerprint("stages:train", root=tmp_path).digest)
    assert ("same" if digests[0] == digests[1] else "change") == expect


TOLD = "def told(x): return x.__name__\n"
TWINS = {
    "methods": (
        "S.a",
        "S.b",
        "class S:\n    @staticmethod\n    def a(x): return 1\n    @staticmethod\n    def b(x): return 2\n",
    ),
    "each needs the other": ("a", "b", "def a(x): return b or 1\ndef b(x): return a or 2\n"),
    "names count": ("a", "b", TOLD + "def a(x): return told(b), 1\ndef b(x): return told(a), 2\n"),
    "names count, methods": (
        "A.run",
        "B.run",
        TOLD + "class A:\n    def run(): return told(B), 1\nclass B:\n    def run(): return told(A), 2\n",
    ),
    "names count, bound at once": ("a", "b", TOLD + "a, b = (lambda: told(b)), (lambda: told(a))\n"),
    "names count, imported": ("p", "q", "from hh import a as p, b as q\n"),
    "all of the module": ("a", "b", "def a(n): return globals()[n]\ndef b(n): return globals()[n].__name__\n"),
    "made in a loop": ("f1", "f2", "for k in (1, 2): globals()[f'f{k}'] = lambda k=k: k\n"),
    "made by update": ("f1", "f2", "globals().update({f'f{k}': (lambda k=k: k) for k in (1, 2)})\n"),
    "made by setattr": (
        "f1",
        "f2",
        "import sys\nfor k in (1, 2): setattr(sys.modules[__name__], f'f{k}', lambda: k)\n",
    ),
    "made by exec": ("f1", "f2", "exec('def f1(): return 1\\ndef f2(): return 2')\n"),
}


@pytest.mark.parametrize("name", TWINS)
def test_two_functions_are_two_stages(name, tmp_path, monkeypatch):
    """Which of the things that take part the stage is counts, where the same things take part for both."""
    from kept.fingerprint import fingerprint

    one, other, text = TWINS[name]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "hh.py").write_text(TOLD + "def a(): return told(b), 1\ndef b(): return told(a), 2\n")
    (tmp_path / "stages.py").write_text(text)
    digests = {fingerprint(f"stages:{target}", root=tmp_path).digest for target in (one, other)}
    assert len(digests) == 2


def test_an_import_under_the_same_name_may_lead_elsewhere(tmp_path, monkeypatch):
    """Where names count the stage is the function that its name leads to, whatever it is called here."""
    from kept.fingerprint import fingerprint

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for functions in (
        "def a(): return told(b), 1\ndef b(): return told(a), 2\n",
        "a, b = (lambda: told(b)), (lambda: told(a))\n",
    ):
        (tmp_path / "hh.py").write_text(TOLD + functions)
        digests = set()
        for name in "ab":
            (tmp_path / "stages.py").write_text(f"from hh import {name} as train\n")
            digests.add(fingerprint("stages:train", root=tmp_path).digest)
        assert len(digests) == 2
