"""Many functions in Hamilton."""

import hashlib
from pathlib import Path

import nodes
from hamilton import driver

if __name__ == "__main__":
    digests = {f"digest{n}": hashlib.sha256(Path(f"in/{n}.txt").read_bytes()).hexdigest() for n in range(nodes.count)}
    built = driver.Builder().with_modules(nodes).with_cache().build()
    built.execute([f"s{n}" for n in range(nodes.count)], inputs=digests)
