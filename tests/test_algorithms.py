"""Content is named by SHA-256 or, where the settings say so, by BLAKE3; one never passes for the other."""

import hashlib
import os
import pickle
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_pieces import action, blob, everything, key, make_folder, overwrite, record_of

from kept import errors, formats, settings
from kept.actions import Output
from kept.build.executing import load
from kept.build.workplace import Workplace
from kept.digest import Digest, Memo, Stat, digest_bytes, digest_file, digest_tree
from kept.formats.writing import Digesting
from kept.store import Store, digest_folder

blake3 = pytest.importorskip("blake3").blake3
TRUE = {"sha256": hashlib.sha256, "blake3": blake3}
OTHER = {"sha256": "blake3", "blake3": "sha256"}
both = pytest.mark.parametrize("algorithm", sorted(TRUE))


def of(data, algorithm):
    return Digest(TRUE[algorithm](data).hexdigest(), len(data))


@pytest.fixture
def store(tmp_path, algorithm):
    return Store(tmp_path / "store", algorithm=algorithm)


def looks(root):
    return {name: Stat.of(root / name) for name in everything(root)}


# ---- names


@both
@given(st.binary(max_size=5000), st.integers(1, 700), st.lists(st.integers(0, 5000), max_size=4))
def test_bytes_a_file_and_what_is_written_piece_by_piece_have_one_name(tmp_path_factory, algorithm, data, many, cuts):
    """Each way gives the algorithm's own digest, also beyond the size of a piece."""
    data = data * many
    place = tmp_path_factory.mktemp("named") / "file"
    with Digesting(place, algorithm) as file:
        for begin, end in pairwise(sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})):
            file.write(memoryview(data)[begin:end])
    written = file.written()
    assert place.read_bytes() == data
    assert (written.stat, written.algorithm) == (Stat.of(place), algorithm)
    assert written.digest == digest_bytes(data, algorithm) == digest_file(place, algorithm) == of(data, algorithm)


def test_the_digest_of_blake3_is_the_published_one():
    """As its authors give it."""
    assert digest_bytes(b"", "blake3").hex == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


# ---- a store


@both
def test_a_store_says_its_algorithm_and_names_all_by_it(store, tmp_path, algorithm):
    """Bytes, files, files of its own workshop, folders."""
    (tmp_path / "file").write_bytes(b"f" * 3_000_000)
    assert store.put_bytes(b"x") == of(b"x", algorithm)
    assert store.put(tmp_path / "file") == of(b"f" * 3_000_000, algorithm)
    with store.workshop() as shop:
        (shop / "file").write_bytes(b"adopted")
        assert store.put(shop / "file") == of(b"adopted", algorithm)
    folder = make_folder(tmp_path / "folder")
    tree = store.put(folder)
    assert tree == store.name(folder) == digest_folder(folder, lambda p: digest_file(p, algorithm), algorithm)
    assert store.name(tmp_path / "file") == of(b"f" * 3_000_000, algorithm)
    store.restore(tree, tmp_path / "out", tree=True)
    assert store.name(tmp_path / "out") == tree
    assert (store.root / "version").read_bytes() == f"1 {algorithm}\n".encode()
    assert store.verify().exit_code == 0


@both
@pytest.mark.parametrize("ask", ["path", "read", "restore"])
def test_damage_is_seen_and_set_aside(store, tmp_path, algorithm, ask):
    """Whatever names content, it is compared before it is handed out."""
    digest = store.put_bytes(b"x" * 1000)
    store.publish(key("a"), record_of(digest))
    overwrite(blob(store, digest), b"x" * 999 + b"y")
    assert store.verify().exit_code == 1
    fresh = pickle.loads(pickle.dumps(store))
    assert fresh.algorithm == algorithm
    if ask == "path":
        assert fresh.path(digest) is None
    else:
        with pytest.raises(errors.BlobMissing):
            fresh.read(digest) if ask == "read" else fresh.restore(digest, tmp_path / "out")
    assert len(list((store.root / "quarantine").iterdir())) == 1
    assert store.put_bytes(b"x" * 1000) == digest
    assert store.read(digest) == b"x" * 1000


@both
def test_a_store_of_the_other_algorithm_is_refused_untouched(store, tmp_path, algorithm):
    """By name, with both algorithms and the ways out, whatever is asked of it."""
    digest = store.put_bytes(b"x")
    store.publish(key("a"), record_of(digest))
    before = looks(store.root)
    other = Store(store.root, algorithm=OTHER[algorithm])
    for ask in (
        other.check,
        lambda: other.put_bytes(b"y"),
        lambda: other.lookup(key("a")),
        lambda: other.path(digest),
        lambda: other.holds(digest),
        lambda: other.read(digest),
        lambda: other.publish(key("b"), record_of(digest)),
        lambda: other.withdraw(key("a")),
        other.gc,
        other.verify,
        other.du,
        lambda: other.workshop().__enter__(),
        lambda: other.lock(key("a")).__enter__(),
        lambda: other.restore(digest, tmp_path / "t"),
    ):
        with pytest.raises(errors.StoreAlgorithm) as caught:
            ask()
        assert dict(caught.value.facts) == {"store": str(store.root), "its digests": algorithm, "set": OTHER[algorithm]}
        assert f'digest = "{algorithm}"' in caught.value.hint
    assert looks(store.root) == before
    assert action(store, key("a")).exists()


@both
def test_what_a_format_has_named_otherwise_is_read(tmp_path, algorithm):
    """A digest that was taken on the way counts in a store of that algorithm only; kept's own formats name by it."""
    saved = formats.save(np.arange(9), formats.named("npy"), tmp_path / "a.npy", "", algorithm)
    assert saved.written.algorithm == algorithm
    assert saved.written.digest == digest_file(tmp_path / "a.npy", algorithm)
    for value in (np.arange(9), [1, "two"]):
        path, saved = formats.save_by_value(value, tmp_path / f"by {type(value).__name__}", "", algorithm)
        assert (saved.written.algorithm, saved.written.digest) == (algorithm, digest_file(path, algorithm))


@both
def test_a_worker_looks_at_inputs_by_the_algorithm_of_its_store(tmp_path, algorithm):
    """Else every input would seem to have moved while the stage ran, and nothing would be recorded."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"abc")
    place = Workplace(str(tmp_path / "store"), algorithm)
    assert place.named(str(tmp_path / "in" / "file")) == of(b"abc", algorithm)
    memo = Memo(tmp_path / "memo.db", algorithm=algorithm)
    assert digest_tree(tmp_path / "in", place.named) == digest_tree(tmp_path / "in", memo.content)


@both
def test_a_lost_blob_is_given_back_from_the_artifact(store, tmp_path, algorithm):
    """If that holds what was recorded, by the store's own algorithm."""
    file = tmp_path / "value.json"
    file.write_text("[1]")
    output = Output("", of(b"[1]", algorithm), "json", ".json")
    assert load(output, store, file) == [1]
    assert store.path(output.digest) is not None
    file.write_text("[2]")
    overwrite(blob(store, output.digest), b"[3]")
    with pytest.raises(errors.KeptError, match="is gone"):
        load(output, store, file)


# ---- what is remembered


def test_no_memory_hands_out_a_digest_of_the_other_algorithm(tmp_path, monkeypatch):
    """Files stay as they are, the setting goes there and back, in one process and in the next."""
    now_ns = Memo.now_ns
    monkeypatch.setattr(Memo, "now_ns", lambda self: now_ns(self) + 10**10)  # no file is too young to be remembered
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    for algorithm in ("sha256", "blake3", "sha256", "blake3"):
        memo = Memo(tmp_path / "memo.db", algorithm=algorithm)
        for _ in range(2):
            assert memo.content(file) == memo.tree(file) == of(b"abc", algorithm)
            assert memo.file(file) == of(b"abc", "sha256")  # of code, whatever the store has
        assert memo.seen(str(file)) == Stat.of(file)
        memo.close()


@both
def test_what_was_noted_of_a_restored_file_is_of_one_algorithm(tmp_path, algorithm):
    """Nobody reads such a file again: so the memory must know what its digest is."""
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    memo = Memo(tmp_path / "memo.db", algorithm=algorithm)
    noted = Digest("0" * 64, 3)
    memo.note(file, Stat.of(file), noted, certain=True)
    assert memo.content(file) == noted
    memo.close()
    assert Memo(tmp_path / "memo.db", algorithm=algorithm).content(file) == noted
    assert Memo(tmp_path / "memo.db", algorithm=OTHER[algorithm]).content(file) == of(b"abc", OTHER[algorithm])


@both
def test_many_remembered_files_keep_their_algorithm(tmp_path, monkeypatch, algorithm):
    """Also where all rows are read at once."""
    now_ns = Memo.now_ns
    monkeypatch.setattr(Memo, "now_ns", lambda self: now_ns(self) + 10**10)
    files = [tmp_path / str(number) for number in range(450)]
    for number, file in enumerate(files):
        file.write_bytes(b"%d" % number)
    for given_ in (algorithm, OTHER[algorithm], algorithm):
        memo = Memo(tmp_path / "memo.db", algorithm=given_)
        assert [memo.content(file) for file in files] == [of(b"%d" % n, given_) for n in range(450)]
        memo.close()


# ---- the module


def test_without_the_module_both_ways_to_it_are_named(tmp_path, monkeypatch):
    """When the settings are read, and where content would be digested."""
    monkeypatch.setitem(sys.modules, "blake3", None)
    (tmp_path / "pyproject.toml").write_text('[tool.kept]\ndigest = "blake3"\n')
    store = Store(tmp_path / "store", algorithm="blake3")
    for ask in (lambda: settings.read(tmp_path), lambda: digest_bytes(b"", "blake3"), lambda: store.put_bytes(b"")):
        with pytest.raises(errors.KeptError, match="blake3 is not installed") as caught:
            ask()
        assert 'pip install "kept[blake3]"' in caught.value.hint
    assert not store.root.exists()
    (tmp_path / "pyproject.toml").write_text('[tool.kept]\ndigest = "sha256"\n')
    assert settings.read(tmp_path).digest == "sha256"


# ---- whole projects


@pytest.fixture
def fast(project):
    """Give a project whose content is named by BLAKE3."""
    project.write("pyproject.toml", '[tool.kept]\ndigest = "blake3"\n')
    return project


def built(project, *arguments):
    run = project.doit(*arguments, "nearest", "majority")
    assert run.code == 0, run
    return run


def clean(project, to):
    """Return what a copy that never had a store builds, by SHA-256."""
    fresh = project.copy(to)
    fresh.path("pyproject.toml").unlink(missing_ok=True)
    built(fresh)
    return fresh.shown()


def test_a_pipeline_is_built_left_alone_rebuilt_and_restored(fast, tmp_path):
    """By one name of each thing in all processes; nothing is stale, nothing runs twice."""
    assert len(built(fast).ran) == 6
    assert fast.read("artifacts/.kept/version") == "1 blake3\n"
    assert fast.shown() == clean(fast, tmp_path / "clean")
    for _ in range(2):
        assert built(fast).ran == []
    fast.edit("dodo.py", "shrink=0.1", "shrink=0.3")
    assert set(built(fast).ran) == {"model", "accuracy"}
    assert fast.shown() == clean(fast, tmp_path / "changed")
    fast.edit("dodo.py", "shrink=0.3", "shrink=0.1")
    assert built(fast).ran == []
    assert fast.shown() == clean(fast, tmp_path / "back")
    fast.write("artifacts/nearest/accuracy.json", "0.99\n")
    assert built(fast).ran == []
    assert fast.shown() == clean(fast, tmp_path / "damaged")
    text = fast.read("data/points.csv")
    fast.write("data/points.csv", text.rstrip("\n").rpartition("\n")[0] + "\n")
    assert built(fast).ran != []
    assert fast.shown() == clean(fast, tmp_path / "input")
    assert fast.kept("verify").code == 0


def test_workers_use_the_algorithm_of_the_store(fast, tmp_path):
    """Spawned processes record and hand on what the first one finds again."""
    assert len(built(fast, "-n", "2").ran) == 6
    assert built(fast).ran == []
    assert built(fast, "-n", "2").ran == []
    assert fast.kept("verify").code == 0
    fast.doit("clean")
    run = built(fast, "-n", "2")
    assert (run.ran, set(run.outcomes.values())) == ([], {"restored"})
    assert fast.shown() == clean(fast, tmp_path / "clean")


def test_every_verb_works_in_such_a_store(fast):
    """None of them names content by itself."""
    built(fast)
    fast.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    built(fast)
    shown = fast.kept("show", "nearest/accuracy")
    data = fast.path("artifacts/nearest/accuracy.json").read_bytes()
    assert f"blake3 {blake3(data).hexdigest()}" in shown.out
    assert "as recorded" in shown.out
    runs = [line.split()[0] for line in fast.kept("log").out.splitlines() if line]
    assert runs
    for verb in (
        ("verify",),
        ("gc",),
        ("du",),
        ("log",),
        ("plan", "nearest"),
        ("graph",),
        ("diff", "nearest", "majority"),
    ):
        run = fast.kept(*verb)
        assert run.code in ((0, 1) if verb[0] in ("plan", "diff") else (0,)), run
        assert "Traceback" not in run.err
    run = fast.kept("debug", "nearest:accuracy", typed="c\n")
    assert run.code == 0, run
    assert fast.doit("report").code == 0
    loaded = fast.python("from dodo import Nearest; print([r.load('accuracy') for r in Nearest.runs()])")
    assert loaded.code == 0, loaded
    assert fast.kept("forget", "nearest").code == 0
    assert fast.kept("verify").code == 0


@pytest.mark.parametrize("place", ["artifacts/.kept", "elsewhere/store"])
def test_a_change_of_the_setting_is_refused_and_taken_back_without_harm(project, place):
    """The old store stays as it is, and goes on as if nothing had happened."""
    project.write("pyproject.toml", f'[tool.kept]\nstore = "{place}"\n')
    built(project)
    shown = project.shown()
    before = everything(project.path(place))
    project.write("pyproject.toml", f'[tool.kept]\nstore = "{place}"\ndigest = "blake3"\n')
    for run in (
        project.doit(),
        project.doit("-n", "2"),
        project.doit("why"),
        *map(project.kept, ("verify", "gc", "du")),
    ):
        assert run.code == 3, run
        assert run.err.removeprefix("ERROR: ").startswith("the store names its content by another algorithm"), run
        assert 'set `digest = "sha256"` in [tool.kept]' in run.err
        assert "Traceback" not in run.err
    assert (project.shown(), everything(project.path(place))) == (shown, before)
    project.write("pyproject.toml", f'[tool.kept]\nstore = "{place}"\n')
    assert built(project).ran == []
    assert project.shown() == shown
    assert project.kept("verify").code == 0


def test_two_stores_in_turn_never_show_what_is_stale(project, tmp_path):
    """The same artifacts/ and inputs under both algorithms, edits in between, sizes and times put back."""
    data = project.path("data/points.csv")
    texts = [data.read_bytes(), data.read_bytes().replace(b"1", b"2")]
    assert len(texts[0]) == len(texts[1])
    project.old = True  # so that all is remembered
    expected = []
    for number, text in enumerate(texts):
        data.write_bytes(text)
        expected.append(clean(project, tmp_path / str(number)))
    assert expected[0] != expected[1]
    time = os.stat(data)
    tables = ['store = "one"\n', 'store = "two"\ndigest = "blake3"\n']
    for turn, (table, text) in enumerate([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 0)]):
        project.write("pyproject.toml", "[tool.kept]\n" + tables[table])
        data.write_bytes(texts[text])
        os.utime(data, ns=(time.st_atime_ns, time.st_mtime_ns))
        run = built(project, *(["-n", "2"] if turn == 3 else []))
        assert project.shown() == expected[text]
        assert run.ran == [] or turn < 4
        assert built(project).ran == []
        assert project.kept("verify").code == 0


def test_a_store_that_has_lost_its_version_is_made_good(fast, tmp_path):
    """Names of another algorithm count for nothing: all is built again, under the right ones."""
    fast.write("pyproject.toml", "")
    built(fast)
    fast.path("artifacts/.kept/version").unlink()
    fast.write("pyproject.toml", '[tool.kept]\ndigest = "blake3"\n')
    built(fast)
    assert fast.shown() == clean(fast, tmp_path / "clean")
    assert built(fast).ran == []


FOLDERS = """
import tempfile
from pathlib import Path

from recipes.marks import mark


def packed(source: Path) -> Path:
    mark("packed")
    place = Path(tempfile.mkdtemp()) / "packed"
    (place / "empty").mkdir(parents=True)
    for file in source.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


def counted(folder: Path) -> int:
    mark("counted")
    return sum(len(file.read_bytes()) for file in folder.rglob("*.csv"))
"""
DODO = """from pathlib import Path

from recipes import folders

from kept import Pipeline, stage


class Packed(Pipeline):
    folder = stage(folders.packed, Path("data"))
    count = stage(folders.counted, folder)
"""


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "workers"])
def test_folders_are_inputs_and_artifacts_as_ever(fast, workers):
    """Named file by file, restored when damaged, built again when one file in the input changes."""
    fast.write("recipes/folders.py", FOLDERS)
    fast.write("dodo.py", DODO)
    folder = fast.path("artifacts/packed/folder")
    for text, ran in (("a\n", ["packed", "counted"]), ("bc\n", ["packed", "counted"]), ("a\n", [])):
        fast.write("data/more.csv", text)
        run = fast.doit(*workers)
        assert (run.code, run.ran) == (0, ran), run
        assert (folder / "more.csv").read_text() == text
        (folder / "more.csv").write_text("damaged")
        for outcomes in ({"restored", "up to date"}, {"up to date"}):
            run = fast.doit(*workers)
            assert (run.code, run.ran, set(run.outcomes.values())) == (0, [], outcomes), run
            assert (folder / "more.csv").read_text() == text
    tree = Store(fast.path("artifacts/.kept"), algorithm="blake3").name(folder)
    assert f"blake3 {tree.hex}" in fast.kept("show", "packed/folder").out
    assert fast.kept("verify").code == 0


OWN = """
from kept import formats
from kept.digest import Stat, digest_file
from kept.formats.protocol import Written


class Text:
    name, suffix, safe = "text", ".text", True

    def save(self, value, path):
        path.write_text(repr(value))
        return Written(Stat.of(path), digest_file(path))

    def load(self, path):
        return float(path.read_text())


formats.register(Text())
"""


def test_a_format_that_names_by_the_other_algorithm_costs_a_look_and_no_more(fast):
    """What it says of the file is of no use here: it is read, and named as all the rest."""
    fast.write("recipes/texts.py", OWN)
    fast.edit(
        "recipes/nearest.py",
        "import functools\n",
        "import functools\nfrom typing import Annotated\n\nimport recipes.texts\n",
    )
    head, name, tail = fast.read("recipes/nearest.py").partition("def evaluate(")
    fast.write("recipes/nearest.py", head + name + tail.replace("-> float", '-> Annotated[float, "text"]', 1))
    built(fast)
    data = fast.path("artifacts/nearest/accuracy.text").read_bytes()
    assert f"blake3 {blake3(data).hexdigest()}" in fast.kept("show", "nearest/accuracy").out
    assert fast.kept("verify").code == 0
    assert built(fast).ran == []


@pytest.mark.parametrize("arguments", [["list", "--all"], ["why"], ["nearest", "majority"]], ids=" ".join)
def test_asking_digests_nothing_and_so_loads_no_blake3(fast, arguments):
    """Before there is anything, and when all is remembered."""
    if arguments == ["list", "--all"]:
        assert "blake3" not in fast.doit(*arguments, bare=True).modules
    fast.old = True
    built(fast)
    built(fast)
    for _ in range(3):
        run = fast.doit(*arguments, bare=True)
        assert (run.code, run.ran) == (0, []), run
        assert "blake3" not in run.modules


def test_a_blake3_that_cannot_be_loaded_is_named_too(fast):
    """By doit, and without a traceback."""
    fast.write("blake3.py", "raise ImportError('no such wheel')\n")
    run = fast.doit("nearest")
    assert run.code != 0
    assert "blake3 is not installed" in run.out + run.err
    assert "no such wheel" in run.out + run.err
    assert "Traceback" not in run.out + run.err
    assert not Path(fast.root, "artifacts", "nearest").exists()
