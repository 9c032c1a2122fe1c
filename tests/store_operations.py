"""What is done to a store in the crash test: each operation with its start and its end."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from store_pieces import HOUR, action, age, blob, key, overwrite, record_of

from kept.digest import Stat, digest_bytes
from kept.store import Store, copies, digest_folder, layout, workshops

ONE, TWO = b"one" * 50, b"two" * 60
RECORD, RIVAL = record_of(digest_bytes(ONE)), record_of(digest_bytes(TWO))
A, B = key("a"), key("b")


@dataclass(frozen=True)
class Operation:
    """Something to do to a store, the state it starts from, and what must hold once it is done.

    ``either`` are contents of ``target`` that a fault may leave; ``damaged``, how many files may be in quarantine.
    """

    name: str
    prepare: Callable[[Store, Path], None]
    act: Callable[[Store, Path], None]
    done: Callable[[Store, Path], bool]
    either: tuple[object, ...] = (None,)
    damaged: int = 0
    missing: bool = False  # the state to start from has a record without its blob


OPERATIONS: list[Operation] = []


def operation(prepare, done, **more):
    def note(act):
        OPERATIONS.append(Operation(act.__name__, prepare, act, done, **more))
        return act

    return note


# ---- states to start from


def nothing(store, top):
    (top / "in").mkdir()
    (top / "in" / "file").write_bytes(ONE)


def something(store, top):
    nothing(store, top)
    store.put_bytes(b"other")


def with_blob(store, top):
    nothing(store, top)
    store.put_bytes(ONE)
    (top / "target").write_bytes(b"old")


def with_record(store, top):
    with_blob(store, top)
    store.publish(A, RECORD)
    for place in (action(store, A), blob(store, digest_bytes(ONE))):
        age(place, 50 * HOUR)


def with_damaged_blob(store, top):
    with_blob(store, top)
    overwrite(blob(store, digest_bytes(ONE)), b"bad")


def with_damaged_record(store, top):
    with_record(store, top)
    overwrite(action(store, A), b"bad")


def with_dangling_record(store, top):
    with_record(store, top)
    store.put_bytes(TWO)
    blob(store, digest_bytes(ONE)).unlink()


def folder_at(place: Path) -> Path:
    (place / "deep" / "empty").mkdir(parents=True)
    (place / "deep" / "one").write_bytes(ONE)
    (place / "two").write_bytes(TWO)
    return place


def with_tree(store, top):
    nothing(store, top)
    store.put(folder_at(top / "folder"))
    (top / "target").mkdir()
    (top / "target" / "old").write_bytes(b"old")


def with_two_records(store, top):
    with_record(store, top)
    store.put_bytes(TWO)
    store.publish(B, RIVAL)
    (store.root / "tmp" / "leftover").mkdir()
    (store.root / "tmp" / "leftover" / "half").write_bytes(b"half")
    with store.lock(B):
        pass
    for place in [*store.root.glob("*s/*/*"), store.root / "tmp" / "leftover", store.root / "locks" / B]:
        age(place, 50 * HOUR)


# ---- operations


def has_one(store, top):
    return store.read(digest_bytes(ONE)) == ONE


def has_record(store, top):
    return store.lookup(A) == RECORD and has_one(store, top)


def at_target(content):
    return lambda store, top: has_one(store, top) and (top / "target").read_bytes() == content


@operation(nothing, has_one)
def put_into_a_new_store(store, top):
    assert store.put_bytes(ONE) == digest_bytes(ONE)


@operation(something, has_one)
def put(store, top):
    assert store.put_bytes(ONE) == digest_bytes(ONE)


@operation(with_blob, has_one)
def put_again(store, top):
    assert store.put_bytes(ONE) == digest_bytes(ONE)


@operation(something, has_one)
def put_a_file(store, top):
    assert store.put(top / "in" / "file") == digest_bytes(ONE)


@operation(something, has_one)
def put_from_a_workshop(store, top):
    with store.workshop() as shop:
        shutil.copy(top / "in" / "file", shop)
        assert store.put(shop / "file") == digest_bytes(ONE)


@operation(something, has_one)
def put_what_was_just_written(store, top):
    with store.workshop() as shop:
        shutil.copy(top / "in" / "file", shop)
        assert store.put(shop / "file", (Stat.of(shop / "file"), digest_bytes(ONE))) == digest_bytes(ONE)


def with_a_leftover(store, top):
    something(store, top)
    ended = subprocess.Popen(["true"])
    ended.wait()
    (store.root / "tmp" / f"{ended.pid}-{workshops.HERE}x").mkdir()
    (store.root / "tmp" / f"{ended.pid}-{workshops.HERE}x" / "half").write_bytes(b"half")
    if layout.among():
        (store.root / "tmp" / f"{ended.pid}-{layout.among()}x").write_bytes(b"half")


@operation(with_a_leftover, lambda store, top: has_one(store, top) and not list(store.root.glob("tmp/*x")))
def put_where_a_killed_process_was(store, top):
    with store.workshop() as shop:
        (shop / "out").write_bytes(ONE)
        store.put(shop / "out")


@operation(something, lambda store, top: store.path(digest_folder(folder_at(top / "f"))) is not None)
def put_a_folder(store, top):
    with store.workshop() as shop:
        folder_at(shop / "f")
        store.put(shop / "f")


@operation(with_damaged_blob, has_one, damaged=1)
def put_over_damage(store, top):
    assert store.put_bytes(ONE) == digest_bytes(ONE)


@operation(with_blob, has_record)
def publish(store, top):
    assert store.publish(A, RECORD) == RECORD


@operation(with_record, has_record)
def publish_second(store, top):
    store.put_bytes(TWO)
    assert store.publish(A, RIVAL) == RECORD


@operation(with_record, lambda store, top: store.lookup(A) == RIVAL and has_one(store, top))
def publish_instead(store, top):
    store.put_bytes(TWO)
    assert store.publish(A, RIVAL, instead=True) == RIVAL


@operation(with_dangling_record, lambda store, top: store.lookup(A) == RIVAL, missing=True)
def publish_over_a_record_without_blobs(store, top):
    assert store.publish(A, RIVAL) == RIVAL


@operation(with_damaged_record, has_record, damaged=1)
def publish_over_damage(store, top):
    assert store.publish(A, RECORD) == RECORD


@operation(with_record, has_record)
def look_up(store, top):
    assert store.lookup(A) == RECORD


@operation(with_record, has_record)
def read(store, top):
    assert store.read(digest_bytes(ONE)) == ONE
    assert store.path(digest_bytes(ONE)) is not None


@operation(with_blob, at_target(ONE), either=(b"old", ONE))
def restore(store, top):
    store.restore(digest_bytes(ONE), top / "target")


@operation(with_blob, lambda store, top: (top / "new" / "x").read_bytes() == ONE, either=(b"old",))
def restore_into_a_new_folder(store, top):
    store.restore(digest_bytes(ONE), top / "new" / "x")


@operation(with_blob, at_target(ONE), either=(b"old", ONE))
def restore_a_large_file(store, top):
    before, copies.LINK_FROM = copies.LINK_FROM, 1
    try:
        store.restore(digest_bytes(ONE), top / "target")
    finally:
        copies.LINK_FROM = before


TREE_NAMES = (["deep", "deep/empty", "deep/one", "two"], ["old"], None)


@operation(
    with_tree,
    lambda store, top: digest_folder(top / "target") == digest_folder(top / "folder"),
    either=TREE_NAMES,
)
def restore_a_folder(store, top):
    store.restore(digest_folder(top / "folder"), top / "target", tree=True)


@operation(with_record, lambda store, top: store.lookup(A) is None and has_one(store, top), either=(b"old",))
def withdraw(store, top):
    store.withdraw(A)


def swept(store, top):
    return has_record(store, top) and not store.holds(digest_bytes(TWO)) and store.lookup(B) is None


@operation(with_two_records, swept, either=(b"old",))
def sweep_what_is_unused(store, top):
    store.gc([A])


@operation(with_damaged_record, lambda store, top: store.verify().exit_code == 0, either=(b"old",), damaged=1)
def verify_with_repair(store, top):
    store.verify(repair=True)


@operation(something, lambda store, top: has_record(store, top) and at_target(ONE)(store, top), either=(None, ONE))
def a_whole_stage(store, top):
    with store.lock(A, pytest.fail, "stage"):
        if store.lookup(A) is None:
            with store.workshop() as shop:
                (shop / "out").write_bytes(ONE)
                assert store.publish(A, record_of(store.put(shop / "out"))) == RECORD
        store.restore(digest_bytes(ONE), top / "target")
