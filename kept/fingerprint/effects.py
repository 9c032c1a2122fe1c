"""Judges what importing a module changes: such statements take part whether or not anybody names them."""

from __future__ import annotations

from collections.abc import Callable

from ..lean import dataclass, field
from .resolving import Resolver, Target, What
from .summary import LOOPED, Call, How, Mark, Statement
from .words import (
    LOGGING,
    MAKES_FIELDS,
    RUNNING,
    changes_state,
    is_calm,
    is_standard,
    keeps_definitions,
    last,
    reads_definitions,
    works_in_place,
)

Id = tuple[str, int]


def is_definition(statement: Statement) -> bool:
    """Say whether this is a function, class or lambda, or a list or dict of such, and not an object that was made."""
    return statement.fresh and Mark.DEFINES in statement.marks


def given(resolver: Resolver, at: Id, call: Call) -> list[Target]:
    """List what a call hands over by its name."""
    return [one for name in call.named for one in resolver.look(at[0], name)]


def looped(resolver: Resolver, at: Id, call: Call) -> list[Target]:
    """List what a call may be handed by a loop around it: all that its statement names, and does not call."""
    own = any((one.module, one.index) == at for one in given(resolver, at, call))
    return behind(resolver, at) if own or LOOPED in call.gives else []


def behind(resolver: Resolver, at: Id) -> list[Target]:
    """List what a statement names without calling it, and what the lists and dicts among that are made of."""
    statement = resolver.statement(*at)
    called = {one.name for one in statement.calls}
    named = [(name, one) for name in statement.early for one in resolver.look(at[0], name)]
    waiting = [one for name, one in named if one.rest or name not in called]
    found: dict[Target, None] = {}
    while waiting:
        one = waiting.pop()
        if one in found or (one.module, one.index) == at:
            continue
        found[one] = None
        if one.what is What.STATEMENT:
            held = resolver.statement(one.module, one.index).early
            waiting += [inner for name in held for inner in resolver.look(one.module, name)]
    return list(found)


@dataclass
class Effects:
    """The judge; ``reached`` says whether a statement takes part already."""

    resolver: Resolver
    reached: Callable[[Id], bool]
    _changes: dict[Id, bool] = field(default_factory=dict)
    _marked: dict[tuple[Id, Mark], bool] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what calls do: names lead elsewhere now."""
        self._changes.clear()
        self._marked.clear()

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
            return self.computed(call) or self.runs(at) or any(map(self.works, behind(self.resolver, at)))
        if call.name.startswith("?"):
            return self.computed(call) or (last(call.name) in LOGGING and any(map(self.logs, self.early(at))))
        targets = self.resolver.look(at[0], call.name)
        if "." in call.name and targets and all((one.module, one.index) == at for one in targets):
            return self.computed(Call("?." + last(call.name), call.how))  # ``for m in MODELS: m.set_rate(1)``
        if targets and all((one.module, one.index) == at for one in targets) and self.runs(at):
            return True  # ``for f in SETUPS: f()``
        return any(self.called(at, call, target) for target in targets if (target.module, target.index) != at)

    def runs(self, at: Id) -> bool:
        """Say whether a statement that calls something computed names anything that changes something when called."""
        return any(self.changes(one) for one in self.early(at) if (one.module, one.index) != at)

    def consumes(self, at: Id) -> bool:
        """Say whether a statement looks at an iterator that takes part: it may move it on."""
        ids = {(one.module, one.index) for one in self.early(at) if one.what is What.STATEMENT} - {at}
        return any(Mark.CONSUMED in self.resolver.statement(*one).marks and self.reached(one) for one in ids)

    @staticmethod
    def computed(call: Call) -> bool:
        """Judge a call of something computed: nobody knows what it does, its name may tell."""
        if call.how is How.CALL:
            return changes_state("?." + last(call.name)) and call.name != "?"
        return call.how is How.DECORATOR or last(call.name) not in LOGGING

    def early(self, at: Id) -> list[Target]:
        """List what a statement looks up while importing."""
        return [one for name in self.resolver.statement(*at).early for one in self.resolver.look(at[0], name)]

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
        return self.changes(target) or (call.how is not How.METACLASS and self.fills(at, call, target, found))

    def fills(self, at: Id, call: Call, target: Target, found: Statement) -> bool:
        """Say whether a call changes what is called, or something that is handed over."""
        if self.seen(target) and self.stateful(target, found, call.how):
            return True
        if self.alters(target) and self.gives_global(at, call):
            return True
        if any(name.startswith("?.") for name in found.inside) and any(map(self.works, given(self.resolver, at, call))):
            return True
        if (call.how is How.DECORATOR or self.gives_own(at, call)) and self.hands_on(call, target.module, found):
            return True
        return "?" in found.inside and self.gives_changer(at, call, runs=True)  # it calls what it is given

    def stateful(self, target: Target, found: Statement, how: How) -> bool:
        """Say whether calling a value, or a definition under its decorators, may change what that holds."""
        if not is_definition(found):
            marks = (Mark.KEEPS, Mark.ALTERS) if how is How.DECORATOR else (Mark.KEEPS, Mark.ALTERS, Mark.FILLS)
            return any(self.marked(target, mark) for mark in marks)
        names = [call.name for call in found.calls if call.how is How.DECORATOR and not call.name.startswith("?")]
        return any(self.marked(one, Mark.KEEPS) for name in names for one in self.resolver.look(target.module, name))

    def hands_on(self, call: Call, module: str, found: Statement) -> bool:
        """Say whether a function gives what it is given to an object of the project that may keep it, or gets that."""
        names = [name for name in found.handed if not name.startswith("?")]
        if call.how is How.DECORATOR and call.configured:
            names += [name for name in found.uses if "." not in name]
        return any(self.works(one) for name in names for one in self.resolver.look(module, name))

    def works(self, target: Target) -> bool:
        """Say whether this is an object of the project that others see and that its methods change."""
        if target.what is not What.STATEMENT or not self.seen(target):
            return False
        found = self.resolver.statement(target.module, target.index)
        return not is_definition(found) and self.stateful(target, found, How.DECORATOR)

    def logs(self, target: Target) -> bool:
        """Say whether the project has a method named as a logger's, of something that keeps what it is given."""
        return self.marked(target, Mark.LOGS) and (self.alters(target) or self.changes(target))

    def method(self, call: Call, target: Target, found: Statement) -> bool:
        """Judge a method of a value of the project: it changes that value, if it changes anything."""
        if call.how is not How.DECORATOR and last(target.rest) in LOGGING and not self.logs(target):
            return False
        works = self.changes(target) or self.alters(target) or self.stateful(target, found, call.how)
        if call.how is How.CALL and not works:
            inner, _, name = target.rest.rpartition(".")
            holder = Target(target.what, target.label, target.module, target.index, target.name, inner)
            return works_in_place(name) and self.seen(holder)
        return self.seen(target) or (call.how is How.CALL and self.changes(target) and not found.fresh)

    def foreign(self, at: Id, call: Call, name: str) -> bool:
        """Judge a call of something that is not the project's."""
        if call.how is How.BARE:
            return last(name) not in LOGGING and not name.startswith("kept.")
        if call.how is How.DECORATOR:
            return keeps_definitions(name, call.configured)
        if call.how in (How.BASE, How.METACLASS):
            return call.configured and not is_standard(name) and reads_definitions(name)
        if changes_state(name) or self.makes_fields(at, call, name):
            return True
        if self.gives_changer(at, call, runs=last(name) in RUNNING):
            return True
        return reads_definitions(name) and not is_standard(name) and not is_calm(name) and self.gives_own(at, call)

    def gives_own(self, at: Id, call: Call) -> bool:
        """Say whether a function, class or lambda of the project is handed over."""
        return "?" in call.gives or any(map(self.defines, given(self.resolver, at, call)))

    def gives_changer(self, at: Id, call: Call, *, runs: bool) -> bool:
        """Say whether it is given a function that changes something, or what that is run on: ``map(register, ALL)``."""
        targets = [one for one in given(self.resolver, at, call) if (one.module, one.index) != at]
        for one in (one for one in targets if one.what is What.STATEMENT and (one.rest or self.defines(one))):
            if self.changes(one):
                return True
            changed = [one] if one.rest else [two for two in targets if runs and two != one]
            if self.alters(one) and any(map(self.loses, changed)):
                return True
        return False

    def makes_fields(self, at: Id, call: Call, name: str) -> bool:
        """Say whether a class that others see is made a dataclass in place."""
        handed = given(self.resolver, at, call)
        makers = {last(name), *(last(one.name) for one in handed if one.what is What.EXTERNAL)}
        return bool(makers & MAKES_FIELDS) and any(map(self.loses, [*handed, *looped(self.resolver, at, call)]))

    def defines(self, target: Target) -> bool:
        """Say whether this is a definition of the project, or a module of it."""
        if target.what is not What.STATEMENT:
            return target.what is What.MODULE
        return Mark.DEFINES in self.resolver.statement(target.module, target.index).marks

    def gives_global(self, at: Id, call: Call) -> bool:
        """Say whether something of the project that outlives the call is handed over."""
        targets = [one for one in given(self.resolver, at, call) if one.what is not What.EXTERNAL]
        others = [one for one in targets if (one.module, one.index) != at]
        statements = [self.resolver.statement(one.module, one.index) for one in others if one.what is What.STATEMENT]
        if len(statements) < len(others) or not all(one.constant for one in statements):
            return True
        return any(map(self.loses, looped(self.resolver, at, call)))

    def loses(self, target: Target) -> bool:
        """Say whether others see it if this is changed."""
        if target.what is not What.STATEMENT:
            return target.what is not What.EXTERNAL
        return not self.resolver.statement(target.module, target.index).constant and self.seen(target)

    # ---- what a call of the project's code does

    def hooked(self, target: Target) -> bool:
        """Say whether a class is told of its subclasses, by its own doing or by a base's."""
        return self._any(target, set(), lambda one: Mark.HOOKS in one.marks, bases=True)

    def alters(self, target: Target) -> bool:
        """Say whether calling this may change its arguments."""
        return any(self.marked(target, mark) for mark in (Mark.ALTERS, Mark.FILLS))

    def marked(self, target: Target, mark: Mark) -> bool:
        """Say whether this, or what it names, has such a mark."""
        if target.what is not What.STATEMENT:
            return False
        key = ((target.module, target.index), mark)
        if key not in self._marked:
            self._marked[key] = self._any(target, set(), lambda one: mark in one.marks, bases=False)
        return self._marked[key]

    def changes(self, target: Target) -> bool:
        """Say whether calling this may change something that others see."""
        if target.what is not What.STATEMENT:
            return False
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
                if target.what is What.STATEMENT and target.rest and works_in_place(last(target.rest)):
                    return True
                if target.what is not What.EXTERNAL:
                    continue
                if changes_state(target.name) or (handed and keeps_definitions(target.name, configured=False)):
                    return True
                if handed and reads_definitions(target.name) and not is_standard(target.name):
                    return True
        return False
