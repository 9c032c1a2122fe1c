"""What is known of a file because it was just written: it is not read again, and no later write goes unseen."""

import os
import time
import warnings

import numpy as np
import pytest
from store_pieces import blob, overwrite

from kept import errors, formats
from kept.digest import Digest, Memo, digest_bytes, digest_file
from kept.store import Store, copies, disk

TRIES = 50  # a clock has ticks: in some of them everything happens at one time


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "s")


def save(store: Store, array: np.ndarray) -> Digest:
    """Keep an array as a build does."""
    with store.workshop() as shop:
        saved = formats.save(array, formats.named("npy"), shop / "a.npy")
        assert saved.written is not None
        return store.put(shop / "a.npy", (saved.written.stat, saved.written.digest))


def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a file is read")

    monkeypatch.setattr(disk, "chunks", read)


def test_an_array_is_not_read_by_who_has_written_it(store, tmp_path, monkeypatch):
    """From the stage's hands to the store, to artifacts/ and to the next stage: it is named on the way to the disk."""
    array = np.arange(1000.0)
    with monkeypatch.context() as patch:
        nothing_is_read(patch)
        digest = save(store, array)
        assert (Store(store.root).path(digest), store.warnings) == (blob(store, digest), [])
        known = store.restore(digest, tmp_path / "a.npy")
    assert digest == digest_file(tmp_path / "a.npy")
    assert list(known) == [str(tmp_path / "a.npy")]
    assert known[str(tmp_path / "a.npy")][1] == digest
    assert (formats.load("npy", blob(store, digest)) == array).all()
    assert os.listdir(store.root / "tmp") == []


def test_a_file_that_changed_after_it_was_named_is_read(store):
    """What was said of it holds while it looks as it did."""
    with store.workshop() as shop:
        saved = formats.save(np.zeros(9), formats.named("npy"), shop / "a.npy")
        (shop / "a.npy").write_bytes(b"other")
        assert store.put(shop / "a.npy", (saved.written.stat, saved.written.digest)) == digest_bytes(b"other")


@pytest.mark.parametrize("many", [1, 10_000])
def test_damage_right_after_writing_is_seen(store, tmp_path, many):
    """However soon it comes, and at the same size: no clock's tick hides it."""
    for number in range(TRIES):
        array = np.full(many, float(number))
        digest = save(store, array)
        whole = blob(store, digest).read_bytes()
        os.chmod(blob(store, digest), 0o644)
        with open(blob(store, digest), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"!")
        assert store.path(digest) is None
        assert save(store, array) == digest
        assert blob(store, digest).read_bytes() == whole


def test_a_change_right_after_restoring_is_seen(store, tmp_path):
    """What is remembered of a file in artifacts/ as soon as it lies there never hides an edit."""
    memo, target = Memo(tmp_path / "memo.db"), tmp_path / "artifacts" / "a.npy"
    for number in range(TRIES):
        digest = save(store, np.full(3, float(number)))
        for path, (stat, known) in store.restore(digest, target).items():
            memo.note(path, stat, known, certain=True)
        assert memo.file(target) == digest
        changed = target.read_bytes()[:-1] + b"!"
        target.write_bytes(changed)
        assert memo.file(target) == digest_bytes(changed)


def test_what_was_restored_is_not_read_by_the_next_process(store, tmp_path, monkeypatch):
    """At once: a run right after this one has nothing to read."""
    digest = save(store, np.arange(5))
    memo, target = Memo(tmp_path / "memo.db"), tmp_path / "a.npy"
    for path, (stat, known) in store.restore(digest, target).items():
        memo.note(path, stat, known, certain=True)
    memo.close()
    monkeypatch.setattr("kept.digest.memo.digest_file", lambda *_: pytest.fail("it is read"))
    assert Memo(tmp_path / "memo.db").file(target) == digest


def test_a_file_system_of_coarse_times_is_not_relied_on(store, tmp_path, monkeypatch):
    """Where times are kept to the second, or to a tenth of a microsecond, all is read as before."""
    right = os.utime

    def coarse(path: object, times: object = None, *, ns: tuple[int, int] | None = None, **options: object) -> None:
        right(path, times, **options) if ns is None else right(path, ns=(ns[0] // 100 * 100, ns[1] // 100 * 100))
        seen = os.lstat(path)
        right(path, ns=(seen.st_atime_ns // 100 * 100, seen.st_mtime_ns // 100 * 100))

    monkeypatch.setattr(os, "utime", coarse)
    digest = save(store, np.arange(5))
    assert store.restore(digest, tmp_path / "a.npy") == {}
    overwrite(blob(store, digest), b"?" * digest.size)
    assert store.path(digest) is None


# ---- the same content once more


@pytest.fixture
def next_process(store, monkeypatch):
    """Let an array be kept, and what this process knows of its blob be forgotten, some time ago."""
    digest = save(store, np.arange(100_000.0))
    monkeypatch.setattr("kept.store.blobs._verified", {})
    now = time.time_ns() + 10_000_000_000
    monkeypatch.setattr("kept.store.layout.Layout.now_ns", lambda _: now)
    return digest


def test_the_same_content_is_compared_and_not_named_again(store, next_process, monkeypatch):
    """A stage that makes what it made before: its blob is found right by the bytes that were just named."""
    with monkeypatch.context() as patch:
        nothing_is_read(patch)
        assert save(store, np.arange(100_000.0)) == next_process
        assert store.path(next_process) is not None
    assert store.warnings == []


@pytest.mark.parametrize("size", [0, 1, 1 << 18, 700_000, 800_127])
def test_the_same_content_finds_a_damaged_blob_out(store, next_process, size):
    """Any byte of it, or a size that is not its own: it is set aside, and what is there now is right."""
    place = blob(store, next_process)
    content = place.read_bytes()
    overwrite(place, content[:size] + b"?" + content[size + 1 :] if size else content + b"?")
    assert save(store, np.arange(100_000.0)) == next_process
    assert place.read_bytes() == content
    assert digest_file(store.path(next_process)) == next_process


def test_a_blob_that_was_just_written_to_is_not_vouched_for(store, next_process, monkeypatch):
    """Its time may hide one more change."""
    monkeypatch.setattr("kept.store.layout.Layout.now_ns", lambda _: time.time_ns())
    os.utime(blob(store, next_process))
    save(store, np.arange(100_000.0))
    overwrite(blob(store, next_process), b"?" * next_process.size)
    assert store.path(next_process) is None


def test_a_file_that_changed_after_it_was_named_says_nothing_of_a_blob(store, next_process, monkeypatch):
    """The blob is read by whoever asks for it."""
    with store.workshop() as shop:
        saved = formats.save(np.arange(100_000.0), formats.named("npy"), shop / "a.npy")
        os.utime(shop / "a.npy", ns=(0, 0))
        nothing_is_read(monkeypatch)
        with pytest.raises(AssertionError, match="a file is read"):
            store.put(shop / "a.npy", (saved.written.stat, saved.written.digest))


# ---- second names of a blob


@pytest.fixture
def linking(monkeypatch):
    """Let every file be large enough for a second name, where blocks are not shared."""
    monkeypatch.setattr(copies, "LINK_FROM", 1)
    monkeypatch.setattr(copies, "_reflink", lambda source, fd: False)


def test_a_second_name_is_given_without_reading(store, tmp_path, linking, monkeypatch):
    """In the process that has made or verified it, and what it then looks like is known for both names."""
    digest = save(store, np.arange(1000.0))
    for name in ("a", "b"):
        with monkeypatch.context() as patch:
            nothing_is_read(patch)
            assert list(store.restore(digest, tmp_path / name)) == [str(tmp_path / name)]
            assert store.path(digest) is not None
        assert os.path.samefile(tmp_path / name, blob(store, digest))


def test_a_blob_of_another_process_is_read_once_before_its_second_name(store, tmp_path, linking, monkeypatch):
    """Then it is known in this one."""
    with store.workshop() as shop:
        (shop / "x").write_bytes(b"content" * 100)
        digest = store.put(shop / "x")
    monkeypatch.setattr("kept.store.blobs._verified", {})
    assert list(store.restore(digest, tmp_path / "a")) == [str(tmp_path / "a")]
    nothing_is_read(monkeypatch)
    assert list(store.restore(digest, tmp_path / "b")) == [str(tmp_path / "b")]


@pytest.mark.parametrize("known", [True, False])
def test_damage_while_a_second_name_is_given_is_found(store, tmp_path, linking, monkeypatch, known):
    """A write between the look at a blob and its second name is neither hidden by a new time nor handed out."""
    digest = save(store, np.arange(1000.0))
    if not known:
        monkeypatch.setattr("kept.store.blobs._verified", {})
    right = os.link

    def late(source: str, target: str) -> None:
        right(source, target)
        overwrite(source, b"?" * digest.size)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(errors.BlobMissing):
        store.restore(digest, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert len(store.warnings) == 1


def test_damage_while_a_second_name_is_read_is_found(store, tmp_path, linking, monkeypatch):
    """A write behind the reader's back, when its content was right already, is not vouched for."""
    digest = save(store, np.arange(1000.0))
    monkeypatch.setattr("kept.store.blobs._verified", {})
    right = copies._holds

    def late(blobs: object, path: str, named: Digest) -> bool:
        found = right(blobs, path, named)
        overwrite(blob(store, digest), b"?" * digest.size)
        return found

    monkeypatch.setattr(copies, "_holds", late)
    with pytest.raises(errors.BlobMissing):
        store.restore(digest, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert len(store.warnings) == 1


# ---- the same bytes as numpy's


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.asfortranarray(np.arange(24.0).reshape(4, 6)),
        np.arange(24)[::2],
        np.arange(24).reshape(4, 6)[:, 1:3],
        np.arange(24).reshape(4, 6).T[1:, ::-1],
        np.array(5.0),
        np.zeros((0, 7)),
        np.zeros((3, 0), order="F"),
        np.arange(5, dtype=">i4"),
        np.array(["ab", "c"]),
        np.array([b"ab", b"c"]),
        np.array(["2026-11-23"], dtype="datetime64[D]"),
        np.array([True, False]),
        np.zeros(3, dtype=[("a", "<i2"), ("b", "<f8")]),
        np.zeros(2, dtype=[("Größe", "<i2")]),
        np.zeros(2, dtype=[("日本", "<i2")]),
        np.broadcast_to(np.arange(3.0), (4, 3)),
        np.zeros(3, dtype="V5"),
        np.arange(700_000, dtype=np.float32),
    ],
    ids=lambda array: f"{array.dtype.str}{array.shape}"[:30],
)
def test_the_file_is_the_one_that_numpy_writes(tmp_path, array):
    """Byte by byte, and named as it is."""
    saved = formats.save(array, formats.named("npy"), tmp_path / "ours.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of newer versions of the format
        np.save(tmp_path / "numpys.npy", array, allow_pickle=False)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()
    assert saved.written.digest == digest_file(tmp_path / "ours.npy")
