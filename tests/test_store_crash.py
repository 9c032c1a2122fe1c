"""Every system call of every operation fails, or is the last of its process; what is on disk is right after each.

For n = 1, 2, 3 … the n-th call goes wrong, until an operation runs to its end untouched. After each the real files
are looked at, a new process does the operation again, and the files are looked at once more.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from store_faults import FAULTS, Killed, failing
from store_pieces import HOUR, action, age, blob, everything, key, overwrite, record_of

from kept import errors
from kept.digest import Digest, digest_bytes, digest_file
from kept.store import Store, copies, digest_folder, disk
from kept.store.records import unsealed

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


# ---- what must hold on disk, whatever happened


def content_of(target: Path) -> object:
    if target.is_dir():
        return everything(target)
    return target.read_bytes() if target.exists() else None


def wrong_on_disk(store: Store, top: Path, job: Operation) -> list[str]:
    """Look at the real files, with nothing of the store's own reading but the record format."""
    wrong, blobs = [], {}
    for place in store.root.glob("blobs/*/*"):
        blobs[place.parent.name + place.name] = place.stat().st_size
        if digest_file(place).hex != place.parent.name + place.name and place.read_bytes() != b"bad":
            wrong.append(f"blob with other content: {place}")
    for place in store.root.glob("actions/*/*"):
        data = place.read_bytes()
        if data == b"bad":
            continue
        outputs = unsealed(place.parent.name + place.name, data)["outputs"]
        if not job.missing and any(blobs.get(output["digest"]) != output["size"] for output in outputs):
            wrong.append(f"record without its blob: {place}")
    if content_of(top / "target") not in (job.either if job.either != (None,) else (None, b"old")):
        wrong.append(f"target: {content_of(top / 'target')!r}")
    aside = list(store.root.glob("quarantine/*"))
    if len(aside) > job.damaged or any(place.read_bytes() != b"bad" for place in aside):
        wrong.append(f"sound files in quarantine: {aside}")
    return wrong


def tidy(store: Store) -> list[str]:
    """Sweep a day later, and return what is left in tmp/."""
    for place in store.root.glob("tmp/*"):
        age(place, 50 * HOUR)
    store.gc([A, B])
    return [place.name for place in store.root.glob("tmp/*")]


CLEANING = {"unlink", "rmdir", "close", "listdir", "lstat", "chmod"}  # a fault in the cleanup itself may leave a file


def strike(job: Operation, fault: str, n: int, top: Path) -> tuple[bool, list[str]]:
    """Do a job with a fault at the n-th call; return whether it struck, and all that is wrong afterwards."""
    store, problem = Store(top / "store"), None
    with failing(fault, n) as faulty:
        try:
            job.act(store, top)
        except (Killed, OSError, errors.KeptError) as caught:
            problem = caught
    wrong = wrong_on_disk(store, top, job)
    if fault not in ("kill", "torn"):
        if faulty.struck not in CLEANING | {"rename"} and list(store.root.glob("tmp/[0-9]*")):
            wrong.append(f"temporary left: {list(store.root.glob('tmp/*'))}")
        if fault == "ENOSPC" and isinstance(problem, OSError):
            wrong.append(f"not told as a full store: {problem!r}")
        if fault == "short" and problem is not None:
            wrong.append(f"a short write is no error: {problem!r}")
        if content_of(top / "target") is None and job.either == TREE_NAMES:
            wrong.append("an error took the old folder away")
    again = Store(store.root)
    job.act(again, top)
    wrong += wrong_on_disk(again, top, job)
    if not job.done(again, top):
        wrong.append("not done the second time")
    if tidy(again):
        wrong.append("leftovers survive a sweep")
    return bool(faulty.struck), [f"{job.name}, {fault} at call {n} ({faulty.struck}): {text}" for text in wrong]


@pytest.fixture(scope="module")
def struck():
    """Count the points at which something went wrong."""
    return []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("job", OPERATIONS, ids=lambda job: job.name)
def test_a_fault_at_any_call_leaves_the_store_right(job, fault, tmp_path, monkeypatch, struck):
    """No half file under a final name, nothing sound set aside, the target old or new; the next run completes."""
    monkeypatch.setattr(disk, "CHUNK", 64)
    monkeypatch.setattr(copies, "_reflink", lambda source, fd: False)
    template = tmp_path / "template"
    template.mkdir()
    with failing("kill", 0):  # nothing is struck; only fsync is left out, for speed
        job.prepare(Store(template / "store"), template)
    wrong, n, hit = [], 0, True
    while hit:
        n += 1
        top = tmp_path / "at"
        shutil.copytree(template, top, symlinks=True)
        hit, found = strike(job, fault, n, top)
        wrong += found
        struck += [1] * hit
        shutil.rmtree(top)
    assert wrong == []


def test_there_were_enough_points(struck):
    """The loop above really met the calls it is about."""
    assert len(struck) >= 1000 or len(struck) == 0  # 0: this test was asked for alone
    with suppress(OSError):
        print(f"{len(struck)} points")


def test_the_oracle_sees_what_is_wrong(tmp_path):
    """A blob with a byte off, a record without its blob and a mixed folder are all noticed."""
    store = Store(tmp_path / "store")
    with_record(store, tmp_path)
    job = Operation("none", nothing, nothing, nothing)
    assert wrong_on_disk(store, tmp_path, job) == []
    (tmp_path / "target").write_bytes(b"half")
    overwrite(blob(store, digest_bytes(ONE)), ONE[:-1])
    assert len(wrong_on_disk(store, tmp_path, job)) == 3
    assert isinstance(digest_bytes(ONE), Digest)
