"""Turns what was reached into named parts and one digest."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from .canonical import SCHEME, named
from .effects import Id
from .fingerprints import Blind, Part
from .order import sequence
from .reach import Reach
from .summary import Mark, Statement

_STAGE = "@"  # stands for the stage's own function, so that renaming it shows nowhere


class Naming:
    """Two names for everything: one for people, and one relative to the stage, which is what is digested."""

    def __init__(self, reach: Reach, roots: list[Id]) -> None:
        self.reach = reach
        self.home = roots[0][0] if roots else ""
        self.roots = set(roots)
        stage = reach.resolver.statement(*roots[0]) if roots else None
        self.stage = f"{self.home}.{stage.binds[0]}" if stage is not None and len(stage.binds) == 1 else None
        if Mark.READS_NAMES in reach.marks:
            self.stage = None

    def module(self, module: str) -> str:
        """Write the stage's module and its packages as dots, as relative imports do."""
        if module == self.home:
            return "."
        if self.home.startswith(module + "."):
            return "." * (2 + self.home[len(module) + 1 :].count("."))
        return module

    def label(self, label: str) -> str:
        """Write what a name stands for as it is digested."""
        return "|".join(self._one(one) for one in label.split("|"))

    def _one(self, label: str) -> str:
        if label == self.stage:
            return _STAGE
        kind, space, name = label.rpartition(" ")
        if name.startswith(("=", "?")):
            return label
        module = self.reach.longest(name)
        return f"{kind}{space}{self.module(module)}:{name[len(module) :]}" if module else label

    def statement(self, one: Id) -> str:
        """Write the name of a statement as it is digested."""
        statement = self.reach.resolver.statement(*one)
        if not statement.binds:
            return self.module(one[0]) + ":"
        if len(statement.binds) == 1 and f"{one[0]}.{statement.binds[0]}" == self.stage:
            return _STAGE
        return f"{self.module(one[0])}:." + ",".join(statement.binds)


def statement_parts(reach: Reach, naming: Naming) -> list[tuple[str, Part]]:
    """Make a part of every statement that takes part, with the name under which it is digested."""
    found: list[tuple[str, Part]] = []
    counts: dict[str, int] = {}
    for one in sorted(reach.reached):
        statement = reach.resolver.statement(*one)
        if statement.plain_import:
            continue
        name = naming.statement(one)
        shown = one[0] + "." + ",".join(statement.binds) if statement.binds else f"{one[0]}: {_first_words(reach, one)}"
        count = counts[shown] = counts.get(shown, 0) + 1
        labels = {key: naming.label(label) for key, label in reach.labels.get(one, {}).items()}
        if Mark.OWN_NAME in statement.marks or Mark.READS_MODULES in reach.marks:
            labels["__name__"] = one[0]  # as it is: nothing else says the name of the stage's own module
        digest = named(chosen(reach, one, statement), sorted(_relative(labels).items()))
        path = reach.project.find(one[0]).path
        number = f"#{count}" if count > 1 else ""
        part = Part(shown + number, digest, reach.project.shown(path), statement.line, source(reach, one))
        found.append((name + (number if statement.binds else ""), part))
    return found


def _relative(labels: dict[str, str]) -> dict[str, str]:
    """Leave out the stage's own name: in the text it is a placeholder."""
    return {(_STAGE if label == _STAGE else key): label for key, label in labels.items()}


def chosen(reach: Reach, one: Id, statement: Statement) -> str:
    """Choose the form of a statement that counts here."""
    if Mark.READS_LINES in reach.marks:
        return f"{statement.raw} {statement.line}"
    if Mark.READS_SOURCE in reach.marks:
        return statement.raw
    summary = reach.resolver.summary(one[0])
    future = "future" if summary is not None and summary.future_annotations else ""
    if reach.readers.is_full(one):
        return statement.full + future
    return statement.lean + (future if Mark.READS_FIELDS in reach.marks and statement.readers else "")


def source(reach: Reach, one: Id) -> str:
    """Return a statement as written."""
    statement = reach.resolver.statement(*one)
    lines = reach.project.lines(reach.project.find(one[0]).path)
    return "\n".join(lines[statement.line - 1 : statement.end]) + "\n"


def _first_words(reach: Reach, one: Id) -> str:
    first = source(reach, one).strip().splitlines()[0].strip()
    return first if len(first) <= 50 else first[:49] + "…"


def order_part(reach: Reach, naming: Naming) -> list[tuple[str, Part]]:
    """Make a part of the order in which importing changes things."""
    found = sequence(reach, [naming.home] if naming.home else [])
    if len(found) < 2:
        return []
    lines: list[str] = []
    shown: list[str] = []
    for item in found:
        group = sorted(item) if isinstance(item, frozenset) else [item]
        names = sorted(f"{naming.statement(one)} {_identity(reach, one)}" for one in group)
        lines.append(json.dumps(names))
        shown.append(", ".join(sorted(f"{one[0]}: {_first_words(reach, one)}" for one in group)))
    return [("order", Part("order of what importing does", named(*lines), "", 0, "\n".join(shown) + "\n"))]


def _identity(reach: Reach, one: Id) -> str:
    statement = reach.resolver.statement(*one)
    return "" if statement.binds else chosen(reach, one, statement)


def extension_parts(reach: Reach) -> list[tuple[str, Part]]:
    """Make a part of every compiled module of the project: its bytes are its code."""
    found = []
    for module, path in sorted(reach.extensions.items()):
        reach.project.source(path)
        part = Part(f"{module} (compiled)", reach.project.files[path], reach.project.shown(path), 0, "")
        found.append((f"compiled {module}", part))
    return found


def interpreter_parts(reach: Reach) -> list[tuple[str, Part]]:
    """Without assertions the same code does something else."""
    if not sys.flags.optimize or not (reach.marks & {Mark.ASSERTS, Mark.READS_DOCS}):
        return []
    level = sys.flags.optimize
    return [("optimize", Part("python -O", named(level), "", 0, f"python -O{'O' * (level - 1)}\n"))]


def blind(reach: Reach) -> tuple[Blind, ...]:
    """List what the reached statements do that no fingerprint sees."""
    found = set()
    for module, index in reach.reached:
        for one in reach.resolver.statement(module, index).blind:
            found.add(Blind(reach.shown(module), one.line, one.what, one.text))
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.what)))


def digest(parts: Iterable[tuple[str, Part]]) -> str:
    """Name a set of parts."""
    return named(SCHEME, sorted((name, part.digest) for name, part in parts))
