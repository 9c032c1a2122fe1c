"""Puts back what a stage has done to the process that runs it."""

from __future__ import annotations

import contextlib
import contextvars
import locale
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from . import library_options

# Whose handlers end a run in order, or are a stage's own way to give up waiting.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGCHLD") if hasattr(signal, name)
)
# What `signal.getsignal` asks, without making a member of `signal.Handlers` of it, twice a stage for each signal.
_handler: Callable[[int], Any] = getattr(signal, "_signal", signal).getsignal
# All variables as the system has them: to copy what it holds takes none of the time that decoding each of them does.
_VARIABLES: Any = getattr(os, "environb", os.environ)


class Exited(SystemExit):
    """A stage called ``os._exit``: the run would end there, unheard, maybe as one that succeeded."""


@contextlib.contextmanager
def put_back(root: str, environment: Mapping[str, str | None]) -> Iterator[None]:
    """Run a stage with the declared variables of all stages as they were judged, and leave them so for the next.

    After it the permissions of new files, handlers of signals and a timer are as before, too, and there is a current
    folder. A fork that the stage has not ended ends here: there must not be two runs.
    """
    own, mask = os.getpid(), _mask()
    handlers = {number: _handler(number) for number in _SIGNALS}
    timed = hasattr(signal, "getitimer") and signal.getitimer(signal.ITIMER_REAL)[0] > 0
    _declare(environment)
    leave = os._exit
    os._exit = _heard(own, leave)  # type: ignore[assignment]  # its parameter has another name
    try:
        yield
    except BaseException as problem:
        if os.getpid() != own:
            _end(leave, problem)
        raise
    else:
        if os.getpid() != own:
            _end(leave, None)
    finally:
        os._exit = leave
        os.umask(mask)
        _declare(environment)
        if threading.current_thread() is threading.main_thread():
            _hear(handlers, timed=timed)
        _stand(root)


def alone(function: Callable[..., Any], args: Iterable[Any], named: Mapping[str, Any]) -> Any:
    """Call a stage; what it sets for the interpreter or for a context ends with it, as NumPy's warnings do.

    Not so where it has imported something: what a module sets is set once, for whoever imports it after that, too.
    """
    loaded, context = len(sys.modules), contextvars.copy_context()
    with library_options.put_back(), contextlib.ExitStack() as ends:
        ends.enter_context(warnings.catch_warnings())
        ends.callback(_set, list(sys.path), sys.getrecursionlimit(), locale.setlocale(locale.LC_ALL))
        ends.callback(_set_variables, _VARIABLES._data.copy())
        try:
            return context.run(_precisely, function, args, named)
        finally:
            if len(sys.modules) != loaded:
                ends.pop_all()
                for variable in context:
                    variable.set(context[variable])


def _precisely(function: Callable[..., Any], args: Iterable[Any], named: Mapping[str, Any]) -> Any:
    if "decimal" in sys.modules:
        import decimal

        decimal.setcontext(decimal.getcontext().copy())  # contexts would share the one that there is
    return function(*args, **named)


def _set(path: list[str], limit: int, language: str) -> None:
    if sys.path != path:
        sys.path[:] = path
    if sys.getrecursionlimit() != limit:
        sys.setrecursionlimit(limit)
    if locale.setlocale(locale.LC_ALL) != language:
        locale.setlocale(locale.LC_ALL, language)


def _set_variables(before: Mapping[Any, Any]) -> None:
    for name, value in before.items() - _VARIABLES._data.items():
        _VARIABLES[name] = value
    for name in _VARIABLES._data.keys() - before.keys():
        del _VARIABLES[name]


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _declare(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _heard(own: int, leave: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    def exited(code: int) -> NoReturn:
        if os.getpid() == own and threading.current_thread() is threading.main_thread():
            raise Exited(code)
        leave(code)

    return exited


def _end(leave: Callable[[int], NoReturn], problem: BaseException | None) -> NoReturn:
    """End a fork as Python would have ended it."""
    code = 0 if problem is None else 1
    with contextlib.suppress(BaseException):
        if isinstance(problem, SystemExit):
            code = problem.code if isinstance(problem.code, int) else int(problem.code is not None)
        elif problem is not None:
            traceback.print_exception(problem)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    leave(code)


def _hear(handlers: Mapping[signal.Signals, Any], *, timed: bool) -> None:
    if not timed and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in handlers.items():
        if handler is not None and _handler(number) is not handler:  # None: not set from Python
            signal.signal(number, handler)


def _stand(root: str) -> None:
    try:
        os.getcwd()
    except OSError:  # it has removed the folder in which it was
        os.chdir(root)
