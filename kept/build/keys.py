"""Gathers what decides a stage: its code, its params, its formats, the versions of its libraries."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import operator
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors, formats
from ..actions import Action, Given, Param, Part
from ..digest import Memo, digest_value, encode
from ..lean import dataclass, field
from ..pipeline import Artifact, File, Input, Stage, layout, signature
from ..settings import Settings

if TYPE_CHECKING:
    from ..fingerprint import Fingerprint, LookedAt

_PYTHON = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}" + (
    f" -{'O' * sys.flags.optimize}" if sys.flags.optimize else ""
)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the actions of all stages with the same code have in common."""

    code: Fingerprint  # held, so that its id stays its own
    parts: Mapping[str, Part]
    libraries: Mapping[str, str]


@dataclass
class Keys:
    """Makes the actions of one project."""

    root: Path
    secret: Path  # names values of declared variables; made when first needed
    memo: Memo
    settings: Settings
    still: bool = False
    _codes: dict[tuple[object, ...], Fingerprint] = field(default_factory=dict)
    # What was fingerprinted, and as what: kept alive, for an id is used again after its object.
    _roots: list[tuple[Callable[..., Any] | str, tuple[str, ...], str, Fingerprint]] = field(default_factory=list)
    _found: dict[str, bool] = field(default_factory=dict)  # by "module:qualname": whether there is such code
    _joined: dict[tuple[int, ...], tuple[Fingerprint, tuple[Fingerprint, ...]]] = field(default_factory=dict)  # by ids
    _shared: dict[int, _Shared] = field(default_factory=dict)  # by the id of a fingerprint
    _defaults: dict[int, dict[str, object]] = field(default_factory=dict)  # by the id of a function

    def code(
        self,
        function: Callable[..., Any] | str,
        also: tuple[str, ...] = (),
        libraries: tuple[tuple[str, str], ...] = (),
        *,
        beside: str = "",
        anew: bool = False,
    ) -> Fingerprint:
        """Fingerprint a function, once a run: what runs is the code that was loaded, whatever is edited meanwhile.

        ``libraries`` (name and version) count beside those that the code names, and what the module ``beside`` changes.
        """
        known = self._codes.get((id(function), also, libraries, beside)) if not anew else None
        if known is None:
            from ..fingerprint import fingerprint

            known = fingerprint(function, root=self.root, memo=self.memo, also=also, beside=beside)
            if libraries:
                known = dataclasses.replace(known, libraries={**dict(libraries), **known.libraries})
            self._codes[id(function), also, libraries, beside] = known
            self._roots.append((function, also, beside, known))
        return known

    def of(
        self, stage: Stage, held: Collection[str], libraries: Mapping[str, str], *, anew: bool = False
    ) -> Fingerprint:
        """Fingerprint a stage: its function, the classes of what it is given, the functions and classes in its params.

        The digests of params name the code of the latter, as that of formats of the project's own is named in the key:
        what else there is to know of it, its libraries above all, is added.
        """
        plain = [wire for wire in stage.wires.values() if not isinstance(wire, Input | File)]
        classes = {f"{kind.__module__}:{kind.__qualname__}" for value in plain for kind in classes_in(value)}
        also, versions = tuple(sorted({*held, *classes})), tuple(sorted(libraries.items()))
        own = self.code(stage.function, also, versions, beside=declaring_module(stage), anew=anew)
        called = [self.code(one, anew=anew) for one in (*_called(stage), *_own_formats(stage))]
        if not called:
            return own
        name = tuple(map(id, (own, *called)))
        if name not in self._joined:
            self._joined[name] = _joined(own, called), (own, *called)
        return self._joined[name][0]

    def looked_at(self) -> LookedAt | None:
        """Name all that the fingerprints of this run were made from; None if that is remembered of one no more."""
        from ..fingerprint import LookedAt, looked_at

        paths: dict[str, bool] = {}
        names: set[str] = set()
        for function, also, beside, _ in self._roots:
            found = looked_at(function, root=self.root, memo=self.memo, also=also, beside=beside)
            if found is None:
                return None
            paths |= found.paths
            names |= found.names
        return LookedAt(paths, frozenset(names))

    def gone(self, names: Iterable[str], action: Action) -> set[str]:
        """Name the classes and functions ("module:qualname") that are to be found no more, but for those it counts."""
        return {name for name in names if name not in action.gone and not self._is_there(name, action.parts)}

    def _is_there(self, name: str, parts: Mapping[str, Part]) -> bool:
        module, _, inside = name.partition(":")
        if f"{module}.{inside.partition('.')[0]}" in parts:
            return True
        if name not in self._found:
            self._found[name] = True
            try:
                self.code(name)
            except errors.KeptError as problem:  # what else is wrong with it concerns who uses it
                self._found[name] = not isinstance(problem, errors.NoSuchCode)
        return self._found[name]

    def _code_digest(self, function: Any) -> str:
        return self.code(function).digest

    def action(self, stage: Stage, given: Mapping[str, Given], code: Fingerprint) -> Action:
        """Name everything that decides a stage's artifacts."""
        shared = self._shared.get(id(code))
        if shared is None:
            shared = self._shared[id(code)] = _shared(code, self.settings)
        return Action(
            code=code.digest,
            parts=shared.parts,
            params=self._params(stage),
            inputs=given,
            environment={name: self.keyed(os.environ.get(name)) for name in stage.options.env},
            formats={a.field: self._format(a) for a in stage.artifacts},
            libraries=shared.libraries,
            python=_PYTHON,
            seed=self.settings.seed if stage.options.seed else None,
        )

    def _format(self, artifact: Artifact) -> str:
        """Name an artifact's declared format; one of the project's own counts with its code."""
        form = declared_format(artifact)
        if form is None:
            return ""
        return f"{form.name} {self.code(type(form)).digest}" if _is_own(form) else form.name

    def _params(self, stage: Stage) -> dict[str, Param]:
        params = {}
        defaults = self._defaults.get(id(stage.function))
        if defaults is None:
            defaults = self._defaults[id(stage.function)] = _defaults(stage.function)
        implied = {name: value for name, value in defaults.items() if name not in stage.arguments}
        for name, value in {**implied, **stage.wires}.items():
            if not isinstance(value, Input | File):
                digest = digest_value(value, self._code_digest, ordered=True)
                params[name] = Param(digest, errors.one_line(value, 200))
        for name, value in stage.arguments.items():
            if name not in stage.wires:  # wired in pieces: how those are put together counts
                shape = layout(value)
                params[name] = Param(digest_value(shape, self._code_digest, ordered=True), _shown(shape))
        return params

    def place(self, path: str) -> str:
        """Return an input's path as it is wherever the project lies; of what lies elsewhere, its name."""
        full = os.path.join(self.root, path)
        inside = os.path.relpath(full, self.root).replace(os.sep, "/")
        return inside if inside.partition("/")[0] != os.pardir else os.path.basename(full)

    def keyed(self, value: str | None) -> str:
        """Name the value of a declared variable so that nobody can guess it back from the name."""
        if value is None:
            return "unset"
        import hmac

        return hmac.new(self._secret, value.encode("utf-8", "surrogateescape"), "sha256").hexdigest()

    @cached_property
    def _secret(self) -> bytes:
        path = self.secret
        try:
            return path.read_bytes()
        except FileNotFoundError:
            secret = os.urandom(32)
            if self.still:
                return secret
            with contextlib.suppress(OSError):  # a read-only store: then such a stage is new each time
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.write(descriptor, secret)
                os.close(descriptor)
            return secret


def _called(stage: Stage) -> list[Any]:
    """List the functions and classes among the params of a stage, each once."""
    found: dict[int, Any] = {}

    def take(one: object) -> str:
        found[id(one)] = one
        return ""

    plain = [wire for wire in stage.wires.values() if not isinstance(wire, Input | File)]
    for value in (*plain, *(layout(value) for name, value in stage.arguments.items() if name not in stage.wires)):
        encode(value, take)
    return list(found.values())


def _own_formats(stage: Stage) -> list[type]:
    return [type(form) for form in map(declared_format, stage.artifacts) if form is not None and _is_own(form)]


def _is_own(form: formats.Format) -> bool:
    return not type(form).__module__.startswith("kept.")


def _joined(own: Fingerprint, called: Sequence[Fingerprint]) -> Fingerprint:
    """Add to the fingerprint of a function what is known of the code that it is given; its digest stays its own."""
    every, by_name = (own, *called), operator.attrgetter("name")
    return dataclasses.replace(
        own,
        parts=tuple(sorted({part.name: part for one in reversed(every) for part in one.parts}.values(), key=by_name)),
        libraries={name: version for one in every for name, version in one.libraries.items()},
        widenings=tuple(dict.fromkeys(line for one in every for line in one.widenings)),
        blind=tuple(dict.fromkeys(spot for one in every for spot in one.blind)),
        files={path: digest for one in every for path, digest in one.files.items()},
        asked={name: state for one in every for name, state in one.asked.items()},
    )


def declaring_module(stage: Stage) -> str:
    """Name the module in which a stage was declared; empty where that is in no file."""
    return _module_of(stage.where.file)


@cache
def _module_of(file: str) -> str:
    found = (name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None) == file)
    return next((name for name in found if name != "__main__"), "")


def declared_format(artifact: Artifact) -> formats.Format | None:
    """Return the format that an artifact's declared type settles; None where the value decides."""
    return formats.for_annotation(artifact.declared) if artifact.declared else None


def _shared(code: Fingerprint, settings: Settings) -> _Shared:
    versions = {name: settings.version(name, version) for name, version in code.libraries.items()}
    return _Shared(
        code,
        {part.name: Part(part.digest, f"{part.file}:{part.line}" if part.line else part.file) for part in code.parts},
        {name: version for name, version in versions.items() if version is not None},
    )


def _defaults(function: Callable[..., Any]) -> dict[str, object]:
    """Return the defaults that a key can hold: spelling one out in dodo.py is then no change.

    What has no canonical form is left out: the default belongs to the function's fingerprint anyway.
    """
    found: dict[str, object] = {}
    for name, parameter in signature(function).parameters.items():
        if parameter.default is parameter.empty:
            continue
        with contextlib.suppress(errors.KeptError):
            encode(parameter.default)
            found[name] = parameter.default
    return found


def _shown(shape: object) -> str:
    return errors.one_line(shape, 200).replace("None", "…")


def classes_in(value: object) -> Iterator[type]:
    """Yield the classes of the values in a parameter: their methods decide what a stage does with it."""
    if isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from classes_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from classes_in(item)
    elif isinstance(value, functools.partial):
        yield from classes_in((value.args, value.keywords))
        return
    if type(value).__module__ not in ("builtins", "datetime", "decimal", "pathlib", "numpy"):
        yield type(value)
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from classes_in(getattr(value, field.name))
