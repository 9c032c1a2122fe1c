"""Makes malformed files of sound ones, in each way that tests of reading them try; with a seed, always the same."""

from __future__ import annotations

import json
import random
import re

ODD = [
    None, True, False, 0, -1, 7, 1 << 70, 0.5, float("inf"), float("nan"), "", "x", "\ud800", "../../x", "/x", "\0",
    ".x/../../y", "a" * 64, "A" * 64, "\u0661" * 64, [], {}, [[]], [1], ["x"], {"x": 1}, {"digest": 1, "size": "x"},
    [None] * 7,
]  # fmt: skip
NUMBERS = [
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"9" * 5000,
    b"1" + b"0" * 70,
    b"-0",
    b"0x10",
    b"1_0",
    b"1.5",
    b".5",
]
RUBBISH = [
    b"", b"\0", b"\xff\xfe", b"{", b"[]", b"{}", b"7", b"null", b'"x"', b"[" * 100_000, b"[[1,2],[3]]", b'{"x":1}',
    b'{"checksum":NaN}',
]  # fmt: skip
_NUMBER, _NAMED = re.compile(rb"-?\d+"), re.compile(rb'"(\w+)"\s*:')


def edited(data: bytes, dice: random.Random) -> bytes:
    """Change, insert or drop a few bytes."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        data[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
    return bytes(data)


def flipped(data: bytes, dice: random.Random) -> bytes:
    """Turn over one bit."""
    data, at = bytearray(data), dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)
    return bytes(data)


def cut(data: bytes, dice: random.Random) -> bytes:
    """Lose the end, or the beginning."""
    at = dice.randrange(len(data))
    return data[:at] if dice.random() < 0.8 else data[at:]


def grown(data: bytes, dice: random.Random) -> bytes:
    """Go on after the end."""
    return data + dice.choice([b"\0", b"\n", b"x", b"\0" * 4096, data, data[: dice.randrange(len(data))]])


def spliced(data: bytes, dice: random.Random) -> bytes:
    """Let a part stand in the place of another one, in two places, or in none."""
    a, b, c = (dice.randrange(len(data) + 1) for _ in range(3))
    a, b = min(a, b), max(a, b)
    return dice.choice([data[:a] + data[b:], data[:c] + data[a:b] + data[c:], data[:a] + data[a:b][::-1] + data[b:]])


def wiped(data: bytes, dice: random.Random) -> bytes:
    """Let zeros stand where a block of the disk was lost."""
    at = dice.randrange(len(data))
    size = min(dice.choice([1, 8, 512, 4096]), len(data) - at)
    return data[:at] + b"\0" * size + data[at + size :]


def encoded(data: bytes, dice: random.Random) -> bytes:
    """Write the text in another encoding."""
    kind = dice.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"])
    return data.decode("latin-1").encode(kind, "replace")


def counted(data: bytes, dice: random.Random) -> bytes:
    """Put a number that is odd in the place of one."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return flipped(data, dice)
    one = dice.choice(found)
    return data[: one.start()] + dice.choice(NUMBERS) + data[one.end() :]


def nested(data: bytes, dice: random.Random) -> bytes:
    """Open brackets somewhere, few or very many, and perhaps close them."""
    at, depth = dice.randrange(len(data) + 1), dice.choice([1, 3, 50, 900, 1100, 20_000])
    close = b"]" * depth if dice.random() < 0.5 else b""
    return data[:at] + b"[" * depth + close + data[at:]


def named_twice(data: bytes, dice: random.Random) -> bytes:
    """Name one thing twice, the second time otherwise."""
    found = list(_NAMED.finditer(data))
    if not found:
        return spliced(data, dice)
    one = dice.choice(found)
    value = json.dumps(dice.choice(ODD)).encode()
    return data[: one.start()] + one.group() + value + b"," + data[one.start() :]


WAYS = (edited, flipped, cut, grown, spliced, wiped, encoded, counted, nested, named_twice)


def mangled(data: bytes, dice: random.Random) -> bytes:
    """Spoil some bytes in one of the ways, or in two, or let rubbish stand in their place."""
    if dice.random() < 0.03 or not data:
        return dice.choice(RUBBISH)
    data = dice.choice(WAYS)(data, dice)
    return dice.choice(WAYS)(data, dice) if data and dice.random() < 0.2 else data


def bent(value: object, dice: random.Random) -> object:
    """Put something odd in a place of a value, or drop it; the value itself is not changed."""
    value = json.loads(json.dumps(value))
    inside = value
    while isinstance(inside, (dict, list)) and inside:
        name = dice.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if dice.random() < 0.3 or not isinstance(inside[name], (dict, list)) or not inside[name]:
            if dice.random() < 0.15:
                del inside[name]
            else:
                inside[name] = dice.choice(ODD)
            return value
        inside = inside[name]
    return dice.choice(ODD)
