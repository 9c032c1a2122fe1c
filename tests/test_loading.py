"""What is given back is what was recorded, verified; damage is told, never served."""

import hashlib
import json
import mmap
import os

import numpy as np
import pytest

import kept
from kept.errors import KeptError


@pytest.fixture
def built(project, monkeypatch):
    """Give a project whose variant `nearest` is built, as the current folder."""
    assert project.doit("nearest").code == 0
    monkeypatch.chdir(project.root)
    return project


def blob(project, stage, field=""):
    """Find the blob of an artifact by the digest that the store's record of it names."""
    suffix = {"rows": ".npy", "scaled": ".npy", "accuracy": ".json", "model": ".pkl"}[stage.partition("/")[2]]
    shown = project.path(f"artifacts/{stage}{'/' + field if field else ''}{suffix}").read_bytes()
    name = hashlib.sha256(shown).hexdigest()
    return project.path(f"artifacts/.kept/blobs/{name[:2]}/{name[2:]}")


def spoil(path):
    """Change one byte of a file, and nothing that a stat would show at once."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    mode = path.stat().st_mode
    os.chmod(path, 0o644)
    path.write_bytes(data)
    os.chmod(path, mode)


def test_an_array_is_mapped_and_read_only(built):
    """It costs no memory before it is looked at, and nobody can change what is kept."""
    array = kept.load("points/rows/X_train")
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base, mmap.mmap)
    assert (array.shape, array.dtype) == ((30, 2), np.float64)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0
    assert np.array_equal(array, np.load(built.path("artifacts/points/rows/X_train.npy")))


def test_a_plain_value_is_itself(built):
    """A number is a number."""
    value = kept.load("nearest/accuracy")
    assert type(value) is float
    assert value == json.loads(built.read("artifacts/nearest/accuracy.json"))


def test_a_damaged_file_in_artifacts_is_not_what_is_given(built):
    """Values come from the store; what somebody did to the file beside it does not matter, and is not undone."""
    built.write("artifacts/nearest/accuracy.json", "0.123")
    assert kept.load("nearest/accuracy") != 0.123
    assert built.read("artifacts/nearest/accuracy.json") == "0.123"


def test_a_removed_file_in_artifacts_is_given_nevertheless(built):
    """The store has it."""
    before = kept.load("nearest/accuracy")
    built.doit("clean")
    assert kept.load("nearest/accuracy") == before


DAMAGE = pytest.mark.parametrize("damage", [spoil, os.unlink], ids=["damaged", "gone"])
ARTIFACTS = pytest.mark.parametrize(("stage", "field"), [("points/rows", "X_train"), ("nearest/accuracy", "")])


@DAMAGE
@ARTIFACTS
def test_a_damaged_or_missing_blob_is_mended_from_artifacts(built, damage, stage, field):
    """The file that is shown has the same bytes as long as nobody touched it: the store takes them back."""
    name = f"{stage}/{field}".rstrip("/")
    before = np.array(kept.load(name))
    damage(blob(built, stage, field))
    assert np.array_equal(kept.load(name), before)
    if field == "":
        built.remove("artifacts/nearest/accuracy.json")
        assert kept.load(name) == before


@DAMAGE
@ARTIFACTS
def test_damage_on_both_sides_is_told(built, damage, stage, field):
    """Where neither the store nor artifacts/ has the bytes, nothing is given; the next run builds them again."""
    name = f"{stage}/{field}".rstrip("/")
    before = np.array(kept.load(name))
    shown = built.path(f"artifacts/{name}{'.npy' if field else '.json'}")
    damage(blob(built, stage, field))
    damage(shown)
    with pytest.raises(KeptError) as caught:
        kept.load(name)
    assert "gone from the store" in str(caught.value)
    assert "doit" in caught.value.hint
    assert built.doit("nearest").code == 0
    assert np.array_equal(kept.load(name), before)


SCRIPT = """
import json
from dodo import Nearest, Points
model = Nearest.load("model")
rows = Points.load("rows")
print(json.dumps([
    type(model).__name__, float(model.centres[0][0]), Nearest.load("accuracy"), Nearest.load("rows.X_train").shape,
    Nearest.load("rows/y_test").shape, type(rows).__name__, rows.X_test.shape,
]))
for name in ("acuracy", "rows.X_trian", "rows.X_train.shape"):
    try:
        Nearest.load(name)
    except Exception as problem:
        print(json.dumps([type(problem).__name__, problem.what, problem.hint]))
try:
    Nearest()
except Exception as problem:
    print(json.dumps(str(problem).splitlines()[0]))
"""


def test_a_variant_gives_its_artifacts_by_their_short_names(built):
    """In a script or a notebook beside dodo.py: models with their classes, fields with a dot, inherited ones too."""
    done = built.python(SCRIPT)
    values, *problems = map(json.loads, done.out.splitlines())
    assert values[0] == "Centroids"
    assert values[2:] == [kept.load("nearest/accuracy"), [30, 2], [10], "Rows", [10, 2]]
    assert [(kind, what) for kind, what, _ in problems[:3]] == [
        ("KeptError", "there is no artifact 'acuracy'"),
        ("KeptError", "there is no artifact 'points/rows/X_trian'"),
        ("KeptError", "there is no artifact 'points/rows/X_train.shape'"),
    ]
    assert problems[0][2] == "did you mean accuracy?"
    assert "X_train" in problems[1][2]
    assert problems[3] == "a pipeline is its class: Nearest() makes nothing"
    assert done.err == ""


def test_loading_changes_nothing_in_artifacts(built):
    """Whoever only reads leaves all that is shown as it is, and no file is made beside it."""
    before = {place: (place.stat().st_mtime_ns, place.read_bytes()) for place in built.root.rglob("*.npy")}
    kept.load("points/rows")
    kept.load("points/scaled/train")
    assert {place: (place.stat().st_mtime_ns, place.read_bytes()) for place in built.root.rglob("*.npy")} == before


@pytest.mark.parametrize("umask", [0o002, 0o000])
@pytest.mark.parametrize("arguments", [(), ("-n", "2")])
def test_a_store_that_kept_makes_is_its_users_own(project, umask, arguments):
    """Where a umask lets the group write, the folder of the store does not: a pickle of one's own is loaded."""
    before = os.umask(umask)
    try:
        run = project.spawn(*arguments, "nearest").wait()
    finally:
        os.umask(before)
    assert run.code == 0, run.out + run.err
    assert project.path("artifacts/.kept").stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("given", [(5,), (None,), (b"nearest/model",), ("nearest/model", 7)])
def test_a_name_that_is_no_text(built, given):
    """It is told with what a name looks like."""
    with pytest.raises(KeptError, match=r"an artifact is named by a str, not by a \w+(.|\n)*hint: kept.load"):
        kept.load(*given)
