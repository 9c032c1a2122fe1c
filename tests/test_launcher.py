"""`kept ARGS` is `doit ARGS`, with verbs of its own; nothing to do is said before anything is imported."""

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from projects import Project

from kept import launcher, tasks

HEAVY = {"numpy", "pandas", "sklearn", "scipy", "tensorflow", "keras", "pyarrow", "polars", "skops", "torch", "joblib"}

# Runs a program and says on the last line which modules came with it; files may count as ten seconds older.
SCRIPT = """
import sys
from importlib.metadata import version
before = set(sys.modules)
if sys.argv[1] == "later":
    from kept.digest import Memo
    real = Memo.now_ns
    Memo.now_ns = lambda memo: real(memo) + 10**10
program, sys.argv[1:] = sys.argv[2], sys.argv[3:]
try:
    if program == "kept":
        from kept.launcher import main
        code = main()
    elif program == "doit":
        from doit.doit_cmd import DoitMain
        code = DoitMain().run(sys.argv[1:])
    else:
        code = exec(program)
except SystemExit as end:
    code = end.code
print()
print(code or 0, *sorted(set(sys.modules) - before))
"""


def loaded(project: Project, when: str, program: str, *args: str) -> tuple[int, str, set[str]]:
    """Run a program by itself; return its exit code, what it printed, and what it imported."""
    path = os.pathsep.join(os.path.abspath(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, when, program, *args],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    text, _, last = done.stdout.rstrip("\n").rpartition("\n")
    code, *modules = last.split()
    return int(code), text.removesuffix("\n"), set(modules)


def test_a_stage_may_spawn_processes(project):
    """They load the program that is run, as everywhere: it does not begin once more in them."""
    project.write(
        "work.py",
        "import multiprocessing\n\n\ndef square(n):\n    return n * n\n\n\ndef squares() -> list:\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n        return pool.map(square, [1, 2, 3])\n",
    )
    project.write(
        "dodo.py",
        "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n    made = stage(work.squares)\n",
    )
    program = os.path.join(os.path.dirname(launcher.__file__), "bin", "kept")
    done = subprocess.run(
        [sys.executable, program], cwd=project.root, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    assert project.read("artifacts/p/made.json").split() == ["[", "1,", "4,", "9", "]"]


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "args",
    [
        ["nearest"],
        ["-n", "2", "nearest", "majority"],
        ["list", "--all", "-s"],
        ["info", "nearest:model"],
        ["why"],
        ["report"],
        ["nosuch"],
        ["list", "--nosuch"],
        ["clean", "points"],
    ],
    ids=" ".join,
)
def test_it_is_doit(project: Project, tmp_path, args: list[str]):
    """The same tasks run, the same lines are printed, the exit code is the same."""
    other = project.copy(tmp_path / "other")
    for one in (project, other):
        one.doit("points")
    runs = [project.doit(*args), other.kept(*args)]
    said = []
    for run, one in zip(runs, (project, other), strict=True):
        text = re.sub(r"[0-9.]+ (s|ms)\b|\d\d:\d\d:\d\d|\d\.\d+|--+| +", " ", run.out + run.err).replace(
            str(one.root), ""
        )
        said.append(sorted(text.replace("kept list", "doit list").splitlines()))  # with -n whoever is first
    assert (runs[0].code, sorted(runs[0].ran), said[0]) == (runs[1].code, sorted(runs[1].ran), said[1])


def test_python_m_kept_is_kept(project: Project):
    """Where the folder of commands is not on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "kept", "--version"], cwd=project.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"kept {version('kept')}, on doit ")


def test_a_stage_that_fails_ends_it_as_doit(project: Project):
    """Exit code 1 is that of a stage."""
    project.order("model", "fail")
    assert [project.kept("nearest").code, project.doit("nearest").code] == [1, 1]


def test_nothing_to_do_is_said_before_anything_is_imported(project: Project):
    """Neither doit nor argparse, pathlib, numpy, typing or the user's code: the answer is one file and many looks."""
    assert loaded(project, "now", "kept", "nearest")[0] == 0
    _, said, _ = loaded(project, "later", "kept", "nearest")
    code, again, modules = loaded(project, "now", "kept", "nearest")
    assert (code, again) == (0, said)
    assert "4 stages: 4 up to date" in said
    looking = {"kept._stats"} if "kept._stats" in modules else {"struct", "_struct"}  # the second without a compiler
    known = {"kept", "kept.launcher", "kept.receipt", "kept.pipe", "__future__", "gc", "marshal", "zlib"}
    assert modules <= known | looking


def test_doit_answers_before_it_loads_the_project(project: Project):
    """The stock command has doit already, and nothing else."""
    loaded(project, "now", "doit", "nearest")
    loaded(project, "later", "doit", "nearest")
    code, said, modules = loaded(project, "now", "doit", "nearest")
    assert (code, "4 stages: 4 up to date" in said) == (0, True)
    assert not tops(modules) & {"dodo", "recipes", "numpy", "sqlite3"}
    assert {name for name in modules if name.startswith("kept.")} <= {
        "kept.commands",
        "kept.collector",
        "kept.receipt",
        "kept._stats",
        "kept.pipe",
    }


def test_importing_kept_loads_nothing(project: Project):
    """Its names are loaded when they are first asked for."""
    _, _, modules = loaded(project, "now", "import kept")
    assert modules <= {"kept", "__future__"}


LEAN = {
    "list": {
        *("html", "difflib", "sysconfig", "hmac", "kept.store.sweep", "kept.store.copies"),
        *("kept.fingerprint", "kept.build.executing", "kept.screen", "kept.reports.rows"),
    },
    "why": {
        *("html", "difflib", "sysconfig", "kept.build.executing", "kept.screen", "kept.fingerprint.following"),
        *("kept.store.sweep", "kept.store.copies", "kept.store.locks", "kept.store.same", "kept.build.journal"),
    },
    "nearest": {"html", "asyncio", "kept.fingerprint.following", "kept.parallel", "kept.verbs"},
}


@pytest.mark.parametrize("command", LEAN)
def test_what_is_not_needed_is_not_loaded(project: Project, command: str):
    """Listing reads no code, explaining executes and draws nothing; what is remembered is not worked out again."""
    loaded(project, "now", "doit", "nearest")
    loaded(project, "now", "doit", "nearest")
    _, _, modules = loaded(project, "now", "doit", command, *(["nearest"] if command == "why" else []))
    assert modules & LEAN[command] == set()
    assert not tops(modules) & HEAVY


def test_restoring_loads_no_library(project: Project):
    """Bytes are put in place without becoming values."""
    loaded(project, "now", "doit", "nearest")
    assert loaded(project, "now", "doit", "clean", "nearest")[0] == 0
    code, said, modules = loaded(project, "now", "doit", "nearest")
    assert (code, said.count("restored")) == (0, 2 + 1)
    assert not tops(modules) & HEAVY


@pytest.mark.parametrize(
    "args",
    [["du"], ["gc", "--dry-run"], ["verify"], ["log"], ["fingerprint", "recipes.nearest:train"], ["graph"],
     ["plan", "nearest"], ["show", "nearest/accuracy"]],
    ids=" ".join,
)  # fmt: skip
def test_verbs_of_its_own_execute_nothing(project: Project, args: list[str]):
    """They look at what was done, and end with 0."""
    project.doit("nearest")
    run = project.kept(*args)
    assert (run.code, run.ran) == (0, []), run
    assert run.out


def test_every_verb_is_refused_as_the_name_of_a_pipeline():
    """Who asks for one would get the verb."""
    assert set(launcher.VERBS) <= tasks.COMMANDS
    assert set(launcher.VERBS) - {"forget"} == tasks.VERBS
    assert set(launcher.VERBS) == set(launcher.ABOUT)


@pytest.mark.parametrize("arguments", [("help",), ("--help",)])
def test_help_lists_the_verbs_beside_doits_commands(project, arguments):
    """Whoever asks `kept` for help hears of all that it can do, in lines that fit a terminal."""
    run = project.kept(*arguments)
    assert (run.code, run.err) == (0, "")
    commands, _, verbs = run.out.partition("\nVerbs of kept\n")
    assert "kept list " in commands
    assert sorted(launcher.VERBS) == [line.split()[1] for line in verbs.splitlines() if line.startswith("  kept ")][:-1]
    assert max(map(len, verbs.splitlines())) <= 80


def test_help_of_a_verb_is_that_of_the_verb_itself(project):
    """`kept help plan` is `kept plan --help`."""
    run = project.kept("help", "plan")
    assert (run.code, run.out) == (0, project.kept("plan", "--help").out)


def test_the_version_is_that_of_kept(project):
    """With that of doit beside it."""
    assert re.match(r"kept \d+\.\d+\S*, on doit \d", project.kept("--version").out)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.doit]\ndodoFile = "pipelines.py"\n'),
        ("doit.cfg", "[GLOBAL]\ndodoFile = pipelines.py\n"),
    ],
    ids=["pyproject.toml", "doit.cfg"],
)
def test_verbs_know_the_file_that_doit_is_told_to_load(project: Project, file: str, text: str):
    """A dodo.py of another name declares as much."""
    project.write("pipelines.py", project.read("dodo.py"))
    project.remove("dodo.py")
    project.write(file, text)
    assert project.doit("nearest").code == 0
    run = project.kept("plan", "nearest")
    assert (run.code, run.ran) == (0, []), run
    assert "nearest:model" in run.out
