"""Draws numbers: bars side by side, curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..lean import dataclass
from .markup import Markup, tag
from .words import number

COLOURS = 8  # of lines in one plot; page.css has as many
_LEFT, _TOP, _WIDTH, _HEIGHT = 46, 10, 364, 180  # of the plane of a plot of curves, in its own units
_LARGEST = 1e300  # beyond it, differences overflow; NaN is not below it, either
_POINTS = 400  # of a line that can be told apart


# ---- bars


@dataclass(frozen=True, slots=True)
class Bar:
    """One number with its name."""

    name: str
    value: float
    shown: str


def bars(title: str, bars: Sequence[Bar], more: str = "") -> Markup:
    """Draw numbers as bars from zero; as dots on a cut axis where they are too close for bars to differ."""
    values = [bar.value for bar in bars]
    low, high = _axis(values)
    cut = low != 0
    kind = "dot" if cut else "bar"
    items = [
        tag(
            "li",
            tag("span", bar.name, class_="label"),
            tag("span", tag("i", style=f"--at:{_share(bar.value, low, high):.2f}%"), class_="track"),
            tag("span", bar.shown, class_="value"),
        )
        for bar in bars
    ]
    ends = tag("p", tag("span", number(low)), tag("span", number(high)), class_="ends") if cut else None
    caption = tag("figcaption", tag("b", title), f" {more}" if more else "")
    return tag("figure", caption, tag("ul", items, class_=f"bars {kind}"), ends)


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """Choose the ends of an axis: from zero, unless all values lie far from it, close together."""
    low, high = min(values), max(values)
    if low >= 0 and (low == high or high - low > high / 8):
        return 0.0, high or 1.0
    low, high = _apart(low, high)
    step = _step(high - low)
    below = math.floor(low / step) * step
    return _rounded(below if below < low else below - step), _rounded(math.ceil(high / step) * step)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Widen an axis on which all values would fall into one place."""
    least = max(abs(low), abs(high)) * 1e-9 or 1.0
    return (low, high) if high - low > least else (low - least, high + least)


def _step(span: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that divides a span into four or more."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= span / 4)


def _rounded(value: float) -> float:
    """Drop what adding up left behind: 0.30000000000000004."""
    return float(f"{value:.12g}")


def _share(value: float, low: float, high: float) -> float:
    return 100 * (value - low) / (high - low)


# ---- curves


@dataclass(frozen=True, slots=True)
class Curve:
    """Numbers in the order in which they came, of one variant."""

    name: str
    values: Sequence[float]


def curves(title: str, lines: Sequence[Curve], more: str = "") -> Markup:
    """Draw curves over one axis; what is not a finite number is a gap."""
    finite = [v for line in lines for v in line.values if drawable(v)]
    low, high = _apart(min(finite), max(finite)) if finite else (0.0, 1.0)
    length = max(len(line.values) for line in lines)
    step = _step(high - low)
    ticks = [_rounded(n * step) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    axes = [_tick(tick, _y(tick, low, high)) for tick in ticks]
    ends = [_end(1, 0.0), _end(length, 1.0)] if length > 1 else [_end(1, 0.0)]
    drawn = [
        tag("path", tag("title", line.name), class_=f"curve c{index}", d=_drawn(line.values, length, low, high))
        for index, line in enumerate(lines)
    ]
    legend = [
        tag(
            "li",
            tag("svg", tag("path", class_=f"curve c{index}", d="M0 5H24"), viewBox="0 0 24 10", aria_hidden="true"),
            f" {line.name} ",
            tag("span", _last(line.values), class_="value"),
        )
        for index, line in enumerate(lines)
    ]
    box = f"0 0 {_LEFT + _WIDTH + 10} {_TOP + _HEIGHT + 24}"
    plot = tag("svg", axes, ends, drawn, class_="plot", viewBox=box, role="img", aria_label=f"curves of {title}")
    caption = tag("figcaption", tag("b", title), f" {more}" if more else "")
    return tag("figure", caption, plot, tag("ul", legend, class_="legend"))


def drawable(value: float) -> bool:
    """Say whether a number has a place in a plot."""
    return abs(value) < _LARGEST


def _y(value: float, low: float, high: float) -> float:
    return _TOP + _HEIGHT * (high - value) / (high - low)


def _tick(value: float, y: float) -> Markup:
    line = tag("path", class_="grid", d=f"M{_LEFT} {y:.1f}h{_WIDTH}")
    return Markup(line + tag("text", number(value), x=_LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"))


def _end(count: int, share: float) -> Markup:
    anchor = "end" if share else "start"
    return tag("text", str(count), x=round(_LEFT + _WIDTH * share), y=_TOP + _HEIGHT + 18, text_anchor=anchor)


def _drawn(values: Sequence[float], length: int, low: float, high: float) -> str:
    stride = max(1, len(values) // _POINTS)
    parts, pen = [], "M"
    for index in dict.fromkeys([*range(0, len(values), stride), len(values) - 1]):
        if not drawable(values[index]):
            pen = "M"
            continue
        x = _LEFT + _WIDTH * index / max(length - 1, 1)
        parts.append(f"{pen}{x:.1f} {_y(values[index], low, high):.1f}")
        pen = "L"
        if len(values) == 1:
            parts.append("h.1")  # a line without length that has round ends is a dot
    return "".join(parts)


def _last(values: Sequence[float]) -> str:
    return f"{number(float(values[-1]))} at last"
