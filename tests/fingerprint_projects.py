"""Small projects on disk for the tests of fingerprints."""

import importlib
import os
import sys
import textwrap
from contextlib import contextmanager

from kept.fingerprint import fingerprint


class Files:
    """A folder of source files; ``a__b`` stands for a/b.py."""

    def __init__(self, root):
        self.root = root

    def write(self, **files):
        for name, text in files.items():
            path = self.root / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
            os.utime(path, (1, 1))  # long ago: not racy
        importlib.invalidate_caches()

    def made(self, target="stages:train", **options):
        return fingerprint(target, root=self.root, **options)

    def loaded(self, name="stages"):
        return importlib.import_module(name)

    def forget(self):
        for name, module in list(sys.modules.items()):
            if str(self.root) in (getattr(module, "__file__", None) or ""):
                del sys.modules[name]
        importlib.invalidate_caches()


@contextmanager
def opened(tmp_path, monkeypatch):
    """Put a new project on sys.path; forget at the end what was imported from it."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.setattr(sys, "path", [str(root), str(root / "site-packages"), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    files = Files(root)
    others = _set_aside(("stages", "helpers", "plug", "hh"))
    yield files
    files.forget()
    sys.modules.update(others)


def _set_aside(names):
    """Take out modules of these names that other tests have loaded, with what is in them."""
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}
