"""Draws the stages of variants as a picture, shared ones once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from .. import errors
from ..actions import Outcome
from ..lean import dataclass
from ..pipeline import Stage
from .layout import layout
from .markup import Markup, tag
from .records import Records, Standing
from .words import outcome_word, seconds

_WIDTH, _HEIGHT, _GAP, _ROW = 188, 58, 52, 74
_MARGIN = 6
_CHARACTERS = 24  # of a name that fit into a box
_DRAWN_SINGLY = 60  # stages; more are drawn by kind


@dataclass(frozen=True, slots=True)
class Box:
    """One stage, or all stages that have one name and stand in one place of variants of one shape."""

    name: str
    owners: tuple[str, ...]
    target: str  # what a click leads to
    outcomes: Mapping[Outcome | None, int]
    seconds: float | None
    size: int | None

    @property
    def worst(self) -> Outcome | None:
        """The outcome that its colour shows."""
        return min(self.outcomes, key=_ORDER.index)

    @property
    def lines(self) -> tuple[str, str, str, str]:
        """What is written in it: name, owner, what the last run did, how long it took and how big it is."""
        count = sum(self.outcomes.values())
        name = self.name if count == 1 else f"{self.name} ×{count}"
        owner = self.owners[0] if len(self.owners) == 1 else f"{len(self.owners)} variants"
        word = outcome_word(self.worst)
        if len(self.outcomes) > 1:
            word = f"{self.outcomes[self.worst]} {word}"
        facts = [seconds(self.seconds)] if self.seconds is not None else []
        facts += [errors.size(self.size)] if self.size is not None else []
        return name, owner, word, " · ".join(facts)


_ORDER: Sequence[Outcome | None] = (
    Outcome.FAILED, None, Outcome.BUILT, Outcome.RESTORED, Outcome.UP_TO_DATE
)  # fmt: skip


def picture(drawn: Iterable[Stage], records: Records, *, linked: bool = True) -> Markup:
    """Draw stages as SVG; ``linked`` boxes lead to the stage's place in the same page."""
    found = {stage.task: stage for stage in drawn}
    kinds = _kinds(found) if len(found) > _DRAWN_SINGLY else {task: task for task in found}
    groups: dict[str, list[Stage]] = {}
    for task, stage in found.items():
        groups.setdefault(kinds[task], []).append(stage)
    upstream = {
        kind: tuple(dict.fromkeys(kinds[u] for stage in group for u in stage.upstream if u in kinds))
        for kind, group in groups.items()
    }
    boxes = {kind: _box(group, records) for kind, group in groups.items()}
    return _draw(boxes, upstream, linked=linked)


def _kinds(found: Mapping[str, Stage]) -> dict[str, str]:
    """Name stages alike that have one name and need stages that are alike, too."""
    kinds: dict[str, str] = {}
    seen: dict[tuple[str, ...], str] = {}
    for task, stage in found.items():
        shape = (stage.name, *sorted(kinds.get(u, u) for u in stage.upstream))
        kinds[task] = seen.setdefault(shape, task)
    return kinds


def _box(group: list[Stage], records: Records) -> Box:
    standings = [records.standing(stage) for stage in group]
    made = [s.record.seconds for s in standings if s.record is not None]
    outcomes = Counter(records.outcome(standing) for standing in standings)
    return Box(
        group[0].name,
        tuple(dict.fromkeys(stage.pipeline for stage in group)),
        group[0].task if len(group) == 1 else "stages",
        outcomes,
        sum(made) if made else None,
        size_of(standings),
    )


def size_of(standings: Iterable[Standing]) -> int | None:
    """Count the bytes of the artifacts of stages; None where nothing is there."""
    sizes = [output.digest.size for standing in standings for output in standing.outputs]
    return sum(sizes) if sizes else None


# ---- drawing


def _draw(boxes: Mapping[str, Box], upstream: Mapping[str, Sequence[str]], *, linked: bool) -> Markup:
    plan = layout(upstream)
    width = plan.columns * (_WIDTH + _GAP) - _GAP + 2 * _MARGIN
    height = round((plan.rows - 1) * _ROW) + _HEIGHT + 2 * _MARGIN
    lines = [tag("path", class_="line", d=_path(points)) for _, _, points in plan.lines]
    drawn = [_drawn_box(box, *_corner(plan.boxes[kind]), linked=linked) for kind, box in boxes.items()]
    return tag(
        "svg",
        tag("title", "Stages, from the data on the left to the results on the right"),
        lines,
        drawn,
        class_="kept-graph",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="group",
    )


def _corner(place: tuple[int, float]) -> tuple[int, int]:
    column, row = place
    return _MARGIN + column * (_WIDTH + _GAP), _MARGIN + round(row * _ROW)


def _path(points: Sequence[tuple[int, float]]) -> str:
    """Write a line from the right side of a box, level through each column that it passes, to the left of another."""
    x, y = _corner(points[0])
    x, y = x + _WIDTH, y + _HEIGHT // 2
    parts = [f"M{x} {y}"]
    for index, point in enumerate(points[1:], 1):
        left, top = _corner(point)
        top += _HEIGHT // 2
        middle = (x + left) // 2
        parts.append(f"C{middle} {y} {middle} {top} {left} {top}")
        x, y = left, top
        if index < len(points) - 1:
            x += _WIDTH
            parts.append(f"H{x}")
    return "".join(parts)


def _drawn_box(box: Box, x: int, y: int, *, linked: bool) -> Markup:
    name, owner, word, facts = box.lines
    state = outcome_word(box.worst).replace(" ", "-")
    inside = (
        tag("title", f"{owner}: {name}, {word}, {facts}"),
        tag("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=7),
        tag("text", _fitted(name), x=x + 11, y=y + 19, class_="name"),
        tag("text", _fitted(owner), x=x + 11, y=y + 34),
        tag("text", tag("tspan", word, class_="word"), f" · {facts}" if facts else None, x=x + 11, y=y + 49),
    )
    if not linked:
        return tag("g", inside, class_=state)
    return tag("a", inside, class_=state, href=f"#{box.target}")


def _fitted(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
