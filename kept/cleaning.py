"""Orders what `doit clean` removes, however long the chains of tasks are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import doit.cmd_clean


def install() -> None:
    """Let doit order by a tree of ours; it looks the class up by name when a command starts."""
    doit.cmd_clean.CleanDepTree = LongTree


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
