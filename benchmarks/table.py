"""Draws what was measured as a Markdown table, which a page of the documentation holds between two marks."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import Cost, median, of_rounds

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = ("work", "at most", "measured", "holds", "beside", "figures")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    bound: str
    measured: str
    holds: bool | None  # None: nothing was promised, or it could not be measured
    beside: str
    figures: str

    def cells(self) -> tuple[str, ...]:
        """Return the line as its columns show it."""
        word = {True: "yes", False: "**no**", None: ""}[self.holds]
        return (self.work, self.bound, self.measured, word, self.beside, self.figures)


def ratio(work: str, bound: float | None, ours: Sequence[Cost], theirs: Sequence[Cost], beside: str) -> Row:
    """Compare the processor seconds of two commands that took turns."""
    found = of_rounds(lambda a, b: a.cpu / b.cpu, ours, theirs)
    holds = None if bound is None else found <= bound
    limit = "" if bound is None else f"{bound:g}x"
    return Row(work, limit, f"{found:.2f}x", holds, beside, figures(ours, theirs))


def difference(work: str, bound: float, ours: Sequence[Cost], theirs: Sequence[Cost], beside: str) -> Row:
    """Say how many processor seconds one command takes more than another; they took turns."""
    found = of_rounds(lambda a, b: a.cpu - b.cpu, ours, theirs)
    return Row(work, shown(bound), shown(found), found <= bound, beside, figures(ours, theirs))


def figures(ours: Sequence[Cost], theirs: Sequence[Cost]) -> str:
    """Return the median processor seconds of both."""
    return f"{shown(median(ours).cpu)} / {shown(median(theirs).cpu)}"


def failed(work: str, bound: str, problem: str) -> Row:
    """Say that a command failed, where the bound speaks of how long it takes."""
    return Row(work, bound, "failed", False, "", f"`{problem[-120:]}`")


def shown(seconds: float) -> str:
    """Return seconds with three digits, as milliseconds below one."""
    return f"{seconds:.2f} s" if abs(seconds) >= 1 else f"{seconds * 1000:.3g} ms"


def machine(*, also: Iterable[str] = ()) -> str:
    """Return when and where this is measured, how busy the machine is, and with what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    where = f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()})"
    what = ", ".join([f"Python {platform.python_version()}", f"doit {version('doit')}", *also])
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}, {where}, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start; {what}."


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Replace what the page holds between the marks of this name; ValueError if it has no such marks."""
    old = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = old.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page.name} has no marks {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")
