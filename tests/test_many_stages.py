"""Graphs of many stages cost each stage the same, however many there are, and no more than it needs."""

import ast
import os
import random
from collections import Counter
from contextlib import closing

import pytest
from doit.cmd_clean import CleanDepTree
from doit.task import Task

from kept.build import Workplace
from kept.cleaning import LongTree

LEAVES = """
from pathlib import Path
from kept import Pipeline, stage
from work import copied

Leaves = type("Leaves", (Pipeline,), {{f"s{{n}}": stage(copied, Path(f"in/{{n}}.txt")) for n in range({count})}})
"""
WORK = """
import ast
import os
import tempfile
from pathlib import Path

def copied(path: Path) -> str:
    with open("seen", "a") as seen:
        seen.write(f"{tempfile.gettempdir()} {os.listdir(tempfile.gettempdir())}\\n")
    return path.read_text()
"""


def leaves(project, count, work=WORK):
    """Make a project of stages that need nothing of each other."""
    project.write("dodo.py", LEAVES.format(count=count))
    project.write("work.py", work)
    for number in range(count):
        project.write(f"in/{number}.txt", str(number))


# ---- the place where stages run


@pytest.fixture
def place(tmp_path):
    with closing(Workplace(str(tmp_path / "store"))) as made:
        yield made


def in_turn(place, *acts):
    """Return the folders that stages got that did this, one after the other."""
    folders = []
    for act in (*acts, lambda folder: None):
        with place.folder() as folder:
            assert os.listdir(folder) == []
            folders.append(folder)
            act(folder)
    return folders


def test_stages_that_leave_nothing_share_a_folder(place):
    """It is made once, and gone at the end."""
    folders = in_turn(place, lambda folder: None, lambda folder: None)
    assert len(set(folders)) == 1
    place.close()
    assert not folders[0].exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda folder: (folder / "left").write_text("x"),
        lambda folder: (folder / "deep" / "er").mkdir(parents=True),
        lambda folder: folder.rmdir(),
        lambda folder: folder.rename(folder.with_name("elsewhere")),
        lambda folder: (folder.rmdir(), folder.symlink_to("/")),
        lambda folder: (folder.rmdir(), folder.mkdir(), folder.with_name("other").mkdir()),
        lambda folder: (folder.joinpath("left").write_text("x"), folder.chmod(0)),
    ],
    ids=["a file", "folders", "removed", "renamed", "a link", "made again", "closed"],
)
def test_what_one_stage_leaves_no_other_stage_sees(place, act):
    """A folder that is not as it was given is given to nobody else."""
    in_turn(place, act)
    (again,) = in_turn(place)
    assert again.is_dir()
    assert not again.is_symlink()
    assert os.listdir(again) == []


def test_a_folder_that_somebody_removes_between_two_stages_is_made_again(place):
    """As `rm -r artifacts/.kept` in the middle of a run does."""
    (folder,) = in_turn(place)
    folder.rmdir()
    folder.parent.rmdir()
    (again,) = in_turn(place)
    assert again.is_dir()


def test_stages_of_one_run_find_an_empty_place_for_temporary_files(project):
    """The same one for all of them, for none leaves anything; nothing of it is there after the run."""
    leaves(project, 20)
    assert project.doit("leaves").code == 0
    assert Counter(line.partition(" ")[2] for line in project.read("seen").splitlines()) == {"[]": 20}
    assert len({line.partition(" ")[0] for line in project.read("seen").splitlines()}) == 1
    assert os.listdir(project.path("artifacts/.kept/tmp")) == []


# ---- deep graphs

CHAIN = """
import sys
from pathlib import Path
sys.setrecursionlimit(300)
from kept import Pipeline, stage
from work import copied, longer

made = {{"s0": stage(copied, Path("in/0.txt"))}}
for n in range(1, {count}):
    made[f"s{{n}}"] = stage(longer, made[f"s{{n - 1}}"])
Chain = type("Chain", (Pipeline,), made)
del made
"""
FAN_IN = """
import sys
from pathlib import Path
sys.setrecursionlimit(300)
from kept import Pipeline, stage
from work import copied, joined

made = {{f"s{{n}}": stage(copied, Path(f"in/{{n}}.txt")) for n in range({count})}}
made["all"] = stage(joined, list(made.values()))
FanIn = type("FanIn", (Pipeline,), made)
del made
"""
MORE = """
from pathlib import Path

def copied(path: Path) -> str:
    return path.read_text()

def longer(text: str) -> str:
    return str(int(text) + 1)

def joined(texts: list) -> str:
    return "".join(texts)
"""


def test_a_long_chain_needs_no_recursion(project):
    """It is built, explained, listed and cleaned, each with fewer frames than there are stages."""
    count = 350
    project.write("dodo.py", CHAIN.format(count=count))
    project.write("work.py", MORE)
    project.write("in/0.txt", "0")
    assert project.doit("chain").code == 0
    assert project.read(f"artifacts/chain/s{count - 1}.json") == f'"{count - 1}"\n'
    for command in (["why"], ["list", "--all", "-s"], ["info", f"chain:s{count - 1}"], ["chain"]):
        run = project.doit(*command)
        assert (run.code, run.err, run.ran) == (0, "", [])
    run = project.doit("clean", "--clean-dep", f"chain:s{count - 1}")
    assert (run.code, run.err) == (0, "")
    assert not list(project.path("artifacts/chain").glob("*.json"))
    assert project.doit("why").code == 1


def test_a_stage_that_needs_very_many_is_built_and_cleaned(project):
    """Its inputs are a list of all the others."""
    count = 400
    project.write("dodo.py", FAN_IN.format(count=count))
    project.write("work.py", MORE)
    for number in range(count):
        project.write(f"in/{number}.txt", str(number % 10))
    assert project.doit("fan_in").code == 0
    assert project.read("artifacts/fan_in/all.json") == f'"{"0123456789" * (count // 10)}"\n'
    assert project.doit("why").code == 0
    assert project.doit("clean", "--clean-all").code == 0
    assert not list(project.path("artifacts/fan_in").glob("*.json"))


@pytest.mark.parametrize("seed", range(20))
def test_tasks_are_cleaned_in_the_order_of_doit(seed):
    """Whatever they need of each other, and whichever are asked for."""
    dice = random.Random(seed)
    names = [f"t{n}" for n in range(12)]
    tasks = {
        name: Task(
            name, None, task_dep=dice.sample(names[:n], dice.randint(0, min(n, 3))), setup=dice.sample(names[:n], n > 6)
        )
        for n, name in enumerate(names)
    }
    orders = []
    for kind in (CleanDepTree.__mro__[-2], LongTree):
        tree = kind()
        for name in random.Random(seed).sample(names, 5):
            tree.build_nodes_with_deps(tasks, name)
        orders.append(tree.flat())
    assert orders[0] == orders[1]
    assert len(orders[0]) >= 5


# ---- what each stage costs

COUNTING = """
import atexit
import ast
import os
import sys
from collections import Counter

from kept.build import Project
from kept.store import Store

done = Counter()
watched = ("open", "os.mkdir", "os.rmdir", "os.rename", "os.link", "os.listdir", "sqlite3.connect")
sys.addaudithook(lambda event, arguments: done.update([event]) if event in watched else None)


def counted(owner, name):
    real = getattr(owner, name)

    def counting(*arguments, **named):
        done[name] += 1
        return real(*arguments, **named)

    setattr(owner, name, counting)


for owner, name in ((Project, "_judge"), (Store, "lookup"), (Store, "publish"), (Store, "lock"), (os, "fsync")):
    counted(owner, name)


def told():
    with open("done", "w") as file:
        file.write(repr(dict(done)))


atexit.register(told)
"""


def costs(project, dodo, count, target):
    """Return what a first build and then a run with nothing to do take, each as name to number of times."""
    project.write("dodo.py", COUNTING + dodo.format(count=count))
    project.write("work.py", MORE)
    for number in range(count):
        project.write(f"in/{number}.txt", str(number))
    found = []
    for _ in range(2):
        run = project.spawn(target).wait()
        assert (run.code, run.err) == (0, "")
        found.append(Counter(ast.literal_eval(project.read("done"))))
    project.remove("artifacts")
    return found


@pytest.mark.parametrize(("dodo", "target"), [(LEAVES, "leaves"), (CHAIN, "chain"), (FAN_IN, "fan_in")])
def test_a_stage_costs_the_same_however_many_there_are(project, dodo, target):
    """It is judged once, its record looked up twice and written once, and made durable with three calls."""
    small, middle, large = (costs(project, dodo, count, target) for count in (20, 60, 100))
    for build, (few, more, most) in enumerate(zip(small, middle, large, strict=True)):
        each = {name: (most[name] - few[name]) / 80 for name in most}
        for name in each:
            assert most[name] - more[name] <= (more[name] - few[name]) * 1.3 + 20, (name, few, more, most)
        assert each["_judge"] == 1
        if build == 0:
            assert each["lookup"] <= 2
            assert each["publish"] == each["lock"] == 1
            assert each["fsync"] == 3  # its artifact, its record, the name of the record
            assert each.get("os.rmdir", 0) <= 0.1
            assert each["os.listdir"] <= 2
            assert each["sqlite3.connect"] == 0
            assert each["open"] <= 20
        else:
            assert {name for name, times in each.items() if times > 0.1} <= {"_judge", "open", "lookup"}
            assert each["open"] <= 3
