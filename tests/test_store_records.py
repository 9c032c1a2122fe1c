"""A record is kept under its key, whole and bound to it; one process at a time makes it."""

import errno
import json
import os
import pickle
import subprocess
import sys

import pytest
from store_pieces import (
    HOUR,
    action,
    age,
    blob,
    environment,
    key,
    overwrite,
    record_of,
)

from kept import errors
from kept.digest import canonical_json, digest_bytes
from kept.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "artifacts" / ".kept")


# ---- records


def test_a_record_comes_back_as_it_was(store):
    """Also with text that is no UTF-8, and it says its own key on disk."""
    record = record_of(store.put_bytes(b"x")) | {"path": os.fsdecode(b"d\xff"), "name": "Müller", "n": [1, 2.5, None]}
    assert store.publish(key("a"), record) == record
    assert store.lookup(key("a")) == record
    raw = action(store, key("a")).read_bytes()
    assert raw.isascii()
    assert raw == canonical_json(json.loads(raw))
    assert json.loads(raw)["key"] == key("a")
    assert not action(store, key("a")).stat().st_mode & 0o222


def test_a_record_is_replaced_where_that_is_asked_for(store):
    """Made anew: the new one wins, and there is no moment without one; over none of a newer kept, though."""
    one, two = (record_of(store.put_bytes(data)) for data in (b"one", b"two"))
    assert store.publish(key("a"), one, instead=True) == one
    assert store.publish(key("a"), two) == one
    assert store.publish(key("a"), two, instead=True) == two
    assert Store(store.root).lookup(key("a")) == two
    newer = {"format": 2, "key": key("a"), "record": one}
    overwrite(action(store, key("a")), canonical_json(newer | {"checksum": digest_bytes(canonical_json(newer)).hex}))
    assert store.publish(key("a"), two, instead=True) == two
    assert json.loads(action(store, key("a")).read_bytes())["format"] == 2


def test_the_first_record_of_a_key_wins(store):
    """The loser of a race gets the winner's outputs to go on with."""
    first = record_of(store.put_bytes(b"one"))
    second = record_of(store.put_bytes(b"two"))
    assert store.publish(key("a"), first) == first
    assert store.publish(key("a"), second) == first
    assert store.lookup(key("a")) == first


def test_a_record_whose_blobs_are_gone_is_a_miss_and_gives_way(store):
    """What cannot be restored must not stand in the way of what can."""
    digest = store.put_bytes(b"one")
    store.publish(key("a"), record_of(digest))
    blob(store, digest).unlink()
    assert store.lookup(key("a")) is None
    second = record_of(store.put_bytes(b"two"))
    assert store.publish(key("a"), second) == second
    assert store.lookup(key("a")) == second


def test_a_blob_of_another_size_is_a_miss(store):
    """A look at the blobs is part of looking a record up."""
    digest = store.put_bytes(b"one")
    store.publish(key("a"), record_of(digest))
    overwrite(blob(store, digest), b"onetwo")
    assert store.lookup(key("a")) is None


def test_one_changed_digit_in_a_record_is_found(store):
    """The checksum covers what no other check would see: here the seconds that a stage took."""
    store.publish(key("a"), record_of(store.put_bytes(b"x")))
    place = action(store, key("a"))
    damaged = place.read_bytes().replace(b'"seconds":1.5', b'"seconds":2.5')
    assert json.loads(damaged)["record"]["seconds"] == 2.5
    overwrite(place, damaged)
    assert store.lookup(key("a")) is None
    assert len(store.warnings) == 1
    assert "checksum" in store.warnings[0]
    assert not place.exists()


def test_a_record_under_another_key_is_a_miss(store):
    """A sound record copied to another name says whose it is."""
    store.publish(key("a"), record_of(store.put_bytes(b"x")))
    place = action(store, key("b"))
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(action(store, key("a")).read_bytes())
    assert store.lookup(key("b")) is None
    assert "another key" in store.warnings[0]
    assert store.lookup(key("a")) is not None


def test_a_newer_record_is_left_alone(store):
    """A store that two versions of kept share: what the older cannot read is a miss, and stays."""
    from kept.store import records

    digest = store.put_bytes(b"x")
    body = {"format": 2, "key": key("a"), "record": {"new": "shape"}}
    store.publish(key("z"), record_of(digest))
    place = action(store, key("a"))
    place.parent.mkdir(exist_ok=True)
    data = canonical_json(body | {"checksum": digest_bytes(canonical_json(body)).hex})
    place.write_bytes(data)
    assert records.FORMAT == 1
    assert store.lookup(key("a")) is None
    assert store.publish(key("a"), record_of(digest)) == record_of(digest)
    assert place.read_bytes() == data
    assert store.warnings == []
    with pytest.raises(errors.SweepRefused):
        store.gc()


def test_withdrawing_forgets_one_record(store):
    """Its blobs stay until the sweep, other records stay altogether."""
    digest = store.put_bytes(b"x")
    store.publish(key("a"), record_of(digest))
    store.publish(key("b"), record_of(digest))
    store.withdraw(key("a"))
    store.withdraw(key("a"))
    assert store.lookup(key("a")) is None
    assert store.lookup(key("b")) is not None
    assert store.holds(digest)


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"digest": "x", "size": 1},
        {"digest": "a" * 64, "size": -1},
        {"digest": "a" * 64, "size": True},
        {"digest": "../" + "a" * 61, "size": 1},
        "text",
    ],
)
def test_a_record_that_names_no_blobs_properly_is_not_published(store, output):
    """The mistake shows where it is made, not at some later build."""
    with pytest.raises(ValueError):  # noqa: PT011 -- its text is the row itself
        store.publish(key("a"), {"outputs": [output]})
    assert store.lookup(key("a")) is None


def test_use_is_noted_by_the_hour_record_first(store, monkeypatch):
    """A hit renews the times that the sweep goes by; a second hit writes nothing."""
    digest = store.put_bytes(b"x")
    store.publish(key("a"), record_of(digest))
    age(action(store, key("a")), 5 * HOUR)
    age(blob(store, digest), 5 * HOUR)
    noted, real = [], os.utime

    def utime(path, *args, **kwargs):
        if not path.endswith("tmp"):  # the store's clock
            noted.append(path)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "utime", utime)
    store.lookup(key("a"))
    store.lookup(key("a"))
    assert noted == [str(action(store, key("a"))), str(blob(store, digest))]


def test_a_hit_on_a_linked_blob_keeps_the_artifact_s_time(store, tmp_path, monkeypatch):
    """A blob of which an artifact is a second name keeps its time, so the artifact is not read again."""
    digest = store.put_bytes(b"x")
    store.publish(key("a"), record_of(digest))
    os.link(blob(store, digest), tmp_path / "artifact")
    age(blob(store, digest), 5 * HOUR)
    before = (tmp_path / "artifact").stat().st_mtime_ns
    assert store.lookup(key("a")) is not None
    assert (tmp_path / "artifact").stat().st_mtime_ns == before


# ---- locks


def test_the_second_waits_and_is_told_who_has_it(store, tmp_path):
    """Another process holds the key; this one is told which, since when and why, once, and then goes on."""
    program = """
import sys
from kept.store import Store
with Store(sys.argv[1]).lock(sys.argv[2], text="mnist:digits"):
    print("held", flush=True)
    sys.stdin.readline()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(store.root), key("a")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    told = []

    def waiting(text):
        told.append(text)
        holder.kill()  # the kernel lets go of what a killed process held

    with holder:
        assert holder.stdout.readline() == "held\n"
        with store.lock(key("b"), told.append):
            assert told == []
        with store.lock(key("a"), waiting):
            assert len(told) == 1
            assert f"process {holder.pid} " in told[0]
            assert " since " in told[0]
            assert "mnist:digits" in told[0]


def test_a_lock_that_a_sweep_removed_is_made_again(store):
    """A lock on a file that has no name any more would exclude nobody."""
    with store.lock(key("a")):
        pass
    place = store.root / "locks" / key("a")
    age(place, 50 * HOUR)
    store.put_bytes(b"x")
    store.gc()
    assert not place.exists()
    with store.lock(key("a")):
        assert place.exists()
        age(place, 50 * HOUR)
        store.gc()
        assert place.exists()


def test_a_lock_whose_file_goes_while_one_waits_is_taken_anew(store, monkeypatch):
    """A sweep removed the file between the opening and the lock: the next process would open another."""
    import fcntl

    place, real, calls = store.root / "locks" / key("a"), fcntl.flock, []

    def flock(fd, how):
        real(fd, how)
        calls.append(how)
        if len(calls) == 1:
            place.unlink()

    monkeypatch.setattr(fcntl, "flock", flock)
    with store.lock(key("a")):
        assert place.exists()
        assert len(calls) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_locks_do_not_work_work_goes_on(store, monkeypatch, code):
    """Work may be done twice there, never wrongly."""
    import fcntl

    def flock(*args):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(fcntl, "flock", flock)
    done = []
    with store.lock(key("a")):
        done.append(1)
    assert done == [1]


def test_an_error_inside_a_lock_comes_out_and_frees_it(store):
    """Whatever the stage raises is the stage's."""
    with pytest.raises(OSError, match="mine"), store.lock(key("a")):
        raise OSError(errno.ENOLCK, "mine")
    with store.lock(key("a"), pytest.fail):
        pass


def test_a_store_travels_to_another_process(store):
    """Pickled, it is its root; no descriptor and no memory goes along."""
    digest = store.put_bytes(b"x")
    assert pickle.loads(pickle.dumps(store)).read(digest) == b"x"
