"""Runs a call somewhere else: in processes of this machine."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO

# The folder of kept comes last, for where it is not installed: nothing in it may hide a module of Python's own.
_KEPT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SERVE = f"import sys; sys.path.append({_KEPT!r}); from kept.executors import serve; serve()"

_SAID = 2000  # bytes at the end of what a process that died had printed

# What libraries read, when they are loaded, to know how many threads to use.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


class WorkerDied(Exception):  # noqa: N818  # it is what happened
    """A process ended in the middle of a call; its text says how, ``said`` is what it wrote outside of any stage."""

    def __init__(self, how: str, said: str = "") -> None:
        super().__init__(how)
        self.said = said


class NotUnderstood(Exception):  # noqa: N818  # it is what happened
    """A call arrived in another process, which cannot read it; its text says why."""


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment in which numeric libraries keep ``threads`` processors busy, and no more.

    A lower limit that the user has set stays.
    """
    own = {name: os.environ.get(name, "") for name in _THREADS}
    return {name: text if text.isdecimal() and 0 < int(text) < threads else str(threads) for name, text in own.items()}


@dataclass(eq=False)
class _Worker:
    """One process, spawned, never forked: threads of numeric libraries do not survive a fork."""

    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    said: IO[bytes] = field(init=False)  # what it prints outside of any stage: the terminal stays ours

    def __post_init__(self) -> None:
        options = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # -O, -W …: as multiprocessing
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self.process = subprocess.Popen(
            [sys.executable, *options, "-P", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            env={**os.environ, **self.environment},
            start_new_session=True,  # Ctrl-C is ours to pass on, and what a stage starts ends with it
        )

    def call(self, payload: bytes, tell: Callable[[str], None]) -> Any:
        """Send a call and wait for what it returns; lines that it tells meanwhile are passed on."""
        import pickle

        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            _send(self.process.stdin, payload)
            while True:
                kind, value = pickle.loads(_receive(self.process.stdout))  # from our own child
                if kind == "done":
                    return value
                if kind == "unread":
                    raise NotUnderstood(value)
                if kind == "raised":
                    raise value
                tell(value)
        except (BrokenPipeError, EOFError):
            raise WorkerDied(self._how(), self._said()) from None

    def _how(self) -> str:
        code = self.process.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def _said(self) -> str:
        self.said.seek(0)
        return self.said.read()[-_SAID:].decode(errors="replace")

    def kill(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End the process, all that it started, and what is open here; only where no thread waits for an answer."""
        self.kill()
        for stream in (self.process.stdin, self.process.stdout, self.said):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Workers:
    """Processes that are started when needed and used again for calls in the same environment."""

    def __init__(self, enter: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
        self.enter = enter  # called once in each process, before its first call
        self.idle: list[_Worker] = []
        self.busy: set[_Worker] = set()
        self._lock = threading.Lock()

    def submit(
        self,
        function: Callable[..., Any],
        argument: object,
        environment: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> Future[Any]:
        """Start ``function(argument, tell)`` in another process; its future may hold WorkerDied.

        Raises what pickling raises where the argument cannot be sent.
        """
        import cloudpickle

        call = cloudpickle.dumps((function, argument))  # apart: it can be read only where ``enter`` has run
        payload = cloudpickle.dumps((*self.enter, call))
        worker = self._take(environment)
        future: Future[Any] = Future()
        threading.Thread(target=self._run, args=(worker, payload, tell, future), daemon=True).start()
        return future

    def _take(self, environment: Mapping[str, str]) -> _Worker:
        with self._lock:
            fitting = next((w for w in self.idle if dict(w.environment) == dict(environment)), None)
            if fitting is not None:
                self.idle.remove(fitting)
            else:
                while self.idle:  # one of another environment holds memory that nobody uses
                    self.idle.pop().end()
                fitting = _Worker(environment)
            self.busy.add(fitting)
            return fitting

    def _run(self, worker: _Worker, payload: bytes, tell: Callable[[str], None], future: Future[Any]) -> None:
        try:
            result = worker.call(payload, tell)
        except BaseException as problem:  # noqa: BLE001  # whatever it is belongs to the future, this thread has nobody
            with self._lock:
                self.busy.discard(worker)
            worker.end()
            future.set_exception(problem)
            return
        with self._lock:
            self.busy.discard(worker)
            self.idle.append(worker)
        future.set_result(result)

    def close(self) -> None:
        """End every process; calls that are under way are lost."""
        with self._lock:
            idle, busy = list(self.idle), list(self.busy)
            self.idle.clear()
        for worker in busy:
            worker.kill()  # the thread that waits for its answer does the rest
        for worker in idle:
            worker.end()


# ---- in the worker


def serve() -> None:
    """Take calls from standard input until it ends; what stages print does not get in between."""
    if hasattr(os, "setsid"):
        _guard()
    else:  # no session of its own: Ctrl-C comes here, too
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    import pickle

    with _channels() as (calls, answers):

        def tell(text: str) -> None:
            _send(answers, pickle.dumps(("tell", text)))

        entered = False
        while True:
            try:
                payload = _receive(calls)
            except EOFError:
                return
            enter, arguments, call = pickle.loads(payload)
            if not entered:
                enter(*arguments)
                entered = True
            _send(answers, _answer(call, tell))


def _answer(call: bytes, tell: Callable[[str], None]) -> bytes:
    import pickle

    import cloudpickle

    try:
        function, argument = pickle.loads(call)
    except Exception as problem:  # noqa: BLE001  # it imports the user's modules, which may raise anything
        return pickle.dumps(("unread", f"{type(problem).__name__}: {problem}"))
    try:
        answer: bytes = cloudpickle.dumps(("done", function(argument, tell)))
    except Exception as problem:  # noqa: BLE001  # the caller is told, and this process stays
        try:
            answer = cloudpickle.dumps(("raised", problem))
        except Exception:  # noqa: BLE001  # an exception of the user's may not be sent
            answer = cloudpickle.dumps(("raised", RuntimeError(f"{type(problem).__name__}: {problem}")))
    return answer


@contextlib.contextmanager
def _channels() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Move the pipes to the parent out of the way: descriptors 0 and 1 belong to the stages."""
    with os.fdopen(os.dup(0), "rb") as calls, os.fdopen(os.dup(1), "wb") as answers:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        yield calls, answers


def _guard() -> None:
    """Have a process of its own end this one, and all that it has started, when the run or this process is killed.

    The system would tell this process only, and a thread in it could not act while a stage holds the interpreter.
    Forked while nothing but Python is loaded and there is one thread; it does nothing but wait.
    """
    worker = os.getpid()
    if os.fork():
        return
    os.close(1)  # else its copy of the pipe would hide that the worker has ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = select.poll()
    run.register(0, 0)  # nothing is read: all that is heard is that the other end, the run, is gone
    while os.getppid() == worker and not run.poll(1000):
        pass
    os.killpg(0, signal.SIGKILL)


def _send(stream: Any, data: bytes) -> None:
    stream.write(struct.pack(">Q", len(data)) + data)
    stream.flush()


def _receive(stream: Any) -> bytes:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack(">Q", head)
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
