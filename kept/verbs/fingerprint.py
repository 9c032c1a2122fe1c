"""`kept fingerprint`: the code that decides what a function does."""

from __future__ import annotations

import os
import sys

from .. import errors
from .arguments import Arguments, say, say_json


def fingerprint(arguments: list[str]) -> int:
    """Show the parts of code that decide what a function does."""
    from ..fingerprint import fingerprint as read
    from ..fingerprint.shown import lines, plain

    parser = Arguments("fingerprint", "Show the code that decides what a function does.").json()
    parser.add_argument("target", metavar="MODULE:FUNCTION")
    given = parser.parse_args(arguments)
    root = os.getcwd()
    if root not in sys.path:
        sys.path.insert(0, root)
    found = read(given.target, root=root)
    if not found.files:  # no code of the project: what a library has, only the library can say
        _check(given.target)
    if given.json:
        say_json(plain(found))
    else:
        say("\n".join(lines(found)))
    return 0


def _check(target: str) -> None:
    """Raise KeptError if a library has nothing of that name."""
    import importlib

    module, _, attributes = target.partition(":")
    try:
        found = importlib.import_module(module)
        for name in filter(None, attributes.split(".")):
            found = getattr(found, name)
    except (ImportError, AttributeError) as problem:
        raise errors.no_such_code(target, str(problem)) from None
