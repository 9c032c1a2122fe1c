"""Many calls with joblib.Memory."""

import hashlib
from pathlib import Path

from joblib import Memory
from work import copied

memory = Memory(".cache", verbose=0)


@memory.cache(ignore=["path"])
def read(path, digest):
    return copied.copied(path)


if __name__ == "__main__":
    for path in Path("in").iterdir():
        read(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
