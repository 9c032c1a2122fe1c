"""What a large array costs: saved, named, verified, loaded and restored, beside numpy alone in the same run.

Both ways to name content are measured, BLAKE3 where it is installed.

Processor seconds and peak memory of each way, in processes of their own that take turns; then a project of two stages
with the same array, by `doit` and by hand. Run: ``python benchmarks/large_array.py [MEGABYTES] [ROUNDS]``
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measuring

DODO = """from kept import Pipeline, stage
import numpy as np


def make(count: int) -> np.ndarray:
    return np.random.default_rng(0).random(count, dtype=np.float32)


def mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64))


class Large(Pipeline):
    values = stage(make, {count})
    average = stage(mean, values)
"""
BY_HAND = """import numpy as np
np.save("values.npy", np.random.default_rng(0).random({count}, dtype=np.float32))
print(float(np.load("values.npy").mean(dtype=np.float64)))
"""
# Runs doit, then says how many bytes it has asked the system for; what is memory-mapped is not asked for.
COUNTED = """import sys
from doit.doit_cmd import DoitMain
code = DoitMain().run([])
print([line.split()[1] for line in open("/proc/self/io") if line.startswith("rchar")][0], file=sys.stderr)
"""
NAMES = {"sha256": "SHA-256", **({"blake3": "BLAKE3"} if importlib.util.find_spec("blake3") else {})}


# ---- one way, in a process of its own


def resident(what):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))


def measured(work, before):
    """Run ``work``; return its processor and wall seconds, and the peak of memory above what there was before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return result, took | {"peak": resident("VmHWM") - before}


def one_way(way, algorithm, folder, count):
    import numpy as np

    from kept import formats
    from kept.digest import Digest, hashing
    from kept.store import Store

    hashing(algorithm)  # it is loaded
    before, store, told = resident("VmRSS"), Store(Path(folder) / ".kept", algorithm=algorithm), {}
    array = np.random.default_rng(0).random(count, dtype=np.float32) if way != "fresh" else None
    if way == "numpy":
        _, told["save"] = measured(lambda: np.save(f"{folder}/values.npy", array), before)
        for name in NAMES:
            _, told[name] = measured(lambda name=name: hashing(name).update(memoryview(array).cast("B")), before)
        del array
        loaded, told["load"] = measured(lambda: np.load(f"{folder}/values.npy"), before)
    elif way == "kept":

        def save():
            with store.workshop() as shop:
                saved = formats.save(array, formats.named("npy"), shop / "values.npy", "", algorithm)
                return store.put(shop / "values.npy", (saved.written.stat, saved.written.digest))

        digest, told["save"] = measured(save, before)
        del array
        loaded, told["load"] = measured(lambda: formats.load("npy", store.path(digest)), before)
        _, told["restore"] = measured(lambda: store.restore(digest, f"{folder}/out/values.npy"), before)
        Path(folder, "digest").write_text(json.dumps([digest.hex, digest.size]))
    else:
        digest = Digest(*json.loads(Path(folder, "digest").read_text()))
        os.unlink(f"{folder}/out/values.npy")
        time.sleep(2.1)  # what was changed just now by another process is read each time
        loaded, told["load"] = measured(lambda: formats.load("npy", store.path(digest)), before)
        _, told["restore"] = measured(lambda: store.restore(digest, f"{folder}/out/values.npy"), before)
    told["use"] = measured(lambda: float(loaded.sum(dtype=np.float64)), before)[1]
    print(json.dumps(told))


# ---- all of them


def in_turns(folder, count, rounds):
    """Return the least of every figure of each way: the rest is what the machine had to do for others."""
    found = {}
    for number in range(rounds):
        place = Path(folder, str(number))
        place.mkdir()
        ours = [(way, algorithm) for algorithm in NAMES for way in ("kept", "fresh")]
        for way, algorithm in [("numpy", "sha256"), *ours] if number % 2 else [*ours, ("numpy", "sha256")]:
            inside = place / algorithm
            inside.mkdir(exist_ok=True)
            argv = [sys.executable, __file__, "--way", way, algorithm, str(inside), str(count)]
            for name, took in json.loads(measuring.output(argv, place)).items():
                for figure, value in took.items():
                    of = way if way == "numpy" else f"{way} {algorithm}"
                    found.setdefault((of, name, figure), []).append(value)
        subprocess.run(["rm", "-rf", place], check=True)
    return {key: min(values) for key, values in found.items()}


def project(folder, name, count, algorithm="sha256"):
    place = Path(folder, name)
    place.mkdir()
    (place / "pyproject.toml").write_text(f'[tool.kept]\ndigest = "{algorithm}"\n')
    (place / "dodo.py").write_text(DODO.format(count=count))
    (place / "by_hand.py").write_text(BY_HAND.format(count=count))
    return place


def in_project(large, small):
    """Return the least cost of two stages by hand, by doit with a small array, and by doit by each algorithm."""
    costs = {name: [] for name in ("hand", "base", *large)}
    first = next(iter(large.values()))
    for _ in range(4):
        costs["hand"].append(measuring.run([sys.executable, "by_hand.py"], first))
        (first / "values.npy").unlink()
        for name, place in {"base": small, **large}.items():
            subprocess.run(["rm", "-rf", place / "artifacts"], check=True)
            costs[name].append(measuring.run(measuring.program("doit"), place))
    return {name: min(found, key=lambda cost: cost.cpu) for name, found in costs.items()}


def asked_for(place):
    """Return how many bytes a run reads."""
    argv = [sys.executable, "-c", COUNTED]
    done = subprocess.run(argv, cwd=place, env=measuring.environment(), capture_output=True, text=True, check=True)
    assert "2 up to date" in done.stdout, done.stdout
    return int(done.stderr.split()[-1])


def rows(size, f, folder, count):
    """Yield the lines of the table: what, kept's figure, numpy's or the bound, ratio."""
    plain, peak = f["numpy", "save", "cpu"] + f["numpy", "load", "cpu"], size * 1.0
    yield "np.save + np.load: CPU", f"{plain:.3f} s", "", "1.0"
    for algorithm, name in NAMES.items():
        yield from _named(f, algorithm, name, plain)
    saved = max(f[f"kept {algorithm}", "save", "peak"] for algorithm in NAMES)
    yield "peak memory while it is saved", mb(saved), "1.2", f"{saved / peak:.2f}"
    used = max(f[f"{way} {algorithm}", "use", "peak"] for way in ("kept", "fresh") for algorithm in NAMES)
    yield "peak memory while it is loaded and used", mb(used), "1.2", f"{used / peak:.2f}"
    made, later = (max(f[f"{way} {name}", "restore", "wall"] for name in NAMES) for way in ("kept", "fresh"))
    yield "restore, in the run that has made it: wall", ms(made), "10 ms", ""
    yield "restore in a new process, once verified: wall", ms(later), "10 ms", ""
    projects, small = {name: project(folder, name, count, name) for name in NAMES}, project(folder, "small", 1000)
    costs, large = in_project(projects, small), projects["sha256"]
    hand = costs["hand"].cpu
    yield "two stages by hand, with np.save and np.load: CPU", f"{hand:.2f} s", "", "1.0"
    for algorithm, name in NAMES.items():
        build = costs[algorithm].cpu
        yield f"two stages by `doit`, {name}: CPU", f"{build:.2f} s", "2.0", f"{build / hand:.2f}"
    above = costs["sha256"].peak - costs["base"].peak
    yield "the same: peak above that of a small array", mb(above), "1.2", f"{above / peak:.2f}"
    first = asked_for(large) - asked_for(small)
    time.sleep(3)  # a receipt trusts no younger files
    again = min(asked_for(large) for _ in range(3)) - min(asked_for(small) for _ in range(3))
    yield "read by the next run, more than for a small array", f"{first:,} bytes", "0", ""
    yield "read by the run after it", f"{again:,} bytes", "0", ""


def _named(f, algorithm, name, plain):
    """Yield what one way to name content costs."""
    saved, loaded = f[f"kept {algorithm}", "save", "cpu"], f[f"kept {algorithm}", "load", "cpu"]
    fresh = f[f"fresh {algorithm}", "load", "cpu"]
    floor = f["numpy", "save", "cpu"] + f["numpy", algorithm, "cpu"]
    for what, bound, seconds in (
        (f"np.save + {name} of the array, nothing else: CPU", "", floor),
        (f"save, {name}, load in the same run: CPU", "2.0", saved + loaded),
        (f"save, {name}, load in a new process: CPU", "2.0", saved + fresh),
        (f"verifying it once in a new process, {name}: CPU", "", fresh),
    ):
        yield what, f"{seconds:.3f} s", bound, f"{seconds / plain:.2f}"


def mb(count):
    return f"{count / 1e6:.0f} MB"


def ms(wall):
    return f"{wall * 1000:.1f} ms"


def main():
    size = int(float(sys.argv[1]) if len(sys.argv) > 1 else 400) * 10**6
    rounds, count = int(sys.argv[2]) if len(sys.argv) > 2 else 5, size // 4
    with tempfile.TemporaryDirectory(prefix="kept-large-", dir=os.environ.get("TMPDIR")) as folder:
        figures = in_turns(folder, count, rounds)
        print(f"An array of {size / 1e6:.0f} MB, float32; the best of {rounds} rounds\n")
        print("| | kept | bound | ratio |\n|---|---:|---:|---:|")
        for row in rows(size, figures, folder, count):
            print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        one_way(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main()
