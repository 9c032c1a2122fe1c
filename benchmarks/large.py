"""Takes the lines of large_array.py, which measures in processes of its own, into the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import output
from benchmarks.table import Row

FEW = 4096  # bytes that do not count as reading an array: its size has more digits in every record
SCRIPT = Path(__file__).with_name("large_array.py")


def rows(folder: Path, megabytes: int, rounds: int) -> Iterator[Row]:
    """Measure one array of so many megabytes."""
    printed = output([sys.executable, str(SCRIPT), str(megabytes), str(rounds)], folder)
    table = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    for line in table[1:]:
        yield row(megabytes, [cell.strip() for cell in line])


def row(megabytes: int, cells: list[str]) -> Row:
    """Turn one of its lines into one of ours: what, figure, bound, and ratio if the bound is one."""
    work, figure, bound, found = [*cells, "", "", ""][:4]
    holds = None
    if bound:
        value = found or figure.split()[0].replace(",", "")
        holds = float(value) <= (float(bound.split()[0]) or FEW)
    measured = f"{found}x" if found else figure
    limit = f"{float(bound):g}x" if bound and found else bound
    beside = "the array itself" if "peak" in work else "numpy alone"
    return Row(f"{megabytes} MB: {work}", limit, measured, holds, beside if found else "", figure)
