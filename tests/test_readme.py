"""The README's transcripts are what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from test_inspect_page import ROOT, Shell, assert_printed, commands, needs

README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\b\d+\.\d+\b|\b\d+\b(?= +(?:Sequential|Logistic| \d{4}-))")
COMMIT = re.compile(r"  [0-9a-f]{8}\+?$|  commit$|  --------$")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def typed() -> list[tuple[str, list[str]]]:
    """Return each command of the README, without those that install, and what it prints."""
    shown = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return [pair for text in shown for pair in commands(text) if not pair[0].startswith("python3 -m venv")]


@pytest.mark.slow
@needs
def test_the_transcripts_of_the_readme_are_true(tmp_path: Path):
    """One after the other, with the edits that it tells of; fewer digits are learned, so numbers and times differ."""
    shell = Shell(tmp_path)
    digits = np.load(tmp_path / "data/mnist.npz")
    few = {name: digits[name][: 2000 if "train" in name else 500] for name in digits.files}
    np.savez(tmp_path / "data/mnist.npz", **few)
    helper, data = tmp_path / "stages/sklearn_model.py", tmp_path / "stages/data.py"
    rows = "    return X.reshape(len(X), -1)\n"
    edits = {
        4: lambda: edit(data, "from __future__ import annotations\n", "from __future__ import annotations  # new\n"),
        5: lambda: edit(helper, rows, rows.replace("-1)", "-1) * 2")),
        7: lambda: edit(helper, rows.replace("-1)", "-1) * 2"), rows),
    }
    shown = typed()
    assert [command for command, _ in shown] == [
        "doit mnist_sklearn", "doit mnist_sklearn", "doit mnist_tf", "doit report",
        "doit mnist_sklearn", "doit why mnist_sklearn:model", "doit mnist_sklearn", "doit mnist_sklearn",
    ]  # fmt: skip
    for index, (command, expected) in enumerate(shown):
        edits.get(index, lambda: None)()
        printed = shell.type(command)
        assert_printed(plain(printed), [plain(line) for line in expected if line.strip()], command)


def plain(text: str) -> str:
    """Take out what fewer digits and a folder outside of a repository make different."""
    lines = [re.sub(r"-{3,}", "---", NUMBER.sub("N", COMMIT.sub("", line.rstrip()))) for line in text.splitlines()]
    return re.sub(r"(?<=\S) +", " ", "\n".join(lines))
