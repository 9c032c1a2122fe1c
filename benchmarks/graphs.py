"""Writes graphs to build, each for several tools: many leaves, a chain, a fan-in."""

from __future__ import annotations

from pathlib import Path

WORK = '''"""What every stage does."""

from pathlib import Path


def copied(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text()


def longer(text: str) -> str:
    """Return a text that differs from what it is made of."""
    return str(int(text) + 1)


def joined(texts: list) -> str:
    """Return all texts as one."""
    return "".join(texts)
'''

LEAVES = '''"""Many stages, each with one input file and one output."""

from pathlib import Path

from kept import Pipeline, stage
from work import copied

Leaves = type("Leaves", (Pipeline,), {{f"s{{n}}": stage(copied, Path(f"in/{{n}}.txt")) for n in range({count})}})
'''

CHAIN = '''"""Stages in a row, each needs the one before it."""

from pathlib import Path

from kept import Pipeline, stage
from work import copied, longer

made = {{"s0": stage(copied, Path("in/0.txt"))}}
for n in range(1, {count}):
    made[f"s{{n}}"] = stage(longer, made[f"s{{n - 1}}"])
Chain = type("Chain", (Pipeline,), made)
del made
'''

FAN_IN = '''"""Many stages, and one that needs all of them."""

from pathlib import Path

from kept import Pipeline, stage
from work import copied, joined

made = {{f"s{{n}}": stage(copied, Path(f"in/{{n}}.txt")) for n in range({count})}}
made["all"] = stage(joined, list(made.values()))
FanIn = type("FanIn", (Pipeline,), made)
del made
'''

PLAIN_LEAVES = '''"""The same in plain doit."""

from work import copied


def make(number):
    with open(f"out/{{number}}.txt", "w") as file:
        file.write(copied(Path(f"in/{{number}}.txt")))


from pathlib import Path


def task_leaves():
    for n in range({count}):
        yield {{
            "name": f"s{{n}}",
            "actions": [(make, [n])],
            "file_dep": [f"in/{{n}}.txt"],
            "targets": [f"out/{{n}}.txt"],
        }}
'''

CALLS = '''"""Calls the functions, and nothing else."""

from pathlib import Path

from work import copied

made = [copied(Path(f"in/{{n}}.txt")) for n in range({count})]
'''


BY_HAND = '''"""Builds the same by hand: no engine, no checks, only what must be written for it to be durable."""

import hashlib
import json
import os
from pathlib import Path

from work import copied


def named(data):
    return hashlib.sha256(data).hexdigest()


def publish(place, data):
    draft = "draft"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.link(draft, place)
    os.unlink(draft)


def place(folder, name):
    return f"{{folder}}/{{name[:2]}}/{{name[2:]}}"


os.mkdir("out")
for n in range({count}):
    path = Path(f"in/{{n}}.txt")
    given = named(path.read_bytes())
    action = json.dumps({{"function": "copied", "inputs": {{"path": given}}}}, sort_keys=True)
    key = named(action.encode())
    data = json.dumps(copied(path)).encode()
    made = named(data)
    publish(place("blobs", made), data)
    record = json.dumps({{"action": action, "key": key, "outputs": [made]}}, sort_keys=True).encode()
    publish(place("actions", key), record + named(record).encode())
    Path("draft").write_bytes(data)
    os.rename("draft", f"out/{{n}}.json")
'''


def _inputs(folder: Path, count: int) -> None:
    (folder / "in").mkdir(parents=True)
    for number in range(count):
        (folder / "in" / f"{number}.txt").write_text(f"{number}")
    (folder / "work.py").write_text(WORK)


def _project(folder: Path, dodo: str, count: int, inputs: int) -> Path:
    _inputs(folder, inputs)
    (folder / "dodo.py").write_text(dodo.format(count=count))
    return folder


def leaves(folder: Path, count: int) -> Path:
    """Write ``count`` stages of kept, each with one input file and one output."""
    return _project(folder, LEAVES, count, count)


def chain(folder: Path, count: int) -> Path:
    """Write ``count`` stages of kept in a row."""
    return _project(folder, CHAIN, count, 1)


def fan_in(folder: Path, count: int) -> Path:
    """Write ``count`` stages of kept and one that needs all of them."""
    return _project(folder, FAN_IN, count, count)


def plain_leaves(folder: Path, count: int) -> Path:
    """Write the graph of ``leaves`` for plain doit."""
    (folder / "out").mkdir(parents=True)
    return _project(folder, PLAIN_LEAVES, count, count)


def calls(folder: Path, count: int) -> Path:
    """Write a script that only calls the functions of ``leaves``."""
    _inputs(folder, count)
    (folder / "calls.py").write_text(CALLS.format(count=count))
    return folder


def by_hand(folder: Path, count: int) -> Path:
    """Write a script that builds ``leaves`` with nothing but what makes results last."""
    _inputs(folder, count)
    (folder / "by_hand.py").write_text(BY_HAND.format(count=count))
    return folder


def ninja_leaves(folder: Path, count: int) -> Path:
    """Write the graph of ``leaves`` for ninja."""
    _inputs(folder, count)
    rules = ["rule copy", "  command = cp $in $out"]
    builds = [f"build out/{number}.txt: copy in/{number}.txt" for number in range(count)]
    (folder / "build.ninja").write_text("\n".join([*rules, *builds, ""]))
    return folder
