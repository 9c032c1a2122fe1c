"""Sets variants side by side: their table, a plot of each number."""

from __future__ import annotations

from ..pipeline import Pipeline, stages
from .markup import Markup, tag
from .plots import Bar, bars, drawable
from .rows import Row, columns_of
from .text import chosen_columns, is_number, shown

_BARS = 30  # in one plot


def section(pipelines: tuple[type[Pipeline], ...], rows: list[Row], columns: tuple[str, ...]) -> Markup:
    """Draw all rows as a table that can be sorted, and each column of numbers as a plot."""
    by_target = {pipeline._target: pipeline for pipeline in pipelines}
    about = {target: (pipeline.__doc__ or "").strip().partition("\n")[0] for target, pipeline in by_target.items()}
    owners = {target: any(s.pipeline == target for s in stages(pipeline)) for target, pipeline in by_target.items()}
    links = {target: f"#of-{target}" for target, owns in owners.items() if owns}
    drawn = table(rows, columns, about, links)
    box = tag("div", drawn, class_="wide", tabindex="0", role="group", aria_label="table of variants")
    return tag("section", tag("h2", "Variants"), box, tag("div", plots(rows), class_="plots"), id="variants")


def table(rows: list[Row], columns: tuple[str, ...], about: dict[str, str], links: dict[str, str]) -> Markup:
    """Draw rows as a table; each cell carries what it is sorted by."""
    chosen = chosen_columns(rows, columns)
    numeric = {column for column in chosen if is_number(rows, column)}
    head = [tag("th", column, scope="col", class_="number" if column in numeric else None) for column in chosen]
    lines = []
    for row in rows:
        cells = [_cell(row, column, about, links, number=column in numeric) for column in chosen]
        lines.append(tag("tr", cells, class_=None if row.built else "absent"))
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", lines), class_="variants")


def _cell(row: Row, column: str, about: dict[str, str], links: dict[str, str], *, number: bool) -> Markup:
    text = shown(row, column)
    if column == "variant":
        name = tag("a", text, href=links[text]) if text in links else text
        said = tag("small", about[text]) if about.get(text) else None
        return tag("th", name, said, scope="row", data_v=text)
    value = row.cell(column)
    return tag("td", text, class_="number" if number else None, data_v="" if value is None else value)


def plots(rows: list[Row]) -> list[Markup]:
    """Draw each column of numbers in which variants can be compared."""
    drawn = []
    for column in columns_of(rows):
        able = [row for row in rows if _number(row.cell(column)) and row.built]
        if len(able) < 2 or not is_number(rows, column):
            continue
        more = ""
        if len(able) > _BARS:
            more = f"(the {_BARS} largest of {len(able)})"
            able = sorted(able, key=lambda row: -float(row.cell(column)))[:_BARS]
        drawn.append(
            bars(column, [Bar(row.variant, float(row.cell(column)), shown(row, column)) for row in able], more)
        )
    return drawn


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and drawable(value)
