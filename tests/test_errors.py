"""Every message has one shape: what happened, aligned facts, and a hint with the next action."""

import inspect
import pickle
import typing
from collections.abc import Sequence

import pytest

from kept import errors
from kept.errors import Facts, KeptError, make, nearest, one_line, size


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no")


def messages():
    """Return every function that makes a message."""
    found = []
    for name in errors.__all__:
        function = getattr(errors, name)
        if (
            inspect.isfunction(function)
            and function.__module__.startswith("kept.errors.")
            and typing.get_type_hints(function).get("return") is KeptError
        ):
            found.append(pytest.param(function, id=name))
    return [message for message in found if message.id != "make"]


SAMPLES = {
    str: "mnist:digits",
    int: 3,
    int | None: 3,
    object: "dodo.py:3",
    list[str]: ["one", "two"],
    tuple[str, ...]: ("one", "two"),
    Sequence[str]: ("one", "two"),
    ImportError: ModuleNotFoundError("No module named 'gone'", name="gone"),
    OSError: OSError(28, "No space left on device"),
    Exception: ValueError("bad"),
    KeptError: KeptError("what happened", (("fact", 1),), "do this"),
}


def sample(function):
    """Make a message with arguments that look like real ones."""
    hints = typing.get_type_hints(function)
    chosen = {name: next(v for k, v in SAMPLES.items() if k == hints[name]) for name in _required(function)}
    return function(**chosen)


def _required(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty]


@pytest.mark.parametrize("function", messages())
def test_every_message_has_the_shape(function):
    """One line says what happened, facts are aligned below it, the last line says what to do."""
    problem = sample(function)
    lines = str(problem).splitlines()
    assert lines[0] == problem.what
    assert "\n" not in problem.what
    assert not problem.what.endswith((".", "!", ":"))
    assert len(lines) == 1 + len(problem.facts) + 1
    assert lines[-1].startswith("hint: ")
    assert problem.hint.strip() == problem.hint != ""
    begin = {len(line) - len(line.partition(":")[2].lstrip()) for line in lines[1:-1]}
    assert len(begin) <= 1, "values of facts begin in one column"


@pytest.mark.parametrize("function", messages())
def test_every_message_is_said_when_it_is_said(function):
    """Each function says in its docstring which situation it is for."""
    assert inspect.getdoc(function)


def test_the_facts_stand_in_one_column():
    """Names are padded, so that values begin below each other."""
    problem = make(KeptError, "it broke", (("file", "x.py"), ("declared at", "dodo.py:3")), "mend it")
    assert str(problem) == "it broke\n  file:        x.py\n  declared at: dodo.py:3\nhint: mend it"


def test_a_message_may_have_neither_facts_nor_hint():
    """Nothing is padded, and nothing is promised."""
    assert str(KeptError("it broke")) == "it broke"


# ---- the host


class Host(Exception):
    """Stands for doit's own error, which it reports without a traceback."""


@pytest.fixture
def hosted(monkeypatch):
    monkeypatch.setattr(errors.shape, "_host", None)
    monkeypatch.setattr(errors.shape, "_hosted", {})
    errors.adopt(Host)


def test_an_error_is_also_one_of_the_host(hosted):
    """The door makes our errors count as its own; they stay what they are, subclasses too."""
    problem = errors.blob_missing("ab")
    assert isinstance(problem, Host)
    assert isinstance(problem, errors.BlobMissing)
    assert isinstance(errors.not_built("x"), KeptError)
    assert not isinstance(errors.not_built("x"), errors.BlobMissing)
    assert str(problem).startswith("a blob is missing")
    assert type(problem).__name__ == "BlobMissing"


def test_a_kind_is_hosted_once(hosted):
    """Two errors of a kind are of one class, so that `except type(problem)` means something."""
    assert type(errors.not_built("x")) is type(errors.no_project("x"))


@pytest.fixture
def alone(monkeypatch):
    """Take away the host that a door has set, if another test has imported one."""
    monkeypatch.setattr(errors.shape, "_host", None)
    monkeypatch.setattr(errors.shape, "_hosted", {})


def test_without_a_host_an_error_is_just_ours(alone):
    """In a script or a notebook there is no doit."""
    assert type(errors.not_built("x")) is KeptError


def test_an_error_crosses_processes(alone):
    """A worker's error arrives as it was raised."""
    problem = KeptError("it broke", (("file", "x"),), "mend it")
    arrived = pickle.loads(pickle.dumps(problem))
    assert type(arrived) is KeptError
    assert str(arrived) == str(problem)


def test_a_hosted_error_crosses_processes(hosted):
    """A worker's error arrives as it was raised, from under doit too."""
    problem = errors.blob_missing("ab")
    arrived = pickle.loads(pickle.dumps(problem))
    assert isinstance(arrived, errors.BlobMissing)
    assert str(arrived) == str(problem)


# ---- words


def test_one_line_shows_any_value():
    """A repr that is long, has lines in it or raises does not spoil a message."""
    assert one_line([1, 2]) == "[1, 2]"
    assert one_line("a\nb") == "'a\\nb'"
    assert "\n" not in one_line(type("Lines", (), {"__repr__": lambda _: "a\nb"})())
    assert len(one_line("x" * 1000)) == 60
    assert one_line("x" * 1000).endswith("…")
    assert len(one_line("x" * 1000, 200)) == 200
    assert one_line(Unshowable()) == "<Unshowable whose repr raises RuntimeError>"


def test_one_line_shows_no_address():
    """Where a value happens to lie says nothing to anybody, and is another one in the next run."""
    assert one_line(", ".join) == "', '.join"
    assert one_line(dict.fromkeys) == "dict.fromkeys"
    assert one_line(len) == "<built-in function len>"
    assert one_line([", ".join]) == "[<built-in method join of str object>]"
    assert one_line(object()) == "<object object>"
    assert one_line("<a at 0x1f>") == "'<a at 0x1f>'"


def test_nearest_names_what_was_probably_meant():
    """A misspelt name gets the names closest to it, an unrelated one none."""
    assert nearest("acuracy", ("accuracy", "model")) == "did you mean accuracy?"
    assert nearest("MnistTf", ("mnist", "mnist_tf", "mnist_tf:model")) == "did you mean mnist_tf?"
    assert nearest("clean", ("clean", "model")) == ""
    assert nearest("digit", ("digits", "digest", "model")) == "did you mean digits or digest?"
    assert nearest("zzz", ("accuracy", "model")) == ""
    assert nearest("x", ()) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_500_000, "1.5 MB"),
        (250_000_000, "250 MB"),
        (3 * 10**15, "3000 TB"),
    ],
)
def test_sizes_are_written_for_people(count, text):
    """Three digits and a unit are enough."""
    assert size(count) == text


def test_facts_are_what_they_are_called():
    """The type of facts is public to the rooms: pairs of a name and anything that can be shown."""
    facts: Facts = (("stage", "x"), ("value", 3))
    assert "value: 3" in str(KeptError("what", facts)).replace("  ", " ")
