"""Makes a row of each variant, orders rows by a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import errors
from ..pipeline import Pipeline, stages
from .records import Records, Standing, State, is_scalar, named

FIRST, LAST = ("variant", "state"), ("model", "seconds", "when", "commit")
OWN = (*FIRST, *LAST)  # columns of every report; the scalar artifacts stand between them


@dataclass(frozen=True, slots=True)
class Row:
    """What is recorded of one variant; ``values`` are its scalar artifacts, by name."""

    variant: str
    state: State
    values: Mapping[str, Any]
    problem: str = ""  # the state with the stages that it comes from: "failed: model"
    model: str = ""
    seconds: float | None = None  # of running its stages, as recorded
    when: str = ""  # UTC, of the newest of them
    commit: str = ""  # with "+" where files had been edited since
    names: frozenset[str] = field(default=frozenset(), repr=False)  # all that it declares

    @property
    def built(self) -> bool:
        """Say whether all of it is there."""
        return self.state in (State.BUILT, State.UNREADABLE)

    def cell(self, column: str) -> Any:
        """Return the value in a column; None where there is none."""
        if column == "state":
            return self.state.value
        return getattr(self, column) if column in OWN else self.values.get(column)


def row(pipeline: type[Pipeline], records: Records) -> Row:
    """Read the row of a variant."""
    standings = [records.standing(stage) for stage in stages(pipeline)]
    values = {
        name: value
        for standing in standings
        for name, output in named(standing)
        if is_scalar(output) and (value := records.value(output)) is not None
    }
    state = max((s.state for s in standings), key=list(State).index, default=State.BUILT)
    read = [s.record for s in standings if s.record is not None] if state is State.BUILT else []
    newest = max(read, key=lambda record: record.when, default=None)
    return Row(
        pipeline._target,
        state,
        values,
        _problem(state, standings),
        next((output.kind for s in standings for name, output in named(s) if _is_model(name)), ""),
        round(sum(record.seconds for record in read), 6) if state is State.BUILT else None,
        newest.when if newest is not None else "",
        newest.commit + ("+" if newest.dirty else "") if newest is not None else "",
        frozenset(names_of(pipeline)),
    )


def _is_model(name: str) -> bool:
    return name.rpartition(".")[2] == "model"


def _problem(state: State, standings: list[Standing]) -> str:
    if state is State.BUILT:
        return ""
    places = [standing.stage.name for standing in standings if standing.state is state]
    word: str = state.value
    return word if len(places) == len(standings) else f"{word}: {', '.join(places)}"


def names_of(pipeline: type[Pipeline]) -> Iterable[str]:
    """Name every artifact that a variant declares."""
    for stage in stages(pipeline):
        for artifact in stage.artifacts:
            yield stage.name + (f".{artifact.field}" if artifact.field else "")


def columns_of(rows: list[Row]) -> list[str]:
    """Name the columns: the variant, every scalar artifact, then what was made, how long it took, when, from what.

    Accuracy comes first, then what all variants that are built share, then what only some have.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    full = [row for row in rows if row.built]
    names.sort(key=lambda name: (name.rpartition(".")[2] != "accuracy", any(name not in row.names for row in full)))
    return [*FIRST, *names, *LAST]


def check_column(column: str, known: Iterable[str], where: object = None) -> None:
    """Refuse a column that the report does not have, with the names that are near."""
    known = tuple(dict.fromkeys(known))
    if column not in known:
        raise errors.unknown_column(column, known, where)


def sorted_rows(rows: list[Row], column: str) -> list[Row]:
    """Sort by a column: numbers from the largest, text from A; ``-column`` the other way; empty cells come last."""
    if not column:
        return rows
    name = column.removeprefix("-")
    check_column(name, columns_of(rows))
    filled = [row for row in rows if not _empty(row.cell(name))]
    number = all(isinstance(row.cell(name), int | float) for row in filled)
    down = number != column.startswith("-")
    ranked = sorted(filled, key=lambda row: row.cell(name) if number else str(row.cell(name)), reverse=down)
    return ranked + [row for row in rows if _empty(row.cell(name))]


def _empty(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))
