"""Lays a graph out in layers, so that lines run from left to right and cross little.

The method is Sugiyama's: a layer for each box by its longest way from the start, a bend in each layer that a line
passes, orders by the middle of the neighbours, heights by least squares. Libraries that do this (Graphviz, dagre, ELK)
are programs to install, or a hundred kilobytes of script in each page.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from ..lean import dataclass

_SWEEPS = 6
_BEND = 0.45  # the room that a passing line takes, of that of a box

# A box is (name, None); the bend of the lines from a box in a layer that they pass is (name, layer).
Point = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies, in columns and rows: whole columns from the left, rows as fractions from the top."""

    boxes: Mapping[str, tuple[int, float]]
    lines: Sequence[tuple[str, str, tuple[tuple[int, float], ...]]]  # from, to, points from box to box
    columns: int
    rows: float


def layout(upstream: Mapping[str, Sequence[str]]) -> Layout:
    """Lay out boxes, each after those that it needs; lines from one box share a way for as long as they can."""
    layer = _layers(upstream)
    ways = {(u, box): _way(u, box, layer) for box, needs in upstream.items() for u in needs}
    columns: list[list[Point]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for box in upstream:
        columns[layer[box]].append((box, None))
    for name, at in dict.fromkeys(point for way in ways.values() for point in way[1:-1]):
        assert at is not None
        columns[at].append((name, at))
    pairs = list(dict.fromkeys(pair for way in ways.values() for pair in pairwise(way)))
    before, after = _neighbours(pairs)
    _order(columns, before, after)
    height = _heights(columns, before, after)
    place = {point: (index, height[point]) for index, column in enumerate(columns) for point in column}
    lines = [(u, box, tuple(place[point] for point in way)) for (u, box), way in ways.items()]
    boxes = {box: place[box, None] for box in upstream}
    return Layout(boxes, lines, len(columns), max((y for _, y in place.values()), default=0.0) + 1)


def _layers(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    layer: dict[str, int] = {}
    for box, needs in upstream.items():
        layer[box] = max((layer[u] + 1 for u in needs), default=0)
    nearest: dict[str, int] = {}
    for box, needs in upstream.items():
        for u in needs:
            nearest[u] = min(nearest.get(u, layer[box]), layer[box])
    for box, needs in upstream.items():
        if not needs and box in nearest:  # what needs nothing stands beside the first that needs it
            layer[box] = nearest[box] - 1
    return layer


def _way(start: str, end: str, layer: Mapping[str, int]) -> tuple[Point, ...]:
    return (start, None), *((start, at) for at in range(layer[start] + 1, layer[end])), (end, None)


_Near = Mapping[Point, list[Point]]


def _neighbours(pairs: Sequence[tuple[Point, Point]]) -> tuple[_Near, _Near]:
    before: dict[Point, list[Point]] = {}
    after: dict[Point, list[Point]] = {}
    for left, right in pairs:
        after.setdefault(left, []).append(right)
        before.setdefault(right, []).append(left)
    return before, after


def _order(columns: list[list[Point]], before: _Near, after: _Near) -> None:
    """Put each point at the middle of its neighbours, to and fro; of all orders keep the one with fewest crossings."""
    rank = {point: index for column in columns for index, point in enumerate(column)}
    best, fewest = [list(column) for column in columns], _crossings(columns, after, rank)
    for sweep in range(_SWEEPS):
        near = after if sweep % 2 else before
        for column in reversed(columns) if sweep % 2 else columns:
            column.sort(key=_middle(near, rank))
            _exchange(column, before, after, rank)
        crossings = _crossings(columns, after, rank)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best


def _exchange(column: list[Point], before: _Near, after: _Near, rank: dict[Point, int]) -> None:
    """Let neighbours change places where their lines then cross less."""
    for _ in range(_SWEEPS):
        swapped = False
        for at in range(len(column) - 1):
            one, two = column[at], column[at + 1]
            if _cross(one, two, before, after, rank) > _cross(two, one, before, after, rank):
                column[at], column[at + 1], swapped = two, one, True
        if not swapped:
            break
    rank.update({point: index for index, point in enumerate(column)})


def _cross(upper: Point, lower: Point, before: _Near, after: _Near, rank: Mapping[Point, int]) -> int:
    return sum(rank[a] > rank[b] for near in (before, after) for a in near.get(upper, ()) for b in near.get(lower, ()))


def _crossings(columns: list[list[Point]], after: _Near, rank: Mapping[Point, int]) -> int:
    """Count the crossings of all lines: between two columns, those that end in the wrong order."""
    count = 0
    for column in columns:
        ended: list[int] = []
        for point in column:
            ends = sorted(rank[other] for other in after.get(point, ()))
            count += sum(len(ended) - bisect_right(ended, end) for end in ends)
            for end in ends:
                insort(ended, end)
    return count


def _middle(near: _Near, value: Mapping[Point, float] | Mapping[Point, int]) -> Callable[[Point], float]:
    def middle(point: Point) -> float:
        others = near.get(point)
        return sum(value[other] for other in others) / len(others) if others else value[point]

    return middle


def _heights(columns: list[list[Point]], before: _Near, after: _Near) -> dict[Point, float]:
    height: dict[Point, float] = {}
    for column in columns:
        height.update(zip(column, _apart(column, [0.0] * len(column)), strict=True))
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 else after
        for column in columns if sweep % 2 else reversed(columns):
            wanted = [_middle(near, height)(point) for point in column]
            height.update(zip(column, _apart(column, wanted), strict=True))
    top = min(height.values(), default=0.0)
    return {point: value - top for point, value in height.items()}


def _apart(column: Sequence[Point], wanted: Sequence[float]) -> list[float]:
    """Return the heights nearest to those wanted, by least squares, that keep order and distance.

    Distances subtracted, that is a regression onto a rising sequence: neighbours that fall are pooled at their mean.
    """
    room = [1.0 if bend is None else _BEND for _, bend in column]
    offset = [0.0]
    for one, two in pairwise(room):
        offset.append(offset[-1] + (one + two) / 2)
    pools: list[tuple[float, int]] = []  # mean, size
    for want, away in zip(wanted, offset, strict=True):
        mean, size = want - away, 1
        while pools and pools[-1][0] > mean:
            last, count = pools.pop()
            mean, size = (last * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    return [value + away for value, away in zip(level, offset, strict=True)]
