"""Runs a call somewhere else: in processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_SERVE = "from kept.executors import serve; serve()"

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
    """A process ended in the middle of a call; its text says how."""


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment in which numeric libraries keep ``threads`` processors busy, and no more."""
    return dict.fromkeys(_THREADS, str(threads))


@dataclass(eq=False)
class _Worker:
    """One process, spawned, never forked: threads of numeric libraries do not survive a fork."""

    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
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
                if kind == "raised":
                    raise value
                tell(value)
        except (BrokenPipeError, EOFError):
            raise WorkerDied(self._how()) from None

    def _how(self) -> str:
        code = self.process.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def end(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
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
            workers = [*self.idle, *self.busy]
            self.idle.clear()
        for worker in workers:
            worker.end()


# ---- in the worker


def serve() -> None:
    """Take calls from standard input until it ends; what stages print does not get in between."""
    import pickle

    import cloudpickle

    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _channels() as (calls, answers):
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
            function, argument = pickle.loads(call)

            def tell(text: str) -> None:
                _send(answers, cloudpickle.dumps(("tell", text)))

            _send(answers, _answer(function, argument, tell))


def _answer(function: Callable[..., Any], argument: object, tell: Callable[[str], None]) -> bytes:
    import cloudpickle

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


def _end_with_parent() -> None:
    """Let the system end this process when its parent is killed."""
    if sys.platform == "linux":
        import ctypes

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
        return
    parent = os.getppid()

    def watch() -> None:
        import time

        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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
