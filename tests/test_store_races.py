"""Five processes at one key, with a janitor who breaks and sweeps what they make."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from store_pieces import environment, key, record_of

from kept import errors
from kept.digest import digest_bytes
from kept.store import Store

SECONDS = float(os.environ.get("STORE_RACE_SECONDS", "3"))
OUTPUT = b"the one right answer" * 200


def build(store: Store, top: Path, name: str, until: float) -> None:
    """Bring one key up to date, as a build does, and check what it brought.

    While the janitor is at work he may undo every try, the more the slower the disk is; after ``until`` nobody does.
    """
    target, left = top / f"target-{os.getpid()}", 3
    while left:
        left -= time.monotonic() > until
        with store.lock(name):
            record = store.lookup(name)
            if record is None:
                with open(top / "executions", "ab", buffering=0) as executions:
                    executions.write(b"x")
                with store.workshop() as shop:
                    (shop / "out").write_bytes(OUTPUT)
                    record = store.publish(name, record_of(store.put(shop / "out")))
        assert record == record_of(digest_bytes(OUTPUT)), record
        try:
            store.restore(digest_bytes(OUTPUT), target)
        except errors.BlobMissing:
            continue  # the janitor was here
        assert target.read_bytes() == OUTPUT
        return
    raise AssertionError("never came to an end")


def work(root: str, top: str, seconds: float) -> None:
    """Build again and again; say how often."""
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until or done == 0:
        build(Store(root), Path(top), key("a"), until + 30)  # he may have begun later, and ends what he has begun
        done += 1
    print(done)


def janitor(root: str, seconds: float) -> None:
    """Damage, remove and sweep whatever is there."""
    until, store = time.monotonic() + seconds, Store(root)
    dice = random.Random(7)
    while time.monotonic() < until:
        places = list(store.root.glob("*s/*/*"))
        if places:
            place = dice.choice(places)
            try:
                deed = dice.randrange(5)
                if deed == 0:
                    place.unlink()
                elif deed == 1:
                    place.chmod(0o644)
                    with open(place, "r+b") as file:
                        file.write(b"?")
                elif deed == 2:
                    os.truncate(place, 3)
                elif deed == 3:
                    store.gc(grace_s=-10)
                else:
                    store.verify(repair=True)
            except FileNotFoundError:
                continue


def started(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-W", "error", __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


def ended(processes: list[subprocess.Popen]) -> list[str]:
    said = [process.communicate() for process in processes]
    assert [problem for _, problem in said if problem] == []
    assert [process.returncode for process in processes] == [0] * len(processes)
    return [out for out, _ in said]


def test_five_processes_execute_once(tmp_path):
    """One of them builds, the others wait for it and take what it made."""
    processes = [started("work", tmp_path / "s", tmp_path, 0) for _ in range(5)]
    assert ended(processes) == ["1\n"] * 5
    assert (tmp_path / "executions").read_bytes() == b"x"


def test_five_processes_and_a_damaging_janitor(tmp_path):
    """Whatever is broken or swept under their feet, no process ever gets a wrong byte."""
    processes = [started("work", tmp_path / "s", tmp_path, SECONDS) for _ in range(5)]
    processes.append(started("janitor", tmp_path / "s", SECONDS))
    rounds = sum(map(int, ended(processes)[:5]))
    executions = len((tmp_path / "executions").read_bytes())
    print(f"{rounds} builds, {executions} executions")
    assert rounds >= 5
    assert executions >= 1
    store = Store(tmp_path / "s")
    store.verify(repair=True)
    assert store.verify().findings == ()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    else:
        janitor(sys.argv[2], float(sys.argv[3]))
