"""Walks from the roots to every statement that can decide behaviour."""

from __future__ import annotations

import os

from ..errors import KeptError
from ..lean import dataclass, field
from .effects import Effects, Id
from .libraries import Libraries, Library
from .project import Kind, Project
from .readers import Readers
from .resolving import Resolver, Target, What
from .summary import Alias, Mark, Statement, Summary
from .words import LOADING, READS_DOCS, READS_FIELDS, READS_LINES, READS_SOURCE, last


@dataclass
class Reach:
    """One walk; what it found is in the attributes afterwards."""

    project: Project
    modules: dict[str, None] = field(default_factory=dict)  # loaded by the closure, in order of loading
    reached: dict[Id, None] = field(default_factory=dict)
    labels: dict[Id, dict[str, str]] = field(default_factory=dict)  # per statement: name used -> what it stands for
    libraries: dict[str, Library] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)  # module -> path
    whole: dict[str, None] = field(default_factory=dict)
    widenings: dict[str, None] = field(default_factory=dict)
    marks: set[Mark] = field(default_factory=set)
    names: set[str] = field(default_factory=set)  # full names of what is used of libraries
    aside: str = ""  # a module that changes things in the closure without belonging to it

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.project)
        self.effects = Effects(self.resolver, self.reached.__contains__)
        self.readers = Readers(self.resolver, self.reached, self.marks)
        self._installed = Libraries(self.project.memo)
        self._waiting: list[Id] = []
        self._told: set[Id] = set()
        self._prefixes: dict[str, None] = {}

    # ---- loading modules

    def load(self, module: str) -> None:
        """Take a module into the closure, as importing it would: its parents first, then what it imports."""
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name in self.modules or name == self.aside:
                continue
            place = self.project.find(name)
            if not place.followed:
                continue
            parent = name.rpartition(".")[0]
            if parent and parent not in self.modules:
                waiting += [name, parent]
                continue
            self.modules[name] = None
            if place.kind is Kind.EXTENSION:
                self.extensions[name] = place.path
            summary = self.resolver.summary(name)
            self.add_entries(place.path, summary)
            found = [alias for statement in (summary.statements if summary else ()) for alias in statement.aliases]
            waiting += [one for alias in reversed(found) for one in self.imported(name, alias)]

    def add_entries(self, path: str, summary: Summary | None) -> None:
        """Follow ``sys.path.append(folder)``: what is imported afterwards may be there."""
        for read in (read for statement in (summary.statements if summary else ()) for read in statement.reads):
            if read.kind == "entry":
                top = os.path.dirname(path) if read.anchored else self.project.root
                if self.project.add_entry(os.path.normpath(os.path.join(top, read.name))):
                    self.resolver.forget()
                    self.effects.forget()

    def imported(self, module: str, alias: Alias) -> list[str]:
        """Name the modules that an import loads."""
        target = self.resolver.absolute(module, alias.module)
        if alias.attribute is None or not self.project.find(target).followed:
            return [target]
        if alias.attribute == "*":
            return [*reversed(self.resolver.starts(target)), target]
        bound = target != module and self.resolver.has(
            target, alias.attribute or ""
        )  # ``from . import a`` binds itself
        if bound or not self.project.find(target).folders:
            return [target]
        return [f"{target}.{alias.attribute}", target]

    # ---- the walk

    def root(self, module: str, name: str) -> list[Id]:
        """Take in what ``name`` stands for in ``module``; return its statements."""
        self.load(module)
        targets = self.resolver.look(module, name)
        self.take(targets, "")
        self.finish()
        return [(one.module, one.index) for one in targets if one.what is What.STATEMENT]

    def add(self, one: Id) -> None:
        """Take in one statement."""
        if one not in self.reached:
            self.reached[one] = None
            self._waiting.append(one)

    def finish(self) -> None:
        """Go on until nothing new is reached."""
        size = -1
        while size != (size := self.size()):
            while self._waiting:
                self.process(*self._waiting.pop())
            self.add_effects()
            self.add_told()
            if Mark.SUBCLASSES in self.marks:
                self.add_subclasses()
            if Mark.EVERY_MODULE in self.marks:
                for module in list(self.modules):
                    self.take_whole(module)

    def size(self) -> int:
        """Measure how far the walk has come."""
        return len(self.reached) + len(self.modules) + len(self.whole) + len(self.marks) + len(self._told)

    def process(self, module: str, index: int) -> None:
        """Follow everything that one statement names."""
        statement = self.resolver.statement(module, index)
        self.load(module)
        labels = self.labels.setdefault((module, index), {})
        where = f"{self.shown(module)}:{statement.line}"
        for name in statement.uses:
            self.follow(module, name, labels, where)
            if any(one.name in LOADING for one in self.resolver.look(module, name) if one.what is not What.STATEMENT):
                self.load_called(module, statement, name, where)
        for alias in statement.aliases:
            labels.setdefault(f"import {alias.module} {alias.attribute}", self.state(module, alias))
        for alias in statement.inner:
            for one in self.imported(module, alias):
                self.load(one)
        for text in statement.strings:
            self.follow_text(text, labels)
        for prefix, line in statement.prefixes:
            self.take_prefix(module, prefix, f"{self.shown(module)}:{line}")
        self.marks.update(statement.marks)
        if Mark.OWN_MODULE in statement.marks:
            self.widen(module, f"{self.shown(module)}:{statement.marks[Mark.OWN_MODULE]}", Mark.OWN_MODULE)
        if Mark.EVERY_MODULE in statement.marks:
            line = statement.marks[Mark.EVERY_MODULE]
            self.widenings[f"every module it loads: {Mark.EVERY_MODULE} at {self.shown(module)}:{line}"] = None

    def state(self, module: str, alias: Alias) -> str:
        """Say whether an import succeeds and whose it is: code around it may ask."""
        found = self.resolver.imported(module, alias, "") if alias.attribute != "*" else ()
        return "|".join(target.label for target in found)

    def follow(self, module: str, name: str, labels: dict[str, str], where: str) -> None:
        """Take in what a name stands for, and note it."""
        targets = self.resolver.look(module, name)
        label = "|".join(dict.fromkeys(target.label for target in targets if target.label))
        if label:
            labels[name] = label
        self.take(targets, where)

    def follow_text(self, text: str, labels: dict[str, str]) -> None:
        """Follow a text that looks like a dotted name, if it leads to code."""
        module, _, attributes = text.partition(":")
        top = module.partition(".")[0]
        if self.project.find(top).kind in (Kind.ABSENT, Kind.STANDARD):
            return
        name = f"{module}:{attributes}" if attributes else f"{top}:{module.partition('.')[2]}"
        targets = [one for one in self.resolver.look(top, name) if one.what is not What.ABSENT]
        if targets:
            labels[f"text {text}"] = "|".join(one.label for one in targets)
            self.load(module if attributes else self.longest(text))
            self.take(tuple(targets), "")

    def load_called(self, module: str, statement: Statement, name: str, where: str) -> None:
        """Take in what something that loads modules is called with; all of the project where that is computed."""
        texts = [text for called, text in statement.written if called == name]
        for text in filter(None, texts):
            found = self.longest(text.replace(":", "."))
            rest = text.replace(":", ".")[len(found) + 1 :]
            if found:
                self.load(found)
                self.take(self.resolver.attribute(found, rest), where)
        if not texts:
            self.take_prefix(module, "", where)

    def longest(self, name: str) -> str:
        """Return the part of a dotted name that is a module of the project."""
        while name and not self.project.find(name).followed:
            name = name.rpartition(".")[0]
        return name

    def take(self, targets: tuple[Target, ...], where: str) -> None:
        """Take in what a name stands for."""
        for target in targets:
            if target.what is What.STATEMENT:
                self.load(target.module)
                self.add((target.module, target.index))
            elif target.what is What.MODULE:
                self.load(target.module)
                self.widen(target.module, where, "used as a value")
            elif target.what is What.LAZY:
                self.load(target.module)
                self.widen(target.module, where, "its names are made on demand")
                self.take_prefix(target.module, target.module + ".", where)
            elif target.what is What.EXTERNAL:
                self.take_external(target)

    def take_external(self, target: Target) -> None:
        """Note a library, or what reads definitions."""
        tail = last(target.name)
        if tail in READS_DOCS:
            self.marks.add(Mark.READS_DOCS)
        if tail in READS_SOURCE:
            self.marks.add(Mark.READS_SOURCE)
        if tail in READS_LINES:
            self.marks.add(Mark.READS_LINES)
        if target.name in READS_FIELDS:
            self.marks.add(Mark.READS_FIELDS)
        if target.place is None or target.place.kind is not Kind.LIBRARY or target.name in self.names:
            return
        self.names.add(target.name)
        found = self._installed.of(target.place.path, target.name)
        if tail == "?" and len(found) > 1:
            return  # another name of what several share: what is taken of it says whose it is
        for library in found:
            self.libraries[library.name] = library

    # ---- widening

    def shown(self, module: str) -> str:
        """Write where a module is."""
        place = self.project.find(module)
        return self.project.shown(place.path or (place.folders or (module,))[0])

    def widen(self, module: str, where: str, why: str) -> None:
        """Take in a whole module, and say so."""
        if module not in self.whole and where:
            self.widenings[f"all of {self.shown(module)}: {why} at {where}"] = None
        self.take_whole(module)

    def take_whole(self, module: str) -> None:
        """Take in all statements of a module, and what its imports name."""
        if module in self.whole:
            return
        self.whole[module] = None
        summary = self.resolver.summary(module)
        for index, statement in enumerate(summary.statements if summary else ()):
            if not statement.plain_import:
                self.add((module, index))
            for alias in statement.aliases:
                if alias.name and alias.attribute != "*":
                    self.take(self.resolver.imported(module, alias, ""), "")
                elif alias.attribute == "*":
                    target = self.resolver.absolute(module, alias.module)
                    if self.project.find(target).followed:
                        self.take_whole(target)

    def take_prefix(self, module: str, prefix: str, where: str) -> None:
        """Take in all modules whose names begin with what is known of a computed name."""
        name = prefix.replace("\0", module).replace("\1", self.resolver.absolute(module, "."))
        if name.startswith("."):
            name = self.resolver.absolute(module, name.rstrip(".") or ".") + ("." if name.endswith(".") else "")
        package, _, stem = name.rpartition(".")
        place = self.project.find(package) if package else None
        if place is not None and place.kind is Kind.LIBRARY:
            self.take(self.resolver.attribute(package, ""), where)
        if place is not None and not place.followed:
            return
        shown = self.project.shown(place.folders[0]) + "/" if place is not None and place.folders else "the project"
        self.widenings[f"all of {shown}{'' if not stem else ' from ' + stem}: {Mark.ANY_FILE} at {where}"] = None
        key = f"{package}.{stem}"
        if key in self._prefixes:
            return
        self._prefixes[key] = None
        for one in list(self.project.everything(package)):
            if one[len(package) + 1 if package else 0 :].startswith(stem):
                self.take_file(one)

    def take_file(self, module: str) -> None:
        """Take in a module that may be imported; by its bytes if it is no Python, as a template is none."""
        try:
            self.resolver.summary(module)
        except KeptError:
            self.extensions[module] = self.project.find(module).path
            return
        self.load(module)
        self.take_whole(module)

    # ---- what takes part unasked

    def add_effects(self) -> None:
        """Take in what importing the closure changes."""
        consumed = Mark.CONSUMED in self.marks  # rarely: then all that is looked up while importing is judged
        for module in list(self.modules):
            summary = self.resolver.summary(module)
            for index, statement in enumerate(summary.statements if summary else ()):
                if (module, index) in self.reached:
                    continue
                if consumed and self.effects.consumes((module, index)):
                    self.add((module, index))
                    continue
                does = statement.calls or statement.touches or statement.marks
                if does and self.effects.always(module, index):
                    self.add((module, index))

    def add_subclasses(self) -> None:
        """Take in the classes under those that are in."""
        for module in list(self.modules):
            summary = self.resolver.summary(module)
            for index, statement in enumerate(summary.statements if summary else ()):
                targets = [one for base in statement.bases for one in self.resolver.look(module, base)]
                if any((one.module, one.index) in self.reached for one in targets if one.what is What.STATEMENT):
                    self.add((module, index))

    # ---- who reads docstrings and annotations

    def add_told(self) -> None:
        """Follow the names in annotations that somebody may read."""
        for one in list(self.reached):
            statement = self.resolver.statement(*one)
            if statement.told and one not in self._told and self.readers.is_told(one):
                self._told.add(one)
                labels = self.labels.setdefault(one, {})
                for name in statement.told:
                    self.follow(one[0], name, labels, f"{self.shown(one[0])}:{statement.line}")
