"""Writes all that is recorded of one stage: what made it, its code, what changed since the run before."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping

from .. import errors
from ..actions import Cause, Output, Reason, Record
from ..differences import differences
from ..digest import Digest
from ..pipeline import Stage
from .graph import size_of
from .markup import Child, Markup, join, tag
from .records import Records, Standing, State, is_scalar, named
from .words import commit, moment, number, outcome_word, seconds

_LOG = 40  # lines of what a failed stage has written


class Details:
    """The stages of a page; code that several stages share is written out once."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._code: dict[Digest, str] = {}  # sources → the stage where they are written out

    def section(self, shown: Iterable[Stage]) -> Markup:
        """Write stages under the pipelines that own them."""
        owned: dict[str, list[Stage]] = {}
        for stage in shown:
            owned.setdefault(stage.pipeline, []).append(stage)
        groups = [
            tag("section", tag("h3", owner), [self._stage(stage) for stage in group], id=f"of-{owner}")
            for owner, group in owned.items()
        ]
        return tag("section", tag("h2", "Stages"), groups, id="stages", tabindex="-1")

    def _stage(self, stage: Stage) -> Markup:
        standing = self.records.standing(stage)
        word = outcome_word(self.records.outcome(standing))
        record = standing.record
        facts = [seconds(record.seconds)] if record is not None else []
        size = size_of([standing])
        facts += [errors.size(size)] if size is not None else []
        head = tag(
            "summary",
            tag("b", stage.name),
            " ",
            tag("span", word, class_=f"chip {word.replace(' ', '-')}"),
            tag("span", " · ".join(facts), class_="facts"),
        )
        return tag("details", head, self._body(standing), id=stage.task)

    def _body(self, standing: Standing) -> Iterator[Child]:
        record = standing.record
        yield _facts(self._about(standing))
        if standing.state is State.FAILED:
            yield self._log(standing.stage)
        yield _artifacts(standing, self.records)
        if record is None:
            return
        yield _inputs(record)
        yield self._changes(standing, record)
        yield self._sources(standing.stage, record)

    def _about(self, standing: Standing) -> Iterator[tuple[str, str]]:
        stage, record = standing.stage, standing.record
        yield "function", stage.function_name
        if standing.state not in (State.BUILT, State.FAILED):
            yield "state", standing.state.value
        if record is None:
            return
        place = f" at {commit(record.commit + ('+' if record.dirty else ''))}" if record.commit else ""
        yield "built", f"{moment(record.when)} on {record.host} in {seconds(record.seconds)}{place}"
        if record.stage != stage.task:
            yield "by", record.stage
        if record.accepted is not None:
            accepted = record.accepted
            yield "accepted", f"by {accepted.who}, {moment(accepted.when)}: {accepted.reason}"
        yield "because", "; ".join(record.reasons)
        versions = {"python": record.action.python.partition(" ")[2], **record.versions}
        yield "with", ", ".join(f"{name} {version}" for name, version in versions.items())
        if record.action.seed is not None:
            yield "seed", str(record.action.seed)
        yield "key", record.action.key

    def _log(self, stage: Stage) -> Markup | None:
        path = self.records.project.store.root / "logs" / f"{stage.path}.log"
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return join([tag("h4", "What it wrote"), tag("pre", "\n".join(lines[-_LOG:]))]) if lines else None

    # ---- code

    def _sources(self, stage: Stage, record: Record) -> Iterator[Child]:
        yield tag("h4", "Code")
        shown = self._code.get(record.sources) if record.sources is not None else None
        if shown is not None:
            yield tag("p", "The same as that of ", tag("a", shown, href=f"#{shown}"), ".")
            return
        texts = self.records.sources(record)
        if not texts or record.sources is None:
            yield tag("p", "It is no longer in the store.")
            return
        self._code[record.sources] = stage.task
        for index, (name, text) in enumerate(_own_first(texts, record)):
            part = record.action.parts.get(name)
            place = tag("span", part.where, class_="facts") if part is not None else None
            yield tag("details", tag("summary", tag("code", name), " ", place), _pre(text), open=index == 0)

    # ---- the run before

    def _changes(self, standing: Standing, record: Record) -> Iterator[Child]:
        before = self.records.before(standing)
        yield tag("h4", "Since the run before")
        if before is None:
            yield tag("p", "There is no run before that is still recorded.")
            return
        reasons = differences(before.action, record.action)
        old, new = self.records.sources(before), self.records.sources(record)
        yield tag("ul", [_change(reason, old, new) for reason in reasons])
        yield _table(
            ("", f"before, {moment(before.when)}", "now"),
            [("seconds", number(before.seconds), number(record.seconds)), *self._outputs(standing, before)],
        )

    def _outputs(self, standing: Standing, before: Record) -> Iterator[tuple[str, str, str]]:
        earlier = {output.name: output for output in before.outputs}
        for name, output in named(standing):
            then = earlier.get(output.name)
            if then is None or then.digest == output.digest:
                yield name, "" if then is None else "the same", "new" if then is None else "the same"
            elif is_scalar(output) and is_scalar(then):
                yield name, number(self.records.value(then)), number(self.records.value(output))
            else:
                yield name, _named(then), _named(output)


def _named(output: Output) -> str:
    return f"{output.kind}, {errors.size(output.digest.size)}, {output.digest.hex[:8]}"


def _own_first(texts: Mapping[str, str], record: Record) -> list[tuple[str, str]]:
    """Put the stage's own function before what it calls."""
    own = record.function.replace(".", ":")
    return sorted(texts.items(), key=lambda part: (own != part[0].replace(".", ":"), part[0]))


def _pre(text: str) -> Markup:
    return tag("pre", tag("code", text.strip("\n")), tabindex="0")


def _change(reason: Reason, old: Mapping[str, str], new: Mapping[str, str]) -> Markup:
    place = f" ({reason.where})" if reason.where else ""
    diff = None
    if reason.cause is Cause.CODE and (reason.name in old or reason.name in new):
        then, now = (texts.get(reason.name, "").splitlines() for texts in (old, new))
        lines = list(difflib.unified_diff(then, now, lineterm="", n=2))[2:]
        diff = tag("pre", join(_diff_line(line) for line in lines), class_="diff", tabindex="0")
    return tag("li", f"{reason}{place}", diff)


def _diff_line(line: str) -> Markup:
    kind = {"+": "ins", "-": "del"}.get(line[:1], "span")
    return Markup(tag(kind, line) + "\n")


# ---- tables


def _facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    return tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in pairs])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Markup:
    lines = [tag("tr", tag("th", first, scope="row"), [tag("td", cell) for cell in rest]) for first, *rest in rows]
    top = tag("tr", [tag("th", name, scope="col") for name in head])
    return tag("div", tag("table", tag("thead", top), tag("tbody", lines)), class_="wide")


def _artifacts(standing: Standing, records: Records) -> Iterator[Child]:
    if not standing.outputs:
        return
    rows = []
    for artifact in standing.stage.artifacts:
        for output in standing.outputs:
            if output.name == artifact.field:
                value = records.value(output) if is_scalar(output) else None
                kind = output.kind if value is None else json.dumps(value)
                rows.append((f"artifacts/{artifact.stem}{output.suffix}", kind, errors.size(output.digest.size),
                             output.digest.hex[:12]))  # fmt: skip
    yield tag("h4", "Artifacts")
    yield _table(("file", "what", "size", "digest"), rows)


def _inputs(record: Record) -> Iterator[Child]:
    action = record.action
    rows = [(name, param.shown, "", "") for name, param in action.params.items()]
    rows += [
        (name, given.name, errors.size(given.digest.size), given.digest.hex[:12])
        for name, given in action.inputs.items()
    ]
    if rows:
        yield tag("h4", "Parameters and inputs")
        yield _table(("argument", "what", "size", "digest"), rows)
