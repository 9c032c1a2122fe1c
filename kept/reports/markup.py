"""Writes HTML in which every text is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

_VOID = frozenset({"input", "link", "meta", "img", "br"})


class Markup(str):
    """Text that is HTML already; anything else is escaped where it is put into a tag."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Write an element; ``class_`` is the attribute class, ``data_sort`` is data-sort, None and False are left out."""
    head = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{join(children)}</{name}>")


def _attribute(name: str, value: object) -> str:
    if value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(_clean(str(value)))}"'


def join(children: Iterable[Child]) -> Markup:
    """Put pieces one after the other, escaped where they are plain text."""
    return Markup("".join(_piece(child) for child in children if child is not None))


def _piece(child: str | Iterable[Child]) -> str:
    if isinstance(child, Markup):
        return child
    return html.escape(_clean(child), quote=False) if isinstance(child, str) else join(child)


# What no HTML document may hold: control characters and lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
