"""The rebuild rules as one table: what a change does to each stage. It is also the page docs/rebuilds.md.

Run this file to write that page anew.
"""

from __future__ import annotations

import shutil
import signal
from contextlib import closing
from pathlib import Path

import pytest
from projects import Project, new_project
from rebuilding import (
    COLUMNS,
    LEGEND,
    Change,
    Clean,
    Edit,
    Row,
    all_of,
    blob_flipped,
    check,
    doit,
    file_renamed,
    flipped,
    git,
    library,
    moved_away,
    nothing,
    removed,
    row,
    same_second,
    same_stat,
    signalled,
    told,
    touched,
    two_at_once,
    variable,
    written,
)

PAGE = Path(__file__).parents[1] / "docs" / "rebuilds.md"

DODO, DATA = "dodo.py", "data/points.csv"
SCALING, NEAREST, MODELS = "recipes/scaling.py", "recipes/nearest.py", "recipes/models.py"
DISTANCES, LIMITS, MAJORITY = "recipes/distances.py", "recipes/limits.py", "recipes/majority.py"
TRAIN, MODEL = "artifacts/points/scaled/train.npy", "artifacts/nearest/model.pkl"

BODY = Edit(SCALING, "scale(X_train), scale(X_test)", "scale(X_train) * 2, scale(X_test) * 2")
SAME_RESULT = Edit(SCALING, "scale(X_train), scale(X_test)", "scale(X_train) * 1, scale(X_test) * 1")
SHRINK = Edit(DODO, "Training(shrink=0.1)", "Training(shrink=0.3)")
REWIRED = Edit(DODO, "model, Points.scaled.test, Points.rows.y_test", "model, Points.scaled.train, Points.rows.y_train")
REMOVED = Edit(DODO, "    accuracy = stage(nearest.evaluate, model, Points.scaled.test, Points.rows.y_test)\n", "")
ADDED = Edit(
    DODO, "    accuracy =", "    twice = stage(normalise, Points.scaled.train, Points.scaled.train)\n    accuracy ="
)
POINT = Edit(DATA, "x,y,label\n-1.96", "x,y,label\n-1.97")  # of the training set
LAST_POINT = Edit(DATA, "\n5.82,2.08,1", "\n5.83,2.08,1")  # of the test set
FAILS = Edit(NEAREST, 'mark("accuracy")\n', 'mark("accuracy")\n    raise ValueError("not today")\n')
MENDED = Edit(NEAREST, 'raise ValueError("not today")', "digits = 2")
TRAINER_FAILS = Edit(NEAREST, 'mark("model")\n', 'mark("model")\n    raise ValueError\n')
OTHER_BODY = Edit(MAJORITY, "argmax()", "argmin()")
GAUGE = Edit(SCALING, 'mark("scaled")\n', 'mark("scaled")\n    import gauge\n\n    gauge.level(X_train)\n')
FUNCTION_RENAMED = all_of(
    Edit(SCALING, "def normalise", "def standardise"),
    Edit(DODO, "import normalise", "import standardise"),
    Edit(DODO, "stage(normalise", "stage(standardise"),
)
SOMETHING_NEW = all_of(
    Edit(SCALING, "UNUSED = 7\n", "UNUSED = 7\n\n\ndef new():\n    pass\n"), written("recipes/new.py", "NEW = 1\n")
)
REPOSITORY = all_of(
    written(".gitignore", "artifacts\nexecuted.log\n"),
    git("init -q -b main", "add .", "commit -qm v1", "checkout -qb v2"),
    BODY,
    git("commit -qam v2"),
)


def settings(text: str) -> Change:
    return written("pyproject.toml", f"[tool.kept]\n{text}\n")


def reformatted(project: Project) -> None:
    """Do what a formatter does: other line ends, quotes, wrapping, parentheses and blank lines."""
    text = project.read(SCALING)
    text = text.replace('mark("scaled")', "mark('scaled')").replace("\n\n\n", "\n\n\n\n")
    wrapped = "return (Scaled(\n        scale(X_train),\n        scale(X_test),\n    ))"
    text = text.replace("return Scaled(scale(X_train), scale(X_test))", wrapped)
    project.path(SCALING).write_bytes(text.replace("\n", "\r\n").encode())


def moved_to_another_file(project: Project) -> None:
    """Move the trainer's whole module."""
    project.write("recipes/closest.py", project.read(NEAREST))
    project.remove(NEAREST)
    project.write(DODO, project.read(DODO).replace("nearest", "closest"))


def moved_back(project: Project) -> None:
    """Move that module to where it was."""
    project.write(NEAREST, project.read("recipes/closest.py"))
    project.remove("recipes/closest.py")
    project.write(DODO, project.read(DODO).replace("closest", "nearest"))


def class_beside_the_trainer(project: Project) -> None:
    """Define the class of the model in the module of the trainer."""
    text = project.read(MODELS)
    begin, end = text.index("class Centroids"), text.index("class Constant")
    imports = "from recipes.distances import DISTANCES, WEIGHTS\nfrom recipes.models import Model\n"
    project.edit(NEAREST, "from recipes.models import Centroids, Model\n", imports)
    project.edit(NEAREST, "def train(", text[begin:end] + "def train(")


def moved_within_its_file(project: Project) -> None:
    """Move the stage's function below all that it uses."""
    text = project.read(SCALING)
    begin, end = text.index("def normalise"), text.index("def moments")
    project.write(SCALING, text[:begin] + text[end:] + "\n\n" + text[begin:end])


def stage_renamed(project: Project) -> None:
    """Give the second stage another name."""
    text = project.read(DODO)
    project.write(DODO, text.replace("scaled = stage", "standard = stage").replace("Points.scaled", "Points.standard"))


def pipeline_renamed(project: Project) -> None:
    """Give the variant another name."""
    project.write(DODO, project.read(DODO).replace("Nearest", "Closest"))


# What a row says of each stage: see LEGEND. First the stages of one variant; after the space those of another one,
# which shares the first two.
TABLE: dict[str, tuple[Row, ...]] = {
    "Nothing that counts": (
        row("nothing changed", "----"),
        row("nothing built yet", "BBBB", built=False),
        row("a comment", "----", Edit(SCALING, "EPSILON = 1e-9", "EPSILON = 1e-9  # no division by zero")),
        row("a docstring", "----", Edit(SCALING, "Scale each column to", "Bring each column to")),
        row("the docstring of a module", "----", Edit(SCALING, "Scales the points.", "Scales points.")),
        row("an annotation", "----", Edit(SCALING, "X_train: np.ndarray, X_test", "X_train: object, X_test")),
        row("the formatter: quotes, wrapping, parentheses, blank lines, line ends", "----", reformatted),
        row("an unused import", "----", Edit(SCALING, "import functools\n", "import functools\nimport json\n")),
        row("a function that no stage uses", "----", Edit(SCALING, "return rows + UNUSED", "return rows - UNUSED")),
        row("a constant that no stage uses", "----", Edit(SCALING, "UNUSED = 7", "UNUSED = 8")),
        row("an unused name of a module that is used", "----", Edit(LIMITS, "SMALLEST = 0.5", "SMALLEST = 0.6")),
        row("a new function, a new file", "----", SOMETHING_NEW),
        row("the stage's function moved within its file", "----", moved_within_its_file),
        row("the stage's function renamed", "----", FUNCTION_RENAMED),
        row("the file of the stage's function renamed", "----", moved_to_another_file),
        row("a file of code touched", "----", touched(SCALING)),
        row("a comment in dodo.py", "----", Edit(DODO, "class Points", "# shared\nclass Points")),
        row("the project moved to another folder", "----", moved_away),
    ),
    "Code": (
        row("the body of a stage", "-BBB", BODY).then("… and back", "-RRR", BODY.back),
        row("a body, to the same result (early cutoff)", "-B--", SAME_RESULT),
        row("a helper in the same file", "-BBB", Edit(SCALING, "rows.std(axis=0)", "rows.std(axis=0, ddof=1)")),
        row("a helper in another file", "-BBB", Edit("recipes/lengths.py", 'factor("inch")', 'factor("metre")')),
        row("a helper three files away", "-BBB", Edit("recipes/factors.py", '"inch": INCH', '"inch": INCH * 2')),
        row("a constant", "-BBB", Edit(SCALING, "EPSILON = 1e-9", "EPSILON = 0.1")),
        row("a constant four files away", "-BBB", Edit("recipes/tables.py", "0.0254", "0.0255")),
        row("an attribute of a module (`limits.LARGEST`)", "-BBB", Edit(LIMITS, "LARGEST = 6.0", "LARGEST = 0.01")),
        row("the body of a decorator", "-BBB", Edit("recipes/decorators.py", ".round(places)", ".round(places - 6)")),
        row("the argument of a decorator", "-BBB", Edit(SCALING, "@rounded(9)", "@rounded(3)")),
        row("a decorator taken off", "-BBB", Edit(SCALING, "@rounded(9)\n", "")),
        row("the argument of a partial", "--BB", Edit(NEAREST, "floor=0.0", "floor=0.5")),
        row("the default value of a helper", "--BB", Edit(NEAREST, "power=1.0", "power=2.0")),
        row("the default value of a stage's function", "---B", Edit(NEAREST, "digits: int = 6", "digits: int = 1")),
        row("a lambda in a dict", "--BB", Edit(DISTANCES, "lambda d: d * 1.0", "lambda d: d * 3.0")),
        row("an entry of a registry", "--BB", Edit(DISTANCES, "(a - b) ** 2", "(a - b) ** 4")),
        row("an entry of a registry that is not asked for: kept cannot know", "--BB",
            Edit(DISTANCES, "return abs(a - b)", "return 2 * abs(a - b)")),
        row("a method, which the model brings to the evaluator", "--BB",
            Edit(MODELS, "argmin(axis=1)", "argmax(axis=1)")),
        row("a method of the base class", "--BB", Edit(MODELS, "(self.predict(X) == y)", "(self.predict(X) != y)")),
        row("another base class", "--BB", Edit(MODELS, "class Centroids(Model)", "class Centroids(Model, dict)")),
        row("a method of a class that only the other variant uses", "---- BB",
            Edit(MODELS, "astype(int) * 0 + self", "astype(int) * 0 + 1 * self")),
        row("the class of the model moved beside the trainer", "--BB", class_beside_the_trainer)
            .then("… and that file renamed: the model holds the name", "--BB", moved_to_another_file)
            .then("… and back", "--RR", moved_back)
            .then("… and renamed once more", "--RR", moved_to_another_file),
        row("a default in a dataclass of parameters", "--BB", Edit("recipes/settings.py", "euclid", "manhattan")),
        row("an edit in the second of the last run, to the same size (a .pyc would be stale)", "-BBB",
            same_second(Edit(LIMITS, "6.0", "0.1"))),
        row("an edit that leaves size and time as they were", "-BBB", same_stat(Edit(LIMITS, "6.0", "0.1"), LIMITS)),
        row("two files", "-BBB", all_of(BODY, Edit(NEAREST, "floor=0.0", "floor=0.5"))),
    ),
    "Parameters and wiring": (
        row("a parameter", "--BB", SHRINK).then("… and back", "--RR", SHRINK.back),
        row("a default spelled out in dodo.py", "----", Edit(DODO, "rows.y_test)", "rows.y_test, digits=6)")),
        row("a default of a dataclass spelled out", "----", Edit(DODO, "shrink=0.1", 'shrink=0.1, distance="euclid"')),
        row("a parameter, to a whole number", "--BB", Edit(DODO, "shrink=0.1", "shrink=1"))
            .then("… `1` to `1.0`", "--B-", Edit(DODO, "shrink=1", "shrink=1.0")),
        row("a stage wired to other artifacts", "---B", REWIRED).then("… and back", "---R", REWIRED.back),
        row("a stage renamed", "-R--", stage_renamed, names={"scaled": "points:standard"}),
        row("the pipeline renamed", "--RR", pipeline_renamed, doit("closest"),
            names={"model": "closest:model", "accuracy": "closest:accuracy"}),
        row("a stage removed", "---.", REMOVED),
        row("a stage added: it alone is built", "----", ADDED, more=("scaled",)),
    ),
    "Data": (
        row("a file touched", "----", touched(DATA)),
        row("a file changed", "BBBB", POINT).then("… and back", "RRRR", POINT.back),
        row("a change that reaches the test set only: nothing is trained", "BB-B", LAST_POINT),
        row("a change that leaves size and time as they were", "BBBB", same_stat(POINT, DATA)),
        row("a change that is not read (the names of the columns)", "B---", Edit(DATA, "label", "class")),
        row("a file missing", "X...", file_renamed(DATA, "data/away.csv"))
            .then("… put back", "----", file_renamed("data/away.csv", DATA)),
    ),
    "Artifacts": (
        row("one deleted", "-R--", removed(TRAIN)),
        row("all deleted", "RRRR", removed("artifacts/points", "artifacts/nearest")),
        row("one damaged", "-R--", flipped(TRAIN)),
        row("one damaged, its size and time kept", "--R-", same_stat(flipped(MODEL), MODEL)),
        row("the store deleted with them", "BBBB", removed("artifacts")),
        row("one deleted, and its copy in the store damaged", "-B--", all_of(blob_flipped(TRAIN), removed(TRAIN))),
        row("the copy in the store damaged, the artifact not", "----", blob_flipped(TRAIN)),
        row("the copy in the store damaged, and the trainer edited", "--BB",
            all_of(blob_flipped(TRAIN), Edit(NEAREST, "floor=0.0", "floor=0.5"))),
        row("`doit clean`", "RRRR", lambda project: project.doit("clean", "-a")),
        row("`doit forget`", "RRRR", lambda project: project.doit("forget", "-a")),
        row("`doit -a`", "BBBB", nothing, doit("-a", "nearest")),
    ),
    "Variants": (
        row("both from nothing", "BBBB BB", built=False),
        row("the first one from nothing", "BBBB", nothing, doit("nearest"), built=False)
            .then("… then the other one", "--.. BB", nothing, doit("majority")),
        row("the function of the other one", "---- BB", OTHER_BODY),
        row("swapped to the first one's function: what that made serves", "---- RR",
            Edit(DODO, "majority.train)", "nearest.train)")),
        row("what both share", "-BBB BB", BODY),
        row("`doit report` with an artifact deleted", "--R- --", removed(MODEL), doit("report")),
    ),
    "Failures, kills, two at once": (
        row("the evaluator fails", "---F", FAILS).then("… mended", "---B", MENDED),
        row("the evaluator fails by an edit", "---F", FAILS).then("… that is taken back", "---R", FAILS.back),
        row("the trainer fails; `--continue` goes on with the other variant", "--F. BB",
            all_of(TRAINER_FAILS, OTHER_BODY), doit("--continue", "nearest", "majority")),
        row("kill -9 in the trainer", "BBK.", told("model", "kill"), built=False)
            .then("… and again", "--BB", told("model", None)),
        row("Ctrl-C in the trainer", "BBK.", nothing, signalled("model", signal.SIGINT, "nearest"), built=False)
            .then("… and again", "--BB"),
        row("SIGTERM in the trainer", "BBK.", nothing, signalled("model", signal.SIGTERM, "nearest"), built=False)
            .then("… and again", "--BB"),
        row("edited to v2, and killed in the trainer", "-BK.", all_of(BODY, told("model", "kill")))
            .then("… reverted to v1: what is shown is v1's", "-RR-", all_of(BODY.back, told("model", None))),
        row("two at once: together they build each once", "BBBB", nothing, two_at_once("scaled", "nearest"),
            built=False),
    ),
    "Libraries, configuration, branches": (
        row("a library used, to the same result", "-B--", all_of(library("1.0.1"), GAUGE))
            .then("… its version changed", "-B--", library("1.0.2"))
            .then("… and back", "-R--", library("1.0.1")),
        row("a library that no stage uses", "----", library("1.0")),
        row('`versions = "minor"`, and a library used', "BBBB",
            all_of(settings('versions = "minor"'), library("1.0.1"), GAUGE))
            .then("… its patch version changed", "----", library("1.0.2"))
            .then("… its minor version changed", "-B--", library("1.1.0")),
        row('`versions = { gauge = "off" }`, and it is used', "-B--",
            all_of(settings('versions = { gauge = "off" }'), library("1.0"), GAUGE))
            .then("… its version changed", "----", library("2.0")),
        row("`seed` changed", "BBBB", settings("seed = 1")).then("… and back", "RRRR", settings("seed = 0")),
        row("settings that decide nothing", "----", settings('keep_days = 3\nmax_size = "1 GB"')),
        row("an environment variable declared", "-B--", Edit(DODO, "X_test)\n", 'X_test, env=["UNIT"])\n'))
            .then("… set", "-B--", variable("UNIT", "inch"))
            .then("… set otherwise", "-B--", variable("UNIT", "metre"))
            .then("… set as before", "-R--", variable("UNIT", "inch")),
        row("an environment variable that no stage declares", "----", variable("UNIT", "inch")),
        row("on a branch of git", "-BBB", REPOSITORY)
            .then("… another one checked out", "-RRR", git("checkout -q main"))
            .then("… and back", "-RRR", git("checkout -q v2")),
    ),
}  # fmt: skip

ROWS = {f"{section}: {one.title}": one for section, rows in TABLE.items() for one in rows}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both variants once; each row starts from a copy."""
    project = new_project(tmp_path_factory.mktemp("built"))
    project.doit("nearest", "majority")
    return project.root


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """Give what a build from nothing shows of the same files; each is made once."""
    known: dict[str, dict[str, str]] = {}

    def build(project: Project, tasks: tuple[str, ...]) -> dict[str, str]:
        copy = project.copy(tmp_path_factory.mktemp("clean") / "project")
        files = sorted(path for path in copy.root.rglob("*") if path.is_file())
        name = repr([tasks, *((path.relative_to(copy.root), path.read_bytes()) for path in files)])
        if name not in known:
            run = copy.doit(*tasks)
            assert run.code == 0, run
            assert "up to date" not in run.outcomes.values(), run
            known[name] = copy.shown()
        shutil.rmtree(copy.root)
        return known[name]

    return build


@pytest.mark.parametrize("title", ROWS)
def test_rebuilds(title: str, tmp_path: Path, built: Path, clean: Clean):
    """Each change does to each stage what the table says, and a run after it finds nothing to do."""
    with closing(new_project(tmp_path, built) if ROWS[title].built else new_project(tmp_path)) as project:
        check(ROWS[title], project, clean)


def test_a_flipped_back_parameter_costs_no_library(project: Project):
    """What comes from the store, and what is up to date, needs no numpy."""
    project.doit("nearest")
    SHRINK(project)
    assert project.doit("nearest").ran == ["model", "accuracy"]
    SHRINK.back(project)
    back, again = project.doit("nearest", bare=True), project.doit("nearest", bare=True)
    assert (back.code, back.ran, again.code, again.ran) == (0, [], 0, [])
    assert "doit" in back.modules
    assert "numpy" not in back.modules | again.modules


def rendered() -> str:
    """Write the table as a page."""
    legend = "\n".join(f"| `{letter}` | {meaning} |" for letter, meaning in LEGEND.items())
    return HEAD.format(legend=legend) + "".join(f"\n## {title}\n\n{_section(rows)}" for title, rows in TABLE.items())


HEAD = """\
# What is rebuilt when

Each line is a change to a project that was built, then a run; the letters say what that run does to each stage. The
lines are tests: `tests/test_rebuilds.py` makes every change, counts what executes, compares what `artifacts/` shows
with a build from nothing, and runs once more to see that nothing is left to do. A line that begins with … follows the
one above it.

The project ([tests/points](../tests/points/dodo.py)) reads rows from a file, scales them, trains a model and evaluates
it; a variant (′) shares the first two stages and has another trainer.

| | |
|---|---|
{legend}
"""


def _section(rows: tuple[Row, ...]) -> str:
    columns = list(COLUMNS)[: 6 if any(one.both for one in rows) else 4]
    lines = [f"| change | {' | '.join(columns)} |", f"|---|{':-:|' * len(columns)}"]
    for one in rows:
        for step in one.steps:
            cells = [f"`{step.letters[column]}`" if column in step.letters else "" for column in columns]
            lines.append(f"| {step.title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_page_is_the_table():
    """docs/rebuilds.md says what is tested here; run this file to write it anew."""
    assert PAGE.read_text(encoding="utf-8") == rendered()


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
