"""Declares a table of variants, draws it: ``doit report``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors
from ..pipeline import Pipeline, Reference, Stage, Where, announce, bound, doors
from .places import Place

if TYPE_CHECKING:  # what reads and draws is loaded when there is something to draw
    from .records import Recorded, Records
    from .rows import Row

__all__ = ["Report", "drawn", "report"]

FORMATS = ("table", "markdown", "json", "csv", "html")
_SUFFIXES = {".md": "markdown", ".json": "json", ".csv": "csv", ".html": "html", ".htm": "html"}


class Asked(str):
    """A value that stands on the command line: a default that happens to be the same is another matter."""

    __slots__ = ()


class Choice:
    """Reads an option, and refuses what can only be a slip before anything is built.

    doit calls it as a type and shows it as one in its message.
    """

    def __init__(self, what: str, check: Any) -> None:
        self.what, self.check = what, check

    def __call__(self, value: str) -> Asked:
        """Return the value, or raise the ValueError that doit expects of a type."""
        try:
            self.check(value)
        except errors.KeptError as problem:
            raise ValueError(str(problem)) from None
        return Asked(value)

    def __repr__(self) -> str:
        return f"({self.what})"


class Report:
    """A table of variants, as a task: ``doit report``."""

    def __init__(
        self,
        pipelines: tuple[type[Pipeline], ...],
        columns: tuple[str, ...],
        format_: str,
        target: str,
        classified: Mapping[str, Place],
    ) -> None:
        names = ", ".join(pipeline._target for pipeline in pipelines[:4]) + (", …" if len(pipelines) > 4 else "")
        self.__doc__ = f"table of {names}"
        self.pipelines, self.columns, self.format, self.target = pipelines, columns, format_, target
        self.classified = classified  # where "predictions", "labels" and "images" of each variant are

    @property
    def besides(self) -> list[Stage]:
        """The stages that it shows and that no variant has."""
        places = [place for word in self.classified.values() for place in word.others.values()]
        return [bound(pipeline)[name.partition(".")[0]] for pipeline, name in places]

    @property
    def options(self) -> list[dict[str, Any]]:
        """The options of the task, as doit takes them."""
        return [
            _option("format", Choice("a format", _check_format), f"{', '.join(FORMATS)}", self.format),
            _option(
                "sort", Choice("a column", self._check_sort), "column to sort by, largest first; -column: smallest"
            ),
            _option("out", str, "file to write to; its suffix chooses the format where --format does not"),
        ]

    def _check_sort(self, column: str) -> None:
        if column:
            from . import rows

            rows.check_column(column.removeprefix("-"), self._possible())

    def _possible(self) -> Iterable[str]:
        """Name all columns that there may be: which artifacts are scalars is known when they are built."""
        from . import rows

        yield from rows.FIRST
        for pipeline in self.pipelines:
            yield from rows.names_of(pipeline)
        yield from rows.LAST

    def check(self, where: Where) -> None:
        """Refuse columns and formats that do not exist, where the report is declared."""
        _check_format(self.format, where)
        for column in self.columns:
            from . import rows

            rows.check_column(column, self._possible(), where)

    def _repr_html_(self) -> str | None:
        """Show the table in a notebook."""
        return doors[0].drawn(self)

    def format_of(self, options: Mapping[str, Any]) -> str:
        """Return the format that is asked for, else the one that the file's name says, else the declared one."""
        asked = options.get("format") or self.format
        if isinstance(asked, Asked) or not options.get("out"):
            return str(asked)
        return _SUFFIXES.get(Path(options["out"]).suffix.lower(), str(asked))

    def prints_data(self, options: Mapping[str, Any]) -> bool:
        """Say whether what is printed is for machines, so that nothing else may stand beside it."""
        return not options.get("out") and self.format_of(options) != "table"

    def draw(self, project: Recorded, options: Mapping[str, Any]) -> str:
        """Draw the report as text; with ``out`` it goes to that file instead."""
        from . import rows as reading
        from .records import Records

        records = Records(project)
        rows = reading.sorted_rows(self.rows(records), options.get("sort") or "")
        drawn = self._render(rows, records, self.format_of(options))
        out = options.get("out")
        if not out:
            return drawn
        _write(Path(out), drawn + "\n")
        return f"report written to {out}"

    def rows(self, records: Records) -> list[Row]:
        """Read a row for each variant."""
        from . import rows as reading

        return [reading.row(pipeline, records) for pipeline in self.pipelines]

    def _render(self, rows: list[Row], records: Records, format_: str) -> str:
        from . import rows as reading
        from . import text

        for column in self.columns:
            reading.check_column(column, reading.columns_of(rows))
        if format_ == "html":
            from . import page

            return page.page(self.pipelines, rows, records, self.columns, self.classified, self.besides)
        return text.render(rows, self.columns, format_)


def _option(name: str, kind: Any, about: str, default: str = "") -> dict[str, Any]:
    return {"name": name, "long": name, "type": kind, "default": default, "help": about}


def _check_format(name: str, where: object = "--format") -> None:
    if name not in FORMATS:
        raise errors.unknown_report_format(name, FORMATS, where)


def _write(path: Path, drawn: str) -> None:
    """Replace a file, whole or not at all: it may be open in a browser."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(drawn, encoding="utf-8", errors="replace")
        beside.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise errors.cannot_write_report(path, problem) from None


def report(
    *pipelines: type[Pipeline],
    columns: tuple[str, ...] = (),
    format: str = "table",  # noqa: A002  # the word for it
    name: str = "report",
    predictions: object = None,
    labels: object = None,
    images: object = None,
) -> Report:
    """Declare a table of variants.

    ``task_report = report(MnistTf, MnistSklearn)`` makes ``doit report``.

    ``columns`` chooses and orders its columns: variant, state, model, seconds, when, commit or any scalar artifact.
    ``format`` is table, markdown, json, csv or html; ``doit report --format`` overrules it. ``name`` is the task's, for
    a second report in one dodo.py.

    A page (html) also shows what was mistaken for what if it is told which artifacts say so, as references that are
    looked up by name in each variant: ``predictions`` and ``labels``, one class for each example, and ``images``, of
    shape (n, height, width) or (n, height, width, 3), whatever their scale. A dict, variant → reference, names
    artifacts of pipelines beside them; the report builds those, too.
    """
    where = Where.here()
    for pipeline in pipelines:
        if not (isinstance(pipeline, type) and issubclass(pipeline, Pipeline)):
            raise errors.not_a_pipeline(pipeline, where)
    if not pipelines:
        raise errors.not_a_pipeline(pipelines, where)
    given = {"predictions": predictions, "labels": labels, "images": images}
    classified = {word: _place(word, value, where) for word, value in given.items() if value is not None}
    if classified and not {"predictions", "labels"} <= set(classified):
        raise errors.unpaired_predictions(tuple(classified), where)
    declared = Report(pipelines, tuple(columns), format, name, classified)
    declared.check(where)
    announce(declared, declared.target, where)
    return declared


def _place(word: str, value: object, where: Where) -> Place:
    if not isinstance(value, dict):
        return Place(_name(word, value, where))
    others = {}
    for variant, reference in value.items():
        name = _name(word, reference, where)
        if not (isinstance(variant, type) and issubclass(variant, Pipeline)):
            raise errors.not_a_pipeline(variant, where)
        others[variant._target] = (reference._pipeline, name)
    return Place("", others)


def _name(word: str, value: object, where: Where) -> str:
    if not isinstance(value, Reference) or not value._declared.name:
        raise errors.not_in_a_report(word, value, where)
    return value._declared.name + (f".{value._field}" if value._field else "")


def drawn(declared: Any, project: Recorded) -> str:
    """Draw a report, a pipeline or a reference for a notebook, as HTML that stands by itself."""
    from . import notebook
    from .records import Records

    records = Records(project)
    if isinstance(declared, Report):
        return notebook.of_report(declared.rows(records), declared.columns)
    if isinstance(declared, Reference):
        return notebook.of_reference(declared, records)
    return notebook.of_pipeline(declared, records)
