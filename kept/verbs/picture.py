"""Draws boxes and arrows from left to right, as SVG."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_CHAR, _LINE, _PAD, _GAP, _LANE = (
    7.3,
    17.0,
    11.0,
    70.0,
    16.0,
)  # pixels: a letter, a line of text, inside and between boxes
_STYLE = """
.box { fill: #f8fafc; stroke: #64748b }
.stale .box { fill: #fffbeb; stroke: #b45309; stroke-dasharray: 5 3 }
.file .box { fill: none; stroke: #94a3b8 }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #0f172a }
.stale .second { fill: #92400e; font-size: 11px }
.arrow { fill: none; stroke: #94a3b8; stroke-width: 1.3 }
#tip path { fill: #94a3b8 }
@media (prefers-color-scheme: dark) {
  .box { fill: #1e293b; stroke: #94a3b8 }
  .stale .box { fill: #292013; stroke: #f59e0b }
  text { fill: #e2e8f0 }
  .stale .second { fill: #fbbf24 }
}
"""


@dataclass(frozen=True, slots=True)
class Box:
    """Something with a name, lines of text in it, and what kind of thing it is: "stage", "stale" or "file"."""

    name: str
    lines: tuple[str, ...]
    kind: str

    @property
    def width(self) -> float:
        """The room that its text needs."""
        return max(map(len, self.lines)) * _CHAR + 2 * _PAD

    @property
    def height(self) -> float:
        """The room that its lines need."""
        return len(self.lines) * _LINE + _PAD


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, with a text that is shown when it is pointed at."""

    source: str
    target: str
    text: str


_Place = tuple[str, int]  # a box in its column, or a lane that a long arrow keeps free in each column between


def svg(boxes: Sequence[Box], arrows: Sequence[Arrow], title: str) -> str:
    """Draw; each box stands right of all that point to it."""
    by_name = {box.name: box for box in boxes}
    column = _columns(boxes, arrows)
    chains = {arrow: _chain(arrow, column) for arrow in arrows}
    order = _ordered([(box.name, column[box.name]) for box in boxes], chains.values())
    heights = {place: by_name[place[0]].height if place[0] in by_name else 0.0 for its in order for place in its}
    middle = _rows(order, heights, chains.values())
    left, right = [], _LANE
    for its in order:
        left.append(right)
        right += max((by_name[name].width for name, _ in its if name in by_name), default=0) + _GAP
    drawn = [_arrow(arrow, chains[arrow], by_name, left, middle) for arrow in arrows]
    drawn += [_box(box, left[column[box.name]], middle[box.name, column[box.name]]) for box in boxes]
    bottom = max((middle[place] + heights[place] / 2 for place in middle), default=0) + _LANE
    size = f"{max(right - _GAP + _LANE, 1):.0f} {max(bottom, 1):.0f}"
    width, height = size.split()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{width}" height="{height}" role="img">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    return "\n".join([head, *drawn, "</svg>"])


def _columns(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> dict[str, int]:
    """Put each box right of all that point to it; one that nothing points to stands just left of its first target."""
    sources: dict[str, list[str]] = defaultdict(list)
    targets: dict[str, list[str]] = defaultdict(list)
    for arrow in arrows:
        sources[arrow.target].append(arrow.source)
        targets[arrow.source].append(arrow.target)
    column: dict[str, int] = {}
    for box in sorted(boxes, key=lambda box: box.kind != "file"):  # stages come in an order in which they can be built
        column[box.name] = max((column[source] + 1 for source in sources[box.name]), default=0)
    for box in boxes:
        if not sources[box.name] and targets[box.name]:
            column[box.name] = min(column[target] for target in targets[box.name]) - 1
    return column


def _chain(arrow: Arrow, column: Mapping[str, int]) -> list[_Place]:
    first, last = column[arrow.source], column[arrow.target]
    lane = f"\0{arrow.source}"  # arrows from one box share their lanes
    return [(arrow.source, first), *((lane, c) for c in range(first + 1, last)), (arrow.target, last)]


def _neighbours(chains: Iterable[Sequence[_Place]]) -> tuple[dict[_Place, list[_Place]], dict[_Place, list[_Place]]]:
    before: dict[_Place, list[_Place]] = defaultdict(list)
    after: dict[_Place, list[_Place]] = defaultdict(list)
    for chain in chains:
        for one, other in pairwise(chain):
            before[other].append(one)
            after[one].append(other)
    return before, after


def _ordered(places: Sequence[_Place], chains: Iterable[Sequence[_Place]]) -> list[list[_Place]]:
    """Order each column so that few arrows cross: by the mean place of what a box is joined to, four times over."""
    chains = list(chains)
    columns: dict[int, dict[_Place, None]] = defaultdict(dict)
    for place in [*places, *(place for chain in chains for place in chain)]:
        columns[place[1]][place] = None
    order = [list(columns[index]) for index in sorted(columns)]
    before, after = _neighbours(chains)
    for sweep in range(4):
        joined, its = (before, order) if sweep % 2 == 0 else (after, order[::-1])
        for column in its:
            index = {place: i for one in order for i, place in enumerate(one)}
            mean = {p: sum(index[n] for n in joined[p]) / len(joined[p]) if joined[p] else index[p] for p in column}
            column.sort(key=mean.__getitem__)
    return order


def _rows(
    order: list[list[_Place]], heights: Mapping[_Place, float], chains: Iterable[Sequence[_Place]]
) -> dict[_Place, float]:
    """Find the middle of each place: near what it is joined to on its left, none over another."""
    before, _ = _neighbours(chains)
    middle: dict[_Place, float] = {}
    for column in order:
        wanted = {p: [middle[n] for n in before[p]] for p in column}
        bottom, at = 0.0, {}
        for place in column:
            near = sum(wanted[place]) / len(wanted[place]) if wanted[place] else 0.0
            at[place] = max(near, bottom + _LANE + heights[place] / 2)
            bottom = at[place] + heights[place] / 2
        off = [at[p] - sum(w) / len(w) for p, w in wanted.items() if w]  # pushed down on the whole: move all up again
        shift = min(sum(off) / len(off) if off else 0.0, min(at[p] - heights[p] / 2 for p in column) - _LANE)
        middle.update({place: y - max(shift, 0.0) for place, y in at.items()})
    return middle


def _arrow(
    arrow: Arrow,
    chain: Sequence[_Place],
    boxes: Mapping[str, Box],
    left: Sequence[float],
    middle: Mapping[_Place, float],
) -> str:
    (source, first), (_, last) = chain[0], chain[-1]
    points = [(left[first] + boxes[source].width, middle[chain[0]])]
    for place in chain[1:-1]:  # through the lane, along the whole of its column
        points += [(left[place[1]], middle[place]), (left[place[1] + 1] - _GAP, middle[place])]
    points.append((left[last], middle[chain[-1]]))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (x + to_x) / 2
        path += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    said = html.escape(f"{arrow.source} → {arrow.target}" + (f": {arrow.text}" if arrow.text else ""))
    return f'<path class="arrow" d="{path}" marker-end="url(#tip)"><title>{said}</title></path>'


def _box(box: Box, x: float, middle: float) -> str:
    top = middle - box.height / 2
    text = "".join(
        f'<text class="{"second" if index else "first"}" x="{x + _PAD:.1f}" y="{top + _LINE * (index + 1):.1f}">'
        f"{html.escape(line)}</text>"
        for index, line in enumerate(box.lines)
    )
    frame = f'<rect class="box" x="{x:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5"/>'
    return f'<g class="{box.kind}">{frame}{text}</g>'
