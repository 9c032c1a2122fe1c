"""Content leaves the store whole, as a file or a folder of its own."""

import errno
import json
import os

import pytest
from store_pieces import (
    HOUR,
    age,
    blob,
    everything,
    key,
    make_folder,
    overwrite,
    record_of,
)

from kept import errors
from kept.digest import canonical_json, digest_bytes
from kept.store import Store, digest_folder
from kept.store import copies as copies_room


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


# ---- restoring


def test_a_restored_file_is_a_new_writable_file(store, tmp_path):
    """Writing to it in place does not reach the blob; its time is fresh; folders above it are made."""
    digest = store.put_bytes(b"hello")
    age(blob(store, digest), 50 * HOUR)
    target = tmp_path / "out" / "deep" / "x.json"
    store.restore(digest, target)
    assert target.read_bytes() == b"hello"
    assert target.stat().st_mtime > blob(store, digest).stat().st_mtime + HOUR
    target.write_bytes(b"other")
    assert store.read(digest) == b"hello"
    store.restore(digest, target)
    assert target.read_bytes() == b"hello"
    assert everything(target.parent) == ["x.json"]
    assert os.listdir(store.root / "tmp") == []


def test_small_files_are_never_linked(store, tmp_path):
    """The superuser is not held back by read-only modes, so an edit in place would damage the blob."""
    digest = store.put_bytes(b"hello")
    store.restore(digest, tmp_path / "x")
    assert (tmp_path / "x").stat().st_ino != blob(store, digest).stat().st_ino


def test_large_files_may_be_linked(store, tmp_path, monkeypatch):
    """Where blocks cannot be shared, a second name costs nothing; it is read-only and its time fresh."""
    monkeypatch.setattr(copies_room, "LINK_FROM", 3)
    monkeypatch.setattr(copies_room, "_reflink", lambda source, fd: False)
    digest = store.put_bytes(b"hello")
    age(blob(store, digest), 50 * HOUR)
    store.restore(digest, tmp_path / "x")
    assert (tmp_path / "x").stat().st_ino == blob(store, digest).stat().st_ino
    assert not (tmp_path / "x").stat().st_mode & 0o222
    assert (tmp_path / "x").stat().st_mtime > (store.root / "version").stat().st_mtime - HOUR
    assert os.listdir(store.root / "tmp") == []


def test_where_linking_fails_large_files_are_copied(store, tmp_path, monkeypatch):
    """Another file system, or one without links, costs a copy and nothing else."""
    monkeypatch.setattr(copies_room, "LINK_FROM", 3)
    monkeypatch.setattr(copies_room, "_reflink", lambda source, fd: False)
    digest = store.put_bytes(b"hello")

    def link(*args):
        raise OSError(errno.EXDEV, "elsewhere")

    monkeypatch.setattr(os, "link", link)
    store.restore(digest, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"hello"


@pytest.mark.parametrize("missing", ["absent", "unable", "stops"])
def test_without_the_kernel_s_copying_bytes_are_copied_here(store, tmp_path, monkeypatch, missing):
    """Old kernels, other systems and odd file systems: the answer is the same."""
    digest = store.put_bytes(b"hello" * 1000)
    if missing == "absent":
        monkeypatch.delattr(os, "copy_file_range")
    elif missing == "unable":

        def unable(*args):
            raise OSError(errno.EXDEV, "elsewhere")

        monkeypatch.setattr(os, "copy_file_range", unable)
    else:
        monkeypatch.setattr(os, "copy_file_range", lambda *args: 0)
    store.restore(digest, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"hello" * 1000


def test_a_target_on_another_file_system_is_made_beside_itself(store, tmp_path, monkeypatch):
    """What cannot be renamed from the store is made in the target's own folder, and nothing stays there."""
    digest = store.put_bytes(b"hello")
    real = os.replace

    def replace(source, target):
        if str(source).startswith(str(store.root)):
            raise OSError(errno.EXDEV, "elsewhere")
        return real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    store.restore(digest, tmp_path / "out" / "x")
    assert (tmp_path / "out" / "x").read_bytes() == b"hello"
    assert everything(tmp_path / "out") == ["x"]
    assert os.listdir(store.root / "tmp") == []


def test_what_is_missing_or_damaged_is_not_restored(store, tmp_path):
    """The target keeps what it has."""
    digest = store.put_bytes(b"hello")
    (tmp_path / "x").write_bytes(b"old")
    overwrite(blob(store, digest), b"hellO")
    for _ in range(2):
        with pytest.raises(errors.BlobMissing):
            store.restore(digest, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_blob_that_is_damaged_while_it_is_copied_gives_no_wrong_file(store, tmp_path, monkeypatch):
    """It is right before and, healed by another process, right after: what was copied is what counts."""
    digest, copy = store.put_bytes(b"hello"), copies_room._copy

    def meanwhile(*args):
        overwrite(blob(store, digest), b"hellO")
        copy(*args)
        overwrite(blob(store, digest), b"hello")

    monkeypatch.setattr(copies_room, "_copy", meanwhile)
    with pytest.raises(errors.BlobMissing):
        store.restore(digest, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_link_at_the_target_is_replaced_not_followed(store, tmp_path):
    """Restoring writes where it was told to, not where a link points."""
    digest = store.put_bytes(b"hello")
    (tmp_path / "canary").write_bytes(b"canary")
    (tmp_path / "x").symlink_to(tmp_path / "canary")
    store.restore(digest, tmp_path / "x")
    assert (tmp_path / "canary").read_bytes() == b"canary"
    assert not (tmp_path / "x").is_symlink()


# ---- folders


@pytest.mark.parametrize("where", ["workshop", "outside"])
def test_a_folder_comes_back_as_it_was(store, tmp_path, where):
    """Names with spaces, accents and stray bytes, empty folders and executable bits."""
    with store.workshop() as shop:
        folder = make_folder((shop if where == "workshop" else tmp_path) / "folder")
        names = everything(folder)
        digest = store.put(folder)
        assert digest_folder(folder) == digest
    store.restore(digest, tmp_path / "out" / "f", tree=True)
    assert everything(tmp_path / "out" / "f") == names
    assert (tmp_path / "out" / "f" / "sub" / "Ünï").read_bytes() == b"2" * 3000
    assert os.access(tmp_path / "out" / "f" / "sub" / "deep" / "run", os.X_OK)
    assert digest_folder(tmp_path / "out" / "f") == digest


def test_a_restored_folder_replaces_the_old_one_whole(store, tmp_path):
    """Files that do not belong to it are gone: old and new never mix."""
    digest = store.put(make_folder(tmp_path / "folder"))
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    store.restore(digest, target, tree=True)
    assert everything(target) == everything(tmp_path / "folder")
    target.joinpath("a b").write_text("changed")
    store.restore(digest, target, tree=True)
    assert digest_folder(target) == digest
    assert os.listdir(store.root / "tmp") == []


def test_a_file_and_a_folder_can_take_each_other_s_place(store, tmp_path):
    """An artifact that was a folder may be a file today, and the other way round."""
    tree, file = store.put(make_folder(tmp_path / "folder")), store.put_bytes(b"x")
    for _ in range(2):
        store.restore(tree, tmp_path / "t", tree=True)
        assert digest_folder(tmp_path / "t") == tree
        store.restore(file, tmp_path / "t")
        assert (tmp_path / "t").read_bytes() == b"x"


def test_a_folder_with_a_missing_file_leaves_the_target_alone(store, tmp_path):
    """All files are there before the target is touched."""
    digest = store.put(make_folder(tmp_path / "folder"))
    blob(store, digest_bytes(b"1")).unlink()
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "old").write_text("old")
    with pytest.raises(errors.BlobMissing):
        store.restore(digest, tmp_path / "t", tree=True)
    assert everything(tmp_path / "t") == ["old"]
    store.publish(key("a"), record_of(digest, tree=True))
    assert store.lookup(key("a")) is None


def test_what_no_manifest_can_hold_is_refused(store, tmp_path):
    """Links to folders and to nothing, and pipes; a link to a file counts as the file."""
    for name, plant in (
        ("loop", lambda p: p.symlink_to(tmp_path)),
        ("dangling", lambda p: p.symlink_to(tmp_path / "nothing")),
        ("pipe", os.mkfifo),
    ):
        folder = tmp_path / name
        folder.mkdir()
        plant(folder / "x")
        with pytest.raises(errors.KeptError):
            store.put(folder)
    with pytest.raises(errors.KeptError):
        store.put(tmp_path / "pipe" / "x")
    (tmp_path / "real").write_text("real")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "x").symlink_to(tmp_path / "real")
    store.restore(store.put(tmp_path / "linked"), tmp_path / "out", tree=True)
    assert (tmp_path / "out" / "x").read_text() == "real"
    assert not (tmp_path / "out" / "x").is_symlink()


NAMES = ["../x", "/x", "a/../../x", ".", "..", "", "a//b", "a/", "a\0b", "a/./b", "\ud800", 7, None]


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_never_leads_out_of_its_folder(store, tmp_path, name):
    """Names that climb, are absolute or are none are refused before anything is written."""
    file = store.put_bytes(b"x")
    row = {"name": name, "digest": file.hex, "size": 1, "executable": False}
    for manifest in (
        {"tree": 1, "files": [row], "folders": []},
        {"tree": 1, "files": [], "folders": [name]},
        {"tree": 1, "files": [row, row], "folders": []},
        {"tree": 1, "files": [row | {"name": "a"}, row | {"name": "a/b"}], "folders": []},
    ):
        digest = store.put_bytes(canonical_json(manifest))
        with pytest.raises(errors.KeptError):
            store.restore(digest, tmp_path / "out" / "f", tree=True)
    assert not (tmp_path / "out").exists()


def test_a_file_that_looks_like_a_manifest_stays_a_file(store, tmp_path):
    """Who asks says what a blob is, never its first bytes."""
    digest = store.put(make_folder(tmp_path / "folder"))
    store.restore(digest, tmp_path / "x")
    assert json.loads((tmp_path / "x").read_bytes())["tree"] == 1
