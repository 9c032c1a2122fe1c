"""The tools that are compared: what is installed, what is run, and where the result lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIPELINES = Path(__file__).parent / "pipelines"


@dataclass(frozen=True)
class Tool:
    """One tool; in its commands {variant} and {ridge} stand for what is asked for."""

    name: str
    packages: tuple[str, ...]  # what pip is told to install, the one whose version is shown first
    command: tuple[str, ...]
    result: str
    many: tuple[str, ...]
    begin: tuple[tuple[str, ...], ...] = ()  # commands that make a new project, not measured
    begin_many: tuple[tuple[str, ...], ...] = ()
    tracked: str = "by hand"  # how it knows of code that a stage calls
    listed: bool = False  # whether it can also be told by hand, with LISTED
    files: Mapping[str, str] = field(default_factory=dict)  # for many stages: under which name a file is put


TOOLS = (
    Tool(
        "kept",
        (str(ROOT),),
        ("kept", "{variant}"),
        "artifacts/{variant}/error.json",
        ("kept",),
        files={"many.py": "dodo.py"},
        tracked="by itself",
    ),
    Tool(
        "doit",
        ("doit",),
        ("doit", "error:{variant}"),
        "build/error_{variant}.json",
        ("doit",),
        files={"many.py": "dodo.py"},
    ),
    Tool(
        "make",
        (),
        ("make", "-s", "build/error_{variant}.json"),
        "build/error_{variant}.json",
        ("make", "-s", "-f", "many.mk"),
    ),
    Tool(
        "joblib",
        ("joblib",),
        ("python", "run.py", "{variant}"),
        "error_{variant}.json",
        ("python", "many.py"),
        tracked="the function only",
    ),
    Tool(
        "pytask",
        ("pytask",),
        ("pytask", "task_pipeline.py", "-k", "task_error[{variant}]"),
        "error_{variant}.json",
        ("pytask", "task_many.py"),
        tracked="the module only",
        listed=True,
    ),
    Tool(
        "hamilton",
        ("apache-hamilton",),
        ("python", "run.py", "{variant}"),
        "error_{variant}.json",
        ("python", "many.py"),
        tracked="the function only",
    ),
    Tool(
        "redun",
        ("redun",),
        ("redun", "run", "workflow.py", "main", "--variant", "{variant}", "--ridge", "{ridge}"),
        "error_{variant}.json",
        ("redun", "run", "many.py", "main"),
        tracked="the function only",
        listed=True,
    ),
    Tool(
        "dvc",
        ("dvc",),
        ("dvc", "repro", "--quiet", "error@{variant}"),
        "build/error_{variant}.json",
        ("dvc", "repro", "--quiet"),
        begin=(("dvc", "init", "--quiet", "--no-scm"), ("dvc", "config", "core.analytics", "false")),
        begin_many=(
            ("dvc", "init", "--quiet", "--no-scm"),
            ("dvc", "config", "core.analytics", "false"),
            ("python", "many.py"),
        ),
    ),
    Tool(
        "snakemake",
        ("snakemake",),
        ("snakemake", "--quiet", "all", "--cores", "1", "build/error_{variant}.json"),
        "build/error_{variant}.json",
        ("snakemake", "--quiet", "all", "--cores", "1", "--snakefile", "many.smk"),
        tracked="the module only",
        listed=True,
    ),
    Tool(
        "zenml",
        ("zenml[local]",),
        ("python", "run.py", "{variant}"),
        "error_{variant}.json",
        ("python", "many.py"),
        begin=(("zenml", "init"),),
        begin_many=(("zenml", "init"),),
        tracked="the function only",
        listed=True,
    ),
)
