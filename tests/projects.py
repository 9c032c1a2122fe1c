"""A project of its own for a test: files to edit, doit to run, and what it did."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

POINTS = Path(__file__).with_name("points")
PATIENCE = 40  # seconds after which a run is taken to hang
_LINE = re.compile(r"^(?:\. |=>|--|!!) (\S+:\S+) (built|restored|up to date|failed)\b", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What one `doit` did."""

    args: tuple[str, ...]
    code: int  # negative: the signal that ended it
    out: str
    err: str
    ran: list[str]  # the marks of the stages that executed, in this order: see points/recipes/marks.py
    modules: frozenset[str] = frozenset()  # all that was imported; empty where the process was killed or spawned

    @property
    def outcomes(self) -> dict[str, str]:
        """Each stage as the screen shows it: "built", "restored", "up to date", "failed"."""
        return dict(_LINE.findall(self.out))

    def __str__(self) -> str:
        return f"doit {' '.join(self.args)} → {self.code}, ran {self.ran}\n{self.out}{self.err}"


@dataclass
class Project:
    """A folder with a dodo.py; a copy of tests/points to begin with."""

    root: Path
    runs: Path  # where output of runs is caught; outside the project
    environment: dict[str, str] = field(default_factory=dict)
    spawned: list[subprocess.Popen[str]] = field(default_factory=list)
    old: bool = False  # whether runs take every file for ten seconds older than it is

    # ---- files

    def path(self, file: str) -> Path:
        return self.root / file

    def read(self, file: str) -> str:
        return self.path(file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        self.path(file).parent.mkdir(parents=True, exist_ok=True)
        self.path(file).write_text(text, encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands exactly once in a file."""
        text = self.read(file)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))

    def remove(self, file: str) -> None:
        place = self.path(file)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()

    def order(self, stage: str, what: str | None) -> None:
        """Tell a stage what to do when it executes: "kill", "fail", "wait"; None takes it back."""
        if what is None:
            shutil.rmtree(self.path("orders"))
            return
        self.write(f"orders/{stage}", what)
        if what == "wait":
            os.mkfifo(self.path(f"orders/{stage}.here"))
            os.mkfifo(self.path(f"orders/{stage}.go"))

    def go(self, stage: str) -> None:
        """Let a stage go on that waits."""
        with open(self.path(f"orders/{stage}.go"), "w"):
            pass

    def shown(self) -> dict[str, str]:
        """Name what each file below artifacts/ holds, the store left out."""
        top = self.root / "artifacts"
        files = (p for p in sorted(top.rglob("*")) if p.is_file() and ".kept" not in p.relative_to(top).parts)
        return {p.relative_to(top).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    def copy(self, to: Path) -> Project:
        """Copy the project's own files, without anything that was built."""
        left_out = shutil.ignore_patterns("artifacts", "executed.log", "orders", "__pycache__", ".git")
        shutil.copytree(self.root, to, ignore=left_out)
        return Project(to, self.runs, self.environment)

    def git(self, *args: str) -> str:
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = {
            f"GIT_{role}_{what}": f"a{what.lower()}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        environment = {**self._environment(), **own, **who}
        done = subprocess.run(
            ["git", *args], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # ---- runs

    def executed(self) -> list[str]:
        """Every mark so far."""
        try:
            return self.read("executed.log").splitlines()
        except FileNotFoundError:
            return []

    def doit(
        self, *args: str, env: Mapping[str, str] | None = None, cwd: str | Path | None = None, bare: bool = False
    ) -> Run:
        """Run doit in a fork of a process that has doit, kept and numpy loaded; ``bare`` has no numpy yet."""
        if not hasattr(os, "fork"):
            return self.spawn(*args, env=env, cwd=cwd).wait()
        return self._fork("doit", args, "", env, cwd, bare=bare)

    def kept(
        self, *args: str, typed: str = "", env: Mapping[str, str] | None = None, cwd: str | Path | None = None
    ) -> Run:
        """Run `kept` in such a fork; ``typed`` is its standard input."""
        return self._fork("kept", args, typed, env, cwd)

    def python(self, script: str) -> Run:
        """Run a script in such a fork, in the project's folder."""
        return self._fork("python", (script,), "", {"PYTHONPATH": str(self.root)}, None)

    def _fork(
        self,
        program: str,
        args: tuple[str, ...],
        typed: str,
        env: Mapping[str, str] | None,
        cwd: str | Path | None,
        *,
        bare: bool = False,
    ) -> Run:
        before = len(self.executed())
        out, err, modules, stdin = (str(self.runs / name) for name in ("out", "err", "modules", "in"))
        Path(modules).write_text("")
        Path(stdin).write_text(typed, encoding="utf-8")
        environment = self._environment(env)
        order = {
            "program": program,
            "in": stdin,
            "args": args,
            "cwd": str(self.root / (cwd or "")),
            "env": environment,
            "path": [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry],
            "out": out,
            "err": err,
            "modules": modules,
            "old": self.old,
        }
        code = server(bare=bare).run(order)
        texts = [Path(file).read_text(encoding="utf-8", errors="replace") for file in (out, err, modules)]
        return Run(args, code, texts[0], texts[1], self.executed()[before:], frozenset(texts[2].split()))

    def spawn(self, *args: str, env: Mapping[str, str] | None = None, cwd: str | Path | None = None) -> Spawned:
        """Start doit as a process of its own, for signals and for two at once."""
        before = len(self.executed())
        process = subprocess.Popen(
            [*command(), *args],
            cwd=self.root / (cwd or ""),
            env=self._environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_interruptible,  # noqa: PLW1509  # no threads here
        )
        self.spawned.append(process)
        return Spawned(self, args, process, before)

    def close(self) -> None:
        """End what a failed test has left behind."""
        for process in self.spawned:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give a run what a user's shell has, and nothing of how the tests were started."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV", "GIT_", "DOIT"))}
        path = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        given = {
            **plain,
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONFAULTHANDLER": "1",
            **self.environment,
            **(more or {}),
        }
        path = [*given.get("PYTHONPATH", "").split(os.pathsep), *path]
        given["PYTHONPATH"] = os.pathsep.join(entry for entry in path if entry)
        return given


def _interruptible() -> None:
    """Hear Ctrl-C also where the tests run in the background of a shell, which lets its children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command() -> list[str]:
    """Return how to start the `doit` of this environment."""
    script = Path(sys.executable).with_name("doit")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "doit"]


@dataclass
class Spawned:
    """A `doit` that runs by itself."""

    project: Project
    args: tuple[str, ...]
    process: subprocess.Popen[str]
    before: int
    heard: str = ""

    def until_executing(self, stage: str) -> None:
        """Wait until it executes a stage that was told to wait."""
        pipe = os.open(self.project.path(f"orders/{stage}.here"), os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._until(pipe, f"mark {stage}")
        finally:
            os.close(pipe)

    def read_until(self, text: str) -> None:
        """Wait until it has printed a text."""
        assert self.process.stdout is not None
        while text not in self.heard:
            self._until(self.process.stdout.fileno(), f"print {text!r}")
            got = os.read(self.process.stdout.fileno(), 65536).decode()
            assert got, f"ended without {text!r}:\n{self.heard}"
            self.heard += got

    def _until(self, pipe: int, what: str) -> None:
        if not select.select([pipe], [], [], PATIENCE)[0]:
            raise AssertionError(f"it did not {what}\n{self.killed()}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> Run:
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end\n{self.killed()}") from None
        return Run(self.args, self.process.returncode, self.heard + out, err, self.project.executed()[self.before :])

    def killed(self) -> Run:
        """End it so that Python shows where it was."""
        self.process.send_signal(signal.SIGABRT)
        try:
            out, err = self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        return Run(self.args, self.process.returncode, self.heard + out, err, [])


class Server:
    """The process that runs are forked from: see doit_server.py."""

    def __init__(self, libraries: Iterable[str]) -> None:
        program = [sys.executable, str(Path(__file__).with_name("doit_server.py")), str(Path(command()[0]).parent)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") or k == "PYTHONPATH"}
        self.process = subprocess.Popen(
            [*program, *libraries], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        self.heard = ""

    def run(self, order: Mapping[str, object]) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        number = self._answer()
        try:
            return self._answer()
        except TimeoutError:
            os.kill(number, signal.SIGKILL)
            self._answer()
            raise

    def _answer(self) -> int:
        assert self.process.stdout is not None
        pipe = self.process.stdout.fileno()  # not readline(), which takes both answers if both are there
        while "\n" not in self.heard:
            if not select.select([pipe], [], [], PATIENCE)[0]:
                raise TimeoutError(f"a run took more than {PATIENCE} seconds")
            got = os.read(pipe, 4096).decode()
            assert got, "the process that runs are forked from has ended"
            self.heard += got
        line, _, self.heard = self.heard.partition("\n")
        return int(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)


_servers: dict[bool, Server] = {}


def server(*, bare: bool) -> Server:
    """Return the process to fork from, started when it is first needed."""
    if bare not in _servers:
        _servers[bare] = Server(() if bare else ("numpy", "cloudpickle", "tabulate"))
    return _servers[bare]


def close_servers() -> None:
    while _servers:
        _servers.popitem()[1].close()


def new_project(folder: Path, like: Path = POINTS) -> Project:
    """Make a project in an empty folder: a copy of tests/points, or of another one, with all that was built there."""
    root, runs = folder / "project", folder / "runs"
    shutil.copytree(like, root, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    runs.mkdir()
    return Project(root, runs)
