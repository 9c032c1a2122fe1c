"""Break the store on purpose, one way at a time, and see which tests notice.

``python tests/nightly/mutants.py`` works on copies in a temporary folder and takes some minutes. It ends with 1 if a
mutant survives, or if the tests fail without one.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
UNIT = ["", "_records", "_written", "_copies", "_disks", "_trust", "_upkeep"]
SUITES = {"unit": UNIT, "crash": ["_crash"], "random": ["_random"], "race": ["_races"], "fuzz": ["_fuzz"]}


@dataclass(frozen=True)
class Mutant:
    """One bug: a piece of a file of the store, and what stands in its place."""

    name: str
    file: str
    right: str
    wrong: str


WRITE_ONCE = "    os.write(fd, rest)"
IN_PLACE = """\
        source, target = os.open(draft, READ), os.open(place, NEW, 0o444)
        for data in chunks(source):
            write(target, data)
        os.close(source)
        os.close(target)
"""

MUTANTS = [
    Mutant("no digest check in path()", "blobs", "if found.hex == digest.hex:", "if found.size == digest.size:"),
    Mutant("record not bound to its key", "records", 'if found.get("key") != key:', "if False:"),
    Mutant("no heal", "blobs", "return self.path(digest) is not None\n", "return True\n"),
    Mutant("non-atomic publish", "disk", "        os.link(draft, place)\n", IN_PLACE),
    Mutant("no blob stat in lookup", "records", " or not all(map(self.blobs.holds, reached)):", ":"),
    Mutant("ignored short write", "disk", "    while rest:\n        rest = rest[os.write(fd, rest) :]", WRITE_ONCE),
    Mutant("no record checksum", "records", "if checksum != right:", "if False:"),
    Mutant("open without O_NOFOLLOW", "disk", '_OURS = getattr(os, "O_NOFOLLOW", 0) | ', "_OURS = "),
    Mutant("restore checks the blob, not the copy", "copies", "if _holds(blobs, new, digest)", "if blobs.path(digest)"),
    Mutant("a writer's word is not compared", "blobs", "known[0] == disk.stat_of(seen)", "True"),
    Mutant("a look that the next write may have", "disk", "(now - 1, now - 1)", "(now, now)"),
    Mutant("a second name is not read", "copies", "if not _holds(blobs, new, digest) or (", "if (False or "),
    Mutant("a second name written to meanwhile", "copies", "disk.still(new, stamped) is None", "False"),
    Mutant("a failing disk taken for damage", "disk", "errno.ELOOP, ", "errno.EIO, errno.EACCES, errno.ELOOP, "),
    Mutant("no fsync of a blob", "blobs", "        os.fsync(fd)\n", ""),
    Mutant("no fsync of a record", "records", "            os.fsync(draft.fd)\n", ""),
    Mutant("sweep does not look again", "sweep", "if os.lstat(aside).st_mtime_ns < oldest:", "if True:"),
    Mutant("sweep takes a workshop in use", "sweep", "if held is None:  # a stage is at work in it", "if False:"),
    Mutant(
        "sweep ignores what it cannot read",
        "sweep",
        "raise errors.sweep_refused(getattr",
        "return entries; raise (getattr",
    ),
    Mutant("racy times trusted", "blobs", "if now is not None and not then.racy_at(now):", "if True:"),
    Mutant("lock on a file without a name", "locks", "current = _current(seen, place)", "current = True"),
    Mutant("no lock", "locks", "while fcntl is not None and", "while False and"),
    Mutant("temporary left on error", "layout", "                    os.unlink(draft.path)", "                    ..."),
    Mutant("names climb out of a folder", "trees", 'part in ("", ".", "..")', 'part in ("", ".")'),
    Mutant("old and new folder mixed", "copies", "there is not None and (folder or", "there is not None and (False or"),
]


def run(top: Path, suite: str, fast: bool) -> bool:
    """Run one suite on a copy; True if it passes."""
    files = [str(top / "tests" / f"test_store{part}.py") for part in SUITES[suite]]
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *(["-x"] if fast else []), *files]
    try:
        done = subprocess.run(command, cwd=top, capture_output=True, check=False, timeout=900, env=surroundings(top))
    except subprocess.TimeoutExpired:  # it waits for ever: noticed, too
        return False
    return done.returncode == 0


def surroundings(top: Path) -> dict[str, str]:
    """Return an environment in which the copy is what is imported."""
    return {**os.environ, "PYTHONPATH": str(top)}


def copied(below: str) -> Path:
    """Copy the engine and the tests of the store."""
    top = Path(below) / "copy"
    shutil.rmtree(top, ignore_errors=True)
    (top / "tests").mkdir(parents=True)
    shutil.copytree(TOP / "kept", top / "kept", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "pyproject.toml", top)
    for place in (*TOP.glob("tests/store_*.py"), *TOP.glob("tests/test_store*.py")):
        shutil.copy(place, top / "tests")
    return top


def plant(mutant: Mutant, top: Path) -> None:
    """Put a bug into a copy of the tree; AssertionError where what it breaks does not stand there once."""
    place = top / "kept" / "store" / f"{mutant.file}.py"
    text = place.read_text()
    assert text.count(mutant.right) == 1, f"{mutant.name}: {text.count(mutant.right)} places to break"
    place.write_text(text.replace(mutant.right, mutant.wrong))


def main(arguments: list[str]) -> int:
    """Try every mutant against each suite named on the command line, or against all until one catches it."""
    suites = arguments or list(SUITES)
    survived = 0
    with tempfile.TemporaryDirectory() as below:
        sound = {suite: run(copied(below), suite, fast=False) for suite in suites}
        print("without a mutant:", ", ".join(f"{s} {'green' if ok else 'RED'}" for s, ok in sound.items()), flush=True)
        for mutant in MUTANTS:
            top = copied(below)
            plant(mutant, top)
            caught = (suite for suite in suites if not run(top, suite, fast=True))
            caught = list(caught) if arguments else list(itertools.islice(caught, 1))
            survived += not caught
            print(f"{mutant.name:<45} {', '.join(caught) or 'SURVIVED'}", flush=True)
    print(f"{len(MUTANTS) - survived} of {len(MUTANTS)} caught")
    return 1 if survived or not all(sound.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
