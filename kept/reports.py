"""Reads the records of variants, draws them as a table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from . import errors, formats
from .actions import Claim, Output, Record
from .pipeline import Pipeline, Stage, Where, announce, stages
from .store import Store

SCHEMA_VERSION = 1
FORMATS = ("table", "markdown", "json", "csv")


class Recorded(Protocol):
    """What a report reads: the claims and the records of a project."""

    @property
    def claims(self) -> Mapping[str, Claim]: ...  # noqa: D102
    @property
    def store(self) -> Store: ...  # noqa: D102
    def record(self, key: str) -> Record | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Row:
    """What is recorded of one variant; ``values`` are its scalar artifacts, by name."""

    variant: str
    built: bool
    values: Mapping[str, Any]
    model: str = ""
    seconds: float | None = None  # of running its stages, as recorded
    when: str = ""  # UTC, of the newest of them
    commit: str = ""


class Report:
    """A table of variants, as a task: ``doit report``."""

    def __init__(
        self, pipelines: tuple[type[Pipeline], ...], columns: tuple[str, ...], format_: str, where: Where
    ) -> None:
        names = ", ".join(pipeline._target for pipeline in pipelines)
        self.__doc__ = f"table of {names}"
        self.pipelines, self.columns, self.format, self.where = pipelines, columns, format_, where
        self.target = "report"

    @property
    def options(self) -> list[dict[str, Any]]:
        """The options of the task, as doit takes them."""
        return [
            _option("format", self.format, "how it is drawn") | {"choices": [(name, "") for name in FORMATS]},
            _option("sort", "", "column to sort by, best first"),
            _option("out", "", "file to write to"),
        ]

    def draw(self, project: Recorded, options: Mapping[str, Any]) -> str:
        """Draw the report as text; with ``out`` it goes to that file instead."""
        rows = sorted_rows(self.rows(project), options.get("sort") or "")
        text = render(rows, self.columns, options.get("format") or self.format)
        out = options.get("out")
        if not out:
            return text
        Path(out).write_text(text + "\n", encoding="utf-8")
        return f"report written to {out}"

    def rows(self, project: Recorded) -> list[Row]:
        """Read a row for each variant."""
        return [_row(pipeline, project) for pipeline in self.pipelines]


def _option(name: str, default: str, text: str) -> dict[str, Any]:
    return {"name": name, "long": name, "type": str, "default": default, "help": text}


def report(*pipelines: type[Pipeline], columns: tuple[str, ...] = (), format: str = "table") -> Report:  # noqa: A002
    """Declare a table of variants.

    ``task_report = report(MnistTf, MnistSklearn)`` makes ``doit report``.
    ``columns`` chooses and orders its columns; ``format`` is table, markdown, json or csv.
    """
    where = Where.here()
    for pipeline in pipelines:
        if not (isinstance(pipeline, type) and issubclass(pipeline, Pipeline)):
            raise errors.not_a_pipeline(pipeline, where)
    if not pipelines:
        raise errors.not_a_pipeline(pipelines, where)
    if format not in FORMATS:
        raise errors.unknown_report_format(format, FORMATS, where)
    declared = Report(pipelines, columns, format, where)
    announce(declared, declared.target, where)
    return declared


# ---- reading


def _row(pipeline: type[Pipeline], project: Recorded) -> Row:
    values: dict[str, Any] = {}
    records: list[Record] = []
    model, built = "", True
    for stage in stages(pipeline):
        claim = project.claims.get(stage.task)
        record = project.record(claim.key) if claim is not None else None
        if claim is None or record is None:
            built = False
            continue
        records.append(record)
        values.update(_scalars(stage, claim, project))
        if stage.name == "model":
            model = claim.outputs[0].kind
    newest = max(records, key=lambda r: r.when, default=None)
    if newest is None or not built:
        return Row(pipeline._target, False, values, model)
    commit = newest.commit + ("+" if newest.dirty else "")
    return Row(pipeline._target, True, values, model, sum(r.seconds for r in records), newest.when, commit)


_SCALARS = ("float", "int", "bool", "str")


def _scalars(stage: Stage, claim: Claim, project: Recorded) -> Iterator[tuple[str, Any]]:
    for output in claim.outputs:
        if output.format == "json" and output.kind.split("(")[0].strip() in _SCALARS:
            yield stage.name + (f".{output.name}" if output.name else ""), _value(output, project)


def _value(output: Output, project: Recorded) -> Any:
    path = project.store.path(output.digest)
    return formats.load(output.format, path) if path is not None else None


def sorted_rows(rows: list[Row], column: str) -> list[Row]:
    """Sort by a column, largest first; rows without a value come last."""
    if not column:
        return rows
    known = tuple(columns_of(rows))
    if column not in known:
        raise errors.unknown_column(column, known)
    filled = [row for row in rows if _cell(row, column) not in (None, "")]
    empty = [row for row in rows if _cell(row, column) in (None, "")]
    largest_first = not any(isinstance(_cell(row, column), str) for row in filled)
    return sorted(filled, key=lambda row: _cell(row, column), reverse=largest_first) + empty


# ---- drawing


def columns_of(rows: list[Row]) -> list[str]:
    """Name the columns: the variant, every scalar artifact (accuracy first), then what was made when, how long."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    names.sort(key=lambda name: name != "accuracy")
    return ["variant", *names, "model", "seconds", "when"]


def _cell(row: Row, column: str) -> Any:
    if column in ("variant", "model", "seconds", "when", "commit"):
        return getattr(row, column)
    return row.values.get(column)


def _shown(row: Row, column: str) -> str:
    cell = _cell(row, column)
    if column == "when":
        return row.when.replace("T", " ").removesuffix("+00:00") or ("not built" if not row.built else "")
    if cell is None:
        return "" if row.built else "not built"
    if column == "seconds":
        return f"{cell:.1f}"
    return f"{cell:.4g}" if isinstance(cell, float) and not math.isnan(cell) else str(cell)


def render(rows: list[Row], columns: tuple[str, ...], format: str) -> str:  # noqa: A002
    """Draw rows as table, markdown, json or csv."""
    known = columns_of(rows)
    for name in columns:
        if name not in (*known, "commit"):
            raise errors.unknown_column(name, tuple(known))
    chosen = list(columns) or known
    if format == "json":
        return _json(rows)
    cells = [[_shown(row, column) for column in chosen] for row in rows]
    if format == "csv":
        return _csv(chosen, [[_cell(row, column) for column in chosen] for row in rows])
    import tabulate

    style = "github" if format == "markdown" else "simple"
    align = ["right" if column in ("accuracy", "seconds") else "left" for column in chosen]
    drawn: str = tabulate.tabulate(
        cells, chosen, tablefmt=style, disable_numparse=True, colalign=align if cells else None
    )
    return drawn


def _json(rows: list[Row]) -> str:
    """Write rows for machines; ``schema_version`` grows when a name changes its meaning."""
    listed = [
        {
            "variant": row.variant,
            "built": row.built,
            "values": row.values,
            "model": row.model,
            "seconds": row.seconds,
            "when": row.when,
            "commit": row.commit,
        }
        for row in rows
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "variants": listed}, indent=2)


def _csv(columns: list[str], rows: list[list[Any]]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
