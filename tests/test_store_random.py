"""Random work, random damage: the store against a model of a few lines."""

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from store_pieces import HOUR, action, age, blob, key, record_of

from kept import errors
from kept.digest import digest_bytes
from kept.store import Store

CONTENTS = st.sampled_from([b"", b"a", b"hello", b"x" * 3000])
KEYS = st.sampled_from([key("a"), key("b"), key("c")])
# Twice what leaves the size as it is: nothing but reading the content sees that.
DAMAGE = st.sampled_from(["flip", "flip", "zeros", "zeros", "truncate", "grow", "remove", "link", "folder", "pipe"])


def damage(place: Path, how: str, canary: Path) -> None:
    """Do to a file what disks, editors and neighbours do."""
    if not place.is_file() or place.is_symlink():
        return
    data = place.read_bytes()
    place.chmod(0o644)
    if how == "flip" and data:
        place.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif how == "zeros":
        place.write_bytes(bytes(len(data)))
    elif how == "truncate":
        place.write_bytes(data[: len(data) // 2])
    elif how == "grow":
        place.write_bytes(data + b"+")
    elif how in ("remove", "link", "folder", "pipe"):
        place.unlink()
        if how == "link":
            place.symlink_to(canary)
        elif how == "folder":
            place.mkdir()
        elif how == "pipe":
            os.mkfifo(place)


class StoreMachine(RuleBasedStateMachine):
    """The model: ``truth`` says which content each key has; an answer is that content or a miss."""

    below: Path

    @initialize()
    def start(self):
        self.top = Path(tempfile.mkdtemp(dir=self.below))
        self.canary = self.top / "canary"
        self.canary.write_bytes(b"hello")  # what a followed link would serve as right
        self.store = Store(self.top / "store")
        self.truth: dict[str, bytes] = {}

    def teardown(self):
        if hasattr(self, "top"):
            shutil.rmtree(self.top)

    @rule(content=CONTENTS, how=st.sampled_from(["bytes", "file", "workshop"]))
    def put(self, content, how):
        if how == "bytes":
            digest = self.store.put_bytes(content)
        else:
            with self.store.workshop() as shop:
                place = (shop if how == "workshop" else self.top) / "f"
                place.write_bytes(content)
                digest = self.store.put(place)
        assert digest == digest_bytes(content)
        assert blob(self.store, digest).read_bytes() == content
        assert not blob(self.store, digest).is_symlink()

    @rule(name=KEYS, content=CONTENTS)
    def build(self, name, content):
        known = self.store.lookup(name)
        kept = self.store.publish(name, record_of(self.store.put_bytes(content)))
        expected = self.truth[name] if known else content
        assert kept == record_of(digest_bytes(expected))
        self.truth[name] = expected

    @rule(name=KEYS, fresh=st.booleans())
    def look_up(self, name, fresh):
        store = Store(self.store.root) if fresh else self.store
        record = store.lookup(name)
        if record is None:
            return
        digest = digest_bytes(self.truth[name])
        assert record == record_of(digest)
        target = self.top / "target"
        try:
            store.restore(digest, target)
        except errors.BlobMissing:
            return
        assert target.read_bytes() == self.truth[name]
        target.write_bytes(b"edited in place")

    @rule(content=CONTENTS, how=DAMAGE)
    def damage_a_blob(self, content, how):
        damage(blob(self.store, digest_bytes(content)), how, self.canary)

    @rule(name=KEYS, how=DAMAGE)
    def damage_a_record(self, name, how):
        damage(action(self.store, name), how, self.canary)

    @rule(source=KEYS, other=KEYS)
    def copy_a_record(self, source, other):
        place = action(self.store, other)
        if source != other and action(self.store, source).is_file() and not os.path.lexists(place):
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(action(self.store, source).read_bytes())

    @rule(content=CONTENTS, how=DAMAGE)
    def damage_and_read(self, content, how):
        digest = self.store.put_bytes(content)
        assert self.store.read(digest) == content
        damage(blob(self.store, digest), how, self.canary)
        try:
            assert self.store.read(digest) == content
        except errors.BlobMissing:
            assert self.store.path(digest) is None

    @rule(content=CONTENTS, how=DAMAGE, after=st.sampled_from(["bytes", "file", "workshop"]))
    def damage_and_put(self, content, how, after):
        digest = self.store.put_bytes(content)
        damage(blob(self.store, digest), how, self.canary)
        self.put(content, after)
        assert self.store.read(digest) == content

    @rule(name=KEYS)
    def withdraw(self, name):
        if action(self.store, name).is_file():
            self.store.withdraw(name)
            assert self.store.lookup(name) is None

    @rule(name=KEYS)
    def sweep(self, name):
        for place in self.store.root.glob("*s/*/*"):
            age(place, 50 * HOUR)
        held = self.store.lookup(name)
        self.store.gc([name])
        if held is not None:
            assert self.store.lookup(name) == held

    @rule()
    def repair(self):
        self.store.verify(repair=True)
        assert self.store.verify().findings == ()

    @invariant()
    def the_canary_lives(self):
        if hasattr(self, "canary"):
            assert self.canary.read_bytes() == b"hello"


def test_random_work_and_damage_never_gives_a_wrong_answer(tmp_path):
    """A hit is right to the byte or it is a miss; what was just put is there; a link planted is never followed."""
    machine = type("Machine", (StoreMachine,), {"below": tmp_path})
    examples = int(os.environ.get("STORE_EXAMPLES", "60"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
