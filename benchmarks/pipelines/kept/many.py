"""Many stages in kept."""

from pathlib import Path

from work.copied import copied

from kept import Pipeline, stage

count = len(list(Path("in").iterdir()))
Many = type("Many", (Pipeline,), {f"s{n}": stage(copied, Path(f"in/{n}.txt")) for n in range(count)})
