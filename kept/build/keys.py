"""Gathers what decides a stage: its code, its params, its formats, the versions of its libraries."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors, formats
from ..actions import Action, Given, Param, Part
from ..digest import Memo, digest_value, encode
from ..pipeline import Artifact, File, Input, Stage, signature
from ..settings import Settings

if TYPE_CHECKING:
    from ..fingerprint import Fingerprint

_PYTHON = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}" + (
    f" -{'O' * sys.flags.optimize}" if sys.flags.optimize else ""
)


@dataclass
class Keys:
    """Makes the actions of one project."""

    root: Path
    secret: Path  # names values of declared variables; made when first needed
    memo: Memo
    settings: Settings
    still: bool = False
    _codes: dict[tuple[int, tuple[str, ...]], Fingerprint] = field(default_factory=dict)

    def code(self, function: Callable[..., Any], also: tuple[str, ...] = (), *, anew: bool = False) -> Fingerprint:
        """Fingerprint a function, once a run: what runs is the code that was loaded, whatever is edited meanwhile."""
        known = self._codes.get((id(function), also)) if not anew else None
        if known is None:
            from ..fingerprint import fingerprint

            known = fingerprint(function, root=self.root, memo=self.memo, also=also)
            self._codes[id(function), also] = known
        return known

    def _code_digest(self, function: Any) -> str:
        return self.code(function).digest

    def action(self, stage: Stage, given: Mapping[str, Given], code: Fingerprint) -> Action:
        """Name everything that decides a stage's artifacts."""
        versions = {name: self.settings.version(name, version) for name, version in code.libraries.items()}
        return Action(
            code=code.digest,
            parts={p.name: Part(p.digest, f"{p.file}:{p.line}" if p.file else "") for p in code.parts},
            params=self._params(stage),
            inputs=given,
            environment={name: self.keyed(os.environ.get(name)) for name in stage.options.env},
            formats={a.field: self._format(a) for a in stage.artifacts},
            libraries={name: version for name, version in versions.items() if version is not None},
            python=_PYTHON,
            seed=self.settings.seed if stage.options.seed else None,
        )

    def _format(self, artifact: Artifact) -> str:
        """Name an artifact's declared format; one of the project's own counts with its code."""
        form = declared_format(artifact)
        if form is None:
            return ""
        own = not type(form).__module__.startswith("kept.")
        return f"{form.name} {self.code(type(form)).digest}" if own else form.name

    def _params(self, stage: Stage) -> dict[str, Param]:
        params = {}
        for name, value in {**_defaults(stage), **stage.wires}.items():
            if not isinstance(value, Input | File):
                params[name] = Param(digest_value(value, self._code_digest), errors.one_line(value, 200))
        return params

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


def declared_format(artifact: Artifact) -> formats.Format | None:
    """Return the format that an artifact's declared type settles; None where the value decides."""
    return formats.for_annotation(artifact.declared) if artifact.declared else None


def _defaults(stage: Stage) -> dict[str, object]:
    """Return the defaults that a key can hold: spelling one out in dodo.py is then no change.

    What has no canonical form is left out: the default belongs to the function's fingerprint anyway.
    """
    found: dict[str, object] = {}
    given = {name.partition("[")[0] for name in stage.wires}
    for name, parameter in signature(stage.function).parameters.items():
        if parameter.default is parameter.empty or name in given:
            continue
        try:
            encode(parameter.default)
        except errors.KeptError:
            continue
        found[name] = parameter.default
    return found


def classes_in(value: object) -> Iterator[type]:
    """Yield the classes of the values in a parameter: their methods decide what a stage does with it."""
    if isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from classes_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from classes_in(item)
    if type(value).__module__ not in ("builtins", "datetime", "decimal", "pathlib", "numpy"):
        yield type(value)
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from classes_in(getattr(value, field.name))
