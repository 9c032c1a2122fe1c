"""What decides an artifact, what came of it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePath
from typing import Any

from .digest import Digest, canonical_json, digest_bytes, fits
from .lean import dataclass, field

# What an action is made of and how it is encoded; another number is another key for everything.
SCHEME = 1


class Outcome(enum.Enum):
    """What became of a stage; the same words on screen, in reports and in tests."""

    UP_TO_DATE = "up to date"  # key and files are as recorded
    RESTORED = "restored"  # a record of this key exists: its blobs were put in place
    BUILT = "built"  # executed
    FAILED = "failed"  # raised, or could not be judged


class Cause(enum.Enum):
    """The kinds of reason for which a stage is not up to date, in the order in which they arise."""

    CODE = "code"
    CLASS = "class"  # what was made holds it, or a function, by a name that leads nowhere now
    PARAMETER = "parameter"
    INPUT = "input"
    WAITS = "waits"  # an input will be built first: its digest is not known yet
    LIBRARY = "library"
    ENVIRONMENT = "environment"
    PYTHON = "python"
    SEED = "seed"
    FORMAT = "format"
    SCHEME = "scheme"
    NEVER_BUILT = "never built"
    FAILED = "failed since"  # it raised when it was last run: what it had made before is not claimed any more
    FORGOTTEN = "forgotten"  # by `doit forget`, or its run was cut off
    MISSING = "artifact missing"
    DAMAGED = "artifact damaged"
    LOST = "record lost"
    FORCED = "forced"
    ACCEPTED = "accepted"  # nothing ran: what was made before was declared to stand for the code as it is now
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a rebuild: what changed, from what to what, where."""

    cause: Cause
    name: str = ""
    old: str = ""
    new: str = ""
    where: str = ""

    def __str__(self) -> str:
        head = f"{self.name} comes first" if self.cause is Cause.WAITS else f"{self.cause.value} {self.name}".strip()
        if self.old and self.old == self.new:  # what it holds changed: the code of a function, for one
            return f"{head}: {self.new}, which is not what it was"
        change = f": {self.old or '(nothing)'} → {self.new or '(nothing)'}" if self.old or self.new else ""
        return head + change


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of the code that decides an artifact."""

    digest: str
    where: str  # file:line


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its digest decides, its text is for people."""

    digest: str
    shown: str


@dataclass(frozen=True, slots=True)
class Given:
    """One input as a stage was given it: its digest decides, its name is for people."""

    digest: Digest
    format: str
    name: str


@dataclass(frozen=True)
class Action:
    """Everything that decides an artifact.

    The names of the stage, of its function and of the upstream artifacts are not in the key: a rename costs nothing.
    """

    code: str  # digest of the fingerprint
    parts: Mapping[str, Part]  # for `why`; covered by ``code``
    params: Mapping[str, Param]
    inputs: Mapping[str, Given]
    environment: Mapping[str, str]  # declared variables, as keyed digests: a value never leaves the process
    formats: Mapping[str, str]  # by field; "" where the value decides
    libraries: Mapping[str, str]  # as exact as the project's policy says
    python: str
    seed: int | None
    gone: tuple[str, ...] = ()  # classes and functions that what was made before it holds, by names that lead nowhere

    @cached_property
    def key(self) -> str:
        """The digest of all that decides."""
        deciding = {
            "scheme": SCHEME,
            "code": self.code,
            "params": {name: param.digest for name, param in self.params.items()},
            "inputs": {name: (i.digest.hex, i.digest.size, i.format) for name, i in self.inputs.items()},
            "environment": self.environment,
            "formats": self.formats,
            "libraries": self.libraries,
            "python": self.python,
            "seed": self.seed,
            **self._gone(),
        }
        return digest_bytes(canonical_json(deciding)).hex  # texts and numbers only: JSON tells them all apart

    def as_json(self) -> dict[str, Any]:
        """Write the action as plain JSON values."""
        return {
            "scheme": SCHEME,
            "code": self.code,
            "parts": {name: [p.digest, p.where] for name, p in self.parts.items()},
            "params": {name: [p.digest, p.shown] for name, p in self.params.items()},
            "inputs": {n: [i.digest.hex, i.digest.size, i.format, i.name] for n, i in self.inputs.items()},
            "environment": dict(self.environment),
            "formats": dict(self.formats),
            "libraries": dict(self.libraries),
            "python": self.python,
            "seed": self.seed,
            **self._gone(),
        }

    def _gone(self) -> dict[str, list[str]]:
        return {"gone": list(self.gone)} if self.gone else {}  # keys from before there was such a thing stay

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Action:
        """Read an action; KeyError, TypeError or ValueError where it is malformed."""
        return cls(
            code=value["code"],
            parts={name: Part(*part) for name, part in value["parts"].items()},
            params={name: Param(*param) for name, param in value["params"].items()},
            inputs={
                n: Given(Digest.read(hex_, size), form, name) for n, (hex_, size, form, name) in value["inputs"].items()
            },
            environment=value["environment"],
            formats=value["formats"],
            libraries=value["libraries"],
            python=value["python"],
            seed=value["seed"],
            gone=tuple(value.get("gone", ())),
        )


@dataclass(frozen=True, slots=True)
class Output:
    """One artifact as it was made."""

    name: str  # field, "" for a single value
    digest: Digest  # of its blob
    format: str
    suffix: str
    kind: str = ""  # what it is, in short: "ndarray (60000, 28, 28) uint8"
    classes: tuple[str, ...] = ()  # project classes whose instances it holds: their code decides what it does
    tree: bool = False  # a folder: its blob is the list of its files

    def as_json(self) -> dict[str, Any]:
        """Write the output as plain JSON values."""
        return {
            "name": self.name,
            "digest": self.digest.hex,
            "size": self.digest.size,
            "format": self.format,
            "suffix": self.suffix,
            "kind": self.kind,
            "classes": list(self.classes),
            "tree": self.tree,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Output:
        """Read an output; KeyError, TypeError or ValueError where it is malformed."""
        made = cls(
            value["name"], Digest.read(value["digest"], value["size"]), value["format"], value["suffix"],
            value["kind"], tuple(value["classes"]), value["tree"],
        )  # fmt: skip
        texts = (made.name, made.format, made.suffix, made.kind, *made.classes)
        if any(type(text) is not str for text in texts) or type(made.tree) is not bool:
            raise TypeError(texts)
        # The one text in a record that becomes part of a path: it must not lead out of artifacts/.
        if made.suffix and (made.suffix[0] != "." or "\0" in made.suffix or PurePath(made.suffix).name != made.suffix):
            raise ValueError(made.suffix)
        return made


@dataclass(frozen=True, slots=True)
class Claim:
    """What artifacts/ shows of a stage now: the key it was made under and its outputs."""

    key: str
    outputs: tuple[Output, ...]

    def as_bytes(self) -> bytes:
        """Write the claim."""
        return canonical_json([self.key, [output.as_json() for output in self.outputs]])

    @classmethod
    def from_bytes(cls, data: bytes) -> Claim | None:
        """Read a claim; None where it is damaged: then nothing is claimed."""
        try:
            key, outputs = json.loads(data)
            return cls(str(key), tuple(map(Output.from_json, outputs)))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who declared a code change harmless, when, why: the record then serves another key."""

    who: str
    when: str
    reason: str
    old_key: str

    def as_json(self) -> dict[str, str]:
        """Write the acceptance as plain JSON values."""
        return {"who": self.who, "when": self.when, "reason": self.reason, "old_key": self.old_key}


@dataclass(frozen=True)
class Record:
    """What came of an action."""

    action: Action
    outputs: tuple[Output, ...]
    stage: str  # the task that built it; others may use it
    function: str
    seconds: float
    when: str  # UTC, ISO 8601
    host: str
    commit: str = ""  # of the user's repository, if it is one
    dirty: bool = False
    reasons: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # exact, whatever the policy
    sources: Digest | None = None  # blob: the text of each part
    accepted: Acceptance | None = None

    def as_json(self) -> dict[str, Any]:
        """Write the record as plain JSON values."""
        return {
            "action": self.action.as_json(),
            "outputs": [output.as_json() for output in self.outputs],
            "stage": self.stage,
            "function": self.function,
            "seconds": self.seconds,
            "when": self.when,
            "host": self.host,
            "commit": self.commit,
            "dirty": self.dirty,
            "reasons": list(self.reasons),
            "versions": dict(self.versions),
            "sources": None if self.sources is None else {"digest": self.sources.hex, "size": self.sources.size},
            "accepted": None if self.accepted is None else self.accepted.as_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Record | None:
        """Read a record; None where it is malformed or of another scheme: then it is a miss."""
        try:
            if value["action"]["scheme"] != SCHEME:
                return None
            sources, accepted = value["sources"], value["accepted"]
            made = cls(
                action=Action.from_json(value["action"]),
                outputs=tuple(map(Output.from_json, value["outputs"])),
                sources=None if sources is None else Digest.read(sources["digest"], sources["size"]),
                accepted=None if accepted is None else Acceptance(**accepted),
                reasons=tuple(value["reasons"]),
                **{name: value[name] for name in _PLAIN},
            )
            return made if fits(made, cls) else None
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


_PLAIN = ("stage", "function", "seconds", "when", "host", "commit", "dirty", "versions")
