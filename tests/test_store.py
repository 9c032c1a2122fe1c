"""The store lies in one folder, and keeps blobs by digest."""

import errno
import os
import stat

import pytest
from store_pieces import (
    HOUR,
    age,
    blob,
    everything,
    key,
    overwrite,
    record_of,
)

from kept import errors
from kept.digest import Digest, digest_bytes
from kept.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


# ---- layout


def test_nothing_is_made_before_the_first_write(store):
    """Asking a store that is not there answers, and leaves nothing on disk."""
    digest = digest_bytes(b"x")
    assert store.lookup(key("a")) is None
    assert store.path(digest) is None
    assert not store.holds(digest)
    assert store.private
    assert list(store.records()) == []
    assert store.du().total == 0
    assert store.gc().records == 0
    assert store.verify().exit_code == 0
    store.withdraw(key("a"))
    with pytest.raises(errors.BlobMissing):
        store.read(digest)
    assert not store.root.parent.exists()


def test_the_first_write_makes_the_whole_layout(store):
    """A store says what it is, to kept, to backup programs and to git."""
    store.put_bytes(b"x")
    assert (store.root / "version").read_bytes() == b"1 sha256\n"
    assert (store.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (store.root / ".gitignore").read_text() == "*\n"
    assert {p.name for p in store.root.iterdir() if p.is_dir()} == {"tmp", "blobs", "actions", "quarantine", "locks"}


@pytest.mark.parametrize("content", [b"2 sha256\n", b"1 blake3\n", b"", b"\xff\xfe"])
def test_a_store_of_another_version_is_refused_untouched(store, content):
    """Neither reading nor writing goes on in a store that this kept does not know, and nothing in it changes."""
    store.root.mkdir(parents=True)
    (store.root / "version").write_bytes(content)
    digest = digest_bytes(b"x")
    for ask in (
        lambda: store.put_bytes(b"x"),
        lambda: store.lookup(key("a")),
        lambda: store.path(digest),
        lambda: store.holds(digest),
        lambda: store.read(digest),
        lambda: store.publish(key("a"), {}),
        lambda: store.withdraw(key("a")),
        store.gc,
        store.verify,
        store.du,
        lambda: store.workshop().__enter__(),
        lambda: store.lock(key("a")).__enter__(),
        lambda: store.restore(digest, store.root.parent / "t"),
    ):
        with pytest.raises(errors.StoreVersionError):
            ask()
    assert everything(store.root) == ["version"]
    assert (store.root / "version").read_bytes() == content


def test_a_store_that_is_removed_meanwhile_is_made_again(store, tmp_path):
    """Deleting the store is always allowed, also while a process uses it."""
    store.put_bytes(b"x")
    store.root.rename(tmp_path / "away")
    digest = store.put_bytes(b"y")
    assert store.read(digest) == b"y"
    assert (store.root / "version").exists()


@pytest.mark.parametrize("name", ["", "../../etc", "A" * 64, "g" * 64, "a" * 63, "a" * 64 + "\n", "é" * 64])
def test_only_hexadecimal_names_reach_the_disk(store, name):
    """A digest or key that is no 64 hex digits is refused before it becomes a path."""
    with pytest.raises(errors.KeptError):
        store.holds(Digest(name, 1))
    with pytest.raises(errors.KeptError):
        store.lookup(name)


# ---- blobs


def test_blobs_are_read_only_and_whole(store):
    """A blob lies under its digest, read-only less the umask."""
    before = os.umask(0o027)
    try:
        digest = store.put_bytes(b"hello")
    finally:
        os.umask(before)
    assert stat.S_IMODE(blob(store, digest).stat().st_mode) == 0o440
    assert digest == digest_bytes(b"hello")
    assert store.read(digest) == store.path(digest).read_bytes() == b"hello"
    assert store.holds(digest)
    assert os.listdir(store.root / "tmp") == []


def test_a_file_from_outside_is_copied(store, tmp_path):
    """The caller's file stays as it is, writable and not linked."""
    source = tmp_path / "source"
    source.write_bytes(b"data" * 1000)
    digest = store.put(source)
    assert store.read(digest) == b"data" * 1000
    assert source.stat().st_nlink == 1
    assert blob(store, digest).stat().st_ino != source.stat().st_ino
    assert source.stat().st_mode & 0o200


def test_a_file_from_a_workshop_is_adopted(store):
    """What is made in the store's own folder becomes the blob itself, without a copy, and read-only."""
    with store.workshop() as shop:
        (shop / "model").write_bytes(b"m" * 5000)
        inode = (shop / "model").stat().st_ino
        digest = store.put(shop / "model")
        assert blob(store, digest).stat().st_ino == inode
    assert blob(store, digest).stat().st_nlink == 1
    assert not blob(store, digest).stat().st_mode & 0o222
    assert os.listdir(store.root / "tmp") == []


def test_an_adopted_file_counts_as_new(store):
    """An output written at the start of a stage that takes days is not swept before its record comes."""
    with store.workshop() as shop:
        (shop / "early").write_bytes(b"early")
        age(shop / "early", 50 * HOUR)
        digest = store.put(shop / "early")
        assert store.gc().blobs == 0
    assert store.holds(digest)


def test_a_workshop_is_private_and_removed_whatever_is_in_it(store):
    """A folder without permissions in it is no obstacle."""
    with store.workshop() as shop:
        assert stat.S_IMODE(shop.stat().st_mode) == 0o700
        assert os.listdir(shop) == []
        (shop / "a" / "b").mkdir(parents=True)
        (shop / "a" / "b" / "c").write_text("c")
        (shop / "a" / "b").chmod(0)
    assert os.listdir(store.root / "tmp") == []


def test_putting_twice_keeps_one_blob(store, tmp_path):
    """Equal content is one file, however it comes."""
    (tmp_path / "same").write_bytes(b"same")
    assert store.put_bytes(b"same") == store.put(tmp_path / "same")
    assert len(store.du().blobs) == 1


@pytest.mark.parametrize("damage", [b"hellO", b"\0\0\0\0\0", b"hel", b"hello!", b""])
def test_damage_is_set_aside_told_once_and_healed(store, damage):
    """A flip, zeros, a truncation or growth is a miss; the damaged bytes are kept aside, and a put heals."""
    digest = store.put_bytes(b"hello")
    assert store.path(digest) is not None
    overwrite(blob(store, digest), damage)
    assert store.path(digest) is None
    assert len(store.warnings) == 1
    assert "\n" not in store.warnings[0]
    assert store.path(digest) is None
    assert len(store.warnings) == 1
    (aside,) = (store.root / "quarantine").iterdir()
    assert aside.read_bytes() == damage
    assert store.put_bytes(b"hello") == digest
    assert store.read(digest) == b"hello"


@pytest.mark.parametrize("how", ["bytes", "file", "workshop"])
def test_a_put_over_a_damaged_blob_heals_it(store, tmp_path, how):
    """Whoever puts content can rely on it, whatever lay under its name."""
    digest = store.put_bytes(b"hello")
    overwrite(blob(store, digest), b"hellO")
    if how == "bytes":
        store.put_bytes(b"hello")
    elif how == "file":
        (tmp_path / "f").write_bytes(b"hello")
        store.put(tmp_path / "f")
    else:
        with store.workshop() as shop:
            (shop / "f").write_bytes(b"hello")
            store.put(shop / "f")
    assert blob(store, digest).read_bytes() == b"hello"


def test_the_warning_goes_to_whoever_asked_for_it(tmp_path):
    """The constructor's callback gets the line instead of the list."""
    lines = []
    store = Store(tmp_path / "s", warn=lines.append)
    digest = store.put_bytes(b"x")
    overwrite(blob(store, digest), b"y")
    with pytest.raises(errors.BlobMissing):
        store.read(digest)
    assert len(lines) == 1
    assert digest.hex[:12] in lines[0]
    assert store.warnings == []


def count_reads(monkeypatch) -> list[int]:
    reads, real = [], os.read

    def read(fd, count):
        reads.append(fd)
        return real(fd, count)

    monkeypatch.setattr(os, "read", read)
    return reads


def test_content_is_verified_once_per_process_and_stat(store, monkeypatch):
    """A blob that has not been touched since is not read twice; in another process it is read again."""
    digest = store.put_bytes(b"x" * 100)
    age(blob(store, digest), HOUR)
    monkeypatch.setattr("kept.store.blobs.Stat.racy_at", lambda self, now: False)
    assert store.path(digest) is not None
    reads = count_reads(monkeypatch)
    assert store.path(digest) is not None
    assert reads == []
    assert Store(store.root).path(digest) is not None
    assert reads != []


def test_a_blob_written_just_now_is_read_again(store, monkeypatch):
    """Its bytes may change once more within one tick of the file system's clock."""
    digest = store.put_bytes(b"x" * 100)
    assert store.path(digest) is not None
    reads = count_reads(monkeypatch)
    assert store.path(digest) is not None
    assert reads != []


def test_damage_with_size_and_time_put_back_is_seen(store, monkeypatch):
    """The change time and the inode tell, where size and modification time do not."""
    digest = store.put_bytes(b"x" * 100)
    monkeypatch.setattr("kept.store.blobs.Stat.racy_at", lambda self, now: False)
    assert store.path(digest) is not None
    seen = blob(store, digest).stat()
    overwrite(blob(store, digest), b"y" * 100)
    os.utime(blob(store, digest), ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert store.path(digest) is None


def test_a_wrong_size_in_the_question_harms_no_blob(store):
    """A digest whose size is wrong is a miss; the blob, which is right, stays."""
    digest = store.put_bytes(b"hello")
    assert store.path(Digest(digest.hex, 4)) is None
    assert not store.holds(Digest(digest.hex, 4))
    assert store.path(digest) is not None
    assert store.warnings == []


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.EACCES, errno.ENOMEM])
@pytest.mark.parametrize("call", ["open", "read", "fstat"])
def test_a_failing_disk_is_reported_and_harms_nothing(store, monkeypatch, code, call):
    """A passing error is neither a miss nor damage: it reaches the caller, and the blob stays where it is."""
    digest = store.put_bytes(b"hello")
    store.publish(key("a"), record_of(digest))

    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    for ask in (lambda: store.path(digest), lambda: store.read(digest), lambda: store.lookup(key("a"))):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(OSError, match=os.strerror(code)):
                ask()
    assert store.warnings == []
    assert os.listdir(store.root / "quarantine") == []
    assert store.lookup(key("a")) is not None


def test_where_links_are_unsupported_files_are_renamed(store, monkeypatch):
    """On vfat, and on some network file systems; what is there already is still not overwritten."""

    def link(*args, **kwargs):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    digest = store.put_bytes(b"hello")
    assert store.read(digest) == b"hello"
    first = store.publish(key("a"), record_of(digest))
    assert store.publish(key("a"), {"outputs": [], "other": 1}) == first
    assert os.listdir(store.root / "tmp") == []


def test_a_link_that_is_made_and_then_called_failed_counts(store, monkeypatch):
    """A network file system may lose the answer; looking at the file tells."""
    real = os.link

    def link(*args):
        real(*args)
        raise OSError(errno.EIO, "lost the answer")

    monkeypatch.setattr(os, "link", link)
    assert store.read(store.put_bytes(b"hello")) == b"hello"
    assert os.listdir(store.root / "tmp") == []


@pytest.mark.parametrize("how", ["bytes", "file", "workshop", "record"])
def test_bytes_are_on_the_disk_before_they_have_a_name(store, tmp_path, monkeypatch, how):
    """Without that a power cut leaves published files empty: the nightly tests cut it, this one counts."""
    digest = store.put_bytes(b"before")
    calls = []
    for name in ("fsync", "link"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    if how == "bytes":
        store.put_bytes(b"x")
    elif how == "file":
        (tmp_path / "f").write_bytes(b"x")
        store.put(tmp_path / "f")
    elif how == "record":
        store.publish("a" * 64, {"outputs": [{"digest": digest.hex, "size": digest.size}]})
    else:
        with store.workshop() as shop:
            (shop / "f").write_bytes(b"x")
            store.put(shop / "f")
    assert calls == ["fsync", "link", "fsync"] if how == "record" else ["fsync", "link"]
