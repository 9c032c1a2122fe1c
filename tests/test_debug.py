"""`kept debug` and `kept shell` run a stage in this process, with its inputs, and record nothing."""

import os
import re
import select
import subprocess
import sys

import pytest

MARK = 'mark("model")'


@pytest.fixture
def built(project):
    """Give a project in which `nearest` is built."""
    assert project.doit("nearest").code == 0
    return project


def does(project, *lines):
    """Let the stage `nearest:model` do something more when it executes."""
    project.edit("recipes/nearest.py", MARK, "\n    ".join([MARK, *lines]))


def recorded(project):
    """Return all that is remembered and shown, SQLite's own locks aside."""
    files = (p for p in project.root.rglob("*") if p.is_file() and not p.name.endswith(("-shm", "-wal")))
    return {p: p.read_bytes() for p in files if p.name != "executed.log"}


# ---- debug


def test_a_stage_runs_here_and_nothing_is_recorded(built):
    """Its output is on the terminal, its result is told; no artifact, record or log is touched."""
    does(built, 'print("training", len(train), "points")')
    before = recorded(built)
    run = built.kept("debug", "nearest:model")
    assert (run.code, run.ran, run.err) == (0, ["model"], "")
    assert run.out.splitlines()[0] == (
        "nearest:model: recipes.nearest.train(train: ndarray (30, 2) float64, labels: ndarray (30) int64,"
        " training: Training)"
    )
    assert "training 30 points\n" in run.out
    assert re.search(
        r"^nearest:model returned Centroids in \d+\.\d s: <.*>; nothing is recorded$", run.out, re.MULTILINE
    )
    assert recorded(built) == before


@pytest.mark.parametrize("name", ["nearest:model", "nearest/model", "artifacts/nearest/model.pkl"])
def test_a_stage_has_several_names(built, name):
    """As doit's task, as its artifact, as the file of it."""
    assert built.kept("debug", name).ran == ["model"]


def test_it_gets_the_inputs_the_folder_and_the_dice_of_a_run(built):
    """Arrays are read-only, generators are seeded, the current folder is the project's: what fails there fails here."""
    told = (
        'print(train.flags.writeable, np.random.rand(), os.getcwd() == os.path.abspath("."), os.path.exists("dodo.py"))'
    )
    does(built, "import os", "import numpy as np", told)
    built.doit("nearest")
    log = built.read("artifacts/.kept/logs/nearest/model.log")
    assert log.startswith("False 0.")
    first = built.kept("debug", "nearest:model").out
    assert log in first
    assert log in built.kept("debug", "nearest:model", cwd="recipes").out


def test_breakpoint_stops_where_it_stands(built):
    """With the terminal's own input and output, and the stage's variables at hand."""
    does(built, "breakpoint()")
    run = built.kept("debug", "nearest:model", typed="p len(labels), training.shrink\nc\n")
    assert (run.code, run.ran) == (0, ["model"])
    assert "(30, 0.1)" in run.out
    assert "returned Centroids" in run.out


def test_pythonbreakpoint_is_honoured(built):
    """0 switches breakpoints off, another debugger is called in its place."""
    does(built, "breakpoint()")
    run = built.kept("debug", "nearest:model", env={"PYTHONBREAKPOINT": "0"})
    assert (run.code, "(Pdb)" in run.out) == (0, False)
    built.write("own_debugger.py", "def stop():\n    print('own debugger')\n")
    run = built.kept(
        "debug", "nearest:model", env={"PYTHONBREAKPOINT": "own_debugger.stop", "PYTHONPATH": str(built.root)}
    )
    assert (run.code, "own debugger\n" in run.out) == (0, True)


def test_leaving_the_debugger_ends_it(built):
    """`q` at a breakpoint is no failure of the stage: no traceback, exit code 1."""
    does(built, "breakpoint()")
    run = built.kept("debug", "nearest:model", typed="q\n")
    assert run.code == 1
    assert "Traceback" not in run.out + run.err
    assert "nothing is recorded" in run.out


def test_step_stops_at_the_first_line(built):
    """To walk through a stage that does not fail."""
    run = built.kept("debug", "--step", "nearest:model", typed="n\nn\np train.shape\nc\n")
    assert (run.code, run.ran) == (0, ["model"])
    assert "-> import numpy as np" in run.out
    assert "(30, 2)" in run.out
    assert built.kept("debug", "--step", "nearest:model", typed="q\n").code == 1


def test_a_failure_opens_where_it_failed(built):
    """The user's own traceback; the debugger stands in the failing frame, with its variables."""
    does(built, "wrong = labels[0] / 0 if len(labels) else 0", "raise LookupError(wrong)")
    built.doit("nearest")
    run = built.kept("debug", "nearest:model", typed="p wrong, training\nw\nq\n", env={"PYTHONWARNINGS": "ignore"})
    assert (run.code, run.ran) == (1, ["model"])
    assert "LookupError: " in run.err
    assert run.err.count('File "') == 1  # no frame of kept's own
    assert "Training(shrink=0.1, distance='euclid')" in run.out
    assert "-> raise LookupError(wrong)" in run.out
    assert "kept/verbs" not in run.out


def test_after_a_failure_the_inputs_can_be_had_as_they_were(built):
    """The stage may have changed what it was given: `inputs` loads it anew."""
    does(built, "labels = labels * 0", "raise LookupError")
    typed = 'p labels.sum()\np inputs["labels"].sum()\np inputs, len(inputs)\nq\n'
    run = built.kept("debug", "nearest:model", typed=typed)
    assert run.code == 1
    assert "it failed here. inputs['NAME'] loads one of its inputs as it was: train, labels, training\n" in run.out
    shown = re.findall(r"\(Pdb\) (?:np\.int64\()?(\d+)\b", run.out)
    assert shown[0] == "0"
    assert int(shown[1]) > 0
    assert "(<inputs of nearest:model: train, labels, training>, 3)" in run.out


def test_the_stage_itself_does_not_see_the_name(built):
    """`inputs` is the debugger's: a stage that misspells a name still fails as in a run."""
    does(built, "inputs['train']")
    run = built.kept("debug", "nearest:model", typed="q\n")
    assert "NameError: name 'inputs' is not defined" in run.err


def test_a_stage_that_exits_has_failed(built):
    """As in a run."""
    does(built, "import sys", "sys.exit(3)")
    run = built.kept("debug", "nearest:model", typed="q\n")
    assert (run.code, "SystemExit: 3" in run.err) == (1, True)


def test_without_a_debugger_a_failure_is_only_shown(built):
    """PYTHONBREAKPOINT=0, as in CI."""
    does(built, "raise LookupError")
    run = built.kept("debug", "nearest:model", env={"PYTHONBREAKPOINT": "0"})
    assert (run.code, "(Pdb)" in run.out, "LookupError" in run.err) == (1, False, True)


def test_the_debugger_that_pythonbreakpoint_names_opens_after_a_failure(built):
    """If it can look at what has failed; else pdb does."""
    does(built, "raise LookupError")
    built.write(
        "own_debugger.py", "def stop(): ...\ndef post_mortem(trace): print('own at', trace.tb_frame.f_code.co_name)\n"
    )
    env = {"PYTHONBREAKPOINT": "own_debugger.stop", "PYTHONPATH": str(built.root)}
    assert "own at train\n" in built.kept("debug", "nearest:model", env=env).out
    env["PYTHONBREAKPOINT"] = "nowhere.stop"
    assert "(Pdb)" in built.kept("debug", "nearest:model", env=env, typed="q\n").out


def test_what_a_stage_needs_must_be_there_as_a_run_would_give_it(built):
    """Its inputs from before an edit would show another stage than the one that runs."""
    built.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    run = built.kept("debug", "nearest:accuracy")
    assert (run.code, run.ran) == (3, [])
    assert run.err.splitlines() == [
        "ERROR: the inputs of nearest:accuracy are not there as it would get them",
        "  it needs: nearest:model",
        "hint: run `doit nearest:model` first",
    ]
    assert built.kept("debug", "nearest:model").code == 0  # its own are


def test_inputs_come_from_the_store_where_artifacts_were_removed(built):
    """Looking needs nothing in artifacts/, and puts nothing there."""
    built.remove("artifacts/points")
    assert built.kept("debug", "nearest:model").code == 0
    assert not built.path("artifacts/points").exists()


def test_a_file_that_is_handed_over_as_a_path_must_lie_there(built):
    """What the stage would open is not there: said at once, instead of a failure that a run would not have."""
    built.write("recipes/paths.py", PATHS)
    built.write("dodo.py", PATHS_DODO)
    assert built.doit("paths").code == 0
    assert "returned int in" in built.kept("debug", "paths:length").out
    built.remove("artifacts/paths/note.txt")
    run = built.kept("debug", "paths:length")
    assert (run.code, run.err.splitlines()[-1]) == (3, "hint: run `doit paths:note` first")


PATHS = """
import tempfile
from pathlib import Path


def note() -> Path:
    path = Path(tempfile.mkdtemp()) / "note.txt"
    path.write_text("a note")
    return path


def length(path: Path, *more: int) -> int:
    return len(path.read_text()) + sum(more)
"""

PATHS_DODO = """
from kept import Pipeline, stage
from recipes import paths


class Paths(Pipeline):
    note = stage(paths.note)
    length = stage(paths.length, note, 1, 2)
"""


def test_a_failed_stage_keeps_its_log_and_its_inputs_until_it_succeeds(built):
    """A run names the command; the log of the failure is named there, and the inputs are the failed run's."""
    does(built, 'print("before it failed")', "raise LookupError")
    run = built.doit("nearest")
    assert run.code == 1
    assert "   hint: kept debug nearest:model opens it where it fails\n" in run.out
    log = "artifacts/.kept/logs/nearest/model.log"
    built.kept("gc")
    run = built.kept("debug", "nearest:model", typed="q\n")
    assert f"its output in the last run: {log}\n" in run.out
    assert "LookupError" in run.err
    assert built.read(log) == "before it failed\n"


# ---- shell


def test_a_prompt_with_the_inputs(built):
    """Variables by parameter, the function, run(); nothing is recorded, nothing executes by itself."""
    before = recorded(built)
    run = built.kept("shell", "nearest:model", typed="train.shape, training.shrink\nfunction.__name__\nexit()\n")
    assert (run.code, run.ran) == (0, [])
    assert "((30, 2), 0.1)" in run.out
    assert "'train'" in run.out
    assert "variables: train, labels, training; function is recipes.nearest.train" in run.err
    assert recorded(built) == before


def test_run_calls_the_function_with_the_variables_as_they_are(built):
    """Changed at the prompt, or by keyword; each call has the same dice."""
    does(built, "import numpy as np", "print('dice', np.random.rand())")
    typed = (
        "from recipes.settings import Training\n"
        "one = run()\ntwo = run(training=Training(shrink=0.5))\n"
        "training = Training(shrink=0.5)\nthree = run()\n"
        "(one.centres == two.centres).all(), (two.centres == three.centres).all()\n"
        "inputs['training']\n"
    )
    run = built.kept("shell", "nearest:model", typed=typed)
    assert (run.code, run.ran) == (0, ["model"] * 3)
    assert re.sub(r"np\.(True|False)_", r"\1", run.out).count("(False, True)") == 1
    assert "Training(shrink=0.1, distance='euclid')" in run.out
    assert len(set(re.findall(r"dice (0\.\d+)", run.out))) == 1


def test_a_failure_at_the_prompt_shows_the_users_own_code(built):
    """And the prompt stays; what was mistyped is shown as Python shows it."""
    does(built, "raise LookupError('here')")
    run = built.kept("shell", "nearest:model", typed="run()\n1 / 0\n7 * 6\n")
    assert "LookupError: here" in run.err
    assert "kept/verbs" not in run.err
    assert 'File "<console>", line 1' in run.err
    assert "42" in run.out


def test_parameters_may_be_called_like_what_the_prompt_offers(built):
    """`run`, `function` and `inputs` stay what they are; the parameters are in `inputs`, and are handed over."""
    built.write("recipes/odd.py", "def odd(run, function, inputs, x):\n    return [run, function, inputs, x]\n")
    odd = "class Odd(Pipeline):\n    odd = stage(odd.odd, run=1, function=2, inputs=3, x=4)\n"
    built.write("dodo.py", f"from kept import Pipeline, stage\nfrom recipes import odd\n\n\n{odd}")
    run = built.kept("shell", "odd:odd", typed="x = 5\nrun()\nrun(run=7)\ninputs['run']\n")
    assert "variables: x; function is recipes.odd.odd" in run.err
    assert re.findall(r"\[\d, 2, 3, \d\]", run.out) == ["[1, 2, 3, 5]", "[7, 2, 3, 5]"]


# ---- a terminal


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_in_a_terminal_the_debugger_talks_to_it(built):
    """A breakpoint asks there and hears what is typed there."""
    does(built, "breakpoint()")
    ours, theirs = os.openpty()
    program = (
        "import sys; sys.argv = ['kept', 'debug', 'nearest:model']; from kept.launcher import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=built.root, env=built._environment({"TERM": "xterm"}),
        stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    heard = b""

    def until(text):
        nonlocal heard
        while text not in heard:
            assert select.select([ours], [], [], 30)[0], heard
            try:
                heard += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
        assert text in heard, heard
        heard = heard.partition(text)[2]

    try:
        until(b"(Pdb) ")
        os.write(ours, b"p training.shrink * 1000\n")
        until(b"100.0")
        until(b"(Pdb) ")
        os.write(ours, b"c\n")
        until(b"nothing is recorded")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
