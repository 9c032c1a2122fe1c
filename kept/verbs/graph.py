"""`kept graph`: stages and what they hand on, as a picture."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from .. import errors
from ..actions import Outcome
from ..build import Project
from ..explain import Told, before, verdict
from ..lean import dataclass
from ..pipeline import File, Input
from ..screen import MARKS
from .arguments import Arguments, cut, one_of, say
from .declarations import declared
from .picture import Arrow, Box, svg


@dataclass(frozen=True, slots=True)
class Edge:
    """What one stage, or a file, hands to a stage: the names of artifacts, "" for its only one."""

    source: str
    target: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Stages in an order in which they can be built, the files they read, and who gives what to whom."""

    stages: Mapping[str, Told]
    files: tuple[str, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def into(self) -> Mapping[str, list[Edge]]:
        """What each stage takes."""
        found: dict[str, list[Edge]] = {task: [] for task in self.stages}
        for edge in self.edges:
            found[edge.target].append(edge)
        return found

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """A name for each file and stage that every language takes."""
        return {name: f"n{index}" for index, name in enumerate((*self.files, *self.stages))}

    def stale(self, task: str) -> str:
        """Say what a run would do to a stage; nothing where it is up to date."""
        told = self.stages[task]
        return verdict(told) if told.ignored or told.outcome is not Outcome.UP_TO_DATE else ""


def graph(arguments: list[str]) -> int:
    """Draw stages and what they hand on; what is not up to date is marked."""
    about = "Draw stages and what they hand on; what is not up to date is marked. Nothing is executed."
    parser = Arguments("graph", about).tasks("stages, or pipelines, with all that they need (default: all)")
    parser.add_argument("--format", help=f"one of {', '.join(_DRAWN)} (default: by the suffix of FILE, else text)")
    parser.add_argument("--out", metavar="FILE", help=f"file to write to: {', '.join(filter(None, _SUFFIXES))}")
    given = parser.parse_args(arguments)
    suffix = Path(given.out or "").suffix.lower()
    kind = given.format or _SUFFIXES[one_of("picture with the suffix", suffix, tuple(_SUFFIXES))]
    draw = _DRAWN[one_of("format", kind, tuple(_DRAWN))]
    found = declared()
    out = Path(given.out).absolute() if given.out else None
    text = draw(read(found.project, found.stages(given.tasks)))
    if out is None:
        say(text)
    else:
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as problem:
            raise errors.cannot_write_report(out, problem) from None
    return 0


def read(project: Project, tasks: list[str]) -> Graph:
    """Read the graph of stages and all that they need, each judged."""
    told = {one.task: one for one in before(project, project.order(tasks))}
    names: dict[tuple[str, str], dict[str, None]] = {}
    files: dict[str, None] = {}
    for task in told:
        for wire in project.stages[task].wires.values():
            if isinstance(wire, Input):
                names.setdefault((wire.stage, task), {})[wire.field] = None
            elif isinstance(wire, File):
                files[wire.path] = None
                names.setdefault((wire.path, task), {})[""] = None
    return Graph(told, tuple(files), tuple(Edge(a, b, tuple(n for n in its if n)) for (a, b), its in names.items()))


def as_text(drawn: Graph) -> str:
    """Draw a line a stage: what it takes, what a run would do to it."""
    lines = []
    for task, told in drawn.stages.items():
        taken = ", ".join(edge.source + _fields(edge) for edge in drawn.into[task])
        said = f"  ({drawn.stale(task)})" if drawn.stale(task) else ""
        lines.append(cut(f"{MARKS[told.outcome]} {task}{said}" + (f"  ← {taken}" if taken else "")))
    return "\n".join(lines)


def _fields(edge: Edge) -> str:
    return f".{edge.names[0]}" if len(edge.names) == 1 else f".({', '.join(edge.names)})" if edge.names else ""


def as_mermaid(drawn: Graph) -> str:
    """Draw for mermaid, which code hosts show in Markdown."""
    lines = ["graph LR"]
    lines += [f'  {drawn.ids[file]}[/"{_entity(file)}"/]' for file in drawn.files]
    for task in drawn.stages:
        stale = drawn.stale(task)
        label = task + (f"<br/>{stale}" if stale else "")
        lines.append(f'  {drawn.ids[task]}["{label}"]' + (":::stale" if stale else ""))
    for edge in drawn.edges:
        label = f'|"{", ".join(edge.names)}"|' if edge.names else ""
        lines.append(f"  {drawn.ids[edge.source]} -->{label} {drawn.ids[edge.target]}")
    return "\n".join([*lines, "  classDef stale stroke:#b45309,stroke-width:2px,stroke-dasharray:5 3"])


def _entity(text: str) -> str:
    return html.escape(text).replace("&quot;", "#quot;").replace("&#x27;", "'")


def as_dot(drawn: Graph) -> str:
    """Draw for Graphviz."""
    lines = ["digraph kept {", '  rankdir=LR; node [shape=box, fontname="sans-serif"]; edge [fontname="sans-serif"];']
    lines += [f"  {drawn.ids[file]} [label={_quoted(file)}, shape=note];" for file in drawn.files]
    for task in drawn.stages:
        stale = drawn.stale(task)
        look = ', style=dashed, color="#b45309"' if stale else ""
        label = _quoted(task + (f"\n{stale}" if stale else ""))
        lines.append(f"  {drawn.ids[task]} [label={label}{look}];")
    for edge in drawn.edges:
        label = f" [label={_quoted(', '.join(edge.names))}]" if edge.names else ""
        lines.append(f"  {drawn.ids[edge.source]} -> {drawn.ids[edge.target]}{label};")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def as_svg(drawn: Graph) -> str:
    """Draw as a picture that any browser shows."""
    boxes = [Box(file, (file,), "file") for file in drawn.files]
    for task in drawn.stages:
        stale = drawn.stale(task)
        boxes.append(Box(task, (task, *textwrap.wrap(stale, 26)), "stale" if stale else "stage"))
    arrows = [Arrow(edge.source, edge.target, ", ".join(edge.names)) for edge in drawn.edges]
    return svg(boxes, arrows, "stages and what they hand on")


_DRAWN: dict[str, Callable[[Graph], str]] = {"text": as_text, "mermaid": as_mermaid, "dot": as_dot, "svg": as_svg}
_SUFFIXES = {"": "text", ".txt": "text", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg"}
