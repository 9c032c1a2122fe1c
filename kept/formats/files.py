"""Files and folders that a stage has made itself."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from .protocol import Unfit

SIDE_FILES = ("-wal", "-journal", "-shm")  # what SQLite has beside a database while it is open


def unfinished(path: Path) -> Path | None:
    """Name the file in which SQLite holds what belongs to a database, if that was not closed; it tells it by its name.

    A log or a journal with something in it is taken in by whoever opens the database next.
    """
    for end in SIDE_FILES[:2]:
        beside = path.with_name(path.name + end)
        with suppress(OSError), beside.open("rb") as file:
            if file.read(1).strip(b"\0"):  # one that is done with is empty, or begins with zeros
                return beside
    return None


class File:
    """A ``pathlib.Path`` that a stage returns: what lies there is copied, byte by byte.

    What comes back is the path of the copy, so a consumer reads the bytes and not the name. ``"file.png"`` names the
    format with a suffix: ``Annotated[Path, "file.png"]``.
    """

    def save(self, value: Any, path: Path) -> None:
        """Copy the file or the folder at ``value``; the original stays, it may be somebody's input."""
        if not isinstance(value, Path):
            raise Unfit("it is not a pathlib.Path", "return the Path of the file that the stage wrote")
        if value.is_dir():
            if path.resolve().is_relative_to(value.resolve()):
                raise Unfit(f"{value} is where the artifacts lie", "return a folder of its own")
            _check_tree(value)
            shutil.copytree(value, path, copy_function=shutil.copyfile)
        elif value.is_file():
            left = unfinished(value)
            if left is not None:
                raise Unfit(f"a part of it is in {left.name}", "close the database before its path is returned")
            shutil.copyfile(value, path)
        else:
            raise Unfit(f"there is no file or folder {value}", "return the Path of the file that the stage wrote")

    def load(self, path: Path) -> Any:
        """Return ``path``: the stage that takes it reads it itself."""
        if not path.exists():
            raise FileNotFoundError(path)
        return path


def _check_tree(folder: Path) -> None:
    """Refuse what has no bytes to keep: links out of the folder, pipes, devices."""
    for top, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            place = Path(top, name)
            if place.is_symlink() or not (place.is_file() or place.is_dir()):
                raise Unfit(
                    f"{place.relative_to(folder)} in it is a link or a special file", "copy the file into the folder"
                )
