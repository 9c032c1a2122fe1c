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


def test_a_link_to_a_folder_is_named_by_where_it_leads(tmp_path):
    """Links to folders are not followed, so a tree with a loop has an end."""
    top = _tree(tmp_path / "top", {"a.txt": "1"})
    (top / "loop").symlink_to(top, target_is_directory=True)
    before = digest_tree(top)
    (top / "loop").unlink()
    (top / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert digest_tree(top) != before


def test_names_that_are_no_text_have_a_digest(tmp_path):
    """A file name of any bytes is a name."""
    if sys.platform != "linux":
        pytest.skip("this file system has names of text only")
    (tmp_path / os.fsdecode(b"\xff")).write_text("1")
    assert digest_tree(tmp_path) != digest_tree(_tree(tmp_path / "sub", {"x": "1"}))
