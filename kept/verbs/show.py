"""`kept show`: one artifact, what it is, what it came of."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import errors, formats
from ..actions import Output, Record
from ..build import ARTIFACTS, Judgement, Project
from ..build import load as load_output
from ..errors import size
from ..explain import WOULD
from ..lean import dataclass
from ..reading import History, find, project_around, record_then
from ..reports.words import moment, seconds
from .arguments import Arguments, say, say_json
from .declarations import Declarations, declared

_PARTS = 8  # parts of the code that are listed; `kept fingerprint` lists all


@dataclass(frozen=True)
class Shown:
    """An artifact as it is shown: where it lies, what is recorded of it, what a run would do to it now."""

    project: Project
    stage: str
    output: Output
    record: Record | None  # None: it is gone, or cannot be read
    run: str = ""  # an earlier run whose artifact it is
    now: Judgement | None = None  # None: dodo.py cannot be loaded, or declares no such stage any more

    @property
    def name(self) -> str:
        """The name that it is asked for by."""
        return self.stage.replace(":", "/") + (f"/{self.output.name}" if self.output.name else "")

    @property
    def file(self) -> str:
        """Where it lies, relative to the project."""
        return f"{ARTIFACTS}/{self.name}{self.output.suffix}"

    def state(self) -> str:
        """Say whether the file holds what was recorded."""
        found = self.project.shown(self.file)
        if found is None:
            return "missing" if not self.run else "not shown"
        if found.hex == self.output.digest.hex:
            return "as recorded"
        return "changed since it was built" if not self.run else "another one is shown"

    def current(self) -> str:
        """Say what a run would do to its stage now."""
        if self.now is None:
            return "dodo.py does not say"
        first = f": {self.now.reasons[0]}" if self.now.reasons else ""
        return WOULD[self.now.outcome] + first

    def again(self) -> str:
        """Name the command that makes it again."""
        action = self.now.action if self.now is not None else None
        if self.record is None or (action is not None and action.key == self.record.action.key):
            return f"doit {self.stage}"
        if not self.record.commit:
            return f"put back what `doit why {self.stage}` shows, then: doit {self.stage}"
        edited = "  (that commit had been edited, which is not kept)" if self.record.dirty else ""
        return f"git checkout {self.record.commit[:12]} && doit {self.record.stage}{edited}"


def show(arguments: list[str]) -> int:
    """Show artifacts: their values in short, their files, all that they came of."""
    parser = Arguments("show", "Show an artifact: its value in short, its file, and all that it came of.").json()
    parser.add_argument("artifacts", nargs="+", metavar="ARTIFACT", help="mnist_sklearn/model, mnist/digits/X_train, …")
    parser.add_argument("--run", metavar="RUN", help="as that run left it; `kept log` names them")
    given = parser.parse_args(arguments)
    history = History(project_around(Path.cwd()))
    for name, value in (("TF_CPP_MIN_LOG_LEVEL", "3"), ("TF_ENABLE_ONEDNN_OPTS", "0")):
        os.environ.setdefault(name, value)  # a network is only looked at: not a word of processors
    try:
        known: Declarations | None = declared()
    except errors.KeptError:  # what was built can be shown all the same
        known = None
        sys.path.insert(0, str(history.project.root))
    found = [_found(name, history, known, given.run) for name in given.artifacts]
    if given.json:
        say_json({"artifacts": [_plain(shown) for its in found for shown in its]})
    else:
        say("\n".join(_text(its) for its in found))
        say("".join(f"warning: {warning}\n" for warning in history.project.warnings))
    return 0


def _found(artifact: str, history: History, known: Declarations | None, run: str | None) -> list[Shown]:
    """Find an artifact, or all of a stage."""
    named, project = find(artifact, history), history.project
    declares = known is not None and named.stage in known.project.stages
    now = known.project.judge(named.stage) if known is not None and declares else None
    if run is not None:
        run = history.run(run)
        record: Record | None = record_then(history, named, run)
        outputs = record.outputs if record is not None else ()
    else:
        claim = project.claims.get(named.stage)
        if claim is None:
            raise errors.not_built(artifact)
        record, outputs = history.record(claim.key), claim.outputs
    return [Shown(project, named.stage, output, record, run or "", now) for output in named.of(outputs)]


def _value(shown: Shown) -> list[tuple[str, str]]:
    """Say what the value is; where it cannot be loaded, why."""
    try:
        place = shown.project.root / shown.file
        value = load_output(shown.output, shown.project.store, place, trusted=shown.project.trusted)
        return formats.summary(value)
    except errors.KeptError as problem:
        return [("kind", shown.output.kind), ("problem", problem.what), *((n, str(text)) for n, text in problem.facts)]


# ---- for people


def _text(its: list[Shown]) -> str:
    """Show the artifacts of one stage, then what they all came of."""
    last = its[-1]
    origin = list(_origin(last, last.record) if last.record is not None else _unknown())
    origin += [("now", last.current()), ("again", last.again())]
    blocks = [(shown.name, list(_facts(shown))) for shown in its]
    blocks = [(blocks[0][0], [*blocks[0][1], *origin])] if len(its) == 1 else [*blocks, (last.stage, origin)]
    width = max(len(name) for _, rows in blocks for name, _ in rows)
    return "\n".join(
        "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows)]) + "\n" for title, rows in blocks
    )


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    (_, kind), *rest = _value(shown)
    yield "value", kind
    width = max((len(name) for name, _ in rest), default=0)
    yield from (("", f"{name:<{width}}  {text}") for name, text in rest)
    yield "file", f"{shown.file} ({shown.state()})"
    digest = shown.output.digest
    yield "size", size(digest.size) + (f" ({errors.counted(digest.size, 'byte')})" if digest.size >= 1000 else "")
    yield "digest", f"{shown.project.settings.digest} {digest.hex}"
    yield "format", shown.output.format + (", a folder" if shown.output.tree else "")


def _unknown() -> Iterator[tuple[str, str]]:
    yield "record", "gone, or it cannot be read: what made this is not known"


def _origin(shown: Shown, record: Record) -> Iterator[tuple[str, str]]:
    action = record.action
    own = [part.where for name, part in action.parts.items() if name == record.function]
    yield "made by", f"{record.function}{f' ({own[0]})' if own else ''}, fingerprint {action.code[:12]}"
    others = [f"{name}  {part.where}".strip() for name, part in action.parts.items() if name != record.function]
    left = [f"and {len(others) - _PARTS} more"] if len(others) > _PARTS else []
    yield from _listed("code", others[:_PARTS] + left)
    yield from _listed("params", [f"{name} = {param.shown}" for name, param in action.params.items()])
    inputs = [f"{name} = {i.name}  {i.digest.hex[:12]}, {size(i.digest.size)}" for name, i in action.inputs.items()]
    yield from _listed("inputs", inputs)
    yield from _listed("environment", list(action.environment))  # names only: values are secrets
    versions = [f"{name} {version}" for name, version in record.versions.items()]
    yield "versions", ", ".join([action.python, *versions])
    yield "seed", "none" if action.seed is None else str(action.seed)
    built = f"{moment(record.when)} UTC in {seconds(record.seconds)} on {record.host}"
    yield "built", built + (f", as {record.stage}" if record.stage != shown.stage else "")
    yield "commit", f"{record.commit}, {'dirty' if record.dirty else 'clean'}" if record.commit else "none"
    yield from _listed("reason", list(record.reasons))
    if record.accepted is not None:
        who, why = record.accepted, f": {record.accepted.reason}" if record.accepted.reason else ""
        yield "accepted", f"by {who.who}, {moment(who.when)}{why}"
    yield "key", action.key


def _listed(title: str, rows: list[str]) -> Iterator[tuple[str, str]]:
    yield from (("" if index else title, row) for index, row in enumerate(rows))


# ---- for machines


def _plain(shown: Shown) -> dict[str, Any]:
    digest, record = shown.output.digest, shown.record
    return {
        "artifact": shown.name,
        "stage": shown.stage,
        "run": shown.run or None,
        "value": [[name, text] for name, text in _value(shown)],
        "file": shown.file,
        "state": shown.state(),
        "size": digest.size,
        "digest": digest.hex,
        "format": shown.output.format,
        "folder": shown.output.tree,
        "record": _record(record) if record is not None else None,
        "now": shown.current(),
        "again": shown.again(),
    }


def _record(record: Record) -> dict[str, Any]:
    action = record.action
    return {
        "key": action.key,
        "stage": record.stage,
        "function": record.function,
        "fingerprint": action.code,
        "parts": [{"name": n, "digest": part.digest, "where": part.where} for n, part in action.parts.items()],
        "params": {name: param.shown for name, param in action.params.items()},
        "inputs": {
            n: {"name": i.name, "digest": i.digest.hex, "size": i.digest.size} for n, i in action.inputs.items()
        },
        "environment": list(action.environment),
        "python": action.python,
        "versions": dict(record.versions),
        "seed": action.seed,
        "when": record.when,
        "seconds": record.seconds,
        "host": record.host,
        "commit": record.commit or None,
        "dirty": record.dirty,
        "reasons": list(record.reasons),
        "accepted": record.accepted.as_json() if record.accepted is not None else None,
    }
