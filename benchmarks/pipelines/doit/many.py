"""Many tasks in plain doit."""

from pathlib import Path

from work.copied import copied


def make(number):
    Path(f"out/{number}.txt").write_text(copied(f"in/{number}.txt"))


def task_many():
    for number in range(len(list(Path("in").iterdir()))):
        yield {
            "name": str(number),
            "actions": [(make, [number])],
            "file_dep": [f"in/{number}.txt", "work/copied.py"],
            "targets": [f"out/{number}.txt"],
        }
