"""Makes an environment of its own for every tool that is compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class NotInstalledError(Exception):
    """The tool cannot be had here; the text is what the installer said."""


def environment(folder: Path, packages: Sequence[str], *, again: bool = False) -> Path:
    """Return the folder of programs of an environment with these packages; it is made if it is not there yet.

    Raises NotInstalledError with the reason. A failed one is tried anew each time.
    """
    stamp = folder / "packages.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == list(packages) and not again:
        return folder / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    told([sys.executable, "-m", "venv", str(folder)])
    if packages:
        told([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages])
    stamp.write_text(json.dumps(list(packages)))
    return folder / "bin"


def release(programs: Path, distribution: str) -> str:
    """Return which version of a distribution is installed."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return subprocess.run([programs / "python", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def told(command: list[str]) -> None:
    """Run an installer; raise NotInstalledError with the last error it speaks of, if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "rror:" in line]
        raise NotInstalledError((lines or done.stderr.splitlines() or ["no reason given"])[-1][-200:])
