"""Names the state of what importing reads: files, folders and environment variables."""

from __future__ import annotations

import glob
import hashlib
import hmac
import json
import os

from ..digest import Memo, digest_file
from ..lean import dataclass, field

# Values of variables may be secrets: what is kept of them can be compared, and looked up in no table of common texts.
_KEY = b"kept: a variable of the environment, asked for while importing"
PRESENCE = "?"  # before a path: only whether it is there
_SMALL_FOLDER = 200  # files; of larger folders the names count, and the files that were seen to be read


@dataclass
class Inputs:
    """The outside things that a fingerprint depends on, with their state now."""

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


def variable_state(name: str) -> str:
    """Return the keyed digest of a variable's value; empty if it is not set."""
    value = os.environ.get(name)
    if value is None:
        return ""
    return hmac.new(_KEY, f"{name}={value}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def path_state(path: str, memo: Memo | None) -> str:
    """Return the digest of a file or a folder; empty if it is not there."""
    if path.startswith(PRESENCE):
        path = path.removeprefix(PRESENCE)
        return "folder" if os.path.isdir(path) else "file" if os.path.exists(path) else ""
    try:
        if glob.has_magic(path):
            found = sorted(glob.glob(path, recursive=True))
            inside = os.path.dirname(path)
            states = [path_state(one, memo) if os.path.isfile(one) else "/" for one in found[:_SMALL_FOLDER]]
            return hashlib.sha256(
                json.dumps([[os.path.relpath(one, inside) for one in found], states]).encode()
            ).hexdigest()
        if not os.path.isdir(path):
            return memo.file(path).hex if memo is not None else digest_file(path).hex
        names = sorted(name for name in os.listdir(path) if name != "__pycache__" and not name.startswith("."))
        files = [os.path.join(path, name) for name in names]
        if len(names) > _SMALL_FOLDER:
            return hashlib.sha256(json.dumps(names).encode()).hexdigest()
        states = [path_state(file, memo) if os.path.isfile(file) else "/" for file in files]
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
