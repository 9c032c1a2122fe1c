"""Digests are remembered by stat, durably, and never where a file may have changed unseen."""

import errno
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from kept.digest import Digest, Memo, Stat, digest_bytes
from kept.digest import memo as memo_room

LATER = 10_000_000_000  # ns: long enough for a file to be no longer racy


@pytest.fixture
def read(monkeypatch):
    """Return the list of files that are digested, grown as they are."""
    files = []
    real = memo_room.digest_file

    def counting(path, algorithm="sha256"):
        files.append(os.path.basename(path))
        return real(path, algorithm)

    monkeypatch.setattr(memo_room, "digest_file", counting)
    return files


@pytest.fixture
def later(monkeypatch):
    """Let the file system's clock stand ten seconds ahead: what was written before is no longer racy."""
    real = Memo.now_ns
    monkeypatch.setattr(Memo, "now_ns", lambda self: real(self) + LATER)


@pytest.fixture
def memo(tmp_path):
    memo = Memo(tmp_path / ".kept" / "memo.db")
    yield memo
    memo.close()


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    return file


def everything(folder):
    """Return name, content and time of all below a folder."""
    found = {}
    for top, _, names in os.walk(folder):
        found[top] = os.stat(top).st_mtime_ns
        for name in names:
            place = os.path.join(top, name)
            with open(place, "rb") as opened:
                found[place] = (os.stat(place).st_mtime_ns, opened.read())
    return found


# ---- files


def test_a_file_whose_stat_stays_is_read_once(memo, file, read, later):
    """Content is read when it may have changed, and not again."""
    assert memo.file(file) == memo.file(file) == digest_bytes(b"abc")
    assert read == ["file"]


def test_another_process_does_not_read_it_again(memo, file, read, later):
    """What is remembered is on disk: the next process has it."""
    memo.file(file)
    assert Memo(memo.path).file(file) == digest_bytes(b"abc")
    assert read == ["file"]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_bytes(b"abcd"),
        lambda file: file.write_bytes(b"xyz"),
        lambda file: os.utime(file, (1, 1)),
        lambda file: (file.with_name("new").write_bytes(b"xyz"), file.with_name("new").replace(file)),
    ],
    ids=["size", "content", "touched", "replaced"],
)
def test_a_file_whose_stat_changed_is_read_again(memo, file, read, later, change):
    """Size, times and inode are looked at, in this process and in the next."""
    memo.file(file)
    change(file)
    assert memo.file(file) == digest_bytes(file.read_bytes())
    assert Memo(memo.path).file(file) == digest_bytes(file.read_bytes())
    assert read == ["file", "file"]


def test_a_file_that_was_just_written_is_not_trusted(memo, file, read):
    """Within the grain of the file system's clock a file can change without its stat changing."""
    memo.file(file)
    memo.file(file)
    assert read == ["file", "file"]
    assert Memo(memo.path).file(file) == digest_bytes(b"abc")
    assert len(read) == 3


def test_a_file_from_the_future_is_not_trusted(memo, file, read, later):
    """A clock that was set back does not make a file's time mean anything."""
    os.utime(file, (4e9, 4e9))
    memo.file(file)
    memo.file(file)
    assert read == ["file", "file"]


def test_a_file_that_is_set_back_in_time_is_seen(memo, file, read, later):
    """An old mtime with another content, as archives and copies make it, is another file."""
    memo.file(file)
    seen = os.stat(file)
    file.write_bytes(b"xyz")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert memo.file(file) == digest_bytes(b"xyz")


def test_a_missing_file_is_said_to_be_missing(memo, tmp_path):
    """A digest of nothing would be a lie."""
    with pytest.raises(FileNotFoundError):
        memo.file(tmp_path / "none")


def test_a_tree_is_remembered_file_by_file(memo, tmp_path, read, later):
    """One changed file in a folder is one file to read."""
    for name in ("a", "b"):
        (tmp_path / "tree" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "tree" / name).write_text(name)
    first = memo.tree(tmp_path / "tree")
    assert memo.tree(tmp_path / "tree") == first
    assert sorted(read) == ["a", "b"]
    (tmp_path / "tree" / "a").write_text("changed")
    assert memo.tree(tmp_path / "tree") != first
    assert sorted(read) == ["a", "a", "b"]


def test_what_somebody_else_read_can_be_noted(memo, file, read, later):
    """Who has just written or read a file need not have it read again, unless its stat is racy."""
    memo.note(file, Stat.of(file), Digest("0" * 64, 3))
    assert memo.file(file) == Digest("0" * 64, 3)
    assert read == []


# ---- facts


def test_facts_are_remembered_by_kind_and_name(memo):
    """A fact is there for every process as soon as it is remembered, until it is forgotten."""
    memo.remember("claim", "mnist:digits", b"1")
    memo.remember("last", "mnist:digits", b"2")
    memo.remember("claim", "mnist:digits", b"3")
    other = Memo(memo.path)
    assert other.recall("claim", "mnist:digits") == b"3"
    assert other.all("claim") == {"mnist:digits": b"3"}
    other.forget("claim", "mnist:digits")
    other.forget("claim", "never there")
    assert memo.recall("claim", "mnist:digits") is None
    assert memo.recall("last", "mnist:digits") == b"2"


def test_a_fact_survives_a_kill(tmp_path):
    """What was remembered before a SIGKILL is there after it."""
    script = (
        "import os, signal, sys\nfrom kept.digest import Memo\n"
        "Memo(sys.argv[1]).remember('claim', 'a', b'1')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "memo.db"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    assert Memo(path).recall("claim", "a") == b"1"


def _remember(path, name):
    memo = Memo(path)
    for number in range(50):
        memo.remember("claim", f"{name}-{number}", name.encode())
    memo.close()


def test_two_processes_remember_side_by_side(tmp_path):
    """Neither waits for the other to end, and nothing of either is lost."""
    context = multiprocessing.get_context("spawn")
    path = str(tmp_path / "memo.db")
    workers = [context.Process(target=_remember, args=(path, name)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(Memo(path).all("claim")) == 100


def test_a_still_memory_remembers_for_itself(memo, tmp_path):
    """It writes nothing, yet what a question has worked out once it need not work out again."""
    memo.remember("plan", "a", b"1")
    memo.close()
    before = sorted(tmp_path.rglob("*"))
    for path, known in ((memo.path, b"1"), (str(tmp_path / "new" / "memo.db"), None)):
        still = Memo(path, still=True)
        assert still.recall("plan", "a") == known
        still.remember("plan", "a", b"2")
        still.remember("plan", "b", b"3")
        still.remember("plan", "c", b"4")
        assert [still.recall("plan", name) for name in "abc"] == [b"2", b"3", b"4"]
        still.forget("plan", "b")
        assert still.recall("plan", "b") is None
        still.close()
        assert Memo(path, still=True).recall("plan", "a") == known
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_processes_that_make_it_at_once_lose_nothing(tmp_path):
    """Whoever opens it while another one makes it waits; what it remembers first was lost in one of five times."""
    for attempt in range(30):
        path, start = tmp_path / f"{attempt}.db", time.monotonic() + 0.005
        children = []
        for name in "abc":
            child = os.fork()
            if not child:
                try:
                    while time.monotonic() < start:
                        pass
                    Memo(path).remember("claim", name, b"1")
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        assert Memo(path).all("claim").keys() == set("abc")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_connection_of_its_own(memo):
    """A database connection that crosses a fork damages the file."""
    memo.remember("claim", "before", b"1")
    child = os.fork()
    if child == 0:
        memo.remember("claim", "child", memo.recall("claim", "before") or b"")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert memo.all("claim") == {"before": b"1", "child": b"1"}


# ---- a still memory


def test_a_still_memory_makes_no_file(tmp_path, file, read, later):
    """Looking writes nothing, not even where there is no memory yet; within the process it still remembers."""
    before = everything(tmp_path)
    memo = Memo(tmp_path / "none" / "memo.db", still=True)
    assert memo.file(file) == memo.file(file) == digest_bytes(b"abc")
    assert read == ["file"]
    memo.remember("claim", "a", b"1")
    memo.forget("claim", "a")
    assert memo.recall("claim", "a") is None
    assert memo.all("claim") == {}
    memo.close()
    assert everything(tmp_path) == before


def test_a_still_memory_recalls_and_changes_nothing(tmp_path, memo, file, later):
    """A memory that another process has left is read as it is: no byte, no file and no time of it changes."""
    memo.file(file)
    memo.remember("claim", "a", b"1")
    memo.close()
    before = everything(tmp_path)
    still = Memo(memo.path, still=True)
    assert still.recall("claim", "a") == b"1"
    assert still.file(file) == digest_bytes(b"abc")
    still.remember("claim", "a", b"2")
    still.close()
    assert everything(tmp_path) == before


def test_a_still_memory_sees_what_a_running_process_has_just_remembered(memo):
    """While a run goes on, looking shows what it has done so far."""
    memo.remember("claim", "a", b"1")
    still = Memo(memo.path, still=True)
    assert still.recall("claim", "a") == b"1"
    still.close()


# ---- damage


def _pages(path):
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (os.path.getsize(path) - 4096))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database, but longer than a header" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        _pages,
        lambda path: path.unlink(),
    ],
    ids=["foreign", "empty", "cut off", "overwritten", "gone"],
)
def test_a_damaged_memory_is_started_again(tmp_path, file, read, later, damage):
    """The memory can be computed again, so damage costs time, and no more than once."""
    path = tmp_path / "memo.db"
    memo = Memo(path)
    for number in range(200):
        memo.remember("claim", f"task-{number}", b"x" * 50)
    memo.close()
    damage(path)
    memo = Memo(path)
    assert memo.recall("claim", "task-7") in (None, b"x" * 50)
    assert memo.file(file) == digest_bytes(b"abc")
    memo.remember("claim", "new", b"1")
    memo.close()
    assert Memo(path).recall("claim", "new") == b"1"
    assert Memo(path).file(file) == digest_bytes(b"abc")
    assert read == ["file"]


def test_a_memory_of_another_version_is_started_again(tmp_path):
    """A newer or older kept may remember other things: nothing of them is misread."""
    path = tmp_path / "memo.db"
    other = sqlite3.connect(path)
    other.execute("create table facts(strange int)")
    other.execute("pragma user_version=99")
    other.commit()
    other.close()
    memo = Memo(path)
    assert memo.all("claim") == {}
    memo.remember("claim", "a", b"1")
    assert Memo(path).recall("claim", "a") == b"1"


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path, file, monkeypatch):
    """On a disk that is read-only things are computed again; nobody is told off for it."""
    memo = Memo(tmp_path / "none" / "memo.db")

    def refuse(*_args, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("makedirs", "utime"):
        monkeypatch.setattr(os, name, refuse)
    assert memo.recall("claim", "a") is None
    memo.remember("claim", "a", b"1")
    memo.forget("claim", "a")
    assert memo.all("claim") == {}
    assert memo.file(file) == digest_bytes(b"abc")
