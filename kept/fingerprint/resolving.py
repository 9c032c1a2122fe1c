"""Follows a name, as code of one module uses it, to what it stands for."""

from __future__ import annotations

import enum

from ..lean import dataclass, field
from .project import Kind, Place, Project
from .summary import Alias, Statement, Summary
from .words import BUILTINS, SHADOWING


class What(enum.Enum):
    """What a name stands for."""

    STATEMENT = "statement"  # of the project: ``module`` and ``index``
    MODULE = "module"  # of the project, as a value
    EXTERNAL = "external"  # of the standard library or a library: ``name`` is its full dotted name
    LAZY = "lazy"  # made by the ``__getattr__`` of a module of the project
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a name stands for; ``label`` tells it from other things of that name."""

    what: What
    label: str
    module: str = ""
    index: int = 0
    name: str = ""
    rest: str = ""
    place: Place | None = None


@dataclass
class Resolver:
    """Name resolution over the modules of a project."""

    project: Project
    _known: dict[tuple[str, str], tuple[Target, ...]] = field(default_factory=dict)
    _busy: set[tuple[str, str]] = field(default_factory=set)
    _binders: dict[str, dict[str, list[int]]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget where names lead: there is a new place to look."""
        self._known.clear()
        self._binders.clear()

    def summary(self, module: str) -> Summary | None:
        """Return what a module of the project says, None for anything without source."""
        place = self.project.find(module)
        return self.project.summary(place.path) if place.kind is Kind.SOURCE else None

    def statement(self, module: str, index: int) -> Statement:
        """Return one statement."""
        summary = self.summary(module)
        assert summary is not None
        return summary.statements[index]

    def binders(self, module: str) -> dict[str, list[int]]:
        """Map the names of a module to the statements that bind them; "*" to star imports."""
        known = self._binders.get(module)
        if known is None:
            known = self._binders[module] = {}
            summary = self.summary(module)
            for index, statement in enumerate(summary.statements if summary else ()):
                for name in dict.fromkeys((*statement.binds, *(one.name for one in statement.aliases))):
                    known.setdefault(name, []).append(index)
        return known

    def absolute(self, module: str, name: str) -> str:
        """Make a relative module name absolute, as seen from ``module``."""
        level = len(name) - len(name.lstrip("."))
        if not level:
            return name
        place = self.project.find(module)
        is_package = bool(place.folders)
        parts = module.split(".") if is_package else module.split(".")[:-1]
        parts = parts[: len(parts) - (level - 1)]
        return ".".join([*parts, *filter(None, [name[level:]])])

    def look(self, module: str, name: str) -> tuple[Target, ...]:
        """Follow a name as written in ``module``; nothing for builtins and names that nobody binds."""
        key = (module, name)
        known = self._known.get(key)
        if known is not None:
            return known
        if key in self._busy:
            return ()
        self._busy.add(key)
        try:
            if ":" in name:
                where, _, attributes = name.partition(":")
                found = self.attribute(self.absolute(module, where), attributes)
            else:
                root, _, rest = name.partition(".")
                found = self.bound(module, root, rest)
            found = tuple(dict.fromkeys(found))
        finally:
            self._busy.discard(key)
        if not self._busy:  # inside a cycle an answer may lack what is being looked for
            self._known[key] = found
        return found

    def bound(self, module: str, name: str, rest: str) -> tuple[Target, ...]:
        """Follow a name of a module to all that binds it, in order."""
        found: list[Target] = []
        table = self.binders(module)
        for index in sorted({*table.get(name, ()), *table.get("*", ())}):
            statement = self.statement(module, index)
            if name in statement.binds and not statement.plain_import:
                found.append(Target(What.STATEMENT, f"{module}.{name}", module, index, name, rest))
                if statement.same is not None:
                    found += self.look(module, f"{statement.same}.{rest}" if rest else statement.same)
            for alias in statement.aliases:
                if alias.name == name and alias.attribute != "*":
                    found += self.imported(module, alias, rest)
                elif alias.attribute == "*" and not self.overtaken(module, alias, name, index):
                    found += self.starred(module, alias, name, rest)
        if name in BUILTINS and all(one.what is What.EXTERNAL for one in found):
            builtin = Target(What.EXTERNAL, "", name=f"{name}.{rest}" if rest else name, place=Place(Kind.STANDARD))
            return (*found, builtin)
        return tuple(found)

    def overtaken(self, module: str, alias: Alias, name: str, index: int) -> bool:
        """Say whether ``from library import *`` cannot be what a name stands for."""
        target = self.absolute(module, alias.module)
        place = self.project.find(target)
        if place.kind is Kind.STANDARD and name in BUILTINS:
            return target not in SHADOWING
        return not place.followed and any(one > index for one in self.binders(module).get(name, ()))

    def imported(self, module: str, alias: Alias, rest: str) -> tuple[Target, ...]:
        """Follow what an import binds."""
        target = self.absolute(module, alias.module)
        attributes = ".".join(filter(None, (alias.attribute, rest)))
        found = self.attribute(target, attributes)
        if found and found[0].what is What.EXTERNAL:
            label = f"={target}" + (f".{alias.attribute}" if alias.attribute else "")
            place = found[0].place
            return (Target(What.EXTERNAL, label, name=".".join(filter(None, (target, attributes))), place=place),)
        return found

    def starred(self, module: str, alias: Alias, name: str, rest: str) -> tuple[Target, ...]:
        """Follow a name through ``from x import *``."""
        target = self.absolute(module, alias.module)
        place = self.project.find(target)
        if place.kind in (Kind.LIBRARY, Kind.STANDARD):
            return (Target(What.EXTERNAL, f"={target}.*", name=f"{target}.{name}", place=place),)
        summary = self.summary(target)
        if summary is None:
            return ()
        # Computed, any name may be in it.
        listed = self.look(target, "__all__") if summary.exports is None and name != "__all__" else ()
        if not self.has(target, name):
            given = self.gives(target, name, name in self.binders(module))
            return (*self.attribute(f"{target}.{name}", rest), *listed) if given else ()
        found = self.look(target, f"{name}.{rest}" if rest else name)
        if summary.exports is not None:
            return found if name in summary.exports else ()
        return (*found, *listed) if listed or not name.startswith("_") else ()

    def gives(self, package: str, name: str, known: bool) -> bool:
        """Say whether ``*`` may give a submodule: one that is listed, or any that is loaded; ``known`` ones are not."""
        summary = self.summary(package)
        if summary is None:
            return False
        if summary.exports is not None:
            listed = name in summary.exports
        else:
            listed = not (known or name in BUILTINS or name.startswith("_"))
        return listed and self.project.find(f"{package}.{name}").followed

    def starts(self, package: str) -> list[str]:
        """Name the submodules that ``from package import *`` loads: those in its list; all where that is computed."""
        summary = self.summary(package)
        table = self.binders(package)
        if summary is None or "__all__" not in table or not self.project.find(package).folders:
            return []
        if summary.exports is None:
            return self.project.submodules(package)
        found = [f"{package}.{name}" for name in summary.exports if name not in table]
        return [one for one in found if self.project.find(one).followed]

    def has(self, module: str, name: str) -> bool:
        """Say whether a module of the project binds a name, star imports included."""
        table = self.binders(module)
        if name in table:
            return True
        for index in table.get("*", ()):
            for alias in self.statement(module, index).aliases:
                target = self.absolute(module, alias.module)
                key = (target, "*" + name)
                if alias.attribute == "*" and key not in self._busy and self.project.find(target).kind is Kind.SOURCE:
                    self._busy.add(key)
                    try:
                        if self.has(target, name) or self.gives(target, name, known=False):
                            return True
                    finally:
                        self._busy.discard(key)
        return False

    def attribute(self, module: str, attributes: str) -> tuple[Target, ...]:
        """Follow attributes of a module: its names, then its submodules, then its ``__getattr__``."""
        place = self.project.find(module)
        full = f"{module}.{attributes}" if attributes else module
        if place.kind in (Kind.STANDARD, Kind.LIBRARY):
            return (Target(What.EXTERNAL, f"={module}", name=full, place=place),)
        if place.kind is Kind.ABSENT:
            return (Target(What.ABSENT, f"?{module}", name=full, place=place),)
        name, _, rest = attributes.partition(".")
        if name in ("", "?", "__dict__", "__getattribute__") or place.kind is Kind.EXTENSION:
            whole = Target(What.MODULE, f"module {module}", module, name=module, place=place)
            return () if name == "?" else (whole,)  # of a module that has another name, what is taken of it counts
        if place.kind is Kind.SOURCE and self.has(module, name) and (found := self.look(module, attributes)):
            return found  # none if the package binds its own submodule: ``from . import a``
        if place.folders and self.project.find(f"{module}.{name}").kind is not Kind.ABSENT:
            return self.attribute(f"{module}.{name}", rest)
        if place.kind is Kind.SOURCE and self.has(module, "__getattr__"):
            return (Target(What.LAZY, f"lazy {full}", module, name=full, place=place),)
        if name.startswith("__") and name.endswith("__"):
            return ()
        return (Target(What.ABSENT, f"?{full}", module, name=full, place=place),)
