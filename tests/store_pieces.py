"""What the tests of the store share: names, records, damage and other processes."""

import hashlib
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kept.digest import Digest
from kept.store import Store

HOUR = 3600


def key(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def record_of(*digests: Digest, tree: bool = False) -> dict:
    outputs = [
        {"name": f"o{n}", "digest": d.hex, "size": d.size, "format": "json", "tree": tree}
        for n, d in enumerate(digests)
    ]
    return {"outputs": outputs, "seconds": 1.5}


def age(path, seconds: float) -> None:
    seen = os.lstat(path)
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns - int(seconds * 1e9)), follow_symlinks=False)


def overwrite(path, data: bytes) -> None:
    """Damage a file in place, as a disk or a careless program would."""
    os.chmod(path, 0o644)
    Path(path).write_bytes(data)


def blob(store: Store, digest: Digest) -> Path:
    return store.root / "blobs" / digest.hex[:2] / digest.hex[2:]


def action(store: Store, name: str) -> Path:
    return store.root / "actions" / name[:2] / name[2:]


def everything(root) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in Path(root).rglob("*"))


def make_folder(top: Path) -> Path:
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "a b").write_bytes(b"1")
    (top / "sub" / "Ünï").write_bytes(b"2" * 3000)
    (top / "sub" / "deep" / "run").write_bytes(b"#!")
    (top / "sub" / "deep" / "run").chmod(0o755)
    Path(os.fsdecode(os.fsencode(top) + b"/d\xff")).write_bytes(b"3")
    return top


def hold(store: Store) -> Digest:
    """Put one blob and its record."""
    digest = store.put_bytes(b"x" * 1000)
    store.publish(key("a"), record_of(digest))
    return digest


def planted(top: Path) -> tuple[Store, Digest, Path]:
    """Make a store with one record, and a canary outside it with the content of its blob."""
    store = Store(top / "store")
    digest = hold(store)
    canary = top / "canary"
    canary.write_bytes(b"x" * 1000)
    return store, digest, canary


def environment() -> dict[str, str]:
    """Return what another process needs to import kept from here."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}


def run_python(program: str, *arguments: object) -> str:
    """Run a program in a process of its own, which must succeed; return what it said."""
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


NOBODY = 65534


@contextmanager
def reachable(top: Path) -> Iterator[Path]:
    """Give a folder of the test's own to a throw-away user, and let him pass the folders above it."""
    mine = top / "nobody"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    above = [place for place in mine.parents if place.stat().st_mode & 0o001 == 0]
    modes = [place.stat().st_mode for place in above]
    for place, mode in zip(above, modes, strict=True):
        place.chmod(mode | 0o001)
    try:
        yield mine
    finally:
        for place, mode in zip(above, modes, strict=True):
            place.chmod(mode)


def as_nobody(top: Path, work: Callable[[Path], None]) -> None:
    """Run ``work`` on a folder of its own, without the superuser's rights: a bug must not reach the system."""
    if os.geteuid() != 0:
        work(top)
        return
    with reachable(top) as mine:
        reader, writer = os.pipe()
        with warnings.catch_warnings():  # other tests of this run may have left threads; the child uses none of them
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            problem = "died"
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                work(mine)
                problem = ""
            except BaseException:  # noqa: BLE001 -- a child of a test must end here, whatever it met
                problem = traceback.format_exc()
            finally:
                os.write(writer, problem.encode()[:60_000])
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read().decode()
        os.waitpid(child, 0)
        assert said == "", said
