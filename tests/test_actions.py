"""An action is all that decides an artifact: what is in it decides, what is not does not."""

import dataclasses
import json

import pytest

from kept.actions import (
    SCHEME,
    Acceptance,
    Action,
    Cause,
    Claim,
    Given,
    Outcome,
    Output,
    Param,
    Part,
    Reason,
    Record,
)
from kept.differences import differences
from kept.digest import Digest, canonical_json, digest_bytes

ACTION = Action(
    code="c0",
    parts={"recipes.train": Part("d0", "recipes.py:3"), "recipes.helper": Part("d1", "recipes.py:9")},
    params={"epochs": Param("p1", "1"), "rate": Param("p2", "0.1")},
    inputs={"X": Given(Digest("a" * 64, 80), "npy", "mnist/digits/X"), "path": Given(Digest("b" * 64, 8), "file", "f")},
    environment={"LEVEL": "unset"},
    formats={"": ""},
    libraries={"numpy": "2.4.6"},
    python="cpython 3.12",
    seed=0,
)
OUTPUT = Output("X", Digest("c" * 64, 12), "npy", ".npy", "ndarray (3,) float64", ("models:Linear",), tree=False)
RECORD = Record(
    action=ACTION,
    outputs=(OUTPUT, dataclasses.replace(OUTPUT, name="y", tree=True)),
    stage="mnist:model",
    function="recipes.train",
    seconds=1.25,
    when="2026-11-23T04:00:00+00:00",
    host="there",
    commit="0" * 40,
    dirty=True,
    reasons=("never built",),
    versions={"numpy": "2.4.6"},
    sources=Digest("d" * 64, 99),
    accepted=Acceptance("ann", "2026-11-23T05:00:00+00:00", "renamed", "e" * 64),
)


def changed(**fields):
    return dataclasses.replace(ACTION, **fields)


# One line for each thing that decides: another key, exactly this reason.
DECIDES = {
    "code of a part": (
        changed(code="c1", parts={**ACTION.parts, "recipes.helper": Part("d2", "recipes.py:10")}),
        [Reason(Cause.CODE, "recipes.helper", "", "", "recipes.py:10")],
    ),
    "a part more": (
        changed(code="c1", parts={**ACTION.parts, "recipes.other": Part("d3", "recipes.py:12")}),
        [Reason(Cause.CODE, "recipes.other", "", "", "recipes.py:12")],
    ),
    "a part less": (
        changed(code="c1", parts={"recipes.train": ACTION.parts["recipes.train"]}),
        [Reason(Cause.CODE, "recipes.helper", "", "", "recipes.py:9")],
    ),
    "code, in no part": (changed(code="c1"), [Reason(Cause.CODE)]),
    "parameter": (
        changed(params={**ACTION.params, "epochs": Param("p3", "2")}),
        [Reason(Cause.PARAMETER, "epochs", "1", "2")],
    ),
    "parameter more": (
        changed(params={**ACTION.params, "new": Param("p3", "3")}),
        [Reason(Cause.PARAMETER, "new", "", "3")],
    ),
    "parameter less": (
        changed(params={"epochs": ACTION.params["epochs"]}),
        [Reason(Cause.PARAMETER, "rate", "0.1", "")],
    ),
    "input": (
        changed(inputs={**ACTION.inputs, "X": Given(Digest("f" * 64, 1234), "npy", "mnist/digits/X")}),
        [Reason(Cause.INPUT, "X", "aaaaaaaa (80 bytes)", "ffffffff (1,234 bytes)", "mnist/digits/X")],
    ),
    "input in another format": (
        changed(inputs={**ACTION.inputs, "X": Given(Digest("a" * 64, 80), "pkl", "mnist/digits/X")}),
        [Reason(Cause.INPUT, "X", "npy", "pkl", "mnist/digits/X")],
    ),
    "library": (changed(libraries={"numpy": "2.5"}), [Reason(Cause.LIBRARY, "numpy", "2.4.6", "2.5")]),
    "library more": (
        changed(libraries={**ACTION.libraries, "scipy": "1"}),
        [Reason(Cause.LIBRARY, "scipy", "", "1")],
    ),
    "library less": (changed(libraries={}), [Reason(Cause.LIBRARY, "numpy", "2.4.6", "")]),
    "environment": (changed(environment={"LEVEL": "1234"}), [Reason(Cause.ENVIRONMENT, "LEVEL")]),
    "python": (changed(python="cpython 3.13"), [Reason(Cause.PYTHON, "", "cpython 3.12", "cpython 3.13")]),
    "seed": (changed(seed=1), [Reason(Cause.SEED, "", "0", "1")]),
    "no seed": (changed(seed=None), [Reason(Cause.SEED, "", "0", "None")]),
    "class": (changed(gone=("m:C",)), [Reason(Cause.CLASS, "m:C", "there", "gone")]),
    "format": (changed(formats={"": "npy"}), [Reason(Cause.FORMAT, "", "", "npy")]),
}


@pytest.mark.parametrize(("now", "reasons"), DECIDES.values(), ids=DECIDES)
def test_whatever_decides_is_in_the_key_and_in_the_reasons(now, reasons):
    """Each field alone makes another key, and the difference names it and nothing else."""
    assert now.key != ACTION.key
    assert list(differences(ACTION, now)) == reasons


@pytest.mark.parametrize(("now", "reasons"), DECIDES.values(), ids=DECIDES)
def test_a_change_that_is_taken_back_is_none(now, reasons):
    """The way back names the same things, and there the key is the old one."""
    back = differences(now, ACTION)
    assert {(r.cause, r.name, r.old, r.new) for r in back} == {(r.cause, r.name, r.new, r.old) for r in reasons}
    assert differences(now, now) == ()


def test_each_change_has_a_key_of_its_own():
    """No two of these changes lead to one key."""
    keys = [now.key for now, _ in DECIDES.values()]
    assert len({ACTION.key, *keys}) == len(keys) + 1 - 3  # four of them are one change of code


def test_changes_are_told_together():
    """Reasons come in the order in which they arise: code, parameters, inputs, libraries."""
    now = changed(code="c1", params={}, inputs={}, libraries={}, python="x")
    causes = [reason.cause for reason in differences(ACTION, now)]
    assert causes == sorted(causes, key=list(Cause).index)
    assert set(causes) == {Cause.CODE, Cause.PARAMETER, Cause.INPUT, Cause.LIBRARY, Cause.PYTHON}


@pytest.mark.parametrize(
    "now",
    [
        changed(parts={name: Part(part.digest, "elsewhere.py:1") for name, part in ACTION.parts.items()}),
        changed(parts={}),
        changed(params={name: Param(param.digest, "shown otherwise") for name, param in ACTION.params.items()}),
        changed(inputs={name: Given(i.digest, i.format, "renamed") for name, i in ACTION.inputs.items()}),
        changed(params=dict(reversed(ACTION.params.items()))),
    ],
    ids=["places", "parts", "texts", "upstream names", "order"],
)
def test_what_is_for_people_does_not_decide(now):
    """Places, texts and the names of upstream artifacts are not in the key: a rename costs nothing."""
    assert now.key == ACTION.key
    assert differences(ACTION, now) == ()


def test_the_key_is_a_digest():
    """Sixty-four hex digits, the same each time it is computed."""
    assert len(ACTION.key) == 64
    assert changed().key == ACTION.key


# ---- written and read


@pytest.mark.parametrize("now", [ACTION, *(now for now, _ in DECIDES.values())])
def test_an_action_is_read_as_it_was_written(now):
    """Through JSON and back it is the same action, its key included."""
    read = Action.from_json(json.loads(canonical_json(now.as_json())))
    assert read == now
    assert read.key == now.key


def test_a_record_is_read_as_it_was_written():
    """Through JSON and back nothing of a record is lost."""
    assert Record.from_json(json.loads(canonical_json(RECORD.as_json()))) == RECORD
    bare = dataclasses.replace(RECORD, sources=None, accepted=None, outputs=())
    assert Record.from_json(json.loads(canonical_json(bare.as_json()))) == bare


def _without(name):
    written = json.loads(canonical_json(RECORD.as_json()))
    del written[name]
    return written


def _with(**fields):
    return {**json.loads(canonical_json(RECORD.as_json())), **fields}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Record)])
def test_a_record_that_lacks_something_is_none(name):
    """A record that cannot be read whole is a miss, never half a record."""
    assert Record.from_json(_without(name)) is None


@pytest.mark.parametrize(
    "written",
    [
        {},
        _with(action={}),
        _with(action=None),
        _with(action={**RECORD.action.as_json(), "scheme": SCHEME + 1}),
        _with(action={**RECORD.action.as_json(), "parts": {"x": ["too few"]}}),
        _with(action={**RECORD.action.as_json(), "inputs": {"x": [1, 2]}}),
        _with(outputs=[{"name": "x"}]),
        _with(outputs=3),
        _with(sources={"digest": "x"}),
        _with(accepted={"who": "ann"}),
        _with(accepted={"stranger": 1}),
        _with(reasons=None),
        [],
        None,
    ],
    ids=str,
)
def test_a_record_that_is_malformed_or_of_another_scheme_is_none(written):
    """What was written otherwise is built again, whatever it is."""
    assert Record.from_json(written) is None


def test_a_claim_is_read_as_it_was_written():
    """What artifacts/ shows is remembered whole, or not at all."""
    claim = Claim("k" * 64, (OUTPUT, dataclasses.replace(OUTPUT, name="", tree=True)))
    assert Claim.from_bytes(claim.as_bytes()) == claim
    assert Claim.from_bytes(Claim("k", ()).as_bytes()) == Claim("k", ())


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b'["key"]', b'["key", [{}]]', b'["key", 3]', b"[1, 2, 3]", b"\xff", b'["key", [null]]'],
)
def test_a_damaged_claim_is_none(data):
    """Then nothing is claimed, and the files are put in place again."""
    assert Claim.from_bytes(data) is None


# ---- words


def test_the_outcomes_are_the_words_of_the_screen():
    """Four outcomes, the same words everywhere."""
    assert [outcome.value for outcome in Outcome] == ["up to date", "restored", "built", "failed"]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(Cause.NEVER_BUILT), "never built"),
        (Reason(Cause.CODE, "recipes.train", "", "", "recipes.py:3"), "code recipes.train"),
        (Reason(Cause.PARAMETER, "epochs", "1", "2"), "parameter epochs: 1 → 2"),
        (Reason(Cause.PARAMETER, "epochs", "", "2"), "parameter epochs: (nothing) → 2"),
        (Reason(Cause.PARAMETER, "epochs", "1", ""), "parameter epochs: 1 → (nothing)"),
        (Reason(Cause.WAITS, "mnist:digits"), "mnist:digits comes first"),
        (Reason(Cause.PYTHON, "", "cpython 3.12", "cpython 3.13"), "python: cpython 3.12 → cpython 3.13"),
        (Reason(Cause.MISSING, "artifacts/x.npy"), "artifact missing artifacts/x.npy"),
    ],
)
def test_a_reason_is_one_line(reason, text):
    """What changed, from what to what."""
    assert str(reason) == text


def test_a_digest_in_a_reason_is_short():
    """Eight digits are enough to tell two digests apart by eye."""
    now = changed(inputs={**ACTION.inputs, "X": Given(digest_bytes(b"x"), "npy", "n")})
    (reason,) = differences(ACTION, now)
    assert str(reason) == "input X: aaaaaaaa (80 bytes) → 2d711642 (1 bytes)"
