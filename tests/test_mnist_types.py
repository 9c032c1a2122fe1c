"""What a type checker says of dodo.py, as it is and miswired."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# name: (what dodo.py says, what it says wrongly)
MISTAKES = {
    "unknown_field": ("digits.X_train, digits", "digits.X_trian, digits"),
    "wrong_field": ("Mnist.scaled.X_train, Mnist.digits.y_train", "Mnist.digits.y_train, Mnist.scaled.X_train"),
    "unknown_parameter": ("config=TrainerConfig(epochs=1)", "config=TrainerConfig(epocs=1)"),
    "wrong_parameter": ("config=TrainerConfig(epochs=1)", "config={'epochs': 1}"),
    "missing_argument": ("model, Mnist.scaled.X_test, Mnist.digits.y_test", "model, Mnist.scaled.X_test"),
    "no_model": ("tf_model.evaluate, model, ", "tf_model.evaluate, Mnist.scaled.X_train, "),
    "swapped_for_no_model": ("swap(MnistTf.model, sklearn_model.train", "swap(MnistTf.model, sklearn_model.evaluate"),
    "swapped_for_no_number": ("swap(MnistTf.accuracy, sklearn_model.evaluate", "swap(MnistTf.accuracy, normalize"),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """Give the lines that mypy --strict objects to, by file: of dodo.py itself and of a copy for each mistake."""
    folder = tmp_path_factory.mktemp("types")
    right = (ROOT / "dodo.py").read_text(encoding="utf-8")
    for name, (said, wrongly) in MISTAKES.items():
        assert said in right, f"{name}: dodo.py no longer says {said!r}"
        (folder / f"{name}.py").write_text(right.replace(said, wrongly), encoding="utf-8")
    files = ["dodo.py", *(str(folder / f"{name}.py") for name in MISTAKES)]
    options = ["--strict", "--no-error-summary", "--hide-error-context", "--no-pretty", "--cache-dir", str(folder)]
    command = [sys.executable, "-m", "mypy", *options, *files]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr + run.stdout
    found: dict[str, set[int]] = {Path(file).stem: set() for file in files}
    for row in run.stdout.splitlines():
        if error := re.match(r"(.+?):(\d+): error: ", row):
            found[Path(error[1]).stem].add(int(error[2]))
    return found


def test_the_wiring_of_dodo_py_type_checks(complaints: dict[str, set[int]]):
    """Mypy has nothing to say against the pipeline as it is."""
    assert complaints["dodo"] == set()


@pytest.mark.parametrize("name", MISTAKES)
def test_mypy_refuses_a_miswired_pipeline(name: str, complaints: dict[str, set[int]]):
    """A wrong field, parameter or model is an error on the very line of the mistake, and on no other."""
    text = (ROOT / "dodo.py").read_text(encoding="utf-8")
    line = text[: text.index(MISTAKES[name][0])].count("\n") + 1
    assert complaints[name] == {line}
