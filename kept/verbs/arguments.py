"""What a verb is given on the command line; a mistake there is told like any other."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from .. import errors

SCHEMA_VERSION = 1


class Arguments(argparse.ArgumentParser):
    """A parser whose errors are kept's own."""

    def __init__(self, verb: str, about: str, after: str = "") -> None:
        super().__init__(f"kept {verb}", description=about, epilog=after, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Refuse with the usage as a hint."""
        raise errors.bad_arguments(self.prog, message, " ".join(self.format_usage().split()).removeprefix("usage: "))

    def json(self) -> Arguments:
        """Take ``--json``."""
        self.add_argument("--json", action="store_true", help="for machines")
        return self

    def tasks(self, text: str, count: str = "*") -> Arguments:
        """Take names of stages and pipelines."""
        self.add_argument("tasks", nargs=count, default=[], metavar="TASK", help=text)  # no default: required
        return self


def say(text: str) -> None:
    """Write lines for people."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def cut(line: str) -> str:
    """Let a line end where the terminal does; elsewhere it is whole."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 1] + "…"


def say_json(value: Mapping[str, Any]) -> None:
    """Write a value for machines; ``schema_version`` grows when a name in it changes its meaning."""
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, **value}, indent=2, default=str) + "\n")


def one_of(what: str, name: str, known: tuple[str, ...]) -> str:
    """Return a choice if it is one; KeptError with the nearest names if it is not."""
    if name not in known:
        raise errors.unknown_choice(what, name, known)
    return name
