"""Finds the names of code that texts mention, where a library looks such names up among the caller's."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from itertools import pairwise

_LONGEST = 20_000
# Compiled by `re`, which remembers them, when the first text is looked into: few of them are.
_AT = r"(?<![\w.@])@([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"  # pandas: ``frame.query("age > @LIMIT")``
_FORMULA = r"~(?!/)"  # statsmodels, patsy: ``ols("y ~ center(x)", frame)``
_QUERY = r"(?i)\s*(?:select|with|from|copy|create|insert|describe|summarize|pivot|unpivot)\b"
_TABLE = r"(?i)\b(?:from|join|,)\s*([A-Za-z_]\w*)|,\s*([A-Za-z_]\w*)"  # duckdb, polars.sql
_NAME = r"(?<![\w.'\"])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_EVALUATING = frozenset({"eval", "evaluate", "re_evaluate"})  # of pandas and numexpr
_PROGRAM = r"\s|\S*(?:python[\d.]*|torchrun|uv|poetry|accelerate|mpirun|streamlit)\s"
_MODULE_RUN = r"(?:^|\s)-m\s+([A-Za-z_][\w.]*)"
_SCRIPT = r"[\w./-]+\.(?:py|R|r|jl|sh|bash|stan|sql|c|cc|cpp|cu|pyx)"


def mentioned(text: str) -> Iterator[str]:
    """Yield the dotted names in a text that somebody may look up in the code around it."""
    if len(text) > _LONGEST:
        return
    if "@" in text:
        yield from re.findall(_AT, text)
    if "~" in text and re.search(_FORMULA, text):
        yield from re.findall(_NAME, text)
    elif re.match(_QUERY, text):
        yield from (one or other for one, other in re.findall(_TABLE, text))


def evaluated(node: ast.Call) -> Iterator[str]:
    """Yield the names in the text that a call works out: ``pd.eval("a * RATE")``."""
    tail = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if tail not in _EVALUATING or not node.args or (tail == "eval" and isinstance(node.func, ast.Name)):
        return
    for part in ast.walk(node.args[0]):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < _LONGEST:
            yield from re.findall(_NAME, part.value)


def quoted(text: str) -> ast.expr | None:
    """Return the expression that an annotation in quotes is; None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as where files are parsed
            return ast.parse(text.strip(), mode="eval").body if len(text) < _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def modules_run(node: ast.List | ast.Tuple) -> Iterator[str]:
    """Yield the modules that a command runs: ``[sys.executable, "-m", "tool"]``."""
    texts = [one.value if isinstance(one, ast.Constant) else None for one in node.elts]
    for flag, name in pairwise(texts):
        if flag == "-m" and isinstance(name, str) and all(map(str.isidentifier, name.split("."))):
            yield name


def modules_in_command(text: str) -> list[str]:
    """Name the modules that a command line runs: ``python -m tool``."""
    return re.findall(_MODULE_RUN, text) if len(text) < _LONGEST and re.match(_PROGRAM, text) else []


def scripts(text: str) -> list[str]:
    """Name the scripts in a text that is one, or that is a command line."""
    if len(text) > _LONGEST or "." not in text:
        return []
    words = text.split() if re.match(_PROGRAM, text) else [text]
    return [word for word in words if re.fullmatch(_SCRIPT, word)]
