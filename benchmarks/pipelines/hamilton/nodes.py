"""Many functions in Hamilton, made of one."""

from pathlib import Path

from hamilton.function_modifiers import parameterize, source, value
from work import copied as copying

count = len(list(Path("in").iterdir()))


@parameterize(**{f"s{n}": {"path": value(f"in/{n}.txt"), "digest": source(f"digest{n}")} for n in range(count)})
def copied(path: str, digest: str) -> str:
    return copying.copied(path)
