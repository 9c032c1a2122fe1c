"""Finds the files and variables that code asks for, so far as its text says which."""

from __future__ import annotations

import ast
import posixpath

from ..lean import dataclass, field
from .scopes import FUNCTIONS
from .summary import Read
from .texts import scripts
from .words import dotted, last

_PATH_MAKERS = frozenset({
    "Path", "PurePath", "PosixPath", "join", "dirname",
    "abspath", "realpath", "normpath", "expanduser", "resolve", "absolute",
    "joinpath", "with_name", "with_suffix", "as_posix", "str",
    "fspath", "split", "basename",
    "files", "relative_to", "print",
    "append", "insert", "getLogger", "Traversable", "mkdir", "makedirs",
})  # fmt: skip
_READING_METHODS = frozenset({
    "open", "read_text", "read_bytes", "read", "iterdir", "glob", "rglob", "stat", "exists", "is_file", "is_dir",
})  # fmt: skip
_EXISTING = frozenset({"exists", "is_file", "isfile", "is_dir", "isdir", "lexists", "islink"})
_ENVIRONMENT = frozenset(
    {"environ.get", "os.environ.get", "getenv", "os.getenv", "environ.setdefault", "os.environ.setdefault"}
)
_RESOURCES = frozenset({"read_text", "read_binary", "open_text", "open_binary", "path", "get_data", "contents"})
_WRITERS = frozenset({
    "FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler", "basicConfig", "write_text",
    "write_bytes", "touch", "unlink", "remove", "rmtree", "to_csv", "to_parquet", "to_json", "savefig", "savetxt",
    "save", "dump", "symlink_to", "rename", "chmod",
})  # fmt: skip
_OPENERS = ("io", "os", "codecs", "gzip", "bz2", "lzma")
# Written by people, as code is: it counts wherever it is read.
_CODE = (
    ".py", ".sql", ".j2", ".jinja", ".jinja2", ".tmpl", ".prompt", ".stan", ".R", ".r", ".jl", ".sh", ".bash", ".lua",
    ".js", ".graphql", ".cypher", ".c", ".cc", ".cpp", ".cu", ".cl", ".h", ".pyx", ".so", ".dylib", ".dll",
)  # fmt: skip
_MODE = 4  # letters at most: "rb+"
_DEPTH = 20
IN_PACKAGE = ":/"  # between a package and the place in it
ITSELF = "./."  # the source file; its folder is one step up


@dataclass(frozen=True)
class Outline:
    """What a file says of its names: the texts and the expressions they are bound to once, and the imports."""

    constants: dict[str, str] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    def full(self, node: ast.AST | None) -> str:
        """Write a dotted name with what its first part was imported as; empty for other expressions."""
        name = dotted(node) or ""
        top, dot, rest = name.partition(".")
        return self.imports.get(top, top) + dot + rest


Place = tuple[bool, str]  # (relative to the source file's own folder, path)


def reads(node: ast.stmt, names: Outline) -> tuple[tuple[Read, ...], tuple[Read, ...]]:
    """List what a statement asks for while importing, then what its functions ask for when called."""
    early: set[Read] = set()
    late: set[Read] = set()
    waiting: list[tuple[ast.AST, bool]] = [(node, True)]
    while waiting:
        part, now = waiting.pop()
        found = asked_for(part, names)
        (early if now else late).update(Read(kind, name, anchored, now) for kind, name, anchored in found)
        if isinstance(part, FUNCTIONS):
            body = part.body if isinstance(part.body, list) else [part.body]
            outside = [part.args, *getattr(part, "decorator_list", [])]
            waiting += [(inner, False) for inner in body] + [(inner, now) for inner in outside]
        else:
            waiting += [(inner, now) for inner in ast.iter_child_nodes(part)]
    return tuple(sorted(early, key=repr)), tuple(sorted(late, key=repr))


def asked_for(node: ast.AST, names: Outline) -> list[tuple[str, str, bool]]:
    """Name what an expression asks for, without its parts: kind, name, whether that starts from the source file."""
    variable = asked_variable(node, names)
    if variable is not None:
        return [("variable", variable, False)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and (called := scripts(node.value)):
        return [("code", one, False) for one in called]
    if not isinstance(node, ast.Call):
        return []
    if names.full(node.func) in ("sys.path.append", "sys.path.insert") and node.args:
        entry = path(node.args[-1], names)
        return [("entry", posixpath.normpath(entry[1]), entry[0])] if entry is not None else []
    found: list[Place] = []
    tail = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func) or "?"
    if last(tail) in _WRITERS or (last(tail) == "open" and writes(node)):
        return []  # what is written while importing is no input
    if last(tail) in _RESOURCES and (place := path(node, names)) is not None:
        found.append(place)
    if isinstance(node.func, ast.Attribute) and tail in _READING_METHODS:
        place = path(node.func.value, names)
        found += [place] if place else []
    if last(tail) not in _PATH_MAKERS:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        found += [place for argument in arguments if (place := path(argument, names)) is not None]
    if tail in ("glob", "rglob") and len(node.args) == 1 and found and (pattern := _text(node.args[0], names)):
        deep = "**/" if tail == "rglob" else ""
        found = [(anchored, posixpath.join(name, deep + pattern)) for anchored, name in found[:1]]
    kind = "exists" if tail in _EXISTING else "file"
    named = [(anchored, name if name == ITSELF else posixpath.normpath(name)) for anchored, name in found]
    return [
        ("code" if name.endswith(_CODE) else kind, name, anchored)
        for anchored, name in named
        if _plausible(anchored or kind == "exists", name)
    ]


def writes(node: ast.Call) -> bool:
    """Say whether a call opens a file to write it."""
    first = 0 if isinstance(node.func, ast.Attribute) and dotted(node.func.value) not in _OPENERS else 1
    modes = [*node.args[first : first + 1], *(word.value for word in node.keywords if word.arg == "mode")]
    texts = [one.value for one in modes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return any(len(text) <= _MODE and set(text) & set("wax") and set(text) <= set("rwaxbt+U") for text in texts)


def asked_variable(node: ast.AST, names: Outline) -> str | None:
    """Name the environment variable that this reads; "*" is all of them."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and names.full(node.value) == "os.environ":
        return _text(node.slice, names) or "*"
    if isinstance(node, ast.Call) and names.full(node.func) in _ENVIRONMENT and node.args:
        return _text(node.args[0], names) or "*"
    if isinstance(node, ast.Compare) and any(names.full(one) == "os.environ" for one in node.comparators):
        return _text(node.left, names) or "*"
    if isinstance(node, ast.Call) and node.args and names.full(node.args[0]) == "os.environ":
        return "*"
    return None


def _plausible(certain: bool, name: str) -> bool:
    return certain or (
        0 < len(name) < 200 and "\n" not in name and ("." in name or "/" in name) and name.strip(". ") != ""
    )


def path(node: ast.AST, names: Outline, depth: int = 0) -> Place | None:  # noqa: PLR0911  # a case per line
    """Work out a path that is built from texts and ``__file__``; None if it is anything else."""
    if depth > _DEPTH:
        return None
    if isinstance(node, ast.Name):
        if node.id == "__file__":
            return True, ITSELF
        return path(names.values[node.id], names, depth + 1) if node.id in names.values else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined([node.left, node.right], names, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _glued([node.left, node.right], names, depth)
    if isinstance(node, ast.Attribute):
        return _parent(path(node.value, names, depth + 1)) if node.attr == "parent" else None
    if isinstance(node, ast.Subscript):
        return _parents(node, names, depth)
    if isinstance(node, ast.Call):
        return _made(node, names, depth)
    if isinstance(node, ast.JoinedStr):
        return _glued([one.value if isinstance(one, ast.FormattedValue) else one for one in node.values], names, depth)
    text = _text(node, names)
    return None if text is None else (False, text)


def _text(node: ast.AST, names: Outline) -> str | None:
    if isinstance(node, ast.Name) and node.id in names.values:
        node = names.values[node.id]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parent(place: Place | None) -> Place | None:
    if place is None:
        return None
    anchored, name = place
    if name == ITSELF:
        return True, "."
    return anchored, posixpath.normpath(posixpath.join(name, ".."))


def _parents(node: ast.Subscript, names: Outline, depth: int) -> Place | None:
    if (
        not isinstance(node.value, ast.Attribute)
        or node.value.attr != "parents"
        or not isinstance(node.slice, ast.Constant)
    ):
        return None
    place = path(node.value.value, names, depth + 1)
    for _ in range(node.slice.value + 1 if isinstance(node.slice.value, int) else 0):
        place = _parent(place)
    return place


def _joined(parts: list[ast.expr], names: Outline, depth: int) -> Place | None:
    places = [path(part, names, depth + 1) for part in parts]
    if not places or any(place is None for place in places):
        return None
    known = [place for place in places if place is not None]
    return known[0][0], posixpath.join(*(name for _, name in known))


def _glued(parts: list[ast.expr], names: Outline, depth: int) -> Place | None:
    """Work out texts that are put one after the other."""
    places = [path(part, names, depth + 1) for part in parts]
    known = [place for place in places if place is not None]
    if not known or len(known) < len(parts):
        return None
    return known[0][0], "".join(name for _, name in known)


def _made(node: ast.Call, names: Outline, depth: int) -> Place | None:  # noqa: PLR0911  # a case per line
    """Work out a call that makes a path of paths."""
    if isinstance(node.func, ast.Attribute) and (dotted(node.func) or "").split(".")[0] not in ("os", "pathlib", "osp"):
        place = path(node.func.value, names, depth + 1)
        tail = node.func.attr
        if place is not None and tail in ("resolve", "absolute", "as_posix", "expanduser"):
            return place
        if place is not None and tail == "joinpath":
            return _joined([node.func.value, *node.args], names, depth)
        if place is not None and tail == "with_name" and node.args and (name := _text(node.args[0], names)):
            above = _parent(place)
            return None if above is None else (above[0], posixpath.join(above[1], name))
        if tail not in ("join", "dirname", "Path", "files") and tail not in _RESOURCES:
            return None
    tail = last(dotted(node.func) or "")
    if tail in ("Path", "PurePath", "join"):
        return _joined(list(node.args), names, depth)
    if tail in ("abspath", "realpath", "normpath", "str", "fspath", "expanduser") and node.args:
        return path(node.args[0], names, depth + 1)
    if tail == "dirname" and node.args:
        return _parent(path(node.args[0], names, depth + 1))
    if tail == "files":
        return _package(node, names) or (True, ".")
    return _resource(node, tail, names)


def _resource(node: ast.Call, tail: str, names: Outline) -> Place | None:
    """Work out ``importlib.resources.read_text(package, name)``."""
    if tail in _RESOURCES and len(node.args) > 1 and names.full(node.func).startswith(("importlib", "pkgutil.")):
        package = _package(node, names)
        name = _text(node.args[1], names)
        return (package[0], posixpath.join(package[1], name)) if package is not None and name is not None else None
    return None


def _package(node: ast.Call, names: Outline) -> Place | None:
    """Name the folder of a package whose resource is asked for: ``package:/``, or this file's own."""
    package = node.args[0] if node.args else None
    if package is None or dotted(package) in ("__name__", "__package__"):
        return True, "."
    text = _text(package, names) or names.full(package)
    return (False, f"{text}{IN_PACKAGE}") if text else None
