"""Many steps in ZenML."""

from pathlib import Path

from work.copied import copied
from zenml import pipeline, step
from zenml.config.cache_policy import CachePolicy

names = sorted(path.name for path in Path("in").iterdir())
steps = [
    step(copied, name=f"s{name[:-4]}", cache_policy=CachePolicy(file_dependencies=[f"in/{name}"])) for name in names
]


@pipeline
def many():
    for name, one in zip(names, steps, strict=True):
        one(f"in/{name}")


if __name__ == "__main__":
    many()
