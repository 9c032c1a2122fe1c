"""Sweeping, verifying and measuring a store, and whom to trust with it."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_pieces import HOUR, action, age, blob, environment, everything, key, make_folder, overwrite, record_of

from kept import errors
from kept.digest import digest_bytes
from kept.store import Fault, Store

DAY = 24 * HOUR


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


def keep(store, word: str, size: int = 1000, days: float = 10):
    """Publish a record with a blob of its own, last used some days ago."""
    digest = store.put_bytes((word * size).encode()[:size])
    store.publish(key(word), record_of(digest))
    for place in (action(store, key(word)), blob(store, digest)):
        age(place, days * DAY)
    return digest


def known(store) -> set[str]:
    return {stored.key for stored in store.records()}


# ---- sweeping


def test_a_sweep_removes_what_no_root_reaches(store):
    """What the roots name stays, with its blobs; the rest goes."""
    mine, other = keep(store, "mine"), keep(store, "other")
    swept = store.gc([key("mine")])
    assert (swept.records, swept.blobs, swept.kept_records, swept.kept_blobs) == (1, 1, 1, 1)
    assert swept.freed > 1000
    assert store.holds(mine)
    assert not store.holds(other)
    assert known(store) == {key("mine")}
    assert store.du().total == swept.kept


def test_a_dry_run_counts_the_same_and_removes_nothing(store):
    """What it says is what a sweep then does."""
    keep(store, "mine")
    keep(store, "other")
    before = everything(store.root)
    foretold = store.gc([key("mine")], dry_run=True)
    assert everything(store.root) == before
    assert store.gc([key("mine")]) == foretold


def test_what_is_young_stays(store):
    """A blob whose record is still to come, and a record just written, are within the grace time."""
    store.put_bytes(b"no record yet")
    store.publish(key("a"), record_of(store.put_bytes(b"x")))
    swept = store.gc()
    assert (swept.records, swept.blobs) == (0, 0)
    swept = store.gc(grace_s=-10)
    assert (swept.records, swept.blobs) == (1, 2)


def test_the_last_days_are_roots(store):
    """What was used in them stays."""
    keep(store, "old", days=40)
    keep(store, "new", days=20)
    assert store.gc(keep_days=30).records == 1
    assert known(store) == {key("new")}


def test_a_size_limit_removes_the_least_recently_used_first(store):
    """Only until the store fits, and never a root."""
    for age_days, word in enumerate("abcde", start=2):
        keep(store, word, size=10_000, days=age_days)
    swept = store.gc([key("e")], max_size=33_000)
    assert known(store) == {key("a"), key("b"), key("e")}
    assert swept.records == 2
    assert store.du().total <= 33_000
    store.gc([key("e")], max_size=0)
    assert known(store) == {key("e")}


def test_a_hit_counts_as_use(store):
    """What a build has just looked up is the last to go."""
    for word in "ab":
        keep(store, word, days=5 if word == "a" else 3)
    store.lookup(key("a"))
    store.gc()
    assert known(store) == {key("a")}


def test_shared_blobs_stay_while_anything_reaches_them(store):
    """A blob goes with the last record that names it, files of folders and sources included."""
    with store.workshop() as shop:
        tree = store.put(make_folder(shop / "folder"))
    inside, source = digest_bytes(b"1"), store.put_bytes(b"source")
    store.publish(key("tree"), record_of(tree, tree=True) | {"sources": {"digest": source.hex, "size": source.size}})
    store.publish(key("file"), record_of(inside))
    for place in store.root.glob("*s/*/*"):
        age(place, 10 * DAY)
    store.gc([key("tree")])
    assert store.lookup(key("tree")) is not None
    assert store.holds(source)
    for place in store.root.glob("*s/*/*"):
        age(place, 10 * DAY)
    store.gc([])
    assert store.du().total == store.du().aside == 0


def test_records_without_their_blobs_go_first(store):
    """They restore nothing; no limit on size is needed to remove them."""
    digest = keep(store, "a")
    keep(store, "b")
    blob(store, digest).unlink()
    assert store.gc(max_size=1 << 30).records == 1
    assert known(store) == {key("b")}


@pytest.mark.parametrize("call", ["open", "read", "listdir", "lstat"])
def test_what_cannot_be_read_stops_a_sweep(store, monkeypatch, call):
    """A record that cannot be read may need any blob, so all of them stay."""
    keep(store, "a")
    before, real = everything(store.root), getattr(os, call)

    def fail(path, *args, **kwargs):
        if call == "read" or str(action(store, key("a")).parent) in str(path):
            raise OSError(errno.EACCES, "locked away")
        return real(path, *args, **kwargs)

    store.holds(digest_bytes(b""))  # the version has been read, so the first thing read is a record
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(errors.SweepRefused):
            store.gc()
    assert everything(store.root) == before


def test_a_damaged_record_is_set_aside_and_stops_nothing(store):
    """It can be used by nobody, so what only it reached goes too."""
    keep(store, "a")
    overwrite(action(store, key("a")), b"{}")
    swept = store.gc()
    assert swept.blobs == 1
    assert len(store.warnings) == 1


def test_a_record_used_while_the_sweep_is_at_work_stays(store, monkeypatch):
    """Its time is renewed after the sweep has chosen it; it and its blobs are left."""
    from kept.store import sweep

    digest, choose = keep(store, "a"), sweep._choose

    def late(*args):
        doomed = choose(*args)
        assert len(doomed) == 1
        assert Store(store.root).lookup(key("a")) is not None
        return doomed

    monkeypatch.setattr(sweep, "_choose", late)
    assert store.gc().records == 0
    assert store.lookup(key("a")) is not None
    assert store.holds(digest)


def test_a_blob_put_again_while_the_sweep_is_at_work_stays(store, monkeypatch):
    """A build that finds its output there already must be able to rely on it."""
    from kept.store import sweep

    digest, discard = keep(store, "a"), sweep._discard

    def late(layout, place, oldest):
        if "blobs" in place:
            assert Store(store.root).put_bytes(b"a" * 1000) == digest
        return discard(layout, place, oldest)

    monkeypatch.setattr(sweep, "_discard", late)
    swept = store.gc()
    assert (swept.records, swept.blobs) == (1, 0)
    assert store.holds(digest)


def test_a_full_disk_can_be_swept(store, monkeypatch):
    """Where there is room for no new name, making room is the very thing to do; what is young still stays."""
    keep(store, "old")
    young = store.put_bytes(b"young")
    store.publish(key("young"), record_of(young))
    real = os.open

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no room")

    def opened(path, flags, *args, **kwargs):
        return full() if flags & os.O_CREAT else real(path, flags, *args, **kwargs)

    for name, stand_in in (("rename", full), ("mkdir", full), ("link", full), ("open", opened)):
        monkeypatch.setattr(os, name, stand_in)
    assert store.gc().records == 1
    assert store.lookup(key("young")) is not None
    assert len(store.du().blobs) == 1


def test_leftovers_of_a_kill_are_swept_after_a_day(store):
    """Half-written files and workshops without an owner go; a workshop in use stays, however old."""
    store.put_bytes(b"x")
    tmp = store.root / "tmp"
    (tmp / "1-old").write_bytes(b"half")
    (tmp / "2-shop").mkdir()
    (tmp / "2-shop" / "model").write_bytes(b"half")
    (tmp / "3-young").write_bytes(b"half")
    with store.workshop() as shop:
        for place in (tmp / "1-old", tmp / "2-shop", shop):
            age(place, 2 * DAY)
        assert store.gc(dry_run=True).leftovers == 2
        assert store.gc().leftovers == 2
        assert {p.name for p in tmp.iterdir()} == {"3-young", shop.name}


def test_the_workshop_of_a_killed_process_goes_when_the_next_one_begins(store, monkeypatch):
    """Not those of living processes, of other machines, or in use by a child that lives on; and no single file."""
    program = """
import os, sys
from kept.store import Store
with Store(sys.argv[1]).workshop() as shop:
    (shop / "model").write_bytes(b"half" * 1000)
    (shop / "sub").mkdir(mode=0o500)
    print(shop, flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), 9)
    sys.stdin.read()
"""
    command = [sys.executable, "-c", program, str(store.root)]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    killed, living = (subprocess.Popen([*command, how], **options) for how in ("killed", "living"))
    left, used = (Path(process.stdout.readline().strip()) for process in (killed, living))
    killed.communicate()
    assert left.is_dir()
    number, _, rest = left.name.partition("-")
    elsewhere = left.with_name(f"{number}-00000000{rest[8:]}")  # of another machine
    held = left.with_name(f"{left.name[:-1]}_")
    draft = left.with_name(f"{left.name[:-1]}.")
    for place in (elsewhere, held):
        place.mkdir()
    draft.write_bytes(b"half")
    holder = os.open(held, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    monkeypatch.setattr("kept.store.workshops._looked", set())
    with store.workshop() as shop:
        assert {p.name for p in shop.parent.iterdir()} == {p.name for p in (shop, used, elsewhere, held, draft)}
    os.close(holder)
    with store.workshop() as shop:  # it looks once in a process
        assert held.exists()
    living.communicate()


CUT_OFF = """
import os, sys
from pathlib import Path
from kept.store import Store, copies

def stop(*args):
    print(*(store.root / "tmp").glob(f"{os.getpid()}-*"), flush=True)
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), 9)
    sys.stdin.read()
    return real(*args)

store = Store(sys.argv[1])
old = store.put_bytes(b"old")
target = Path(sys.argv[1], "..", sys.argv[3])
if sys.argv[2] == "put":
    real, os.fsync = os.fsync, stop
    assert store.path(store.put_bytes(sys.argv[3].encode()))
else:
    real, copies._swap = copies._swap, stop
    store.restore(old, target)
    assert target.read_bytes() == b"old"
"""


@pytest.mark.parametrize("doing", ["put", "restore"])
def test_what_a_killed_process_was_writing_goes_when_a_workshop_is_made(store, monkeypatch, doing):
    """What a living one writes stays, and what may be of a process that cannot be seen from here."""
    from kept.store import layout

    if not layout.among():
        pytest.skip("only Linux says which processes these are")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    killed, living = (
        subprocess.Popen([sys.executable, "-c", CUT_OFF, str(store.root), doing, how], **options)
        for how in ("killed", "living")
    )
    left = Path(killed.stdout.readline().strip())
    killed.communicate()
    living.stdout.readline()
    assert left.exists()
    foreign = left.with_name(left.name.replace(layout.among(), "00000000."))
    unmarked = left.with_name(left.name.replace(layout.among(), ""))
    for place in (foreign, unmarked):
        place.write_bytes(b"half")
    before = set(left.parent.iterdir())
    assert len(before) == 4
    monkeypatch.setattr("kept.store.workshops._looked", set())
    with store.workshop() as shop:
        assert set(left.parent.iterdir()) == before - {left} | {shop}
    living.communicate()
    assert living.returncode == 0
    assert set(left.parent.iterdir()) == {foreign, unmarked}


def test_only_temporary_folders_of_one_s_own_killed_processes_go(tmp_path, monkeypatch):
    """Nothing that is in use, of another user or of another machine, and no link is followed."""
    from kept.store import temporary, workshops

    ended = subprocess.Popen(["true"])
    ended.wait()
    mark = f"kept-{ended.pid}-{workshops.HERE[:4]}"
    left, used, link = (tmp_path / f"{mark}000{n}" for n in range(3))
    elsewhere, longer, mine = tmp_path / f"kept-{ended.pid}-ghij0000", tmp_path / f"{mark}00000", tmp_path / "mine"
    for place in (left, used, elsewhere, longer, mine):
        place.mkdir()
        (place / "file").write_bytes(b"1")
    link.symlink_to(mine)
    holder = os.open(used, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(workshops, "_looked", set())
        patch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        workshops.clear_temporary()
        assert set(tmp_path.iterdir()) == before
    monkeypatch.setattr(workshops, "_looked", set())
    with temporary() as folder:
        assert set(tmp_path.iterdir()) == before - {left} | {Path(folder)}
        assert os.stat(folder).st_mode & 0o777 == 0o700
        (Path(folder) / "file").write_bytes(b"1")
    os.close(holder)
    assert set(tmp_path.iterdir()) == before - {left}
    assert (mine / "file").read_bytes() == b"1"


def test_damage_is_kept_for_a_week(store):
    """Long enough to look at it, not for ever."""
    digest = store.put_bytes(b"x")
    overwrite(blob(store, digest), b"y")
    store.path(digest)
    store.gc()
    (aside,) = (store.root / "quarantine").iterdir()
    age(aside, 8 * DAY)
    store.gc()
    assert not aside.exists()


def test_file_times_are_compared_with_the_store_s_clock_only(store, monkeypatch):
    """A machine whose clock is years off sweeps as any other."""
    import time

    keep(store, "old", days=3)
    keep(store, "new", days=0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    store.gc()
    assert known(store) == {key("new")}


# ---- verifying


def test_a_sound_store_verifies(store):
    """Everything is read; nothing is found, nothing changes."""
    keep(store, "a")
    before = everything(store.root)
    found = store.verify()
    assert (found.blobs, found.records, found.bytes, found.findings, found.exit_code) == (1, 1, 1000, (), 0)
    assert everything(store.root) == before


def test_damage_is_found_and_only_repaired_when_asked(store):
    """A flip in a blob spoils its record, too; repair moves both aside, and the store is sound again."""
    digest = keep(store, "a")
    keep(store, "b")
    with store.workshop() as shop:
        tree = store.put(make_folder(shop / "folder"))
    store.publish(key("tree"), record_of(tree, tree=True))
    for damaged in (digest, digest_bytes(b"1"), tree):
        overwrite(blob(store, damaged), b"?" * damaged.size)
    before = everything(store.root)
    found = store.verify()
    assert found.exit_code == Fault.CORRUPT
    assert len(found.findings) == 5
    assert everything(store.root) == before
    assert store.warnings == []
    assert store.verify(repair=True).exit_code == 0
    assert store.verify().findings == ()
    assert known(store) == {key("b")}


def test_what_is_not_ours_cannot_be_verified(store):
    """Foreign names, links and unreadable files are reported, each with its bit, and left alone without repair."""
    keep(store, "a")
    shard = next((store.root / "blobs").iterdir())
    (shard / "README").write_text("x")
    assert store.verify().exit_code == Fault.UNVERIFIABLE
    (store.root / "blobs" / "ab").mkdir(exist_ok=True)
    (store.root / "blobs" / "ab" / ("c" * 62)).symlink_to(shard / "README")
    assert store.verify().exit_code == Fault.UNVERIFIABLE | Fault.CORRUPT


def test_a_disk_that_fails_makes_things_unverifiable_not_corrupt(store, monkeypatch):
    """The exit code tells damage from trouble."""
    keep(store, "a")

    def read(*args):
        raise OSError(errno.EIO, "bad sector")

    store.holds(digest_bytes(b""))
    monkeypatch.setattr(os, "read", read)
    found = store.verify(repair=True)
    assert found.exit_code & Fault.UNVERIFIABLE
    assert any("bad sector" in finding.why for finding in found.findings)
    assert os.listdir(store.root / "quarantine") == []


def after_listing(monkeypatch, part, happening) -> None:
    """Let something happen, in another process as it were, when the names of a part of the store have been listed."""
    real = part.all

    def listed():
        names = list(real())
        happening()
        return iter(names)

    monkeypatch.setattr(part, "all", listed)


@pytest.mark.parametrize("repair", [False, True])
def test_what_is_built_meanwhile_is_no_finding(store, monkeypatch, repair):
    """A record that came after the blobs were listed has its own, files of folders too: it stays where it is."""

    def build():
        other = Store(store.root)
        with other.workshop() as shop:
            tree = other.put(make_folder(shop / "folder"))
        other.publish(key("new"), record_of(tree, tree=True))

    keep(store, "old")
    after_listing(monkeypatch, store._blobs, build)
    found = store.verify(repair=repair)
    assert (found.records, found.findings) == (2, ())
    assert known(store) == {key("old"), key("new")}


@pytest.mark.parametrize("part", ["_blobs", "_records"])
def test_what_is_swept_meanwhile_is_no_finding(store, monkeypatch, part):
    """A blob or record that has gone since it was listed was removed, not lost; it is not counted either."""
    keep(store, "old")
    keep(store, "shown")
    after_listing(monkeypatch, getattr(store, part), lambda: Store(store.root).gc([key("shown")]))
    found = store.verify(repair=True)
    assert (found.records, found.findings) == (1, ())
    assert os.listdir(store.root / "quarantine") == []


def test_a_record_swept_between_two_looks_is_no_finding(store, monkeypatch):
    """Its blobs went after it: that they are missing says nothing of it."""
    keep(store, "old")
    after_listing(monkeypatch, store._blobs, lambda: keep(store, "new"))
    real = store._records.examine

    def examined(name):
        stored = real(name)
        Store(store.root).gc()
        return stored

    monkeypatch.setattr(store._records, "examine", examined)
    assert store.verify().findings == ()


def test_a_record_made_anew_between_two_looks_is_looked_at_again(store, monkeypatch):
    """It had lost its blob; a build puts that and publishes it once more before it is called dangling."""
    digest = keep(store, "a")
    blob(store, digest).unlink()
    real, done = store._records.examine, []

    def examined(name):
        stored = real(name)
        if not done:
            done.append(name)
            other = Store(store.root)
            other.publish(name, record_of(other.put_bytes(b"made anew")))
        return stored

    monkeypatch.setattr(store._records, "examine", examined)
    assert store.verify(repair=True).findings == ()
    assert store.lookup(key("a")) is not None


def test_repair_leaves_what_was_healed_meanwhile(store, monkeypatch):
    """What a build has put in the place of a damaged blob is not what was found damaged."""
    digest = keep(store, "a")
    overwrite(blob(store, digest), b"?" * digest.size)
    real = store._blobs.set_aside

    def late(*args):
        assert Store(store.root).put_bytes(b"a" * 1000) == digest
        real(*args)

    monkeypatch.setattr(store._blobs, "set_aside", late)
    found = store.verify(repair=True)
    assert (found.exit_code, len(found.findings)) == (0, 1)
    assert store.lookup(key("a")) is not None
    assert store.path(digest) is not None


@pytest.mark.parametrize("repair", [False, True])
def test_a_record_whose_blob_cannot_be_read_is_not_called_damaged(store, monkeypatch, repair):
    """The disk may be well again tomorrow: nothing is moved aside for it."""
    digest, real = keep(store, "a"), os.open

    def opened(path, *args, **kwargs):
        if path == str(blob(store, digest)):
            raise OSError(errno.EMFILE, "too many")
        return real(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        found = store.verify(repair=repair)
    assert found.exit_code == Fault.UNVERIFIABLE
    assert all("too many" in finding.why for finding in found.findings)
    assert store.lookup(key("a")) is not None


# ---- measuring


def test_bytes_are_counted_once(store):
    """Per blob, so that the reader can sum by record and see what is shared."""
    shared = store.put_bytes(b"s" * 500)
    for word in "ab":
        store.publish(key(word), record_of(shared))
    used = store.du()
    assert used.blobs == {shared.hex: 500}
    assert used.total == 500 + used.records
    assert used.records == sum(stored.size for stored in store.records())
    assert [store.reach(stored.record) for stored in store.records()] == [{shared}, {shared}]
