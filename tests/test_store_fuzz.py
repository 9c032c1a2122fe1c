"""Ten thousand malformed records, as many manifests and blobs: an answer, a miss or an error of ours, no traceback."""

import json
import os
import random

from store_pieces import action, blob, everything, key, make_folder, overwrite, record_of
from store_rubbish import ODD, bent, mangled

from kept import errors
from kept.digest import canonical_json, digest_bytes
from kept.store import Store
from kept.store.records import DamagedError, NewerError, references, sealed, unsealed
from kept.store.trees import Manifest

CASES = int(os.environ.get("STORE_FUZZ", "10000"))


def test_malformed_records_are_damage(tmp_path):
    """Whatever stands in a record's file, it is read as the record that was sealed or not at all."""
    dice = random.Random(1)
    record = record_of(digest_bytes(b"x"), digest_bytes(b"y")) | {"sources": {"digest": "b" * 64, "size": 3}}
    good, read = sealed(key("a"), record), 0
    for _ in range(CASES):
        data = mangled(good, dice)
        try:
            assert unsealed(key("a"), data) == record, data[:1000]
            read += 1
        except (DamagedError, NewerError):
            continue
    assert read < CASES // 5  # blanks added, or a name twice of which the right one counts


def test_records_with_a_right_checksum_and_odd_content_are_damage(tmp_path):
    """Even one who can compute checksums gets no traceback, only names of blobs that are names of blobs."""
    dice = random.Random(2)
    record = record_of(digest_bytes(b"x"), digest_bytes(b"y"))
    for _ in range(CASES // 2):
        body = {"format": dice.choice([1, 1, 1, 2, "1", None]), "key": key("a"), "record": dice.choice(ODD)}
        if dice.random() < 0.4:
            body = bent({**body, "record": record}, dice)
        elif dice.random() < 0.7:
            body["record"] = json.loads(json.dumps(record))
            row = dice.choice(body["record"]["outputs"])
            row[dice.choice(["digest", "size", "tree", "name"])] = dice.choice(ODD)
        try:
            data = canonical_json({**body, "checksum": digest_bytes(canonical_json(body)).hex})
        except (errors.KeptError, TypeError, ValueError):  # what no canonical JSON holds
            continue
        try:
            found = unsealed(key("a"), data)
        except (DamagedError, NewerError):
            continue
        for reference in references(found):
            assert len(reference.digest.hex) == 64
            assert reference.digest.size >= 0


def test_malformed_manifests_are_refused(tmp_path):
    """A manifest is read back exactly or refused; no name in it leaves the folder."""
    store, dice = Store(tmp_path / "s"), random.Random(3)
    good = store.read(store.put(make_folder(tmp_path / "folder")))
    for _ in range(CASES):
        try:
            tree = Manifest.decoded(mangled(good, dice))
        except errors.KeptError:
            continue
        for name in (*tree.folders, *(file.name for file in tree.files)):
            assert not name.startswith("/")
            assert ".." not in name.split("/")


def test_malformed_blobs_are_misses(tmp_path):
    """Whatever stands in a blob's place is its content or a miss, set aside whole; the next put heals it."""
    warned, dice = [], random.Random(5)
    store = Store(tmp_path / "s", warn=warned.append)
    contents = [b"x", b"{}" * 40, random.Random(6).randbytes(3000), bytes(9000), "text Ünï 1 2 3\n".encode() * 30]
    found = [store.put_bytes(content) for content in contents]
    aside = store.root / "quarantine"
    wrong = 0
    for number in range(CASES):
        digest, content = found[number % len(found)], contents[number % len(found)]
        data = mangled(content, dice)
        place = blob(store, digest)
        place.unlink(missing_ok=True)
        place.write_bytes(data)
        try:
            assert (store.read(digest) if number % 2 else store.path(digest).read_bytes()) == content == data
            continue
        except (errors.KeptError, AttributeError):  # `path` says None
            wrong += 1
        assert data != content
        assert not place.exists()
        (only,) = aside.iterdir()
        assert only.read_bytes() == data
        only.unlink()
    assert len(warned) == wrong > CASES * 0.9
    for digest, content in zip(found, contents, strict=True):
        assert store.put_bytes(content) == digest
        assert store.read(digest) == content


def test_a_store_full_of_rubbish_still_works(tmp_path):
    """Rubbish in every kind of file: every question is answered, nothing sound is lost, the store heals."""
    dice = random.Random(4)
    store = Store(tmp_path / "s")
    tree = store.put(make_folder(tmp_path / "folder"))
    sound = store.put_bytes(b"sound")
    for round_ in range(40):
        for word in "abc":
            store.publish(key(word), record_of(store.put_bytes(word.encode())))
        store.publish(key("tree"), record_of(store.put(tmp_path / "folder"), tree=True))
        actions = [action(store, key("a")), action(store, key("tree"))]
        for place in (*actions, blob(store, digest_bytes(b"b")), blob(store, tree)):
            overwrite(place, mangled(place.read_bytes(), dice))
        for word in ("a", "b", "c", "tree"):
            store.lookup(key(word))
        assert store.lookup(key("c")) is not None
        try:
            store.restore(tree, tmp_path / "out", tree=True)
        except errors.KeptError:
            assert not (tmp_path / "out").exists() or round_ > 0
        list(store.records())
        store.verify(repair=True)
        assert store.verify().findings == ()
        assert store.read(sound) == b"sound"
    store.publish(key("tree"), record_of(store.put(tmp_path / "folder"), tree=True))
    store.restore(tree, tmp_path / "out", tree=True)
    assert everything(tmp_path / "out") == everything(tmp_path / "folder")
