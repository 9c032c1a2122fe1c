"""How long a report of many variants takes: CPU seconds of reading the records and drawing them, per format.

python benchmarks/report.py [VARIANTS]    builds a sweep in a temporary folder first, which takes a minute for 500
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

BOUND = 1.0  # seconds of CPU for the text formats of 500 variants

RECIPES = '''
def prepare() -> list:
    return [0.1, 0.2, 0.3]


def train(data: list, rate: float) -> dict:
    """Return the losses of ten epochs."""
    return {"loss": [rate + 1 / (1 + epoch) for epoch in range(10)]}


def evaluate(model: dict) -> float:
    return 1 - model["loss"][-1]
'''

DODO = '''
from kept import Pipeline, report, stage
from recipes import evaluate, prepare, train


class Sweep(Pipeline):
    data = stage(prepare)


def variant(number):
    class Variant(Sweep, name=f"v{{number:03}}"):
        """One rate of many."""

        model = stage(train, Sweep.data, rate=number / {variants})
        accuracy = stage(evaluate, model)

    return Variant


task_report = report(*map(variant, range({variants})))
'''

MEASURE = """
import sys, time
sys.path.insert(0, ".")
import dodo
from kept.build import Project
from kept.tasks import project_here  # the engine is loaded before the clock starts, as it is in a run
import tabulate, numpy
project = Project(".")
started = time.process_time()
drawn = dodo.task_report.draw(project, {"format": sys.argv[1]})
print(time.process_time() - started, len(drawn))
"""


def doit(folder: str, *arguments: str) -> float:
    """Run doit in the sweep; return its CPU seconds."""
    before = os.times()
    command = [sys.executable, "-m", "doit", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> int:
    variants = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "recipes.py").write_text(RECIPES)
        Path(folder, "dodo.py").write_text(textwrap.dedent(DODO.format(variants=variants)))
        print(f"{variants} variants: built with {doit(folder, 'report'):.1f} s of CPU")
        print(f"doit list (start-up)          {doit(folder, 'list'):6.2f} s")
        print(f"doit report, all up to date   {doit(folder, 'report', '--format', 'csv'):6.2f} s")
        slow = []
        for name in ("table", "markdown", "json", "csv", "html"):
            command = [sys.executable, "-c", MEASURE, name]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            seconds, size = done.stdout.split()
            print(f"reading and drawing {name:<9} {float(seconds):6.2f} s  {int(size) / 1000:8.0f} kB")
            slow += [name] if name != "html" and float(seconds) > BOUND else []
    print(f"over {BOUND} s: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
