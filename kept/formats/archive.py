"""Rewrites a zip file so that its bytes depend on what its members hold only."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can say


def rewrite(
    source: zipfile.ZipFile, target: Path, members: Iterable[tuple[str, str]], texts: Mapping[str, bytes]
) -> None:
    """Write ``members`` (old name, new name) in this order, uncompressed and undated; ``texts`` replaces some."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for old, new in members:
            entry = zipfile.ZipInfo(new, _FIRST_TIME)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            if new in texts:
                archive.writestr(entry, texts[new])
                continue
            entry.file_size = source.getinfo(old).file_size  # known beforehand, so that large members get zip64
            with source.open(old) as read, archive.open(entry, "w") as write:
                shutil.copyfileobj(read, write, 1 << 20)


def objects(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON tree, outermost first, in the order in which it is written."""
    waiting = [tree]
    while waiting:
        seen = waiting.pop()
        if isinstance(seen, dict):
            yield seen
            waiting.extend(reversed(list(seen.values())))
        elif isinstance(seen, list):
            waiting.extend(reversed(seen))


def renumber(tree: Any, key: str) -> None:
    """Replace the memory addresses under ``key`` by 1, 2, 3 in order of appearance; drop those that nothing shares."""
    count: dict[Any, int] = {}
    for item in objects(tree):
        if key in item:
            count[item[key]] = count.get(item[key], 0) + 1
    numbers: dict[Any, int] = {}
    for item in objects(tree):
        if key not in item:
            continue
        address = item.pop(key)
        if count[address] > 1:
            item[key] = numbers.setdefault(address, len(numbers) + 1)
