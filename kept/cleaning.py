"""Lets `doit clean` work with chains of any length, and where nothing can be removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import doit.cmd_clean
import doit.task

from . import errors


def install() -> None:
    """Let doit order by a tree of ours; it looks the class up by name when a command starts."""
    doit.cmd_clean.CleanDepTree = LongTree
    if doit.task.clean_targets.__module__ != __name__:
        doit.task.clean_targets = _telling(doit.task.clean_targets)


def _telling(stock: Callable[..., None]) -> Callable[..., None]:
    def clean_targets(task: Any, dryrun: bool) -> None:
        """Remove the targets of a plain task; the system may not let it, which is no mistake of doit's."""
        try:
            stock(task, dryrun)
        except OSError as problem:
            raise errors.cannot_remove(problem.filename, problem) from None

    return clean_targets


class LongTree(doit.cmd_clean.CleanDepTree):  # type: ignore[misc]  # doit has no types
    """doit's order of cleaning, task for task, without its recursion, which fails near a thousand tasks in a row."""

    def build_nodes_with_deps(self, tasks: Mapping[str, Any], task_name: str) -> None:
        """Take in a task and all that it needs."""
        if task_name in self._processed:
            return
        begun = [(task_name, self._needs(tasks, task_name))]
        while begun:
            name, rest = begun[-1]
            need = next(rest, None)
            if need is None:
                begun.pop()
                continue
            self.nodes.setdefault(need, []).append(name)
            if need not in self._processed:
                begun.append((need, self._needs(tasks, need)))

    def _needs(self, tasks: Mapping[str, Any], name: str) -> Iterator[str]:
        self._processed.add(name)
        self.nodes.setdefault(name, [])
        needs: list[str] = tasks[name].setup_tasks + tasks[name].task_dep
        return reversed(needs)

    def _get_leafs(self, name: str, children: list[str]) -> Iterator[str]:
        """Yield what needs a task, and what needs that, before the task itself."""
        begun = [(name, iter(children))]
        while begun:
            top, rest = begun[-1]
            child = next(rest, None)
            if child is None:
                begun.pop()
                yield top
            elif child in self.nodes:
                begun.append((child, iter(self.nodes.pop(child))))
