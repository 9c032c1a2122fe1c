"""The rooms of the engine lie on floors, and nobody looks up or sideways."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import kept

ENGINE = Path(kept.__file__).parent
FILES = sorted(ENGINE.rglob("*.py"))

# From the ground up; a room knows rooms of lower floors only. The doors are one floor of the design, with an order of
# their own: what shows and explains is below what runs, that is below the tasks, these are below the commands.
FLOORS = (
    {"_stats"},  # in C
    {"errors", "receipt", "collector", "lean", "pipe", "termination"},
    {"digest"},
    {"pipeline", "fingerprint", "formats", "store", "executors", "settings"},
    {"actions"},
    {"differences"},
    {"build", "reports"},  # `reports` is the room `report`: a module of that name would hide the public `report`
    {"screen", "progress", "explain", "reading", "upkeep", "witness"},
    {"noop", "verbs", "renewal"},
    {"runner"},
    {"parallel"},
    {"runners", "cleaning", "judge", "mistake", "slips"},
    {"tasks"},
    {"commands"},
    {"launcher"},
    {"__init__", "__main__"},
)
KNOWS_DOIT = {
    *("judge", "slips", "mistake", "runner", "parallel", "runners", "cleaning", "tasks", "commands", "launcher"),
}

LOOKS_UP: dict[str, str] = {}

LONGEST_FILE = 350
LONGEST_FUNCTION = 40
TOO_LONG: dict[str, str] = {}


def room(file: Path) -> str:
    """Return the room of a file: a package is one room."""
    return file.relative_to(ENGINE).parts[0].removesuffix(".py")


def floor(name: str) -> int | None:
    return next((height for height, rooms in enumerate(FLOORS) if name in rooms), None)


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield line and absolute dotted name of every import, function-level ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            if start == "kept":  # `from . import errors` names rooms
                for alias in node.names:
                    yield node.lineno, f"kept.{alias.name}"
            else:
                yield node.lineno, start


def looks_up(file_room: str, tree: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Return every import of a room that is not on a lower floor, and of doit where doit is not known."""
    found = []
    height = floor(file_room)
    assert height is not None
    for line, name in imported(tree, package):
        first, _, rest = name.partition(".")
        other = rest.partition(".")[0] or "__init__"
        if first == "doit" and file_room not in KNOWS_DOIT:
            found.append(f"{line}: doit")
        if first != "kept" or other == file_room or other == "__version__":
            continue
        below = floor(other)
        if below is None or below >= height:
            found.append(f"{line}: {other}")
    return found


def but_for(known: Mapping[str, str]) -> list[object]:
    """Return every file for a test; those that are known to fail it have to, until they are mended."""
    names = {file: file.relative_to(ENGINE).as_posix() for file in FILES}
    marks = {name: [pytest.mark.xfail(strict=True, reason=reason)] for name, reason in known.items()}
    return [pytest.param(file, id=name, marks=marks.get(name, [])) for file, name in names.items()]


def package_of(file: Path) -> tuple[str, ...]:
    return file.relative_to(ENGINE.parent).with_suffix("").parts[:-1]


@pytest.mark.parametrize("file", but_for(LOOKS_UP))
def test_every_file_has_a_floor_and_looks_down_only(file):
    """A file imports rooms of lower floors only, and doit only in the doors that stand on it."""
    assert floor(room(file)) is not None, "give the room a floor in FLOORS"
    assert looks_up(room(file), ast.parse(file.read_bytes()), package_of(file)) == []


@pytest.mark.parametrize(
    ("place", "source", "found"),
    [
        ("digest", "from . import errors", []),
        ("digest", "from .store import Store", ["1: store"]),
        ("store", "def f():\n    from ..pipeline import stage", ["2: pipeline"]),
        ("store", "from .. import errors, actions", ["1: actions"]),
        ("store", "from .blobs import Blobs", []),
        ("build", "import kept.tasks", ["1: tasks"]),
        ("build", "import doit.task", ["1: doit"]),
        ("build", "from kept import load", ["1: load"]),
        ("reports", "from .build import Project", ["1: build"]),
        ("screen", "if TYPE_CHECKING:\n    from .runner import KeptRunner", ["2: runner"]),
        ("tasks", "import doit", []),
    ],
)
def test_the_check_itself_sees_what_is_forbidden(place, source, found):
    """Imports upwards and sideways are found, relative or absolute, within functions and for type checkers only."""
    package = ("kept", place) if place in ("store", "build") else ("kept",)
    assert looks_up(place, ast.parse(source), package) == found


def test_doit_is_known_where_it_is_said_to_be():
    """The list of files that import doit names those that do."""
    known = {room(file) for file in FILES if any(name.partition(".")[0] == "doit" for _, name in
             imported(ast.parse(file.read_bytes()), package_of(file)))}  # fmt: skip
    assert known == KNOWS_DOIT


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/design.md"])
def test_the_picture_of_the_floors_is_true(page):
    """Every room stands in it, none above one that it may not know; those that import doit have a line of their own."""
    text = (Path(__file__).parents[1] / page).read_text(encoding="utf-8")
    lines = text[text.index("door     __init__") :].partition("```")[0].splitlines()
    rooms = {line.split()[0]: [name for name in line.split()[1:] if name != "over"] for line in lines}
    drawn = [name for names in rooms.values() for name in names]
    heights = [floor(name) or 0 for name in drawn]
    assert heights == sorted(heights, reverse=True)
    assert {*drawn, "_stats", "__main__"} == set().union(*FLOORS)
    assert set(rooms["doit"]) == KNOWS_DOIT


@pytest.mark.parametrize("file", but_for(TOO_LONG))
def test_no_file_is_long(file):
    """A file has one job, and 350 lines suffice for it."""
    assert len(file.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ENGINE).as_posix())
def test_no_function_is_long(file):
    """A function fits on a screen: 40 lines, its docstring included."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, functions)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in found}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ENGINE).as_posix())
def test_every_file_says_its_job_in_its_first_line(file):
    """A module opens with a sentence."""
    told = ast.get_docstring(ast.parse(file.read_bytes()))
    assert told is not None
    assert told.splitlines()[0].endswith((".", ":"))


def test_no_room_has_a_name_that_says_nothing():
    """No file is called after what any file could be called after."""
    forbidden = (
        "util utils helper helpers common misc manager handler base impl context node step op token metadata hash"
    )
    assert {file.stem for file in FILES} & set(forbidden.split()) == set()
