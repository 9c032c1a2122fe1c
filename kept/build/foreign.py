"""Tells an artifact that another version of a library has made, and that cannot be read here."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from .. import errors
from ..actions import Cause, Reason, Record
from ..fingerprint import loading
from ..lean import dataclass
from .capture import OWN


@dataclass(frozen=True, slots=True)
class Unread:
    """An artifact whose bytes are right, yet become no value here."""

    stage: str  # that made it
    digest: str  # of the artifact that was tried
    why: str  # what the library raised, in one line


def unread(stage: str, digest: str, problem: errors.Damaged) -> Unread | None:
    """Say what could not be read; None where code of the project had a part in it: that is for its author to mend.

    A class's own ``__setstate__`` may fail because of a mistake in it, or because a file is missing: to make the
    artifact again would take its time and change nothing.
    """
    cause = problem.__cause__
    if cause is None or any(
        _of_project(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(cause.__traceback__)
    ):
        return None
    return Unread(stage, digest, f"{type(cause).__name__}: {cause}".strip().splitlines()[0])


def _of_project(file: str) -> bool:
    return loading.loaded_digest(file) is not None and not file.startswith(OWN)


def other_versions(record: Record, versions: Mapping[str, str]) -> tuple[Reason, ...]:
    """Name the libraries that a record was made with and that are here in another version.

    None: then making it again changes nothing. A record that is made now has none, so nothing is made twice for this.
    """
    both = {name: (then, versions[name]) for name, then in record.versions.items() if name in versions}
    return tuple(Reason(Cause.LIBRARY, name, then, now) for name, (then, now) in sorted(both.items()) if then != now)
