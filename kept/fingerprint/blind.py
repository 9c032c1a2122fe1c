"""Points at what no fingerprint sees: the environment, the clock, the network, files, unseeded randomness."""

from __future__ import annotations

import ast

from .fingerprints import SEEDED, variable_read
from .inputs import Outline, asked_for, asked_variable, writes
from .summary import Found
from .words import last

_CLOCK = frozenset({
    "time.time", "time.time_ns", "time.monotonic",
    "time.perf_counter", "datetime.now", "datetime.utcnow", "datetime.today",
    "date.today", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today", "datetime.datetime.today",
    "time.localtime", "time.gmtime", "time.strftime", "pd.Timestamp.now", "pandas.Timestamp.now", "time.ctime",
})  # fmt: skip
_NETWORK = (
    "requests",
    "urllib.request",
    "urlopen",
    "httpx",
    "socket",
    "aiohttp",
    "boto3",
    "ftplib",
    "http.client",
    "urlretrieve",
)
_READERS = frozenset(
    {"open", "read_csv", "read_parquet", "read_json", "read_excel", "read_pickle", "loadtxt", "genfromtxt", "imread"}
)
_COMPILED = frozenset({"read_csv", "read_parquet", "read_json", "imread"})  # no audit event tells what C or Rust opens
_PATH_READERS = frozenset({"read_text", "read_bytes"})
_LOADERS = frozenset(
    {"pickle.load", "joblib.load", "torch.load", "np.load", "numpy.load", "cloudpickle.load", "yaml.safe_load"}
)
_DRAWS = frozenset({
    "random", "rand", "randn", "randint", "choice", "choices", "shuffle", "permutation", "normal", "uniform", "sample",
    "gauss", "randrange", "standard_normal", "integers",
})  # fmt: skip
_UNSEEDED = frozenset(
    {"default_rng", "RandomState", "random.Random", "uuid4", "uuid1", "token_hex", "token_bytes", "urandom"}
)


def findings(node: ast.stmt, names: Outline) -> tuple[Found, ...]:
    """List what a statement does that its fingerprint cannot cover."""
    found: dict[int, Found] = {}
    for part in ast.walk(node):
        what = _what(part, names)
        if what is not None and not _runs_later(part, node):
            what = _at_import(part, what, names)
        if what is not None and isinstance(part, ast.expr):
            text = " ".join(ast.unparse(part).split())[:80]
            found.setdefault(part.lineno * 1000 + part.col_offset, Found(part.lineno, what, text))
    return tuple(found[place] for place in sorted(found))


def _at_import(part: ast.AST, what: str, names: Outline) -> str | None:
    """Name what stays unseen where it is done while importing: variables and files of the project count then."""
    if what == SEEDED:
        return "unseeded randomness"  # it is drawn before any stage
    if asked_variable(part, names) not in (None, "*") or (what == "file" and _is_noticed(part, names)):
        return None
    return what


def _is_noticed(call: ast.AST, names: Outline) -> bool:
    """Say whether a file that is read while importing is one of the project, by its text or as Python opens it."""
    places = [name for _, name, anchored in asked_for(call, names) if not anchored]
    if places or asked_for(call, names):
        return not any(_leads_out(name) for name in places)
    texts = [one.value for one in ast.walk(call) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    foreign = isinstance(call, ast.Call) and last(names.full(call.func)) in _COMPILED
    return not foreign and not any(_leads_out(text) for text in texts)


def _leads_out(path: str) -> bool:
    return path.startswith(("/", "..", "~"))


def _runs_later(part: ast.AST, statement: ast.stmt) -> bool:
    """Say whether a part of a statement stands in the body of a function, which runs when that is called."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for function in (one for one in ast.walk(statement) if isinstance(one, functions)):
        body = function.body if isinstance(function.body, list) else [function.body]
        if any(one is part for line in body for one in ast.walk(line)):
            return True
    return False


def _what(node: ast.AST, names: Outline) -> str | None:
    variable = asked_variable(node, names)
    if variable is not None:
        return variable_read(variable)
    if not isinstance(node, ast.Call):
        return None
    name = names.full(node.func) or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
    tail = last(name)
    if name in _CLOCK:
        return "clock"
    if any(name == one or name.startswith(one + ".") or tail == one for one in _NETWORK):
        return "network"
    if _names_a_file(node, tail, name, names) and not writes(node):
        return "file"
    if name.startswith(("random.", "np.random.", "numpy.random.")) and tail in _DRAWS:
        return SEEDED
    if (tail in _UNSEEDED or name in _UNSEEDED) and not node.args and not node.keywords:
        return "unseeded randomness"
    return None


def _names_a_file(node: ast.Call, tail: str, name: str, names: Outline) -> bool:
    """Say whether a file is read whose path is written out: one that came as an argument was declared."""
    if tail in _PATH_READERS and isinstance(node.func, ast.Attribute):
        return _has_text(node.func.value, names)
    return (name in _LOADERS or tail in _READERS) and bool(node.args) and _has_text(node.args[0], names)


def _has_text(node: ast.expr, names: Outline) -> bool:
    """Say whether a path is written out, here or where a name in it is bound."""
    parts = list(ast.walk(node))
    bound = [names.values[part.id] for part in parts if isinstance(part, ast.Name) and part.id in names.values]
    everything = (part for one in (node, *bound) for part in ast.walk(one))
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in everything)
