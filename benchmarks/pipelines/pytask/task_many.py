"""Many tasks in pytask."""

from pathlib import Path
from typing import Annotated

from pytask import Product, task
from work.copied import copied

here = Path(__file__).parent
for path in (here / "in").iterdir():

    @task(id=path.stem)
    def task_copied(path: Path = path, made: Annotated[Path, Product] = here / "out" / path.name) -> None:
        made.write_text(copied(str(path)))
