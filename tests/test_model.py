"""Random projects and random changes against a model of ten lines: recompute everything."""

from __future__ import annotations

import copy
import json
import os
import random
from dataclasses import dataclass, field

import pytest
from projects import Project
from rebuilding import blob_flipped

SEEDS = range(int(os.environ.get("KEPT_SEEDS", "8")))
STEPS = 12
MODULO = 5  # small, so that changes often lead to the same value


@dataclass
class StageOf:
    """One stage: ``(sum(inputs) * factor + the number in a file + helper(p)) % MODULO``."""

    inputs: list[int]
    file: int
    helper: int
    factor: int
    p: int


@dataclass
class World:
    """What the files of the project say."""

    stages: list[StageOf]
    helpers: list[int]
    files: list[int]
    comments: int = 0

    # ---- the model

    def value(self, number: int) -> int:
        stage = self.stages[number]
        total = sum(self.value(one) for one in stage.inputs) * stage.factor
        return (total + self.files[stage.file] + stage.p * self.helpers[stage.helper]) % MODULO

    def action(self, number: int) -> tuple[object, ...]:
        """Return all that may decide a stage: what it was executed for once need not be executed again."""
        stage = self.stages[number]
        inputs = [self.value(one) for one in stage.inputs]
        code = (stage.factor, stage.helper, self.helpers[stage.helper])
        return (number, code, stage.p, stage.file, self.files[stage.file], tuple(inputs))

    def below(self, number: int) -> set[int]:
        return {number}.union(*(self.below(one) for one in self.stages[number].inputs))

    # ---- the files

    def write(self, project: Project) -> None:
        noise = f"# {self.comments}\n"
        helpers = [f"def h{n}(p):\n    return p * M{n}\n\n\nM{n} = {m}\n" for n, m in enumerate(self.helpers)]
        self._put(project, "parts/helpers.py", noise + "\n\n".join(helpers))
        imports, lines = [], []
        for n, stage in enumerate(self.stages):
            self._put(project, f"parts/s{n}.py", noise + FUNCTION.format(n=n, s=stage, modulo=MODULO))
            imports.append(f"from parts.s{n} import s{n} as f{n}\n")
            inputs = ", ".join(f"s{one}" for one in stage.inputs)
            lines.append(f'    s{n} = stage(f{n}, [{inputs}], Path("data/{stage.file}.txt"), p={stage.p})\n')
        self._put(project, "dodo.py", noise + DODO.format(imports="".join(imports), lines="".join(lines)))
        for n, number in enumerate(self.files):
            self._put(project, f"data/{n}.txt", str(number))

    def _put(self, project: Project, file: str, text: str) -> None:
        if not project.path(file).exists() or project.read(file) != text:
            project.write(file, text)


FUNCTION = """\
from pathlib import Path

from parts.helpers import h{s.helper}
from recipes.marks import mark


def s{n}(inputs: list, path: Path, p: int) -> int:
    mark("s{n}")
    return (sum(inputs) * {s.factor} + int(path.read_text()) + h{s.helper}(p)) % {modulo}
"""
DODO = '''\
from pathlib import Path

from kept import Pipeline, stage
{imports}

class All(Pipeline):
    """A random graph."""

{lines}'''


@dataclass
class Memory:
    """What the engine ought to know by now."""

    executed: set[tuple[object, ...]] = field(default_factory=set)  # actions of which there is a record
    swept: set[tuple[object, ...]] = field(default_factory=set)  # of which there was one before the store was swept
    damaged: set[int] = field(default_factory=set)  # values whose copy in the store is no longer sound


def new_world(dice: random.Random) -> World:
    stages = []
    for n in range(dice.randint(4, 6)):
        inputs = sorted(dice.sample(range(n), min(n, dice.choice([0, 1, 1, 2]))))
        stages.append(StageOf(inputs, dice.randrange(2), dice.randrange(2), dice.randrange(1, 4), dice.randrange(3)))
    return World(stages, [1, 2], [dice.randrange(9) for _ in range(2)])


def changed(world: World, dice: random.Random) -> World:
    """Change one thing."""
    world = copy.deepcopy(world)
    stage = dice.choice(world.stages)
    number = world.stages.index(stage)
    match dice.choice(["factor", "p", "helper", "helpers", "files", "file", "comments", "inputs"]):
        case "factor":
            stage.factor = dice.randrange(1, 4)
        case "p":
            stage.p = dice.randrange(3)
        case "helper":
            stage.helper = dice.randrange(2)
        case "file":
            stage.file = dice.randrange(2)
        case "helpers":
            world.helpers[dice.randrange(2)] = dice.randrange(1, 4)
        case "files":
            world.files[dice.randrange(2)] = dice.randrange(9)
        case "comments":
            world.comments += 1
        case "inputs":
            stage.inputs = sorted(dice.sample(range(number), min(number, dice.choice([1, 2]))))
    return world


def disturb(project: Project, memory: Memory, dice: random.Random) -> None:
    """Delete or damage an artifact, or what the store keeps of it."""
    shown = {path: path.read_text().strip() for path in sorted(project.path("artifacts/all").glob("*.json"))}
    sound = [path for path, text in shown.items() if text.isdigit() and int(text) not in memory.damaged]
    if not sound:
        return
    path = dice.choice(sound)
    match dice.choice(["delete", "damage", "damage blob"]):
        case "delete":
            path.unlink()
        case "damage":
            path.write_text("?")
        case "damage blob":
            blob_flipped(str(path))(project)
            memory.damaged.add(json.loads(path.read_text()))


def sweep(project: Project, memory: Memory) -> None:
    """Remove all from the store that may be removed: what artifacts/ does not show."""
    project.write("pyproject.toml", '[tool.kept]\nmax_size = "1 B"\nkeep_days = 0\n')
    for place in [
        *project.path("artifacts/.kept").glob("blobs/*/*"),
        *project.path("artifacts/.kept").glob("actions/*/*"),
    ]:
        seen = place.stat()
        os.utime(place, ns=(seen.st_atime_ns, seen.st_mtime_ns - 2 * 24 * 3600 * 10**9))
    swept = project.kept("gc")
    assert swept.code == 0, swept
    project.remove("pyproject.toml")
    memory.swept |= memory.executed
    memory.executed.clear()


def run_twice(project: Project, world: World, memory: Memory) -> None:
    """Run doit in two processes at once: both come to an end, and no stage executes in both."""
    before = len(project.executed())
    both = [project.spawn("all"), project.spawn("all")]
    told = [one.wait() for one in both]
    assert [one.code for one in told] == [0, 0], told
    ran = [int(mark[1:]) for mark in project.executed()[before:]]
    assert len(ran) == len(set(ran)), told
    settle(project, world, memory, set(range(len(world.stages))), ran, str(told))


def run(project: Project, world: World, memory: Memory, dice: random.Random) -> None:
    """Run doit for one stage or all, perhaps killed in one, and compare."""
    last = len(world.stages) - 1
    target = dice.choice([last, None, dice.randrange(last + 1)])
    wanted = set(range(last + 1)) if target is None else world.below(target)
    victim = dice.choice([None, None, *sorted(wanted)])
    if victim is not None:
        project.order(f"s{victim}", "kill")
    told = project.doit("all" if target is None else f"all:s{target}")
    if victim is not None:
        project.order(f"s{victim}", None)
    ran = [int(mark[1:]) for mark in told.ran]
    assert len(ran) == len(set(ran)), told
    if told.code != 0:
        assert (told.code, ran[-1]) == (-9, victim), told
    settle(project, world, memory, wanted, ran, str(told), victim if told.code else None)


def settle(
    project: Project,
    world: World,
    memory: Memory,
    wanted: set[int],
    ran: list[int],
    told: str,
    killed: int | None = None,
) -> None:
    """Compare what ran, and what it made, with what the model knows, and take it in."""
    must = {n for n in wanted if world.action(n) not in memory.executed | memory.swept}
    may = must | {n for n in wanted if world.value(n) in memory.damaged or world.action(n) in memory.swept}
    assert set(ran) <= may, f"{told}\nneedless: {set(ran) - may}"
    if killed is None:
        assert must <= set(ran), f"{told}\nstale: {must - set(ran)}"
        values = {n: json.loads(project.read(f"artifacts/all/s{n}.json")) for n in wanted}
        assert values == {n: world.value(n) for n in wanted}, told
    done = {n for n in ran if n != killed}
    memory.executed |= {world.action(n) for n in done}
    memory.swept -= memory.executed
    memory.damaged -= {world.value(n) for n in done}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_gives_what_recomputing_would_and_executes_no_more_than_it_must(seed: int, project: Project):
    """Whatever was edited, deleted, damaged, swept, reverted, killed or run twice at once: only what is new runs."""
    dice = random.Random(seed)
    world, memory = new_world(dice), Memory()
    past = [world]
    for _ in range(STEPS):
        world.write(project)
        if dice.random() < 0.1:
            run_twice(project, world, memory)
        else:
            run(project, world, memory, dice)
        if dice.random() < 0.4:
            disturb(project, memory, dice)
        if dice.random() < 0.15:
            sweep(project, memory)
        world = dice.choice(past) if dice.random() < 0.25 else changed(world, dice)
        past.append(world)
