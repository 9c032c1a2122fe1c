"""Tells whose docstrings and annotations somebody may read: then they count."""

from __future__ import annotations

from collections.abc import Collection

from ..lean import dataclass, field
from .effects import Id, given, looped
from .resolving import Resolver, What
from .summary import Call, Mark, Statement
from .words import DISPATCHERS, MAKES_FIELDS, is_standard, last, reads_definitions


@dataclass
class Readers:
    """The judge; ``reached`` and ``marks`` are what the walk has come to so far."""

    resolver: Resolver
    reached: Collection[Id]
    marks: Collection[Mark]
    _exposed: set[Id] = field(default_factory=set)
    _size: int = -1

    def is_full(self, one: Id) -> bool:
        """Say whether docstrings and annotations of a statement count."""
        statement = self.resolver.statement(*one)
        return statement.lean != statement.full and self.is_told(one)

    def is_told(self, one: Id) -> bool:
        """Say whether somebody may read the docstrings and annotations of a statement."""
        statement = self.resolver.statement(*one)
        return Mark.READS_DOCS in self.marks or self.is_read(one[0], statement, set()) or one in self.exposed()

    def is_read(self, module: str, statement: Statement, seen: set[Id]) -> bool:
        """Say whether a decorator or base of this statement may read what it is given."""
        for name in statement.readers:
            if name.startswith("?"):
                return True
            for target in self.resolver.look(module, name):
                if target.what is What.EXTERNAL and reads_definitions(target.name):
                    return True
                key = (target.module, target.index)
                if target.what is What.STATEMENT and key not in seen:
                    seen.add(key)
                    found = self.resolver.statement(*key)
                    if self.is_read(target.module, found, seen) or self.hands_on(
                        target.module, found, target.rest, {key}
                    ):
                        return True
        return False

    def hands_on(self, module: str, statement: Statement, rest: str, seen: set[Id]) -> bool:
        """Say whether a function of the project gives its argument to a library that may read it."""
        makers = [call.name for call in statement.calls] if rest else []  # it is a method of what they made
        names = [name for name in (*statement.handed, *makers) if not name.startswith("?")]
        targets = [one for name in names for one in self.resolver.look(module, name)]
        if any(one.what is What.EXTERNAL and (_reads(one.name) or last(one.name) in DISPATCHERS) for one in targets):
            return True
        inner = {(one.module, one.index) for one in targets if one.what is What.STATEMENT} - seen
        seen |= inner
        return any(self.hands_on(one[0], self.resolver.statement(*one), "", seen) for one in inner)

    def exposed(self) -> set[Id]:
        """Gather the definitions that are given, while importing, to somebody who may read them."""
        if self._size == len(self.reached):
            return self._exposed
        self._exposed, self._size = set(), len(self.reached)
        for at in self.reached:
            for call in self.resolver.statement(*at).calls:
                if call.gives and self.shows(at[0], call):
                    found = [*given(self.resolver, at, call), *looped(self.resolver, at, call)]
                    self._exposed |= {(one.module, one.index) for one in found if one.what is What.STATEMENT}
        return self._exposed

    def shows(self, module: str, call: Call) -> bool:
        """Say whether a call may read the definitions that it is given, or gives them to ``dataclass``."""
        if not call.name.startswith("?") and self.is_shown(module, call.name):
            return True
        return any(last(one.name) in MAKES_FIELDS for name in call.named for one in self.resolver.look(module, name))

    def is_shown(self, module: str, name: str) -> bool:
        """Say whether what is called may read the definitions that it is given."""
        for one in self.resolver.look(module, name):
            if one.what is What.EXTERNAL and (_reads(one.name) or last(one.name) in MAKES_FIELDS):
                return True
            if one.what is What.STATEMENT:
                key = (one.module, one.index)
                if self.hands_on(one.module, self.resolver.statement(*key), one.rest, {key}):
                    return True
        return False


def _reads(name: str) -> bool:
    return reads_definitions(name) and not is_standard(name)
