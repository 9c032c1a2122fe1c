"""What is known of libraries by name alone: who keeps, who reads, who changes state."""

from __future__ import annotations

import ast
import builtins
import re
import sys

STANDARD = frozenset(sys.stdlib_module_names)
BUILTINS = frozenset(dir(builtins))
SHADOWING = frozenset({"math", "cmath", "operator", "os", "io", "codecs"})  # with names that builtins have, too
_EXCEPTIONS = frozenset(
    name for name in BUILTINS if isinstance(kind := getattr(builtins, name), type) and issubclass(kind, BaseException)
)

# Bases by their last name: neither docstrings nor annotations of a class under these are read.
PLAIN_BASES = _EXCEPTIONS | {
    "object", "ABC", "Generic", "Protocol", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "type", "ABCMeta",
    "dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bytes", "Hashable", "Callable",
    "Iterator", "Iterable", "Mapping", "MutableMapping", "Sequence", "Thread", "Random", "local",
}  # fmt: skip

# Libraries whose decorators and bases read neither docstrings nor annotations, as far as results go.
_BLIND_LIBRARIES = (
    "numpy", "scipy", "sklearn", "pandas", "polars", "numba", "jax", "flax.linen", "torch.nn", "torch.utils",
    "torch.no_grad", "torch.inference_mode", "torch.autograd", "torch.optim", "torch.compile", "tensorflow", "keras",
    "joblib", "tqdm", "tenacity", "xgboost", "lightgbm", "kept",
)  # fmt: skip
DISPATCHERS = frozenset({"singledispatch", "singledispatchmethod"})  # their ``register`` reads annotations
_STANDARD_READERS = frozenset({"singledispatchmethod", "TypedDict", "make_dataclass"})

# A library's decorator of such a name keeps what it decorates; a call of such a name changes something. They are
# compiled when the first is asked for: `re` remembers them, and most commands take fingerprints from the memory.
_KEEPING = (
    r"(?:^|_)(register\w*|hook\w*|accessor|command|group|route|subscribe\w*|listen\w*|connect|on|handler|callback|plugin"
    r"|implements|impl|export|task|flow|event|receiver|fixture|entry_?point|expose|add|provide\w*|dispatch|overload\w*)(?:_|$)"
)
_CHANGING = (
    r"^(seed|manual_seed\w*|set|set_\w+|\w+_seed|seed_\w+|register\w*|install\w*|patch\w*|enable\w*|disable\w*|use|use_\w+"
    r"|configure\w*|config|basicConfig|dictConfig|fileConfig|\w*filterwarnings|simplefilter|load_dotenv|reset\w*|init|init_\w+"
    r"|initialize\w*|setup\w*|setattr|delattr|putenv|unsetenv|chdir|start|connect|subscribe|hook\w*|add_\w+|append_\w+"
    r"|experimental_enable\w*|update_\w+|setlocale|setrecursionlimit|signal|seterr\w*|setbufsize|setdefaulttimeout|setcontext|settrace|setprofile|monkey\w*|inject\w*|mount|override\w*)$"
)
MUTATING = frozenset({
    "append", "appendleft", "add", "insert", "extend", "update", "setdefault", "pop", "popitem", "popleft", "remove",
    "discard", "clear", "sort", "reverse", "register", "subscribe", "connect", "__setitem__", "__setattr__", "seed",
    "__delitem__", "shuffle", "move_to_end", "rotate", "push", "put", "write", "writelines", "send", "set", "store",
    "intersection_update", "difference_update", "symmetric_difference_update",
})  # fmt: skip

# Whoever mentions one of these can read docstrings or annotations, the name of a function, its text.
READS_DOCS = frozenset({
    "__doc__", "getdoc", "__annotations__", "get_type_hints", "signature", "getfullargspec", "get_annotations",
    "getargspec", "render_doc", "__type_params__", "__signature__", "_field_types", "Signature", "BoundArguments",
    "get_overloads", "pydoc", "doctest", "testmod",
})  # fmt: skip
READS_NAMES = frozenset({"__name__", "__qualname__", "co_name", "co_qualname"})
READS_MODULES = frozenset({"__module__", "co_filename", "getmodule", "getmodulename", "getfile", "getsourcefile"})
OWN_NAMES = frozenset({"__name__", "__file__", "__package__", "__spec__"})
READS_SOURCE = frozenset({
    "getsource", "getcomments", "linecache", "co_code", "co_consts", "findsource", "getblock",
})  # fmt: skip
# And these say on which line it stands.
READS_LINES = frozenset({
    "getsourcelines", "co_firstlineno", "f_lineno", "tb_lineno", "getframeinfo", "extract_stack", "format_stack",
    "extract_tb", "co_lines", "co_positions", "findlinestarts",
})  # fmt: skip
EVERYTHING = frozenset(
    {"__globals__", "f_globals", "f_back", "get_objects", "get_referrers", "currentframe", "_getframe"}
)
OWN_MODULE = frozenset({"globals", "eval", "exec", "compile", "__builtins__"})

# They make fields of the annotations of a class that they are called with, or decorate.
MAKES_FIELDS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "attributes"})
# Whoever asks for these gets annotations as they are: text, where the file says so for all of them.
READS_FIELDS = frozenset({"dataclasses.fields", "attr.fields", "attrs.fields", "attr.fields_dict", "attrs.fields_dict"})

# What loads a module whose name is computed, under whichever name it is called.
LOADING = frozenset({
    "importlib.import_module", "importlib.metadata.entry_points", "importlib_metadata.entry_points", "pydoc.locate",
    "pkg_resources.iter_entry_points", "pkg_resources.load_entry_point", "hydra.utils.instantiate", "hydra.utils.call",
    "hydra.utils.get_class", "hydra.utils.get_method", "hydra.utils.get_object", "stevedore.driver.DriverManager",
    "stevedore.extension.ExtensionManager", "django.utils.module_loading.import_string",
    "werkzeug.utils.import_string",
})  # fmt: skip

# Methods of loggers: what they are called for decides nothing.
LOGGING = frozenset({"print", "debug", "info", "warning", "warn", "error", "exception", "log", "critical"})

# They call the function that they are given with what else they are given.
RUNNING = frozenset({"map", "filter", "reduce", "starmap", "accumulate", "filterfalse", "takewhile", "dropwhile"})

# Makers of values that nobody else holds yet.
FRESH = frozenset({
    "dict", "list", "set", "frozenset", "tuple",
    "defaultdict", "OrderedDict", "Counter", "deque", "bytearray", "object",
    "int", "float", "str", "bool", "bytes", "range", "sorted",
    "zip", "map", "enumerate", "len", "sum", "min", "max", "copy",
    "SimpleNamespace", "WeakKeyDictionary", "WeakValueDictionary", "WeakSet",
})  # fmt: skip

_IN_PLACE = frozenset({
    "fill", "fit", "partial_fit", "train", "eval", "load_state_dict", "compile", "__enter__", "enter_context",
})  # fmt: skip
_OPERATORS = frozenset({"setitem", "delitem", "iadd", "iand", "iconcat", "ior", "isub", "ixor", "imul", "itruediv"})
# Whoever looks at what one of these makes may move it on.
CONSUMED = frozenset({
    "iter", "map", "zip", "filter", "reversed", "enumerate", "open", "reader", "count", "cycle", "chain", "islice",
    "repeat", "product", "permutations", "combinations", "defaultdict", "Random", "default_rng", "RandomState",
    "Generator", "manual_seed", "StringIO", "BytesIO", "Queue", "SimpleQueue", "LifoQueue", "PriorityQueue",
})  # fmt: skip
_PUTTING = frozenset({"heappush", "heappushpop", "heapreplace", "heapify", "insort", "insort_left", "insort_right"})

_CALM_MODULES = (
    "re", "collections", "functools", "pathlib", "os.path", "dataclasses", "enum", "typing", "math", "operator",
    "itertools", "decimal.Decimal", "fractions", "datetime", "string", "abc", "contextlib", "types", "copy",
    "logging.getLogger", "logging.Logger", "logging.StreamHandler", "json", "textwrap", "struct", "threading.Lock",
    "threading.RLock", "threading.local", "typing_extensions", "contextvars", "uuid", "statistics", "hashlib", "numpy",
    "os.environ.get", "os.getenv", "collections.abc", "kept",
)  # fmt: skip


def dotted(node: ast.AST | None) -> str | None:
    """Write ``a.b.c`` for such an expression, None for any other."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(names)])


def last(name: str) -> str:
    """Return the last part of a dotted name."""
    return name.rpartition(".")[2]


def within(name: str, tops: tuple[str, ...]) -> bool:
    """Say whether a dotted name is one of ``tops`` or lies under one."""
    return any(name == top or name.startswith(top + ".") for top in tops)


def is_standard(name: str) -> bool:
    """Say whether a dotted name belongs to the standard library or is a builtin."""
    return name.partition(".")[0] in STANDARD or name in BUILTINS


def reads_definitions(name: str) -> bool:
    """Say whether this decorator or base, not the project's, may read docstrings and annotations."""
    if is_standard(name):
        return last(name) in _STANDARD_READERS or last(name) in READS_DOCS
    return not within(name, (*_BLIND_LIBRARIES, "typing_extensions", "attr", "attrs", "abc"))


def keeps_definitions(name: str, configured: bool) -> bool:
    """Say whether this decorator, not the project's, may keep what it decorates."""
    if is_standard(name):
        return name.startswith(("atexit.", "signal.")) or last(name) == "register"
    if within(name, ("kept",)):
        return False
    if re.search(_KEEPING, last(name), re.IGNORECASE):
        return True
    return configured and not within(name, (*_BLIND_LIBRARIES, "attr", "attrs", "typing_extensions", "pydantic"))


def changes_state(name: str) -> bool:
    """Say whether a call of this, not the project's, changes something that others see."""
    if name.startswith("kept."):
        return False
    tail = last(name)
    if name in BUILTINS:
        return name in ("setattr", "delattr", "next", "exec")
    if name.startswith(("operator.", "_operator.")):
        return tail.strip("_") in _OPERATORS
    if name.startswith(("random.", "numpy.random.")):  # drawing a number moves the generator for everybody
        return tail not in (
            "Random",
            "SystemRandom",
            "default_rng",
            "RandomState",
            "Generator",
            "SeedSequence",
            "PCG64",
        )
    return bool(re.match(_CHANGING, tail)) or tail in _PUTTING or name.startswith(("atexit.", "signal.", "gc."))


def works_in_place(method: str) -> bool:
    """Say whether a method of this name changes its object, even where its result is taken."""
    if method in MUTATING or method in _IN_PLACE or re.match(_CHANGING, method):
        return True
    return method.endswith("_") and not method.endswith("__")  # as torch writes it


def is_calm(name: str) -> bool:
    """Say whether a call of this, not the project's, neither changes nor reads what others change."""
    return name in BUILTINS - {"next", "setattr", "delattr", "exec", "eval", "open", "input"} or (
        within(name, _CALM_MODULES) and not changes_state(name)
    )
