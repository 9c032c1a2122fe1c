"""Which format a value gets, who may be read, and what a user may add."""

from __future__ import annotations

import ast
import importlib
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

import kept
from kept import errors, formats

ROOM = pathlib.Path(kept.__file__).parent


@pytest.mark.parametrize(
    ("dotted", "name"),
    [
        ("builtins.float", "json"),
        ("builtins.dict", "json"),
        ("builtins.None", "json"),
        ("builtins.tuple", None),
        ("builtins.object", None),
        ("numpy.ndarray", "npy"),
        ("numpy.typing.NDArray", "npy"),
        ("numpy.float64", None),
        ("pandas.DataFrame", "parquet"),
        ("pandas.core.frame.DataFrame", "parquet"),
        ("polars.dataframe.frame.DataFrame", "parquet"),
        ("pyarrow.lib.Table", "parquet"),
        ("sklearn.linear_model._logistic.LogisticRegression", "skops"),
        ("sklearn.base.BaseEstimator", "skops"),
        ("sklearn.utils._bunch.Bunch", None),
        ("keras.src.models.sequential.Sequential", "keras"),
        ("keras.Model", "keras"),
        ("tensorflow.keras.Model", "keras"),
        ("tensorflow.Tensor", None),
        ("keras.callbacks.History", None),
        ("pathlib.Path", "file"),
        ("pathlib._local.Path", "file"),
        ("stages.Model", None),
        ("Unresolved", None),
        (None, None),
        ("skops", "skops"),
        (".pkl", "pkl"),
        ("file.tar.gz", "file.tar.gz"),
    ],
)
def test_a_declared_type_decides(dotted, name):
    """A declared type, or the text of Annotated, gives the format; None leaves it to the value."""
    chosen = formats.for_annotation(dotted)
    assert (chosen.name if chosen else None) == name


def test_choosing_imports_nothing():
    """Declaring a pipeline that returns data frames and models loads neither pandas nor TensorFlow."""
    program = (
        "import sys\nfrom kept import formats\n"
        "[formats.for_annotation(t) for t in ('pandas.DataFrame', 'keras.Model', 'sklearn.base.X', 'numpy.ndarray')]\n"
        "[formats.for_value(v).name for v in (1, 'a', [1.5], {'a': None})]\n"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'numpy', 'pandas', 'polars', 'pyarrow', 'sklearn', 'skops', 'keras', 'tensorflow', 'cloudpickle'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOM.parent, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_format_names_the_nearest():
    """A slip in Annotated is answered with the word that was meant."""
    with pytest.raises(errors.KeptError, match="did you mean 'parquet'"):
        formats.named("parqet")


class Upper:
    """A format of a user's own: text in capitals, which loses small letters and says so."""

    name, suffix, types, safe = "upper", ".up", ("tests.Text",), True

    def save(self, value, path):
        if value != value.upper():
            raise formats.Unfit("small letters would be lost", "write it in capitals")
        path.write_text(value)

    def load(self, path):
        return path.read_text()


@pytest.fixture
def upper():
    """Register a format for one test."""
    from kept.formats import registry

    before = dict(registry._formats)
    formats.register(Upper())
    yield
    registry._formats.clear()
    registry._chosen.clear()
    registry._formats.update(before)


@pytest.mark.usefixtures("upper")
def test_a_user_adds_a_format(tmp_path):
    """A small class with a name, a suffix, save and load is all it takes; its types choose it."""
    chosen = formats.for_annotation("upper")
    assert formats.for_annotation("tests.Text") is chosen is formats.named(".up")
    assert formats.save("ABC", chosen, tmp_path / "a.up") == formats.Saved("upper", "str")
    assert formats.load("upper", tmp_path / "a.up", trusted=False) == "ABC"
    with pytest.raises(errors.DoesNotFit, match="small letters would be lost"):
        formats.save("abc", chosen, tmp_path / "b.up")


class Broken(Upper):
    name, types = "broken", (f"{__name__}.Thing",)

    def save(self, value, path):
        raise ZeroDivisionError("oh")

    load = save


class Thing:
    pass


@pytest.mark.usefixtures("upper")
def test_a_users_broken_format_ends_in_a_message(tmp_path):
    """What a format raises is told with the artifact's name; it is not hidden behind another format."""
    formats.register(Broken())
    with pytest.raises(errors.DoesNotFit, match="ZeroDivisionError: oh"):
        formats.save_by_value(Thing(), tmp_path / "x", "a/b")


def test_only_data_is_read_from_strangers(tmp_path):
    """Without trust pickles, estimators and networks are refused before a byte is read; data is not."""
    (tmp_path / "v").write_text("1\n")
    for name in ("pkl", "skops", "keras"):
        with pytest.raises(errors.UntrustedFormat, match="not trusted") as caught:
            formats.load(name, tmp_path / "v", trusted=False)
        assert "`chmod -R go-w`" in caught.value.hint
        assert 'trust = "group" in [tool.kept]' in caught.value.hint
    assert formats.load("json", tmp_path / "v", trusted=False) == 1


def test_a_pickle_whose_module_is_gone_is_not_called_damaged(tmp_path, monkeypatch):
    """The file is as good as ever: what is missing is named."""
    (tmp_path / "gone.py").write_text("class Model: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("gone")
    formats.save(module.Model(), formats.named("pkl"), tmp_path / "v.pkl")
    monkeypatch.delitem(sys.modules, "gone")
    (tmp_path / "gone.py").unlink()
    importlib.invalidate_caches()
    with pytest.raises(errors.KeptError) as caught:
        formats.load("pkl", tmp_path / "v.pkl", artifact="a/b")
    assert not isinstance(caught.value, errors.Damaged)
    assert caught.value.what == "a/b cannot be read here"
    assert dict(caught.value.facts)["reason"] == "ModuleNotFoundError: No module named 'gone'"
    assert caught.value.hint == "install or bring back gone, or build it again"


def test_a_pickle_is_never_read_as_data(tmp_path):
    """The reader's word decides: no format looks into a file to find that it is a pickle."""
    bomb = pickle.dumps(Bomb())
    for name in ("npy", "json", "parquet"):
        (tmp_path / "v").write_bytes(bomb)
        with pytest.raises(errors.KeptError):
            formats.load(name, tmp_path / "v")
    np.save(tmp_path / "o.npy", np.array([Bomb()]), allow_pickle=True)
    with pytest.raises(errors.Damaged):
        formats.load("npy", tmp_path / "o.npy")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle ran",))


READERS = {
    "pickle": {"load", "loads", "Unpickler"},
    "cloudpickle": {"load", "loads"},
    "joblib": {"load"},
    "dill": {"load", "loads"},
    "numpy": {"load", "fromfile", "memmap", "open_memmap", "read_array"},
    "skops": {"load", "loads"},
    "keras": {"load_model"},
    "torch": {"load"},
}


FROM_OUR_OWN_CHILDREN = ("executors.py", "pickle.loads")  # through a pipe that they inherited; never a file


def test_nothing_else_in_kept_deserialises():
    """Only the room `formats` calls a library's reader, and only `formats.load` calls the room's formats."""
    found = []
    for file in sorted(ROOM.rglob("*.py")):
        inside = file.relative_to(ROOM).parts[0] == "formats"
        tree = ast.parse(file.read_text())
        imported = {
            (alias.asname or alias.name).partition(".")[0]: name.partition(".")[0]
            for item in ast.walk(tree)
            if isinstance(item, (ast.Import, ast.ImportFrom))
            for alias in item.names
            for name in [getattr(item, "module", None) or alias.name]
        }
        for item in ast.walk(tree):
            if isinstance(item, ast.Attribute) and item.attr in {n for names in READERS.values() for n in names}:
                owner = item.value
                while isinstance(owner, ast.Attribute):
                    owner = owner.value
                library = imported.get(getattr(owner, "id", ""), "")
                allowed = inside or (file.name, f"{library}.{item.attr}") == FROM_OUR_OWN_CHILDREN
                if not allowed and item.attr in READERS.get(library, ()):
                    found.append(f"{file.name}:{item.lineno} {library}.{item.attr}")
            if isinstance(item, ast.ImportFrom) and item.module in READERS and not inside:
                found += [
                    f"{file.name}:{item.lineno} {item.module}.{a.name}"
                    for a in item.names
                    if a.name in READERS[item.module]
                ]
            if isinstance(item, ast.ImportFrom) and "formats." in (item.module or "") and not inside:
                found.append(f"{file.name}:{item.lineno} goes round formats.load")
    assert found == []


def test_pickles_name_the_projects_classes(tmp_path, monkeypatch):
    """A record can say whose code a pickle needs: the project's classes and functions, no library's."""
    (tmp_path / "shapes.py").write_text(
        "import collections\n"
        "class Side: pass\n"
        "class Square:\n"
        "    class Inner: pass\n"
        "    def __init__(self): self.side, self.inner, self.f = Side(), self.Inner(), area\n"
        "def area(): return 4\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import shapes

    value = {"square": shapes.Square(), "path": pathlib.PurePath("a"), "array": np.ones(1), "kind": shapes.Side}
    path, saved = formats.save_by_value(value, tmp_path / "v")
    assert path.suffix == ".pkl"
    assert saved.classes == ("shapes:Side", "shapes:Square", "shapes:Square.Inner", "shapes:area")
    import pickletools

    text = {arg for _, arg, _ in pickletools.genops(path.read_bytes()) if isinstance(arg, str)}
    assert {"Side", "Square", "Square.Inner", "area"} <= text
    assert formats.load("pkl", path)["square"].f() == 4
    monkeypatch.delitem(sys.modules, "shapes")


def test_what_cannot_be_pickled_is_told(tmp_path):
    """A generator has no form on disk; the message says so and what to do."""
    with pytest.raises(errors.DoesNotFit, match="cannot be pickled") as told:
        formats.save_by_value((i for i in "ab"), tmp_path / "v", "a/b")
    assert "return list(...)" in told.value.hint


def test_what_an_async_function_gives_is_told(tmp_path):
    """Nobody awaits a stage; the hint says who could."""

    async def stage():
        return 1

    given = stage()
    with pytest.raises(errors.DoesNotFit) as told:
        formats.save_by_value(given, tmp_path / "v", "a/b")
    with pytest.raises(errors.DoesNotFit) as declared:
        formats.save(given, formats.named("json"), tmp_path / "w", "a/b")
    given.close()
    assert "asyncio.run" in told.value.hint
    assert "asyncio.run" in declared.value.hint


class Unreadable:
    def __reduce__(self):
        return (int, ("not a number",))


def test_what_pickles_but_does_not_come_back_is_refused(tmp_path):
    """A pickle is read back before it is recorded: else every consumer would fail, each time."""
    with pytest.raises(errors.DoesNotFit, match="cannot be read back"):
        formats.save_by_value(Unreadable(), tmp_path / "v")


def test_a_full_disk_is_not_a_misfit(tmp_path):
    """What the system refuses is told as such."""
    with pytest.raises(errors.KeptError, match="cannot be written") as refused:
        formats.save([1], formats.named("json"), tmp_path / "no" / "v.json", "a/b")
    assert not isinstance(refused.value, errors.DoesNotFit)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, "float"),
        (None, "None"),
        ([1, 2], "list (2)"),
        (np.zeros((2, 3), "u1"), "ndarray (2, 3) uint8"),
        (np.zeros(3), "ndarray (3) float64"),
        (pathlib.Path("no"), "file"),
        (Thing(), "Thing"),
    ],
)
def test_kinds_are_short(value, kind):
    """A kind fits into a line of a report."""
    assert formats.describe(value) == kind


def test_a_summary_is_small_and_never_fails():
    """Arrays show their range, long values are cut, a broken repr is survived."""
    assert ("max", "4") in formats.summary(np.arange(5))
    assert len(formats.summary("x" * 10_000)[1][1]) <= 60
    assert formats.summary(10**5000)[0] == ("kind", "int")
