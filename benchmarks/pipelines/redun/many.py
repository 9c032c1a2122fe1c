"""Many tasks in redun."""

from pathlib import Path

from redun import File, task
from work import copied

redun_namespace = "many"


@task()
def read(file: File) -> str:
    return copied.copied(file.path)


@task()
def main() -> list[str]:
    return [read(File(str(path))) for path in sorted(Path("in").iterdir())]
