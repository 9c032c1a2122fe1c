"""Graphs of many stages cost each stage the same, however many there are, and no more than it needs."""

import os
from collections import Counter
from contextlib import closing

import pytest

from kept.build import Workplace

LEAVES = """
from pathlib import Path
from kept import Pipeline, stage
from work import copied

Leaves = type("Leaves", (Pipeline,), {{f"s{{n}}": stage(copied, Path(f"in/{{n}}.txt")) for n in range({count})}})
"""
WORK = """
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
