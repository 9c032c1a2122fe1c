"""A receipt changes nothing but the time: whatever was edited, its answer is the one of a project without receipts."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from projects import Project, Run

DODO = '''"""Words, counted."""

import os
import stringprep
from pathlib import Path

import outer
from kept import Pipeline, stage
from recipes import counting, shouting
from settings import wide


def asked(name):
    with open(name) as file:
        return file.read().strip()


def perhaps(name):
    try:
        return asked(name)
    except FileNotFoundError:
        return "none"


DEPTH = int(os.environ.get("DEPTH", "1")) + ("DEEPER" in os.environ)
ROOM = os.path.expandvars("$ROOM")
os.environ["TURNS"] = os.environ.get("TURNS", "") + "!"
WIDTH = asked("conf/width.txt") if os.path.exists("conf/width.txt") else asked("conf/usual.txt")
SAID = [perhaps("conf/maybe.txt"), asked("../outside.txt"), outer.NAME, stringprep.__doc__[:4], wide(), ROOM]
SIZES = [Path("conf/sized.bin").stat().st_size, len(list(Path("conf/deep").rglob("*.txt")))]


class Words(Pipeline):
    """Words of some files."""

    loud = stage(shouting.loud, Path("data/text.txt"), env=["MODE", "TURNS"])
    count = stage(counting.count, loud, depth=DEPTH, width=WIDTH, said=SAID + SIZES)
    folder = stage(counting.names, Path("data/folder"))
    made = stage(counting.made, Path("data/folder"), env=["MODE"])
    seen = stage(counting.names, made)


class Parts(Pipeline):
    """A stage a part."""

    for part in sorted(os.listdir("parts")):
        locals()[part.partition(".")[0]] = stage(shouting.loud, Path(f"parts/{part}"))
    del part


def task_plain():
    for path in sorted(Path("plain").glob("*.txt")):
        yield {
            "name": path.stem,
            "actions": [f"cp {path} {path}.out && echo {path.stem} >> executed.log"],
            "file_dep": [str(path)],
            "targets": [f"{path}.out"],
        }
'''

FILES = {
    "project/dodo.py": DODO,
    "project/settings.py": (
        "import os\n\nTHERE = os.path.isdir('conf/there')\n\n\n"
        "def wide():\n    import narrow\n\n    return f'{narrow.N} {THERE}'\n"
    ),
    "project/narrow.py": "import json\n\nN = 10\nwith open('conf/narrow.json') as file:\n    N += json.load(file)\n",
    "project/recipes/__init__.py": "",
    "project/recipes/shouting.py": (
        "import os\n\nfrom recipes.marks import mark\n\nEND = '!'\n\n\ndef loud(path) -> str:\n    mark('loud')\n"
        "    return path.read_text().upper() + END + os.environ.get('MODE', '')\n"
    ),
    "project/recipes/counting.py": (
        "import os\nfrom pathlib import Path\n\nfrom recipes.marks import mark\n\n"
        "TABLE = open('conf/table.txt').read()\n"
        "LEVEL = os.environ.get('LEVEL', '')\n\n\ndef count(text: str, depth: int, width: str, said: list) -> dict:\n"
        "    from recipes.late import NAME\n\n    mark('count')\n"
        "    return {'n': len(text), 'said': [depth, width, TABLE, LEVEL, NAME, *said]}\n\n\n"
        "def names(folder: Path) -> list:\n    mark('names')\n"
        "    return sorted(p.name + p.read_text() for p in folder.rglob('*') if p.is_file())\n\n\n"
        "def made(folder: Path) -> Path:\n    mark('made')\n    out = Path('made')\n"
        "    (out / 'in').mkdir(parents=True)\n"
        "    (out / 'in' / 'mode.txt').write_text(os.environ.get('MODE', 'none'))\n"
        "    (out / 'names.txt').write_text(' '.join(sorted(p.name for p in folder.iterdir())))\n    return out\n"
    ),
    "project/recipes/late.py": (
        "import os\n\nimport colorsys\n\nNAME = os.environ.get('LATE', '') + colorsys.__doc__[:4]\n"
        "KIND = open('conf/kind.txt').read() if os.path.exists('conf/kind.txt') else ''\nNAME += KIND\n"
    ),
    "project/recipes/marks.py": (
        "def mark(name):\n    with open('executed.log', 'a') as log:\n        print(name, file=log)\n"
    ),
    "project/conf/usual.txt": "10",
    "project/conf/table.txt": "table",
    "project/conf/narrow.json": "12",
    "project/conf/sized.bin": "12345",
    "project/conf/deep/in/a.txt": "a",
    "project/data/text.txt": "some words",
    "project/data/folder/a.txt": "aa",
    "project/data/folder/in/b.txt": "bb",
    "project/parts/one.txt": "11",
    "project/parts/two.txt": "22",
    "project/plain/one.txt": "11",
    "project/plain/two.txt": "22",
    "project/executed.log": "",
    "project/doit.cfg": "[GLOBAL]\nverbosity = 1\n",
    "project/pyproject.toml": "[tool.kept]\nseed = 2\n",
    "lib/outer.py": "NAME = 'outer'\n",
    "outside.txt": "10",
}


@dataclass
class World:
    """A project with what lies around it: a file and a library of the user's own."""

    top: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.top / "project"

    def doit(self, *args: str) -> Run:
        runs = self.top / "runs"
        runs.mkdir(exist_ok=True)
        project = Project(self.root, runs, {**self.variables, "PYTHONPATH": str(self.top / "lib")}, old=True)
        return project.doit(*args, bare=True)

    def put(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def receipts(self) -> list[Path]:
        return sorted((self.root / "artifacts" / ".kept").glob("receipt-*"))

    def copy(self, top: Path) -> World:
        """Copy all of it but the receipts."""
        shutil.copytree(self.top, top, ignore=shutil.ignore_patterns("receipt-*", "runs"))
        return World(top, dict(self.variables))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Build everything once."""
    world = World(tmp_path_factory.mktemp("built") / "world")
    for name, text in FILES.items():
        (world.top / name).parent.mkdir(parents=True, exist_ok=True)
        (world.top / name).write_text(text)
    run = world.doit()
    assert run.code == 0, run
    return world


@pytest.fixture
def world(built: World, tmp_path: Path) -> World:
    """Give a built world of its own to a test."""
    return built.copy(tmp_path / "world")


def answered(run: Run) -> bool:
    """Say whether a run was answered by a receipt: dodo.py was not imported then."""
    assert run.modules
    return "dodo" not in run.modules


def told(run: Run, world: World) -> tuple[object, ...]:
    """Return all that a run says and does, the time and the place aside."""
    text = run.out + run.err
    text = re.sub(r" in [0-9.]+ (s|ms|min)\b", " in a while", text).replace(str(world.top), "")
    return run.code, sorted(run.ran), text


def compared(world: World, *args: str) -> Run:
    """Run, as a project without receipts runs too; its answer must be the same."""
    number = len(list(world.top.parent.iterdir()))
    other = world.copy(world.top.parent / f"without-{number}")
    run, without = world.doit(*args), other.doit(*args)
    assert not answered(without)
    assert told(run, world) == told(without, other), f"with a receipt: {run}\nwithout: {without}"
    shutil.rmtree(other.top)
    return run


# ---- edits

Edit = Callable[[World, random.Random], object]


def number(file: str) -> Edit:
    """Write a number of two characters, as what stood there mostly is."""
    return lambda world, dice: world.put(file, str(dice.randrange(10, 99)))


def text(file: str, *texts: str) -> Edit:
    return lambda world, dice: world.put(file, dice.choice(texts))


def gone(*files: str) -> Edit:
    def change(world: World, _: random.Random) -> None:
        for file in files:
            if (world.root / file).is_dir():
                shutil.rmtree(world.root / file)
            (world.root / file).unlink(missing_ok=True)

    return change


def source(file: str, old: str, new: str) -> Edit:
    """Turn a text of a source file into another, or back."""

    def change(world: World, _: random.Random) -> None:
        whole = (world.root / file).read_text()
        world.put(file, whole.replace(new, old) if new in whole else whole.replace(old, new))

    return change


def disguised(file: str, edit: Edit) -> Edit:
    """Give a file its times back after an edit."""

    def change(world: World, dice: random.Random) -> None:
        path = world.root / file
        before = path.stat() if path.is_file() else None
        edit(world, dice)
        if before is not None:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def replaced(file: str, edit: Edit = lambda _world, _dice: None) -> Edit:
    """Let another file take the place of one, with its times."""

    def change(world: World, dice: random.Random) -> None:
        path = world.root / file
        if not path.is_file():
            return
        before = path.stat()
        held = path.with_name(path.name + ".new")
        shutil.copy(path, held)
        edit(world, dice)
        new = path.read_bytes()
        held.write_bytes(new)
        os.utime(held, ns=(before.st_atime_ns, before.st_mtime_ns))
        held.replace(path)

    return change


def touched(file: str) -> Edit:
    return lambda world, _: (world.root / file).exists() and os.utime(world.root / file)


def variable(name: str) -> Edit:
    """Set a variable, or set it no more."""

    def change(world: World, dice: random.Random) -> None:
        world.variables.pop(name, None)
        if dice.random() < 0.7:
            world.variables[name] = str(dice.randrange(3))

    return change


def turned(world: World, _: random.Random) -> None:
    """Let a variable be what dodo.py made of it."""
    world.variables["TURNS"] = world.variables.get("TURNS", "") + "!"


def command(*args: str) -> Edit:
    return lambda world, _: world.doit(*args)


def damaged_receipts(world: World, dice: random.Random) -> None:
    for file in world.receipts():
        data = bytearray(file.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        file.write_bytes(data[: dice.choice([len(data), len(data) // 2])])


def swapped_receipts(world: World, _: random.Random) -> None:
    files = world.receipts()
    for file, data in zip(files, [file.read_bytes() for file in reversed(files)], strict=True):
        file.write_bytes(data)


def stale_receipts(world: World, dice: random.Random) -> None:
    """Put receipts back that were there before a stage was edited and built."""
    saved = {file: file.read_bytes() for file in world.receipts()}
    number("data/text.txt")(world, dice)
    world.doit("words")
    command("forget", "parts:one")(world, dice)
    for file, data in saved.items():
        file.write_bytes(data)


def pinned(world: World, dice: random.Random) -> None:
    """Edit a source so that it looks as before but for its inode and its time of change."""
    replaced("recipes/shouting.py", source("recipes/shouting.py", "END = '!'", "END = '?'"))(world, dice)


LOUD, SHOUTING = "artifacts/words/loud.json", "recipes/shouting.py"
SHOUT = source(SHOUTING, "END = '!'", "END = '?'")
EDITS: dict[str, Edit] = {
    "an input": number("data/text.txt"),
    "an input, its times kept": disguised("data/text.txt", number("data/text.txt")),
    "an input is touched": touched("data/text.txt"),
    "an input is replaced by its like": replaced("data/text.txt"),
    "an input of a part": number("parts/one.txt"),
    "an input of a part, its times kept": disguised("parts/two.txt", number("parts/two.txt")),
    "inputs of two parts": lambda w, d: [number(f"parts/{name}.txt")(w, d) for name in ("one", "two")],
    "a file in a folder": number("data/folder/a.txt"),
    "a file deep in a folder, its times kept": disguised("data/folder/in/b.txt", number("data/folder/in/b.txt")),
    "one more in a folder": number("data/folder/in/c.txt"),
    "one less in a folder": gone("data/folder/in/c.txt"),
    "an artifact": number(LOUD),
    "an artifact, its times kept": disguised(LOUD, number(LOUD)),
    "an artifact is touched": touched(LOUD),
    "an artifact is gone": gone("artifacts/words/count.json"),
    "a file in an artifact, its times kept": disguised(
        "artifacts/words/made/names.txt", number("artifacts/words/made/names.txt")
    ),
    "a file deep in an artifact": number("artifacts/words/made/in/mode.txt"),
    "one more in an artifact": number("artifacts/words/made/in/more.txt"),
    "an artifact of a part is gone": gone("artifacts/parts/two.json"),
    "all artifacts are gone": gone("artifacts/words", "artifacts/parts"),
    "code": SHOUT,
    "code, its times kept": disguised(SHOUTING, SHOUT),
    "code, in another file of its name": pinned,
    "a comment": source(SHOUTING, "END =", "# the end\nEND ="),
    "code that is imported late": source("recipes/late.py", "[:4]", "[:5]"),
    "a helper of dodo.py": source("narrow.py", "N = 10", "N = 20"),
    "a helper of dodo.py, its times kept": disguised("narrow.py", source("narrow.py", "N = 10", "N = 20")),
    "a helper outside of the project": source("../lib/outer.py", "'outer'", "'other'"),
    "a parameter": source("dodo.py", "depth=DEPTH,", "depth=DEPTH + 1,"),
    "a parameter, its times kept": disguised("dodo.py", source("dodo.py", '"none"', '"nine"')),
    "one more stage": source(
        "dodo.py", "    folder =", "    more = stage(counting.names, Path('parts'))\n    folder ="
    ),
    "a file that dodo.py reads": number("conf/usual.txt"),
    "a file outside that dodo.py reads": number("../outside.txt"),
    "a file that dodo.py would rather read": number("conf/width.txt"),
    "it is gone": gone("conf/width.txt"),
    "a file that dodo.py tries to read": number("conf/maybe.txt"),
    "that is gone": gone("conf/maybe.txt"),
    "a file that a helper reads": number("conf/narrow.json"),
    "a folder that a helper looks for": lambda w, _: (w.root / "conf/there").mkdir(exist_ok=True),
    "the size of a file": text("conf/sized.bin", "1234", "123456"),
    "a file in a folder that dodo.py searches": text("conf/deep/in/b.txt", "b"),
    "one less there": gone("conf/deep/in/b.txt"),
    "a file that a stage's module reads": number("conf/table.txt"),
    "a file that a late module asks for": number("conf/kind.txt"),
    "a file in a folder that dodo.py lists": number("parts/three.txt"),
    "one less in that folder": gone("parts/three.txt"),
    "a file in a folder that a task lists": number("plain/three.txt"),
    "one less in that": gone("plain/three.txt"),
    "a variable that a stage declares": variable("MODE"),
    "a variable that dodo.py asks for": variable("DEPTH"),
    "a variable that dodo.py looks for": variable("DEEPER"),
    "a variable that dodo.py expands": variable("ROOM"),
    "a variable that dodo.py changes": turned,
    "a variable that a module asks for": variable("LEVEL"),
    "a variable that a late module asks for": variable("LATE"),
    "a variable that nobody asks for": variable("NOBODY"),
    "a module that hides another": text("colorsys.py", '"""My own colours."""\n'),
    "it hides it no more": gone("colorsys.py"),
    "a module that hides one that dodo.py imports": text("stringprep.py", '"""Mine."""\n', '"""Your."""\n'),
    "that hides it no more": gone("stringprep.py"),
    "a package that hides a module": text("narrow/__init__.py", "N = 30\n"),
    "no such package": gone("narrow"),
    "a module nearer than another": text("outer.py", "NAME = 'inner'\n"),
    "none nearer": gone("outer.py"),
    "settings": text("pyproject.toml", "[tool.kept]\nseed = 3\n", "[tool.kept]\nseed = 4\n"),
    "doit's settings": text("doit.cfg", "[GLOBAL]\ndefault_tasks = words\n", "[GLOBAL]\nverbosity = 2\n"),
    "no settings": gone("pyproject.toml", "doit.cfg"),
    "a file of a plain task": number("plain/one.txt"),
    "a target of a plain task is gone": gone("plain/two.txt.out"),
    "damaged receipts": damaged_receipts,
    "swapped receipts": swapped_receipts,
    "receipts from before": stale_receipts,
    "no memory": gone("artifacts/.kept/memo.db"),
    "forget": command("forget", "words:loud"),
    "ignore": command("ignore", "words:folder"),
    "mind again": command("forget", "words:folder"),
    "clean": command("clean", "words:count"),
    "accept": command("accept", "words:loud"),
    "reset-dep": command("reset-dep", "plain"),
    "list": command("list", "--all", "-s"),
    "why": command("why"),
    "nothing": lambda _world, _dice: None,
}
TURNS = 7
ASKED = [("words", "parts"), (), ("words:count",), ("plain", "parts"), ("-v", "2", "words")]


def shuffled(turn: int) -> list[str]:
    """Return a share of the edits in an order of its own; all shares together are all edits."""
    titles = list(EDITS)
    random.Random(os.environ.get("RECEIPT_SEED", "0")).shuffle(titles)
    return titles[turn::TURNS]


@pytest.mark.parametrize("turn", range(TURNS))
def test_the_answer_with_a_receipt_is_the_one_without(world: World, turn: int):
    """Whatever is edited, whatever was known: all that a run says and executes is as if there were no receipt."""
    dice = random.Random(f"{os.environ.get('RECEIPT_SEED', '0')} {turn}")
    answers = 0
    for title in shuffled(turn):
        asked = dice.choice(ASKED)
        world.doit(*asked)
        world.doit(*asked)
        before = world.doit(*asked)
        answers += answered(before)
        EDITS[title](world, dice)
        try:
            run = compared(world, *asked)
        except AssertionError as difference:
            raise AssertionError(f"{title}, then doit {' '.join(asked)}: {difference}") from None
        if dice.random() < 0.3:
            compared(world, *dice.choice(ASKED))
        assert not answered(run) or (run.code, run.ran) == (0, []), run
    assert answers > 3, "receipts were hardly tried"


# ---- what no receipt can tell


@pytest.mark.parametrize(
    "addition",
    [
        "import datetime\n\nTODAY = datetime.date.today()\n",
        "import random\n\nDRAWN = random.random()\n",
        "import subprocess\n\nBRANCH = subprocess.run(['true'], check=True)\n",
        "import socket\n\nHOST = socket.gethostname()\n",
        "import runpy\n\nNOW = runpy.run_path('conf/now.py')\n",
        "import importlib.util as u\n\nSPEC = u.spec_from_file_location('now', 'conf/now.py')\n"
        "SPEC.loader.exec_module(u.module_from_spec(SPEC))\n",
        "print('loading')\n",
        "import sys\n\nprint('loading', file=sys.stderr)\n",
        "OPTIONS = [name for name in os.environ if name.startswith('OPTION_')]\n",
        "open('conf/note.txt', 'w').close()\n",
        "ROOM = len(os.sched_getaffinity(0))\n",
        "ROOM = os.statvfs('.').f_bfree\n",
        "MASK = os.umask(0o022)\n",
        "LOAD = os.getloadavg()\n",
        "Path('conf/usual.txt').rename('conf/usual.txt')\n",
        "def task_often():\n    return {'actions': ['true'], 'uptodate': [lambda: True]}\n",
        "def task_told():\n    return {'actions': ['true'], 'uptodate': [True], 'title': lambda task: 'told'}\n",
        "from doit import create_after\n\n\n@create_after('words')\ndef task_late():\n"
        "    return {'actions': ['true'], 'uptodate': [True]}\n",
    ],
)
def test_no_receipt_where_more_than_files_decides(world: World, addition: str):
    """What dodo.py asks of the clock, of another program or of dice it asks each time; so with what it says."""
    world.put("conf/now.py", "import time\n\nNOW = time.time()\n")
    world.put("dodo.py", DODO + "\n" + addition)
    runs = [world.doit() for _ in range(4)]
    assert [run.code for run in runs] == [0] * 4, runs
    assert not any(answered(run) for run in runs), runs


@pytest.mark.parametrize(
    "addition",
    [
        "from doit.tools import config_changed, run_once\n\n\ndef task_set():\n"
        "    return {'actions': ['true'], 'uptodate': [config_changed('a'), run_once]}\n",
        "HERE = Path(__file__).resolve().parent\nARTIFACTS = HERE / 'artifacts'\nARTIFACTS.mkdir(exist_ok=True)\n",
    ],
)
def test_a_receipt_where_files_decide(world: World, addition: str):
    """What dodo.py itself says, and what anybody can look at again, is known the next time."""
    world.put("dodo.py", DODO + "\n" + addition)
    runs = [world.doit() for _ in range(4)]
    assert [answered(run) for run in runs[-2:]] == [True, True], runs


def test_a_variable_that_is_asked_for_in_bytes(world: World):
    """It is the same one."""
    world.put("dodo.py", DODO.replace("depth=DEPTH,", "depth=int(os.getenvb(b'WIDE', b'1')),"))
    runs = [world.doit() for _ in range(4)]
    assert answered(runs[-1]), runs
    world.variables["WIDE"] = "2"
    assert compared(world).ran


LEAVES = [
    "an input", "an input, its times kept", "an input is touched", "an input is replaced by its like",
    "inputs of two parts",
    "a file in a folder", "a file deep in a folder, its times kept", "one more in a folder", "an artifact",
    "an artifact, its times kept", "an artifact is gone", "a file in an artifact, its times kept",
    "all artifacts are gone", "a file of a plain task", "no memory", "clean",
]  # fmt: skip


@pytest.mark.parametrize("title", LEAVES)
def test_one_leaf_among_others(world: World, title: str):
    """What a receipt lets stand after a change is what would be left alone without it, also after one more."""
    dice = random.Random(title)
    for _ in range(2):
        world.doit()
    assert answered(world.doit())
    for _ in range(2):
        EDITS[title](world, dice)
        compared(world)
    compared(world)
