"""What runs at night runs at all: the seeded bugs follow the code that they break."""

import shutil
from pathlib import Path

import pytest

from tests.nightly.mutants import MUTANTS, plant

STORE = Path(__file__).parents[1] / "kept" / "store"


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_seeded_bug_has_its_place(tmp_path, mutant):
    """It can be planted, and what comes of it is still Python: else it is caught for the wrong reason."""
    shutil.copytree(STORE, tmp_path / "kept" / "store")
    plant(mutant, tmp_path)
    place = tmp_path / "kept" / "store" / f"{mutant.file}.py"
    compile(place.read_text(), str(place), "exec")
