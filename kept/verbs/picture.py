"""Draws boxes and arrows from left to right, as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise

from ..lean import dataclass
from ..reports.layout import layout

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


def svg(boxes: Sequence[Box], arrows: Sequence[Arrow], title: str) -> str:
    """Draw boxes, each named after all that point to it; each stands right of these."""
    needs: dict[str, list[str]] = {box.name: [] for box in boxes}
    for arrow in arrows:
        needs[arrow.target].append(arrow.source)
    plan = layout(needs)
    row = max((box.height for box in boxes), default=0.0) + _LANE
    left = [_LANE]
    for column in range(plan.columns):
        left.append(left[-1] + max((b.width for b in boxes if plan.boxes[b.name][0] == column), default=0.0) + _GAP)
    by_name = {box.name: box for box in boxes}
    texts = {(arrow.source, arrow.target): arrow.text for arrow in arrows}
    drawn = []
    for source, target, points in plan.lines:
        way = [(left[column], (height + 0.5) * row + _LANE / 2) for column, height in points]
        ends = [left[column + 1] - _GAP for column, _ in points]
        drawn.append(_arrow(by_name[source], target, texts[source, target], way, ends))
    for box in boxes:
        column, height = plan.boxes[box.name]
        drawn.append(_box(box, left[column], (height + 0.5) * row + _LANE / 2))
    width, height = max(left[-1] - _GAP + _LANE, 1), max(plan.rows * row + _LANE, 1)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" role="img"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    return "\n".join([head, *drawn, "</svg>"])


def _arrow(source: Box, target: str, text: str, way: Sequence[tuple[float, float]], ends: Sequence[float]) -> str:
    """Draw from the right of a box, level through each column that it passes, to the left of another."""
    points = [(way[0][0] + source.width, way[0][1])]
    for (x, y), end in zip(way[1:-1], ends[1:-1], strict=True):
        points += [(x, y), (end, y)]
    points.append(way[-1])
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (x + to_x) / 2
        path += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    said = html.escape(f"{source.name} → {target}" + (f": {text}" if text else ""))
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
