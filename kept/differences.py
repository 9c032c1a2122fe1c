"""Names what is different between two actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .actions import Action, Cause, Given, Param, Reason


def differences(then: Action, now: Action) -> tuple[Reason, ...]:
    """Name every difference between two actions; empty exactly if their keys are equal."""
    reasons = [
        *_code(then, now),
        *_classes(then.gone, now.gone),
        *_changed(Cause.PARAMETER, _shown(then.params), _shown(now.params)),
        *_inputs(then.inputs, now.inputs),
        *_changed(Cause.LIBRARY, _plain(then.libraries), _plain(now.libraries)),
        *(Reason(Cause.ENVIRONMENT, n) for n in _names(_plain(then.environment), _plain(now.environment))),
        *_changed(Cause.PYTHON, {"": (then.python,) * 2}, {"": (now.python,) * 2}),
        *_changed(Cause.SEED, {"": (str(then.seed),) * 2}, {"": (str(now.seed),) * 2}),
        *_changed(Cause.FORMAT, _plain(then.formats), _plain(now.formats)),
    ]
    if not reasons and then.key != now.key:
        reasons = [Reason(Cause.SCHEME)]
    return tuple(reasons)


def _code(then: Action, now: Action) -> Iterator[Reason]:
    same = then.code == now.code  # as the stage's own: what a parameter brings or takes away is told with that
    old = {n: (part.digest, part.digest[:8]) for n, part in then.parts.items() if not same or n in now.parts}
    new = {n: (part.digest, part.digest[:8]) for n, part in now.parts.items() if not same or n in then.parts}
    places = {name: part.where for name, part in {**then.parts, **now.parts}.items()}
    found = [Reason(r.cause, r.name, "", "", places.get(r.name, "")) for r in _changed(Cause.CODE, old, new)]
    yield from found or [Reason(Cause.CODE)][same:]


def _classes(then: tuple[str, ...], now: tuple[str, ...]) -> Iterator[Reason]:
    names = dict.fromkeys((*now, *then))
    old, new = ({n: ("gone",) * 2 if n in gone else ("there",) * 2 for n in names} for gone in (then, now))
    return _changed(Cause.CLASS, old, new)


def _inputs(then: Mapping[str, Given], now: Mapping[str, Given]) -> Iterator[Reason]:
    for r in _changed(Cause.INPUT, _digests(then), _digests(now)):
        same = r.old == r.new  # the same bytes in another format, or as a file of another name
        old, new = (then[r.name].format, now[r.name].format) if same else (r.old, r.new)
        yield Reason(r.cause, r.name, old, new, now[r.name].name if r.name in now else "")


_Pairs = Mapping[str, tuple[str, str]]  # name → what decides, what is shown


def _changed(cause: Cause, then: _Pairs, now: _Pairs) -> Iterator[Reason]:
    for name in _names(then, now):
        yield Reason(cause, name, then.get(name, ("", ""))[1], now.get(name, ("", ""))[1])


def _names(then: _Pairs, now: _Pairs) -> list[str]:
    return [n for n in dict.fromkeys([*now, *then]) if then.get(n, (None,))[0] != now.get(n, (None,))[0]]


def _shown(params: Mapping[str, Param]) -> _Pairs:
    return {name: (param.digest, param.shown) for name, param in params.items()}


def _digests(inputs: Mapping[str, Given]) -> _Pairs:
    return {n: (i.digest.hex + i.format, f"{i.digest.hex[:8]} ({i.digest.size:,} bytes)") for n, i in inputs.items()}


def _plain(values: Mapping[str, str]) -> _Pairs:
    return {name: (value, value) for name, value in values.items()}
