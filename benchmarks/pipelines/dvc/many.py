"""Writes many stages for DVC."""

from pathlib import Path

count = len(list(Path("in").iterdir()))
lines = ["stages:", "  many:", f"    foreach: [{', '.join(map(str, range(count)))}]", "    do:"]
lines += [
    "      cmd: cp in/${item}.txt out/${item}.txt",
    "      deps: ['in/${item}.txt']",
    "      outs: ['out/${item}.txt']",
]
Path("dvc.yaml").write_text("\n".join(lines) + "\n")
