"""Random small projects under random edits: cosmetic ones change nothing, those that matter change the fingerprint."""

import ast
import random
import re
import sys
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kept.fingerprint import fingerprint


@dataclass
class Program:
    """Functions and constants over a few modules; ``calls`` tells which names a function mentions."""

    modules: dict[str, list[str]] = field(default_factory=dict)  # module -> its names, in order of definition
    text: dict[str, str] = field(default_factory=dict)  # name -> its statement; names are unique in the program
    calls: dict[str, set[str]] = field(default_factory=dict)

    def home(self, name):
        return next(module for module, names in self.modules.items() if name in names)

    def reached(self):
        found, waiting = set(), ["train"]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.calls[name]
        return found

    def source(self, module, order=None):
        outside = sorted(
            {used for name in self.modules[module] for used in self.calls[name]} - set(self.modules[module])
        )
        imports = [f"from {self.home(name)} import {name}" for name in outside]
        return "\n".join([*imports, *(self.text[name] for name in order or self.modules[module])]) + "\n"

    def sources(self):
        return {module: self.source(module) for module in self.modules}


@st.composite
def programs(draw):
    """Make a program whose names mention only earlier ones, so that imports have no cycle that fails."""
    program = Program({module: [] for module in ("base", "mid", "stages")})
    known: list[str] = []
    for module in program.modules:
        for number in range(draw(st.integers(1, 4))):
            add(program, draw, module, f"{module}{number}", known)
    add(program, draw, "stages", "train", known, kinds=("function", "loop"))
    return program


def add(program, draw, module, name, known, kinds=("constant", "function", "loop", "class", "lambda")):
    used = draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
    value, op = draw(st.integers(0, 99)), draw(st.sampled_from("+-*%"))
    values = " + ".join(["x", *(one if is_constant(program, one) else f"{one}(x)" for one in used)])
    kind = draw(st.sampled_from(kinds))
    if kind == "constant":
        used, text = [], f"{name} = {value}"
    elif kind == "lambda":
        text = f"{name} = lambda x: ({values}) {op} {value}"
    elif kind == "class":
        body = f"    k = {value}\n    def __init__(self, x):\n        self.v = ({values}) {op} self.k"
        text = f"class {name}:\n    '''Doc.'''\n{body}"
    elif kind == "loop":
        text = f"def {name}(x):\n    s = {value}\n    for v in [x]:\n        s = s {op} ({values})\n    return s"
    else:
        text = f"def {name}(x, n={value}):\n    '''Doc.'''\n    if x:\n        return ({values}) {op} n\n    return n"
    program.modules[module].append(name)
    program.text[name], program.calls[name] = text, set(used)
    known.append(name)


def is_constant(program, name):
    return re.fullmatch(r"\w+ = \d+", program.text[name]) is not None


# ---- edits


def reformatted(program, chance):
    return {module: ast.unparse(ast.parse(text)) + "\n" for module, text in program.sources().items()}


def commented(program, chance):
    return {
        module: "# new\n\n" + text.replace("\n    ", "\n    # why\n    ") for module, text in program.sources().items()
    }


def without_docstrings(program, chance):
    return {module: text.replace("    '''Doc.'''\n", "") for module, text in program.sources().items()}


def annotated(program, chance):
    sources = {
        module: text.replace("(x):", "(x: int) -> int:").replace("(x, n=", "(x: int, n: float=")
        for module, text in program.sources().items()
    }
    return {module: text.replace("__init__(self, x):", "__init__(self, x: int):") for module, text in sources.items()}


def reordered(program, chance):
    return {
        module: program.source(module, chance.sample(names, len(names))) for module, names in program.modules.items()
    }


def unused_renamed(program, chance):
    reached = program.reached()
    mentioned = set().union(*program.calls.values())
    sources = program.sources()
    for name in set(program.text) - reached - mentioned:
        module = program.home(name)
        sources[module] = re.sub(rf"\b{name}\b", name + "_renamed", sources[module])
    return sources


def unused_changed(program, chance):
    sources = program.sources()
    for name in set(program.text) - program.reached():
        module = program.home(name)
        sources[module] = sources[module].replace(program.text[name], re.sub(r"\b(\d+)\b", r"1\1", program.text[name]))
    return sources


def with_unused_imports(program, chance):
    return {module: "import json, os\n" + text for module, text in program.sources().items()}


COSMETIC = [
    reformatted,
    commented,
    without_docstrings,
    annotated,
    reordered,
    unused_renamed,
    unused_changed,
    with_unused_imports,
]


def other_number(text, chance):
    place = chance.choice(list(re.finditer(r"(?<![\w.])\d+\b", text)))
    return text[: place.start()] + str(int(place.group()) + 1) + text[place.end() :]


def other_operator(text, chance):
    found = list(re.finditer(r" ([-+*%]) ", text))
    if not found:
        return other_number(text, chance)
    place = chance.choice(found)
    other = chance.choice([op for op in "+-*%" if op != place.group(1)])
    return f"{text[: place.start()]} {other} {text[place.end() :]}"


def other_call(text, chance):
    found = re.sub(r"(?<= )\(x\b", "(abs(x)", text, count=1)
    return found if found != text else other_number(text, chance)


MATTERING = [other_number, other_operator, other_call]


def changed(program, edit, chance):
    name = chance.choice(sorted(program.reached()))
    text = edit(program.text[name], chance)
    sources = program.sources()
    module = program.home(name)
    assert text != program.text[name]
    sources[module] = sources[module].replace(program.text[name], text)
    return sources


@pytest.fixture
def digest(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def made(sources):
        for module, text in sources.items():
            (tmp_path / f"{module}.py").write_text(text)
        return fingerprint("stages:train", root=tmp_path).digest

    return made


RANDOM = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("edit", COSMETIC, ids=lambda edit: edit.__name__)
@RANDOM
@given(program=programs(), seed=st.integers(0, 2**32))
def test_cosmetic_edits_change_nothing(edit, digest, program, seed):
    """Whatever the project, an edit that cannot change behaviour leaves the fingerprint as it is."""
    assert digest(program.sources()) == digest(edit(program, random.Random(seed)))


@pytest.mark.parametrize("edit", MATTERING, ids=lambda edit: edit.__name__)
@RANDOM
@given(program=programs(), seed=st.integers(0, 2**32))
def test_edits_of_reached_code_change_it(edit, digest, program, seed):
    """Whatever the project, another constant, operator or call in reached code is another fingerprint."""
    assert digest(program.sources()) != digest(changed(program, edit, random.Random(seed)))
