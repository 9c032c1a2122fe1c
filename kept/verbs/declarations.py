"""Loads a project's dodo.py, for verbs that need what it declares."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .. import errors
from ..build import Project
from ..fingerprint import loading
from ..lean import dataclass
from ..pipeline import Pipeline, Stage, bound, unnamed
from ..pipeline import stages as stages_of
from ..reading import project_around
from ..reports import Report


@dataclass(frozen=True)
class Declarations:
    """The pipelines of a dodo.py, in the order in which it names them, and the project that they are built in."""

    project: Project
    pipelines: Mapping[str, type[Pipeline]]
    reports: Mapping[str, Report]

    def stages(self, names: Iterable[str]) -> list[str]:
        """Return the stages that names of stages, variants, reports and files of artifacts mean; all without a name."""
        chosen: dict[str, None] = {}
        for name in names or [*self.pipelines]:
            chosen.update(dict.fromkeys(self._stages(name)))
        return list(chosen)

    def stage(self, name: str) -> str:
        """Return the one stage that a name means."""
        found = self._stages(name)
        if len(found) != 1:
            raise errors.not_one_stage(name, tuple(found))
        return found[0]

    def pipeline(self, name: str) -> Sequence[Stage]:
        """Return the stages of a variant."""
        if name not in self.pipelines:
            raise errors.unknown_target(name, (*self.pipelines,))
        return stages_of(self.pipelines[name])

    def _stages(self, name: str) -> list[str]:
        if name in self.reports:
            return [s.task for pipeline in self.reports[name].pipelines for s in stages_of(pipeline)]
        plain = name.removeprefix("artifacts/").replace(":", "/").strip("/")
        target, _, rest = plain.partition("/")
        stage = rest.partition("/")[0]
        pipeline = self.pipelines.get(target)
        if pipeline is not None and not rest:
            return [s.task for s in stages_of(pipeline)]
        for spelt in (stage, stage.partition(".")[0]):  # as it is, or as the file that holds it
            if pipeline is not None and spelt in bound(pipeline):
                return [bound(pipeline)[spelt].task]
        raise errors.unknown_target(name, (*self.pipelines, *self.reports, *self.project.stages))


def _named(root: Path) -> str:
    """Return the file that declares the tasks: dodo.py, unless doit's settings name another."""
    from configparser import ConfigParser, Error

    settings = ConfigParser()
    with contextlib.suppress(Error, UnicodeDecodeError):  # doit itself says what is wrong
        settings.read(root / "doit.cfg", encoding="utf-8")
        if settings.has_option("GLOBAL", "dodoFile"):
            return settings.get("GLOBAL", "dodoFile", raw=True)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        import tomllib

        table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {}).get("doit", {})
        if isinstance(table.get("dodoFile"), str):
            return str(table["dodoFile"])
    return "dodo.py"


def declared(*, still: bool = True) -> Declarations:
    """Load the dodo.py around the current folder as doit does: its folder becomes the current one.

    Nothing is written beside its modules. Raises KeptError where there is none, or Python cannot load it.
    """
    root = project_around(Path.cwd()).root
    dodo = root / _named(root)
    if not dodo.is_file():
        raise errors.no_dodo(root)
    sys.path.insert(0, str(dodo.parent))
    os.chdir(root)
    loading.install(root, leaving=False)
    try:
        module = importlib.import_module(dodo.stem)
    except errors.KeptError:
        raise
    except Exception as problem:
        raise errors.dodo_fails(dodo, problem) from problem
    found = (*vars(module).values(), *unnamed(vars(module)).values())
    reports = {value.target: value for value in found if isinstance(value, Report)}
    named = [value for value in found if isinstance(value, type) and issubclass(value, Pipeline)]
    named += [pipeline for report in reports.values() for pipeline in report.pipelines]
    project = Project(root, still=still)
    pipelines = {pipeline._target: pipeline for pipeline in named if pipeline is not Pipeline}
    for pipeline in pipelines.values():
        project.add(stages_of(pipeline))
    return Declarations(project, pipelines, reports)
