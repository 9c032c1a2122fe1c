"""Files and folders are named by what they hold."""

import os
import sys
from pathlib import Path

import pytest

from kept.digest import Digest, digest_bytes, digest_file, digest_tree


def test_a_file_has_the_digest_of_its_bytes(tmp_path):
    """A digest is SHA-256 with the size beside it, of bytes as of files, empty ones too."""
    for data in (b"", b"abc", b"x" * 3_000_000):
        (tmp_path / "file").write_bytes(data)
        assert digest_file(tmp_path / "file") == digest_bytes(data)
    assert digest_bytes(b"abc") == Digest("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)


def _tree(top: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def test_a_tree_is_named_by_names_and_contents_only(tmp_path):
    """The same files elsewhere, written in another order at another time, are the same tree."""
    files = {"a.txt": "1", "sub/b.txt": "2", "sub/deep/c.txt": ""}
    first = _tree(tmp_path / "first", files)
    second = _tree(tmp_path / "second", dict(reversed(files.items())))
    os.utime(second / "a.txt", (1, 1))
    assert digest_tree(first) == digest_tree(second)
    assert digest_tree(first).size == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "a.txt").write_text("2"),
        lambda top: (top / "a.txt").rename(top / "b.txt"),
        lambda top: (top / "a.txt").rename(top / "sub" / "a.txt"),
        lambda top: (top / "a.txt").unlink(),
        lambda top: (top / "new.txt").write_text(""),
        lambda top: (top / "empty").mkdir(),
        lambda top: (top / "link").symlink_to("sub", target_is_directory=True),
    ],
    ids=["content", "renamed", "moved", "removed", "added", "empty folder", "link"],
)
def test_every_change_in_a_tree_is_another_tree(tmp_path, change):
    """Content, names, places, empty folders and links to folders all count."""
    top = _tree(tmp_path, {"a.txt": "1", "sub/b.txt": "2"})
    before = digest_tree(top)
    change(top)
    assert digest_tree(top) != before


def test_a_linked_folder_counts_by_what_it_holds(tmp_path):
    """It lies on another disk, and is data like any."""
    top, disk = _tree(tmp_path / "top", {"a.txt": "1"}), _tree(tmp_path / "disk", {"b.txt": "1"})
    (top / "b").symlink_to(disk, target_is_directory=True)
    before = digest_tree(top)
    assert before == digest_tree(_tree(tmp_path / "copy", {"a.txt": "1", "b/b.txt": "1"}))
    (disk / "b.txt").write_text("2")
    assert digest_tree(top) != before


@pytest.mark.parametrize("back", [".", "..", "../top/sub", "../there"])
def test_links_that_lead_in_a_circle_have_an_end(tmp_path, back):
    """A link to a folder that holds it is named by where it leads."""
    top, there = _tree(tmp_path / "top", {"sub/a.txt": "1"}), _tree(tmp_path / "there", {"b.txt": "1"})
    (there / "top").symlink_to(top, target_is_directory=True)
    (top / "sub" / "loop").symlink_to(tmp_path / "top" / back, target_is_directory=True)
    before = digest_tree(top)
    (top / "sub" / "a.txt").write_text("2")
    assert digest_tree(top) != before


def test_what_cannot_be_read_as_a_file_counts_by_its_name(tmp_path):
    """A link to nothing, as an editor's lock, and a pipe neither stop nor break off a look at their folder."""
    top = _tree(tmp_path / "top", {"a.txt": "1"})
    names = [digest_tree(top)]
    (top / ".#a.txt").symlink_to("me@host.123")
    names.append(digest_tree(top))
    os.mkfifo(top / "pipe")
    names.append(digest_tree(top))
    assert len(set(names)) == 3


def test_names_that_are_no_text_have_a_digest(tmp_path):
    """A file name of any bytes is a name."""
    if sys.platform != "linux":
        pytest.skip("this file system has names of text only")
    (tmp_path / os.fsdecode(b"\xff")).write_text("1")
    assert digest_tree(tmp_path) != digest_tree(_tree(tmp_path / "sub", {"x": "1"}))
