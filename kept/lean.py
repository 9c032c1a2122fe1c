"""Dataclasses whose methods are compiled when many of them are made: most commands make few, of few kinds."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field"]

Names = tuple[str, ...]
_FEW = 10  # values of a class, for which compiling takes longer than doing without


def _lean(cls: Any = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True) -> Any:
    """Do as the standard library's decorator does, which spends half a millisecond of each start on each class.

    Fields may have defaults and factories; where one is to have more, the original makes the class. None are inherited.
    """
    if cls is None:
        return lambda cls: _lean(cls, frozen=frozen, slots=slots, eq=eq)
    own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    names = tuple(name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind))
    defaults = {name: own[name] for name in names if name in own}
    if any(_demanding(default) for default in defaults.values()):
        return dataclasses.dataclass(cls, frozen=frozen, slots=slots, eq=eq)
    for name, default in defaults.items():
        if slots or hasattr(default, "default_factory"):
            del own[name]
    body: dict[str, Any] = {"__match_args__": names, "__dataclass_fields__": _Fields(cls), "__repr__": _shown(names)}
    body |= _compared(names, hashed=frozen) if eq else {}
    body |= _frozen(names, slots=slots) if frozen else {}
    body |= {"__slots__": names} if slots else {}

    count = 0

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count <= _FEW and _filled(self, names, defaults, args, kwargs):
            return
        made.__init__ = _init(names, defaults, frozen=frozen, after=hasattr(made, "__post_init__"))
        made.__init__(self, *args, **kwargs)

    made = type(cls)(cls.__name__, cls.__bases__, {**body, "__init__": first, **own})
    made.__qualname__ = cls.__qualname__
    return made


def _demanding(default: Any) -> bool:
    """Say whether a field asks for more than a value, or a factory of it."""
    if not hasattr(default, "default_factory"):
        return False
    plain = default.init and default.repr and default.compare and default.hash is None
    return not (plain and callable(default.default_factory))


def _filled(self: Any, names: Names, defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Set the fields of one of the first values; False where the arguments do not fit, which others complain of."""
    given = dict(zip(names, args, strict=False)) | kwargs
    fits = len(given) == len(args) + len(kwargs)
    for name in names:
        if name in given:
            value = given.pop(name)
        elif name in defaults:
            make = getattr(defaults[name], "default_factory", None)
            value = make() if make is not None else defaults[name]
        else:
            return False
        object.__setattr__(self, name, value)
    if given or not fits:
        return False
    if hasattr(self, "__post_init__"):
        self.__post_init__()
    return True


def _init(names: Names, defaults: dict[str, Any], *, frozen: bool, after: bool) -> Any:
    """Compile ``__init__``; the default of a field with a factory is the factory, which no caller can give."""
    given = {f"default_{name}": getattr(default, "default_factory", default) for name, default in defaults.items()}
    taken = ["self", *(f"{name}=default_{name}" if name in defaults else name for name in names)]
    lines = []
    for name in names:
        fresh = hasattr(defaults.get(name), "default_factory")
        value = f"default_{name}() if {name} is default_{name} else {name}" if fresh else name
        lines.append(f"set_field(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    lines += ["self.__post_init__()"] if after else []
    space: dict[str, Any] = {**given, "set_field": object.__setattr__}
    exec(f"def __init__({', '.join(taken)}):\n " + "\n ".join(lines or ["pass"]), space)  # noqa: S102  # as the library does
    return space["__init__"]


def _values(names: Names) -> Any:
    """Return what reads the fields of a value as a tuple: `attrgetter` does that for two names and more."""
    return attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)


def _compared(names: Names, *, hashed: bool) -> dict[str, Any]:
    values = _values(names)

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return {"__eq__": equal, "__hash__": (lambda self: hash(values(self))) if hashed else None}


def _shown(names: Names) -> Any:
    return lambda self: f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _frozen(names: Names, *, slots: bool) -> dict[str, Any]:
    values = _values(names)
    body = {"__setattr__": _refuse, "__delattr__": _refuse}
    # Without this what is pickled would be filled by `setattr`.
    return {**body, "__reduce__": lambda self: (type(self), values(self))} if slots else body


def _refuse(_self: Any, name: str, _value: object = None) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


class _Fields:
    """What `dataclasses` knows a dataclass by: made by it, from the class as written, when somebody asks."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.made: Any = None

    def __get__(self, _value: object, _cls: type) -> Any:
        if self.made is None:
            dataclasses.dataclass(init=False, repr=False, eq=False)(self.cls)  # its fields, without compiling anything
            self.made = vars(self.cls)["__dataclass_fields__"]
        return self.made


if TYPE_CHECKING:
    from dataclasses import dataclass  # so that it is checked as the original is
else:
    dataclass = _lean
