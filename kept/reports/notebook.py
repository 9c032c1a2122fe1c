"""Draws what stands in the last line of a notebook's cell."""

from __future__ import annotations

from pathlib import Path

from .. import errors
from ..pipeline import Pipeline, Reference, bound, stages
from . import variants
from .graph import picture
from .markup import Markup, join, tag
from .records import Records, Standing, is_scalar
from .rows import Row, row
from .words import commit, moment, number, seconds

_STYLE = (
    ".kept-shown th,.kept-shown td{text-align:left;vertical-align:top;padding:.15em 1em .15em 0}"
    ".kept-shown .number{text-align:right}"
    ".kept-shown small{display:block;font-weight:400;opacity:.7}.kept-shown td{font-variant-numeric:tabular-nums}"
)


def of_report(rows: list[Row], columns: tuple[str, ...]) -> str:
    """Show the table of a report."""
    return _shown(variants.table(rows, columns, {}, {}))


def of_pipeline(pipeline: type[Pipeline], records: Records) -> str:
    """Show what a pipeline says of itself, its scalars and its stages as a picture."""
    read = row(pipeline, records)
    style = Markup(Path(__file__).with_name("graph.css").read_text(encoding="utf-8"))
    values = ", ".join(f"{name} {number(value)}" for name, value in read.values.items())
    facts = " · ".join(text for text in (values, read.problem, moment(read.when)) if text)
    return _shown(
        tag("style", style),
        tag("b", pipeline.__name__),
        tag("span", f" {(pipeline.__doc__ or '').strip().partition(chr(10))[0]}"),
        tag("div", facts) if facts else None,
        tag("div", picture(stages(pipeline), records, linked=False), style="overflow-x:auto"),
    )


def of_reference(reference: Reference, records: Records) -> str:
    """Show where an artifact lies, what it is and what made it."""
    declared = reference._declared
    owner = reference._pipeline
    if not (isinstance(owner, type) and issubclass(owner, Pipeline)):
        return _shown(repr(reference))
    found = bound(owner)
    standings = {name: records.standing(stage) for name, stage in found.items()}
    standing = standings[declared.name]
    field = reference._field
    outputs = [output for output in standing.outputs if output.name == field or not field]
    files = {a.field: f"artifacts/{a.stem}" for a in standing.stage.artifacts}
    lines = [
        tag(
            "tr",
            tag("th", files[output.name] + output.suffix),
            tag("td", kind),
            tag("td", errors.size(output.digest.size)),
        )
        for output in outputs
        for kind in [number(records.value(output)) if is_scalar(output) else output.kind]
        if output.name in files
    ]
    return _shown(
        tag("div", tag("code", repr(reference)), f" {_made(standing)}"), tag("table", lines) if lines else None
    )


def _made(standing: Standing) -> str:
    record = standing.record
    if not standing.outputs or record is None:
        return standing.state.value
    place = f" at {commit(record.commit + ('+' if record.dirty else ''))}" if record.commit else ""
    return f"built {moment(record.when)} in {seconds(record.seconds)} by {record.function}{place}"


def _shown(*parts: str | None) -> str:
    return str(tag("div", tag("style", Markup(_STYLE)), join(parts), class_="kept-shown"))
