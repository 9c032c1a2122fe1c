"""Judges what importing a module changes: such statements take part whether or not anybody names them."""

from __future__ import annotations

from collections.abc import Callable

from ..lean import dataclass, field
from .resolving import Resolver, Target, What
from .summary import Call, How, Mark, Statement
from .words import changes_state, is_calm, is_standard, keeps_definitions, last, reads_definitions, works_in_place

_QUIET = frozenset({"print", "debug", "info", "warning", "warn", "error", "exception", "log", "critical"})

Id = tuple[str, int]


@dataclass
class Effects:
    """The judge; ``reached`` says whether a statement takes part already."""

    resolver: Resolver
    reached: Callable[[Id], bool]
    _changes: dict[Id, bool] = field(default_factory=dict)

    def always(self, module: str, index: int) -> bool:
        """Say whether this statement takes part because importing it changes something that is reached, or may be."""
        statement = self.resolver.statement(module, index)
        if Mark.EFFECT in statement.marks:
            return True
        if any(self.touched((module, index), name) for name in statement.touches):
            return True
        return any(self.judged((module, index), call) for call in statement.calls)

    # ---- values changed

    def touched(self, at: Id, name: str) -> bool:
        """Judge a change: where only a name leads to the value, it matters if the name is reached; else always."""
        targets = [one for one in self.resolver.look(at[0], name) if (one.module, one.index) != at]
        if not targets:
            return name.partition(".")[0] not in self.resolver.statement(*at).binds
        return any(self.seen(target) for target in targets)

    def seen(self, target: Target) -> bool:
        """Say whether others may see that this value is changed."""
        if target.what is not What.STATEMENT:
            return True
        statement = self.resolver.statement(target.module, target.index)
        private = statement.fresh and not target.rest and not self.hooked(target) and not statement.touches
        return not private or self.reached((target.module, target.index))

    # ---- calls

    def judged(self, at: Id, call: Call) -> bool:
        """Say whether a call made while importing is an effect."""
        if call.name == "?":
            return self.computed(call) or self.runs(at)
        if call.name.startswith("?"):
            return self.computed(call)
        targets = self.resolver.look(at[0], call.name)
        if "." in call.name and targets and all((one.module, one.index) == at for one in targets):
            return self.computed(Call("?." + last(call.name), call.how))  # ``for m in MODELS: m.set_rate(1)``
        if targets and all((one.module, one.index) == at for one in targets) and self.runs(at):
            return True  # ``for f in SETUPS: f()``
        return any(self.called(at, call, target) for target in targets if (target.module, target.index) != at)

    def runs(self, at: Id) -> bool:
        """Say whether a statement that calls something computed names anything that changes something when called."""
        targets = [one for name in self.resolver.statement(*at).early for one in self.resolver.look(at[0], name)]
        return any(self.changes(one) for one in targets if (one.module, one.index) != at)

    def consumes(self, at: Id) -> bool:
        """Say whether a statement looks at an iterator that takes part: it may move it on."""
        targets = [one for name in self.resolver.statement(*at).early for one in self.resolver.look(at[0], name)]
        ids = {(one.module, one.index) for one in targets if one.what is What.STATEMENT} - {at}
        return any(Mark.CONSUMED in self.resolver.statement(*one).marks and self.reached(one) for one in ids)

    @staticmethod
    def computed(call: Call) -> bool:
        """Judge a call of something computed: nobody knows what it does, its name may tell."""
        if call.how is How.CALL:
            return changes_state("?." + last(call.name)) and call.name != "?"
        return last(call.name) not in _QUIET

    def called(self, at: Id, call: Call, target: Target) -> bool:
        """Judge a call of one thing that its name may stand for."""
        if target.what in (What.EXTERNAL, What.ABSENT):  # what is not installed here may be where it runs
            return self.foreign(at, call, target.name)
        if target.what is not What.STATEMENT:
            return call.how is not How.CALL
        found = self.resolver.statement(target.module, target.index)
        if target.rest:
            return self.method(call, target, found)
        if call.how is How.BARE:
            return True
        if call.how is How.BASE:
            return self.hooked(target) and self.changes(target)
        if self.changes(target):
            return True
        return call.how is not How.METACLASS and self.alters(target) and self.fills(at, call, target, found)

    def fills(self, at: Id, call: Call, target: Target, found: Statement) -> bool:
        """Say whether something that can change is handed over, now or when what is called was made."""
        if self.gives_global(at, call):
            return True
        own = (target.module, target.index)
        return Mark.DEFINES not in found.marks and any(self.gives_global(own, made) for made in found.calls)

    def method(self, call: Call, target: Target, found: Statement) -> bool:
        """Judge a method of a value of the project: it changes that value, if it changes anything."""
        if last(target.rest) in _QUIET:
            return False
        if call.how is How.CALL and not self.changes(target) and not self.alters(target):
            inner, _, name = target.rest.rpartition(".")
            holder = Target(target.what, target.label, target.module, target.index, target.name, inner)
            return works_in_place(name) and self.seen(holder)
        return self.seen(target) or (call.how is How.CALL and self.changes(target) and not found.fresh)

    def foreign(self, at: Id, call: Call, name: str) -> bool:
        """Judge a call of something that is not the project's."""
        if call.how is How.BARE:
            return last(name) not in _QUIET and not name.startswith("kept.")
        if call.how is How.DECORATOR:
            return keeps_definitions(name, call.configured)
        if call.how in (How.BASE, How.METACLASS):
            return call.configured and not is_standard(name) and reads_definitions(name)
        if changes_state(name) or self.gives_changer(at, call):
            return True
        return reads_definitions(name) and not is_standard(name) and not is_calm(name) and self.gives_own(at, call)

    def gives_own(self, at: Id, call: Call) -> bool:
        """Say whether a function, class or lambda of the project is handed over."""
        return any(name == "?" or any(map(self.defines, self.resolver.look(at[0], name))) for name in call.gives)

    def gives_changer(self, at: Id, call: Call) -> bool:
        """Say whether it is given a function that changes something: ``list(map(register, FUNCTIONS))``."""
        targets = [one for name in call.gives if name != "?" for one in self.resolver.look(at[0], name)]
        return any(
            self.changes(one) or bool(one.rest and self.alters(one) and self.seen(one))
            for one in targets
            if one.what is What.STATEMENT and (one.rest or self.defines(one)) and (one.module, one.index) != at
        )

    def defines(self, target: Target) -> bool:
        """Say whether this is a definition of the project, or a module of it."""
        if target.what is not What.STATEMENT:
            return target.what is What.MODULE
        return Mark.DEFINES in self.resolver.statement(target.module, target.index).marks

    def gives_global(self, at: Id, call: Call) -> bool:
        """Say whether something of the project that outlives the call is handed over."""
        targets = [target for name in call.gives if name != "?" for target in self.resolver.look(at[0], name)]
        others = [one for one in targets if one.what is not What.EXTERNAL and (one.module, one.index) != at]
        statements = [self.resolver.statement(one.module, one.index) for one in others if one.what is What.STATEMENT]
        return len(statements) < len(others) or not all(one.constant for one in statements)

    # ---- what a call of the project's code does

    def hooked(self, target: Target) -> bool:
        """Say whether a class is told of its subclasses, by its own doing or by a base's."""
        return self._any(target, set(), lambda one: Mark.HOOKS in one.marks, bases=True)

    def alters(self, target: Target) -> bool:
        """Say whether calling this may change its arguments."""
        return self._any(target, set(), lambda one: Mark.ALTERS in one.marks, bases=False)

    def changes(self, target: Target) -> bool:
        """Say whether calling this may change something that others see."""
        key = (target.module, target.index)
        if key not in self._changes:
            self._changes[key] = False
            self._changes[key] = self._any(
                target, set(), lambda one: Mark.CHANGES in one.marks, bases=False, foreign=True
            )
        return self._changes[key]

    def _any(
        self, target: Target, seen: set[Id], test: Callable[[Statement], bool], *, bases: bool, foreign: bool = False
    ) -> bool:
        """Look at a statement and at all that it names, until one passes the test."""
        waiting = [target]
        while waiting:
            one = waiting.pop()
            if one.what is not What.STATEMENT or (one.module, one.index) in seen:
                continue
            seen.add((one.module, one.index))
            statement = self.resolver.statement(one.module, one.index)
            if test(statement) or (foreign and self.changes_foreign(one.module, statement)):
                return True
            for name in statement.bases if bases else statement.uses:
                if not name.startswith("?"):
                    waiting += self.resolver.look(one.module, name)
        return False

    def changes_foreign(self, module: str, statement: Statement) -> bool:
        """Say whether its functions call something outside the project that changes things or keeps arguments."""
        for name in statement.inside:
            handed = name in statement.handed
            if name.startswith("?"):
                if changes_state("?." + last(name)) and handed:
                    return True
                continue
            for target in self.resolver.look(module, name):
                if target.what is not What.EXTERNAL:
                    continue
                if changes_state(target.name) or (handed and keeps_definitions(target.name, configured=False)):
                    return True
                if handed and reads_definitions(target.name) and not is_standard(target.name):
                    return True
        return False
