"""Binds the stages of a class: late, by name, each to the class that first has it with this wiring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .. import errors
from .held import held_paths
from .references import Declared, Reference
from .units import Artifact, File, Input, Stage

if TYPE_CHECKING:
    from .variants import Pipeline


def bound(pipeline: type[Pipeline]) -> Mapping[str, Stage]:
    """Return the stages of a pipeline by name, wired; an inherited one that nothing overrides is the parent's own."""
    done: dict[str, Stage] | None = pipeline.__dict__.get("_bound")
    if done is None:
        done = _Binding(pipeline).all()
        pipeline._bound = done  # type: ignore[attr-defined]  # kept on the class itself, as its cache
    return done


class _Binding:
    """Resolves one class: depth first without recursion, so that chains of thousands of stages bind."""

    def __init__(self, pipeline: type[Pipeline]) -> None:
        self.pipeline = pipeline
        self.declared: dict[str, Declared] = {}
        # What a body names that is another pipeline's: in which class that stands, and whose it is.
        self.taken: dict[str, tuple[type[Pipeline], type[Pipeline]]] = {}
        for cls in reversed(pipeline.__mro__):
            for name, value in vars(cls).items():
                if isinstance(value, Reference):
                    if value._declared.owner is None:
                        where = value._declared.where
                        raise errors.stage_outside(name, cls.__name__, pipeline.__name__, where)
                    self.declared[name] = value._declared
                    self.taken.pop(name, None)
                    if value._pipeline not in pipeline.__mro__:
                        self.taken[name] = cls, cast("type[Pipeline]", value._pipeline)
                elif name in self.declared and hasattr(cls, "_target"):
                    del self.declared[name]  # overridden by something that is no stage
        self.owners: dict[str, type[Pipeline]] = {}
        self.done: dict[str, Stage] = {}

    def all(self) -> dict[str, Stage]:
        for name in self.declared:
            self._resolve(name)
        return self.done

    def _resolve(self, first: str) -> None:
        open_names: dict[str, Iterator[str]] = {}
        todo = [first]
        while todo:
            name = todo[-1]
            if name in self.done:
                todo.pop()
                continue
            if name not in open_names:
                open_names[name] = iter(list(self._local(self.declared[name])))
            following = next((n for n in open_names[name] if n not in self.done), None)
            if following is None:
                self.done[name] = self._bind(name)
            elif following in open_names:
                ring = [*todo[todo.index(following) :], following]
                raise errors.cycle(ring, self.declared[following].where)
            else:
                todo.append(following)

    def _local(self, declared: Declared) -> Iterator[str]:
        for reference in self._references(declared):
            if self._is_local(reference):
                yield reference._declared.name

    def _references(self, declared: Declared) -> Iterator[Reference]:
        return (leaf for _, leaf in declared.leaves if isinstance(leaf, Reference))

    def _is_local(self, reference: Reference) -> bool:
        return reference._pipeline in self.pipeline.__mro__ and reference._declared.name in self.declared

    def _bind(self, name: str) -> Stage:
        declared = self.declared[name]
        for reference in self._references(declared):
            if reference._declared.owner is None:
                raise errors.unnamed_stage(reference._declared.shown, declared.shown, reference._declared.where)
        if name in self.taken:
            self.owners[name], source = self.taken[name]
            return bound(source)[name]
        owner = self._owner(declared)
        self.owners[name] = owner
        return self._own(name, declared) if owner is self.pipeline else bound(owner)[name]

    def _owner(self, declared: Declared) -> type[Pipeline]:
        """Find the class that first has this stage with this wiring: there it is built once for all variants."""
        assert declared.owner is not None
        owners = [declared.owner, *(self.owners[n] for n in self._local(declared))]
        if owners.count(declared.owner) == len(owners):
            return declared.owner
        deepest = min((o for o in owners), key=_depth(self.pipeline))
        return (
            deepest if all(issubclass(deepest, o) or o not in self.pipeline.__mro__ for o in owners) else self.pipeline
        )

    def _own(self, name: str, declared: Declared) -> Stage:
        target = self.pipeline._target
        fields = declared.returns.fields
        if fields:
            made = tuple(Artifact(f, declared.returns.types[f], f"{target}/{name}/{f}") for f in fields)
        else:
            made = (Artifact("", declared.returns.types.get(""), f"{target}/{name}"),)
        wires = {leaf_name: self._wire(leaf) for leaf_name, leaf in declared.leaves}
        held = (item for name, leaf in declared.leaves for item in held_paths(name, leaf) if item[0] not in wires)
        wires |= {name: File(path.as_posix()) for name, path in held}
        arguments = {n: wires[n] if n in wires else self._wired(value) for n, value in declared.arguments.items()}
        return Stage(
            target, name, declared.function, arguments, wires, made, declared.options, declared.where,
            declared.returns.tuple_type,
        )  # fmt: skip

    def _wired(self, value: object) -> object:
        if type(value) is dict:
            return {key: self._wired(item) for key, item in value.items()}
        if type(value) is list or type(value) is tuple:
            return type(value)(map(self._wired, value))
        return self._wire(value)

    def _wire(self, leaf: object) -> object:
        if isinstance(leaf, Path):
            return File(leaf.as_posix())
        if not isinstance(leaf, Reference):
            return leaf
        source = leaf._declared
        if self._is_local(leaf):
            stage = self.done[source.name]
        else:
            stage = bound(cast("type[Pipeline]", leaf._pipeline))[source.name]
        fields = [artifact.field for artifact in stage.artifacts]
        if leaf._field and leaf._field not in fields:  # the variant's function returns something else
            raise errors.no_such_field(source.name, leaf._field, tuple(f for f in fields if f), stage.where)
        return Input(stage.task, leaf._field)


def _depth(pipeline: type) -> Callable[[type], int]:
    order = {cls: index for index, cls in enumerate(pipeline.__mro__)}
    return lambda cls: order.get(cls, len(order))
