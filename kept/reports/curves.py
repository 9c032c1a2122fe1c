"""Finds training curves among artifacts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..actions import Output
from .markup import Markup, tag
from .plots import COLOURS, Curve, curves, drawable
from .records import Records, Standing, named

_LARGEST = 2_000_000  # bytes of an artifact that is looked into
_PLOTS = 24


def section(standings: list[Standing], records: Records, besides: frozenset[str]) -> Markup | None:
    """Draw the training curves of stages, a plot for each name; None where no stage returns any.

    A curve is a list of numbers, or a dict of such lists (its keys name them): an artifact of a stage, or the field
    ``history`` of one (an array of one dimension, too). ``besides`` names artifacts that are something else.
    """
    found: dict[str, list[Curve]] = {}
    for standing in standings:
        for name, output in named(standing):
            if name not in besides:
                for title, values in _curves(name, output, records):
                    found.setdefault(title, []).append(Curve(standing.stage.pipeline, values))
    if not found:
        return None
    plots = [curves(title, lines[:COLOURS], _more(len(lines))) for title, lines in list(found.items())[:_PLOTS]]
    return tag("section", tag("h2", "Training curves"), tag("div", plots, class_="plots"), id="curves")


def _more(count: int) -> str:
    return f"(the first {COLOURS} of {count})" if count > COLOURS else ""


def _curves(name: str, output: Output, records: Records) -> Iterator[tuple[str, list[float]]]:
    last = name.rpartition(".")[2]
    listed = output.format == "json" and output.kind.startswith(("list", "dict"))
    if output.digest.size > _LARGEST or not (listed or (output.format == "npy" and last == "history")):
        return
    value = records.value(output)
    if isinstance(value, dict):
        for key, item in value.items():
            if _is_curve(item):
                yield str(key), _floats(item)
    elif hasattr(value, "ndim"):
        if value.ndim == 1 and value.dtype.kind in "iuf" and value.size > 1:
            yield name, _floats(value.tolist())
    elif _is_curve(value):
        yield name, _floats(value)


def _is_curve(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(type(item) in (int, float) for item in value)


def _floats(values: list[Any]) -> list[float]:
    return [float(value) if drawable(value) else math.nan for value in values]
