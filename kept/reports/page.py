"""Makes one page of a report, which needs no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..actions import Outcome
from ..pipeline import Pipeline, Stage, stages, with_upstream
from . import curves, mistakes, variants
from .details import Details
from .graph import picture
from .markup import Markup, tag
from .places import Place
from .records import Records, Standing
from .rows import Row
from .words import moment, outcome_word

_TITLES = {
    "variants": "Variants",
    "graph": "Graph",
    "curves": "Training curves",
    "mistakes": "Mistakes",
    "stages": "Stages",
}


def page(
    pipelines: tuple[type[Pipeline], ...],
    rows: list[Row],
    records: Records,
    columns: tuple[str, ...],
    classified: Mapping[str, Place],
    besides: Iterable[Stage],
) -> str:
    """Draw everything that is recorded of some variants as an HTML document that loads nothing."""
    order = {row.variant: index for index, row in enumerate(rows)}
    pipelines = tuple(sorted(pipelines, key=lambda pipeline: order[pipeline._target]))
    shown = with_upstream([*(stage for pipeline in pipelines for stage in stages(pipeline)), *besides])
    standings = [records.standing(stage) for stage in shown]
    sections = {
        "variants": variants.section(pipelines, rows, columns),
        "graph": _graph(shown, records),
        "curves": curves.section(standings, records, frozenset(place.name for place in classified.values())),
        "mistakes": mistakes.section(pipelines, records, classified),
        "stages": Details(records).section(shown),
    }
    title = f"{records.project.root.name}: {', '.join(list(order)[:3])}{', …' if len(order) > 3 else ''}"
    links = [tag("a", _TITLES[name], href=f"#{name}") for name, drawn in sections.items() if drawn is not None]
    body = tag(
        "body",
        tag("a", "Skip to the variants", href="#main", class_="skip"),
        tag("header", tag("h1", title), _said(standings, records), tag("nav", links, aria_label="parts of the page")),
        tag("main", sections.values(), id="main", tabindex="-1"),
        tag("script", _file("page.js")),
    )
    return "<!doctype html>\n" + tag("html", _head(title), body, lang="en")


def _head(title: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", _file("graph.css"), _file("page.css")),
    )


def _file(name: str) -> Markup:
    return Markup("\n" + Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _said(standings: list[Standing], records: Records) -> Markup:
    """Say when this was drawn, and what the last run did."""
    count = Counter(records.outcome(standing) for standing in standings)
    order = (Outcome.FAILED, None, Outcome.BUILT, Outcome.RESTORED, Outcome.UP_TO_DATE)
    did = ", ".join(f"{count[outcome]} {outcome_word(outcome)}" for outcome in order if count[outcome])
    now = moment(datetime.now(UTC).isoformat(timespec="seconds"))
    return tag("p", f"{len(standings)} stage{'s' if len(standings) != 1 else ''}: {did}. Drawn {now} UTC by kept.")


def _graph(shown: Iterable[Stage], records: Records) -> Markup:
    """Show the picture, with what its colours mean in words within each box."""
    drawn = picture(shown, records)
    box = tag("div", drawn, class_="wide", tabindex="0", role="group", aria_label="picture of the stages")
    return tag("section", tag("h2", "Graph"), tag("p", "A click on a stage opens its record."), box, id="graph")
