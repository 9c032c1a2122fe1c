"""Names the state of what importing reads: files, folders and environment variables."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterator, Mapping

from ..digest import Memo, digest_file
from ..lean import dataclass, field
from . import asked

# Values of variables may be secrets: what is kept of them can be compared, and looked up in no table of common texts.
_KEY = b"kept: a variable of the environment, asked for while importing"
PRESENCE = "?"  # before a path: only whether it is there
_SMALL_FOLDER = 200  # files; of larger folders the names count, and the files that were seen to be read


@dataclass
class Inputs:
    """The outside things that a fingerprint depends on, with their states."""

    root: str
    memo: Memo | None = None
    variables: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def variable(self, name: str) -> str:
        """Return the keyed digest of a variable's value; empty if it is not set."""
        value = self.variables[name] = variable_state(name)
        return value

    def path(self, path: str) -> str:
        """Return the digest of what lies at a path; empty if nothing does."""
        value = self.paths[path] = path_state(path, self.memo)
        return value

    def asked(self) -> dict[str, str]:
        """Return all states that were named, as ``asked`` names them."""
        return asked_for(self.paths, self.variables)


def asked_for(paths: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Name paths and variables in one."""
    return {**paths, **{asked.variable(name): state for name, state in variables.items()}}


def variable_state(name: str) -> str:
    """Return the keyed digest of a variable's value, as it was found by the modules that asked for it."""
    found = asked.found(asked.variable(name))
    return found if found is not None else variable_now(name)


def path_state(path: str, memo: Memo | None) -> str:
    """Return the digest of a file or a folder, as it was found by the modules that asked for it."""
    found = asked.found(path)
    return found if found is not None else path_now(path, memo)


def otherwise(expected: Mapping[str, str]) -> Iterator[str]:
    """Yield what modules of this process have found in another state than is expected, as users know it.

    Who asks only whether something is there is not seen in every process: that is looked up now.
    """
    for name in asked.otherwise(expected):
        yield name.removeprefix(asked.VARIABLE).removeprefix(PRESENCE)
    for name, state in expected.items():
        if name.startswith(PRESENCE) and asked.found(name) is None and path_now(name, None) != state:
            yield name.removeprefix(PRESENCE)


def note_presence(path: str) -> None:
    """Note whether there is what modules that were just imported have asked for."""
    asked.note(PRESENCE + path, path_now(PRESENCE + path, None))


def variable_now(name: str) -> str:
    """Return the keyed digest of a variable's value; empty if it is not set."""
    value = os.environ.get(name)
    if value is None:
        return ""
    import hmac

    return hmac.new(_KEY, f"{name}={value}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def path_now(path: str, memo: Memo | None) -> str:
    """Return the digest of a file or a folder; empty if it is not there."""
    if path.startswith(PRESENCE):
        path = path.removeprefix(PRESENCE)
        return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else ""
    try:
        if glob.has_magic(path):
            found = sorted(glob.glob(path, recursive=True))
            inside = os.path.dirname(path)
            states = [path_now(one, memo) if os.path.isfile(one) else "/" for one in found[:_SMALL_FOLDER]]
            return hashlib.sha256(
                json.dumps([[os.path.relpath(one, inside) for one in found], states]).encode()
            ).hexdigest()
        if not os.path.isdir(path):
            return memo.file(path).hex if memo is not None else digest_file(path).hex
        names = sorted(name for name in os.listdir(path) if name != "__pycache__" and not name.startswith("."))
        files = [os.path.join(path, name) for name in names]
        if len(names) > _SMALL_FOLDER:
            return hashlib.sha256(json.dumps(names).encode()).hexdigest()
        states = [path_now(file, memo) if os.path.isfile(file) else "/" for file in files]
        return hashlib.sha256(json.dumps([names, states]).encode()).hexdigest()
    except OSError:
        return ""


def behind(path: str, state: str) -> dict[str, bool]:
    """Name all that the state of a path was made from, and whether it is there."""
    if path.startswith(PRESENCE):
        return {path.removeprefix(PRESENCE): bool(state)}
    if glob.has_magic(path):
        top = os.path.dirname(path)
        while glob.has_magic(top):
            top = os.path.dirname(top)
        inside = [os.path.join(here, one) for here, folders, names in os.walk(top) for one in (*folders, *names)]
        return dict.fromkeys((top, *inside), True)
    listed = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else ()
    return {path: bool(state), **dict.fromkeys(listed, True)}
