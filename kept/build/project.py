"""One project on disk: its stages, what is remembered of them, and what is to be done with each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .. import errors, settings
from ..actions import Action, Cause, Claim, Outcome, Output, Reason, Record
from ..differences import differences
from ..digest import Digest, Memo, digest_tree, is_name
from ..lean import dataclass
from ..pipeline import Artifact, Stage
from .inputs import code_of, given_to
from .keys import Keys, declared_format

if TYPE_CHECKING:  # loaded where they are needed: `doit list` needs none of them
    from ..fingerprint import Fingerprint
    from ..receipt import State
    from ..store import Store
    from .journal import Journal

ARTIFACTS = "artifacts"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What would happen to a stage, and every reason; "up to date" is the empty list."""

    stage: Stage
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    action: Action | None = None  # None while an input is not there yet
    outputs: tuple[Output, ...] = ()  # what artifacts/ will show; empty while that is not known
    code: Fingerprint | None = None
    record: Record | None = None  # the one that is restored from, or that the claim was made by
    problem: errors.KeptError | None = None  # why it cannot be judged


class Project:
    """A folder with a dodo.py, and what kept remembers of it in ``artifacts/.kept``."""

    def __init__(self, root: str | os.PathLike[str], *, still: bool = False) -> None:
        self.root = Path(root).absolute()
        self.still = still  # nothing is written, memory included
        self.stages: dict[str, Stage] = {}
        self.declared: set[str] = set()  # environment variables that decide a stage
        self.judgements: dict[str, Judgement] = {}
        self.sources: dict[int, tuple[Digest, float]] = {}  # by the id of a fingerprint: its text as a blob, since when
        self.standing: Mapping[str, Mapping[str, State]] = {}  # were up to date, with files that have not changed since
        self.warnings: list[str] = []
        self.grown = 0  # bytes that this process has built

    @cached_property
    def settings(self) -> settings.Settings:
        """The project's ``[tool.kept]``."""
        return settings.read(self.root)

    @cached_property
    def home(self) -> Path:
        """Where the store, the memory and the logs lie."""
        return self.root / self.settings.store

    @cached_property
    def store(self) -> Store:
        """The project's store."""
        from ..store import Store

        return Store(self.home, self.warnings.append, self.settings.digest, still=self.still)

    @cached_property
    def memo(self) -> Memo:
        """The project's memory; StoreVersionError where it lies in a store of another version, left as it is."""
        self.store.check()
        return Memo(self.home / "memo.db", still=self.still, algorithm=self.settings.digest)

    @cached_property
    def trusted(self) -> bool:
        """Whether what the store holds may be code: nobody else can write to it, or the settings say so."""
        return self.store.private or self.settings.trust == "group"

    @cached_property
    def keys(self) -> Keys:
        """What tells what decides a stage."""
        return Keys(self.root, self.home / "secret", self.memo, self.settings, still=self.still)

    @cached_property
    def journal(self) -> Journal:
        """What runs have done."""
        from .journal import Journal

        return Journal(self.home / "runs.jsonl")

    def add(self, stages: Iterable[Stage]) -> list[Stage]:
        """Take in stages; return those that are new."""
        new = [stage for stage in stages if stage.task not in self.stages]
        self.stages.update({stage.task: stage for stage in new})
        self.declared.update(*(stage.options.env for stage in new))
        return new

    # ---- claims: what artifacts/ shows now

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Every claim, by task."""
        read = {task: Claim.from_bytes(data) for task, data in self.memo.all("claim").items()}
        return {task: claim for task, claim in read.items() if claim is not None}

    @cached_property
    def lasts(self) -> dict[str, bytes]:
        """The key under which each stage was last claimed, by task: it stays when the claim is taken back."""
        return self.memo.all("last") | {task: claim.key.encode() for task, claim in self.claims.items()}

    def claim(self, task: str, claim: Claim) -> None:
        """Say durably what artifacts/ shows of a stage."""
        self.claims[task], self.lasts[task] = claim, claim.key.encode()
        self.memo.remember("claim", task, claim.as_bytes())

    def disclaim(self, task: str) -> None:
        """Take back, durably and first of all, that artifacts/ shows a stage; the record stays."""
        self.memo.drop_receipts()
        if (claim := self.claims.pop(task, None)) is not None:
            self.memo.remember("last", task, claim.key.encode())  # first: after a kill between them both say the same
            self.memo.forget("claim", task)
        self.judgements.pop(task, None)

    def last(self, task: str) -> Record | None:
        """Return the record that a stage was last built or restored by."""
        key = self.lasts.get(task)
        return self.record(key.decode(errors="replace")) if key else None

    def record(self, key: str) -> Record | None:
        """Return the record of a key, if there is one that can be read."""
        entry = self.store.lookup(key) if is_name(key) else None
        return Record.from_json(entry) if entry is not None else None

    # ---- files

    def file(self, artifact: Artifact, suffix: str) -> str:
        """Return where an artifact lies, relative to the project, POSIX."""
        return f"{ARTIFACTS}/{artifact.stem}{suffix}"

    def declared_suffix(self, artifact: Artifact) -> str | None:
        """Return the suffix that an artifact's declared type settles; None where only its value can tell."""
        form = declared_format(artifact)
        return None if form is None or form.name == "file" else form.suffix

    def files(self, stage: Stage, outputs: Iterable[Output]) -> dict[str, Output]:
        """Return the files in which outputs of a stage lie."""
        by_field = {artifact.field: artifact for artifact in stage.artifacts}
        return {self.file(by_field[o.name], o.suffix): o for o in outputs if o.name in by_field}

    def content(self, path: str) -> Digest | None:
        """Name what an input file or folder holds now; None if it is not there."""
        return self._named(path, digest_tree)

    def shown(self, path: str) -> Digest | None:
        """Name what an artifact's file or folder holds now, as the store names it; None if it is not there."""
        try:
            return self._named(path, self.store.name)
        except errors.KeptError:  # a folder with links in it is none of ours
            return None

    def _named(self, path: str, folder: Callable[[str, Callable[[str], Digest]], Digest]) -> Digest | None:
        place = os.path.join(self.root, path)
        try:
            return self.memo.content(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:  # Windows says of a folder that it is not permitted
            if os.path.isdir(place):
                return folder(place, self.memo.content)
            raise errors.cannot_read(path, place, problem) from None

    def remove(self, path: str) -> None:
        """Remove an artifact's file or folder."""
        place = self.root / path
        if place.is_dir() and not place.is_symlink():
            import shutil

            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    # ---- judging

    def judge(self, task: str) -> Judgement:
        """Say what would happen to a stage, after judging all that it needs; no side effects but memory."""
        if task not in self.judgements:
            for name in self.order([task], done=self.judgements):
                self.judgements[name] = self._judge(self.stages[name])
        return self.judgements[task]

    def order(self, tasks: Iterable[str], done: Container[str] = ()) -> list[str]:
        """Return tasks and all that they need, each after what it needs, less those that are done.

        It goes without recursion: chains may be long.
        """
        found: dict[str, None] = {}
        todo = list(reversed(list(tasks)))
        while todo:
            task = todo[-1]
            needs = self.stages[task].upstream if task not in found else ()
            missing = [need for need in needs if need not in found and need not in done]
            if missing:
                todo.extend(reversed(missing))
            else:
                found[todo.pop()] = None
        return list(found)

    def judge_again(self, task: str) -> Judgement:
        """Judge one stage anew, whatever stood of it: what it needs was built meanwhile, or it cannot be read."""
        self.judgements[task] = judged = self._judge(self.stages[task], stands=False)
        return judged

    def _judge(self, stage: Stage, *, stands: bool = True) -> Judgement:
        claim = self.claims.get(stage.task)
        if stands and claim is not None and stage.task in self.standing and self._given_the_same(stage):
            return Judgement(stage, Outcome.UP_TO_DATE, outputs=claim.outputs, code=code_of(self, stage))
        try:
            given, waiting = given_to(self, stage)
            code = code_of(self, stage)
        except errors.KeptError as problem:
            return Judgement(stage, Outcome.FAILED, (Reason(Cause.ERROR, problem.what),), problem=problem)
        action = self.keys.action(stage, given, code)
        if waiting:
            known = [r for r in self._since(stage, action) if r.cause not in (Cause.INPUT, Cause.CLASS)]
            reasons = (*known, *(Reason(Cause.WAITS, task) for task in waiting))
            return Judgement(stage, Outcome.BUILT, reasons, code=code)
        action, record = self.readable(action, claim)
        if claim is not None and claim.key == action.key:
            reasons = tuple(self._damage(stage, claim.outputs))
            if not reasons:
                return Judgement(stage, Outcome.UP_TO_DATE, (), action, claim.outputs, code)
            record = self.record(action.key)
        else:
            reasons = self._since(stage, action) or (Reason(self.journal.unclaimed(stage.task)),)
        if record is not None and all(self.store.holds(output.digest) for output in record.outputs):
            return Judgement(stage, Outcome.RESTORED, reasons, action, record.outputs, code, record)
        if claim is not None and claim.key == action.key:
            reasons += (Reason(Cause.LOST),)
        return Judgement(stage, Outcome.BUILT, reasons, action, (), code, record)

    def readable(self, action: Action, claim: Claim | None = None) -> tuple[Action, Record | None]:
        """Return an action by which nothing is recorded that names code which is gone, and its record if unclaimed.

        Where the file of a class was renamed, all that decides an artifact may be the same, and yet it is to be made
        again. That has a key of its own: the old record is right where the old file is, on another branch, say.
        """
        while True:
            made = claim if claim is not None and claim.key == action.key else self.record(action.key)
            gone = self.keys.gone((n for o in made.outputs for n in o.classes), action) if made is not None else set()
            if not gone:
                return action, made if isinstance(made, Record) else None
            action = dataclasses.replace(action, gone=tuple(sorted({*action.gone, *gone})))

    def _given_the_same(self, stage: Stage) -> bool:
        return all(self.judgements[name].outcome is Outcome.UP_TO_DATE for name in stage.upstream)

    def _damage(self, stage: Stage, outputs: Iterable[Output]) -> Iterator[Reason]:
        for file, output in self.files(stage, outputs).items():
            content = self.shown(file)
            if content is None:
                yield Reason(Cause.MISSING, file)
            elif content.hex != output.digest.hex:
                yield Reason(Cause.DAMAGED, file, output.digest.hex[:8], content.hex[:8])

    def _since(self, stage: Stage, action: Action) -> tuple[Reason, ...]:
        last = self.last(stage.task)
        if last is None:
            return (Reason(Cause.NEVER_BUILT),)
        return differences(last.action, action)

    def force(self, task: str) -> Judgement:
        """Judge a stage as one that is to be executed whatever is recorded."""
        judged = self.judge(task)
        if judged.problem is not None:
            return judged
        forced = dataclasses.replace(
            judged, outcome=Outcome.BUILT, reasons=(*judged.reasons, Reason(Cause.FORCED)), outputs=()
        )
        self.judgements[task] = forced
        return forced
