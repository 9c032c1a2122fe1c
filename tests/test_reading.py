"""What was built comes back by name: as it is now, or as an earlier run left it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import kept
from kept import errors
from kept.reading import History, project_around
from kept.reading import runs as runs_of

SHRINK = ("shrink=0.1", "shrink=0.2", "shrink=0.3")


@pytest.fixture
def built(project, monkeypatch):
    """Give a project in which `nearest` was built three times, each time with another parameter."""
    for before, after in zip((None, *SHRINK), SHRINK, strict=False):
        if before is not None:
            project.edit("dodo.py", before, after)
        assert project.doit("nearest").code == 0
    monkeypatch.chdir(project.root)
    return project


def script(project, text):
    """Run a script beside dodo.py and return what it printed, read as JSON."""
    run = project.python(f"import json\nimport kept\nfrom dodo import Majority, Nearest, Points\n{text}")
    assert run.code == 0, run
    return json.loads(run.out)


def ids(built):
    """Name the runs, oldest first."""
    return list(History(project_around(built.root)).runs)


# ---- now


def test_an_artifact_comes_back_by_name(built):
    """By its name in a variant, by its path, by the name of its doit task; in a subfolder, too."""
    for name in (
        "nearest/accuracy",
        "nearest:accuracy",
        "artifacts/nearest/accuracy.json",
        "./artifacts/nearest/accuracy.json",
    ):
        assert kept.load(name) == 0.9, name


def test_a_stage_with_fields_comes_back_whole_or_by_field(built):
    """As the NamedTuple that it returned where its class is known, else as a dict; one field is one array."""
    whole = kept.load("points/rows")
    assert {name: len(rows) for name, rows in whole.items()} == {
        "X_train": 30,
        "y_train": 30,
        "X_test": 10,
        "y_test": 10,
    }
    assert kept.load("points/rows/X_test").shape == (10, 2)
    shown = script(built, "rows = Nearest.load('rows'); print(json.dumps([type(rows).__name__, len(rows.y_test)]))")
    assert shown == ["Rows", 10]


def test_an_inherited_artifact_has_the_name_of_its_variant_too(built):
    """Where the declaration is known, `nearest/rows` is `points/rows`."""
    assert script(
        built,
        "print(json.dumps(kept.load('nearest/rows/y_test').tolist() == kept.load('points/rows/y_test').tolist()))",
    )


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("nearest/acuracy", "there is no artifact 'nearest/acuracy'", "did you mean nearest/accuracy?"),
        ("neerest/accuracy", "there is no artifact 'neerest/accuracy'", "did you mean nearest/accuracy?"),
        (
            "points/rows/X_tst",
            "there is no artifact 'points/rows/X_tst'",
            "did you mean points/rows/X_test or points/rows/y_test or points/rows/X_train?",
        ),
        ("nearest", "there is no artifact 'nearest'", "did you mean nearest/model or nearest/accuracy?"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(built, name, what, hint):
    """A typing error costs one look."""
    with pytest.raises(kept.KeptError) as problem:
        kept.load(name)
    assert (problem.value.what, problem.value.hint) == (what, hint)


def test_a_pipeline_that_there_is_not_is_no_fact(built):
    """Only one that makes something is named beside what it makes."""
    for name, fact in (("nope/x", "there"), ("curve.model", "there"), ("nearest/x", "pipeline")):
        with pytest.raises(kept.KeptError) as problem:
            kept.load(name)
        assert dict(problem.value.facts).keys() == ({"there are"} if fact == "there" else {"pipeline", "it makes"})


def test_what_was_not_built_says_how_to_build_it(project, monkeypatch):
    """A project without artifacts, a folder without a project."""
    monkeypatch.chdir(project.root)
    with pytest.raises(kept.KeptError, match="nearest/model has not been built\nhint: run `doit nearest`"):
        kept.load("nearest/model")
    monkeypatch.chdir(project.root.parent)
    with pytest.raises(kept.KeptError, match="there is no kept project here"):
        kept.load("nearest/model")


def test_a_stage_that_failed_since_is_not_built(built):
    """What lies in artifacts/ may be half of this and half of that: it is not given."""
    built.edit("dodo.py", "shrink=0.3", "shrink=0.4")
    built.order("model", "fail")
    assert built.doit("nearest").code == 1
    with pytest.raises(kept.KeptError, match="nearest/model has not been built"):
        kept.load("nearest/model")
    with pytest.raises(kept.KeptError, match="left no nearest/model: its stage failed"):
        kept.load("nearest/model", ids(built)[-1])
    assert kept.load("nearest/accuracy") == 0.9


# ---- as an earlier run left it


def test_an_earlier_run_gives_what_it_left(built):
    """Each run has its own model; rows that only the first one built are there in all of them."""
    shown = script(
        built,
        "print(json.dumps([[r.load('model').centres[0, 0], len(Nearest.load('rows.X_test', run=r.id)),"
        " kept.load('nearest/accuracy', r.id)] for r in Nearest.runs()]))",
    )
    assert len({centre for centre, _, _ in shown}) == 3
    assert [rest for _, *rest in shown] == [[10, 0.9]] * 3
    assert shown[0][0] == script(built, "print(json.dumps(Nearest.load('model').centres[0, 0]))")


def test_a_run_before_the_first_build_left_nothing(built):
    """It is said, not answered with something else."""
    built.doit("majority")
    first, *_, last = ids(built)
    assert kept.load("majority/accuracy", last) == 0.4
    with pytest.raises(kept.KeptError, match=f"majority/accuracy had not been built when run {first} ended"):
        kept.load("majority/accuracy", first)


def test_a_run_has_a_short_name_while_it_is_the_only_one(built):
    """As git does with commits; ambiguous or wrong names are told apart."""
    first, second, third = ids(built)
    history = History(project_around(built.root))
    for run in (first, second, third):
        beginnings = (run[:n] for n in range(1, len(run) + 1))
        short = next(b for b in beginnings if [r for r in ids(built) if r.startswith(b)] == [run] or b == run)
        assert history.run(short) == run
        assert kept.load("nearest/accuracy", short) == 0.9
    with pytest.raises(kept.KeptError) as problem:
        kept.load("nearest/accuracy", "2")
    assert problem.value.what == "'2' is the beginning of 3 runs"
    assert all(run in problem.value.hint for run in (first, second, third))
    for wrong in ("", "19990101T000000-1"):
        with pytest.raises(kept.KeptError, match=f"there is no run '{wrong}'"):
            kept.load("nearest/accuracy", wrong)


def test_what_was_swept_is_not_kept_any_more(built):
    """The journal remembers the run, the store does not what it made."""
    first, *_ = ids(built)
    project = project_around(built.root)
    key = History(project).left(first, "nearest:model").key
    project.store.withdraw(key)
    with pytest.raises(kept.KeptError, match=f"what run {first} left of nearest/model is not kept any more"):
        kept.load("nearest/model", first)


def test_a_record_that_cannot_be_read_is_one_that_is_gone(built):
    """A damaged record is set aside with a word; loading says what that means."""
    first, *_ = ids(built)
    key = History(project_around(built.root)).left(first, "nearest:model").key
    (place,) = Path(built.root, "artifacts/.kept/actions").rglob(f"*{key[2:]}*")
    place.chmod(0o644)
    place.write_bytes(b"{")
    with pytest.raises(kept.KeptError, match="is not kept any more"):
        kept.load("nearest/model", first)


def test_a_file_of_an_earlier_run_is_given_as_a_file(project, monkeypatch):
    """A stage that returns a path made a file or folder; an earlier one is put beside, with its name, for a while."""
    project.write("recipes/paths.py", PATHS)
    project.write("dodo.py", PATHS_DODO)
    project.doit("paths")
    project.edit("dodo.py", "'one'", "'two'")
    project.doit("paths")
    monkeypatch.chdir(project.root)
    first, second = ids(project)
    for run, text in ((first, "one"), (second, "two"), (None, "two")):
        assert kept.load("paths/note", run).read_text() == text
        assert kept.load("paths/note", run).suffix == ".txt"
        assert (kept.load("paths/notes", run) / "deep" / "note").read_text() == text
    assert kept.load("paths/note", first) == kept.load("paths/note", first)


PATHS = """
from pathlib import Path
import tempfile


def note(text):
    path = Path(tempfile.mkdtemp()) / "note.txt"
    path.write_text(text)
    return path


def notes(text):
    folder = Path(tempfile.mkdtemp())
    (folder / "deep").mkdir()
    (folder / "deep" / "note").write_text(text)
    return folder
"""

PATHS_DODO = """
from kept import Pipeline, stage
from recipes import paths

TEXT = 'one'


class Paths(Pipeline):
    note = stage(paths.note, text=TEXT)
    notes = stage(paths.notes, text=TEXT)
"""


# ---- runs


def test_a_variant_knows_its_runs(built):
    """Newest first; what each did, what it left, by name: the numbers of the seed's own inspection."""
    shown = script(
        built,
        "print(json.dumps([[r.id, {n: o.value for n, o in r.outcomes.items()}, dict(r.scalars), r.variant]"
        " for r in Nearest.runs()]))",
    )
    newest, middle, oldest = shown
    assert [run for run, *_ in shown] == ids(built)[::-1]
    assert oldest[1] == dict.fromkeys(("rows", "scaled", "model", "accuracy"), "built")
    assert newest[1] == middle[1] == dict.fromkeys(("model", "accuracy"), "built")
    assert [scalars for _, _, scalars, _ in shown] == [{"accuracy": 0.9}] * 3
    assert {variant for *_, variant in shown} == {"nearest"}


def test_runs_of_another_variant_do_not_count_unless_they_made_what_it_shares(built):
    """`majority` inherits rows and scaled points: the run that built them is its own, too; then it is built itself."""
    text = "print(json.dumps([[sorted(r.outcomes), dict(r.scalars)] for r in Majority.runs()]))"
    assert script(built, text) == [[["rows", "scaled"], {}]]
    built.doit("majority")
    assert script(built, text) == [[["accuracy", "model"], {"accuracy": 0.4}], [["rows", "scaled"], {}]]


def test_a_run_shows_itself_in_a_line(built):
    """In a notebook or a shell, without any further call."""
    run = runs_of("nearest")[0]
    assert repr(run) == f"<run {run.id} of nearest: built model, accuracy; accuracy 0.9>"
    built.edit("dodo.py", "shrink=0.3", "shrink=0.1")
    built.order("accuracy", "fail")
    built.doit("nearest")
    assert repr(runs_of("nearest")[0]).endswith("of nearest: restored model, accuracy; accuracy 0.9>")
    built.edit("recipes/nearest.py", "round(", "round(0 + ")
    built.doit("nearest")
    assert repr(runs_of("nearest")[0]).endswith("of nearest: failed accuracy>")


def test_runs_are_values(built):
    """Read twice they are equal, and can stand in a set."""
    assert runs_of("nearest") == runs_of("nearest")
    assert len({*runs_of("nearest"), *runs_of("nearest")}) == 3
    with pytest.raises(AttributeError):
        runs_of("nearest")[0].id = "another"


def test_a_variant_that_never_ran_has_no_runs(project):
    """An empty list, no error: asking is allowed."""
    assert script(project, "print(json.dumps(len(Nearest.runs())))") == 0


def test_runs_that_overlap_have_each_their_own(built):
    """Two at once write their lines in turn; what a run did itself counts for it, whatever came between."""
    first, second, third = ids(built)
    journal = Path(built.root, "artifacts/.kept/runs.jsonl")
    lines = journal.read_text().splitlines()
    of = {run: [line for line in lines if f'"{run}"' in line] for run in (first, second, third)}
    mixed = [*of[first], of[second][0], of[third][0], of[second][1], of[third][1]]
    journal.write_text("\n".join(mixed) + "\n")
    history = History(project_around(built.root))
    for run in (second, third):
        assert {history.left(run, stage).run for stage in ("nearest:model", "nearest:accuracy")} == {run}


def test_a_torn_line_is_passed_over(built):
    """A journal that ends in the middle of a line, or holds foreign ones, still tells the rest."""
    journal = Path(built.root, "artifacts/.kept/runs.jsonl")
    text = journal.read_text()
    journal.write_text('{"run": 1}\nnot json\n' + text + text.splitlines()[0][:30])
    assert len(runs_of("nearest")) == 3


def test_without_a_journal_there_is_no_history_yet_all_that_is_built(built):
    """It tells of runs; what artifacts/ shows is known without it."""
    Path(built.root, "artifacts/.kept/runs.jsonl").unlink()
    assert runs_of("nearest") == []
    assert kept.load("nearest/accuracy") == 0.9


def test_an_unsafe_store_gives_data_but_no_code(built):
    """Where others can write, a pickle is not loaded, neither now nor from an earlier run."""
    Path(built.root, "artifacts/.kept").chmod(0o777)
    assert kept.load("nearest/accuracy") == 0.9
    for run in (None, ids(built)[0]):
        with pytest.raises(errors.UntrustedFormat):
            kept.load("nearest/model", run)
    shutil.rmtree(built.root / "artifacts")
