"""`kept fingerprint`: the code that decides what a function does."""

from __future__ import annotations

import os
import sys

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
    if given.json:
        say_json(plain(found))
    else:
        say("\n".join(lines(found)))
    return 0
