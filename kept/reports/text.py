"""Draws rows as a table, as Markdown, for machines."""

from __future__ import annotations

import json
import math
from typing import Any

from . import words
from .rows import LAST, Row, columns_of

SCHEMA_VERSION = 1
_WIDTH = 60  # of a text in a table for people


def chosen_columns(rows: list[Row], columns: tuple[str, ...]) -> list[str]:
    """Return the columns that people see: those that were asked for, else all that say something.

    The state is not among them: a row whose variant is not built says so in its cells.
    """
    if columns:
        return list(columns)
    known = [column for column in columns_of(rows) if column != "state"]
    return [column for column in known if column not in ("model", "commit") or any(row.cell(column) for row in rows)]


def shown(row: Row, column: str) -> str:
    """Write a cell for people; one that should be filled but is not says why."""
    cell = row.cell(column)
    if column == "when":
        return words.moment(row.when) or row.problem
    if column == "commit":
        return words.commit(row.commit)
    if cell is None:
        return row.state.value if column in row.names or column in LAST else ""
    if column == "seconds":
        return f"{cell:.1f}" if cell >= 1 else f"{cell:.2g}"
    return short(words.number(cell))


def short(text: str) -> str:
    """Fit a text into one line: what it holds may be anything, control characters included."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def render(rows: list[Row], columns: tuple[str, ...], format: str) -> str:  # noqa: A002  # the word for it
    """Draw rows as table, markdown, json or csv."""
    if format == "json":
        return as_json(rows)
    if format == "csv":
        return as_csv(rows, columns)
    return table(rows, columns, markdown=format == "markdown")


def table(rows: list[Row], columns: tuple[str, ...], *, markdown: bool = False) -> str:
    """Draw rows for people."""
    import tabulate

    chosen = chosen_columns(rows, columns)
    cells = [[shown(row, column) for column in chosen] for row in rows]
    if markdown:
        cells = [[cell.replace("\\", "\\\\").replace("|", "\\|") for cell in line] for line in cells]
    align = ["right" if is_number(rows, column) else "left" for column in chosen]
    drawn: str = tabulate.tabulate(
        cells,
        chosen,
        tablefmt="github" if markdown else "simple",
        disable_numparse=True,
        colalign=align if cells else None,
    )
    return drawn


def is_number(rows: list[Row], column: str) -> bool:
    """Say whether a column holds numbers only."""
    cells = [cell for row in rows if (cell := row.cell(column)) is not None]
    return bool(cells) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)


def as_json(rows: list[Row]) -> str:
    """Write rows for machines; ``schema_version`` grows when a name changes its meaning.

    JSON has no infinity and no "not a number": such a value is null.
    """
    listed = [
        {
            "variant": row.variant,
            "state": row.state.value,
            "built": row.built,
            "problem": row.problem,
            "values": {name: _finite(value) for name, value in row.values.items()},
            "model": row.model,
            "seconds": row.seconds,
            "when": row.when,
            "commit": row.commit,
        }
        for row in rows
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "variants": listed}, indent=2)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(rows: list[Row], columns: tuple[str, ...]) -> str:
    """Write rows as comma-separated values: exact ones, empty where there is none."""
    import csv
    import io

    chosen = columns or columns_of(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(chosen)
    writer.writerows([row.cell(column) for column in chosen] for row in rows)
    return text.getvalue().rstrip("\n")
