"""A run shows a line when a stage starts and when it ends, and a stage that fails as its user would see it."""

import json
import re

import pytest

ALL = ["rows", "scaled", "model", "accuracy"]


def steady(text):
    """Replace what differs from run to run, and leave out the notes of what kept cannot see."""
    text = re.sub(r"\d+\.\d s", "N s", text)
    return [line for line in text.splitlines() if not line.startswith("note: ")]


def stage_does(project, body, file="recipes/nearest.py", after='mark("model")'):
    """Let a stage do something more when it executes."""
    project.edit(file, after, after + "".join(f"\n    {line}" for line in body.splitlines()))


# ---- lines


def test_a_run_tells_what_it_does_line_by_line(project):
    """Each stage when it starts, with the reason, and when it ends, with its time; then a summary."""
    run = project.doit("nearest")
    assert (run.code, run.err) == (0, "")
    assert steady(run.out) == [
        ".. points:rows started: never built",
        ".  points:rows built in N s",
        ".. points:scaled started: never built",
        ".  points:scaled built in N s",
        ".. nearest:model started: never built",
        ".  nearest:model built in N s",
        ".. nearest:accuracy started: never built",
        ".  nearest:accuracy built in N s",
        "4 stages: 4 built in N s",
    ]


def test_what_is_up_to_date_or_restored_takes_a_line(project):
    """The same words for outcomes everywhere; nothing is said to start that does not execute."""
    project.doit("nearest")
    project.remove("artifacts/points/scaled/test.npy")
    assert steady(project.doit("nearest").out) == [
        "-- points:rows up to date",
        "=> points:scaled restored",
        "-- nearest:model up to date",
        "-- nearest:accuracy up to date",
        "4 stages: 1 restored, 3 up to date in N s",
    ]
    assert steady(project.doit("nearest").out)[-1] == "4 stages: 4 up to date"
    assert steady(project.doit("points").out)[-1] == "2 stages: 2 up to date"


def test_the_reason_stands_where_the_stage_starts(project):
    """The first reason, and how many more there are."""
    project.doit("nearest")
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    out = steady(project.doit("nearest").out)
    assert out[2].startswith(".. nearest:model started: parameter training: Training(shrink=0.1, ")
    project.edit("dodo.py", "shrink=0.2", "shrink=0.3")
    project.edit("recipes/nearest.py", "* power + floor", "* power + floor + 1.0")
    out = steady(project.doit("nearest").out)
    assert out[2].startswith(".. nearest:model started: code recipes.nearest.")
    assert out[2].endswith(" (and 1 more)")


def test_early_cutoff_is_seen(project):
    """A stage ran, made the same bytes, and nothing after it does."""
    project.doit("nearest")
    stage_does(project, "labels = labels + 0")
    assert steady(project.doit("nearest").out)[2:] == [
        ".. nearest:model started: code recipes.nearest.train",
        ".  nearest:model built in N s",
        "-- nearest:accuracy up to date",
        "4 stages: 1 built, 3 up to date in N s",
    ]


def test_a_line_is_there_as_soon_as_a_stage_starts(project):
    """Whoever looks at the output, in a pipe too, sees what is being done."""
    project.order("rows", "wait")
    started = project.spawn("nearest")
    started.until_executing("rows")
    started.read_until(".. points:rows started: never built\n")
    project.go("rows")
    assert started.wait().code == 0


def test_other_ways_of_showing_a_run_still_work(project):
    """Doit's own reporters, and its option for a file, are as they were."""
    run = project.doit("-r", "zero", "nearest")
    assert (run.code, run.ran) == (0, ALL)
    assert not steady(run.out)
    run = project.doit("-r", "json", "nearest", "majority")
    assert (run.code, run.ran) == (0, ["other model", "accuracy"])
    told = {task["name"]: task["result"] for task in json.loads(run.out)["tasks"]}
    assert told["points:rows"] == "up-to-date"
    assert told["majority:model"] == "success"
    run = project.doit("-o", "run.txt", "nearest")
    assert (run.code, run.out) == (0, "")
    assert "4 stages: 4 up to date" in project.read("run.txt")


# ---- what a stage prints

PRINTS = """
import ctypes, logging, os, subprocess, sys, warnings
print("printed")
print("to stderr", file=sys.stderr)
sys.stdout.write("written")
os.write(1, b"descriptor one\\n")
os.write(2, b"descriptor two\\n")
subprocess.run(["echo", "child"], check=True)
libc = ctypes.CDLL(None)
libc.puts(b"from C")
libc.fflush(None)
logging.getLogger("x").warning("logged")
warnings.warn("warned")
"""
SPOKEN = ["printed", "to stderr", "written", "descriptor one", "descriptor two", "child", "from C", "logged", "warned"]


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the C library is looked up as on Unix")
def test_what_a_stage_prints_goes_to_its_log(project):
    """From Python, from C and from children: the terminal shows the run, the log what the stage said."""
    stage_does(project, PRINTS.strip())
    run = project.spawn("nearest").wait()
    assert (run.code, run.err) == (0, "")
    log = project.read("artifacts/.kept/logs/nearest/model.log")
    for word in SPOKEN:
        assert word in log
        assert word not in run.out
    assert steady(run.out)[-1] == "4 stages: 4 built in N s"


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["here", "worker"])
def test_a_stage_has_nobody_to_ask(project, options):
    """Nobody would see its questions: a run passes over breakpoint() with a warning, and input() finds an end."""
    stage_does(
        project, 'breakpoint()\nbreakpoint()\nprint("went on", flush=True)\nimport sys\nassert not sys.stdin.read()'
    )
    run = project.spawn(*options, "nearest").wait()
    assert run.code == 0, run
    warning = "warning: nearest:model: breakpoint() is passed over in a run; `kept debug nearest:model` stops there\n"
    assert run.out.count(warning) == 1
    assert project.read("artifacts/.kept/logs/nearest/model.log") == "went on\n"


def test_a_debugger_of_ones_own_is_called_in_a_run(project):
    """One that PYTHONBREAKPOINT names may need no terminal."""
    stage_does(project, "breakpoint('called')")
    run = project.spawn("nearest", env={"PYTHONBREAKPOINT": "builtins.print"}).wait()
    assert (run.code, "passed over" in run.out) == (0, False)
    assert project.read("artifacts/.kept/logs/nearest/model.log") == "called\n"


def test_each_run_of_a_stage_has_a_log_of_its_own(project):
    """The log is that of the last run; a stage that prints nothing has an empty one."""
    stage_does(project, 'print("first")')
    project.doit("nearest")
    project.edit("recipes/nearest.py", 'print("first")', 'print("second")')
    project.doit("nearest")
    assert project.read("artifacts/.kept/logs/nearest/model.log") == "second\n"


@pytest.mark.parametrize("option", [["-v", "2"], ["-v2"]])
def test_what_a_stage_prints_is_shown_on_request(project, option):
    """With `-v 2` it goes where the run's own output goes."""
    stage_does(project, 'print("printed", flush=True)')
    run = project.spawn(*option, "nearest").wait()
    assert run.code == 0
    assert "printed\n" in run.out


def test_text_that_is_none_does_not_stop_a_stage(project):
    """Any characters may be printed, whatever the terminal's encoding."""
    stage_does(project, 'print("\\ud800 é ☃")\nimport os\nos.write(1, b"\\xff\\xfe\\n")')
    run = project.doit("nearest", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert run.code == 0


# ---- a stage that fails


def test_a_failing_stage_shows_its_own_traceback(project):
    """From the user's function on: no frame of kept or doit; the exit code is 1 and the rest is not tried."""
    stage_does(project, "shrunk(None, 1.0, 0.0)")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (1, ["rows", "scaled", "model"])
    out = steady(run.out)
    at = out.index("!! nearest:model failed after N s: AttributeError: 'NoneType' object has no attribute 'mean'")
    assert out[at + 1] == "   Traceback (most recent call last):"
    assert "recipes/nearest.py" in out[at + 2]
    assert "in train" in out[at + 2]
    frames = [line for line in out if line.startswith("     File ")]
    assert len(frames) == 2
    assert not [line for line in frames if "/kept/" in line or "doit" in line]
    assert out[-1] == "4 stages: 1 failed, 1 not run, 2 built in N s"
    assert run.err == ""


def test_only_what_failed_runs_after_it_was_mended(project):
    """What was finished is kept, and no trace of the failure stays."""
    stage_does(project, "1 / 0")
    project.doit("nearest")
    assert sorted(name.split("/")[0] for name in project.shown()) == ["points"] * 6
    project.edit("recipes/nearest.py", "\n    1 / 0", "")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (0, ["model", "accuracy"])


def test_a_failing_stage_fails_again_and_is_not_recorded(project):
    """A failure is no result: it is tried again each time."""
    project.order("model", "fail")
    assert project.doit("nearest").code == 1
    assert project.doit("nearest").ran == ["model"]


def test_what_was_built_before_is_no_longer_claimed_after_a_failure(project):
    """The old artifact may lie there, but nobody is told that it is that of the new code; its record is kept."""
    project.doit("nearest")
    before = project.shown()
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    project.order("model", "fail")
    assert project.doit("nearest").code == 1
    assert project.doit("why", "nearest:model").code == 1
    project.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (0, [])
    assert project.shown() == before


def test_the_end_of_what_it_printed_is_shown(project):
    """The last thirty lines of the log stand below the traceback, with the place of the whole."""
    stage_does(project, 'for number in range(100):\n    print("line", number)\nraise ValueError("bad value")')
    out = steady(project.doit("nearest").out)
    shown = [line for line in out if line.startswith("   | ")]
    assert shown == [f"   | line {number}" for number in range(70, 100)]
    (head,) = [line for line in out if "output (" in line]
    assert head == "   the end of its output (artifacts/.kept/logs/nearest/model.log):"


def test_a_short_output_is_shown_whole(project):
    """A few lines are all shown, and called that."""
    stage_does(project, 'print("about to fail")\nraise ValueError("bad value")')
    out = steady(project.doit("nearest").out)
    assert "   its output (artifacts/.kept/logs/nearest/model.log):" in out
    assert "   | about to fail" in out


def test_causes_of_a_failure_are_shown_too(project):
    """`raise ... from` tells both, without frames of ours in either."""
    stage_does(project, 'try:\n    {}["x"]\nexcept KeyError as problem:\n    raise ValueError("no x") from problem')
    run = project.doit("nearest")
    assert "KeyError: 'x'" in run.out
    assert "direct cause" in run.out
    assert "ValueError: no x" in run.out
    assert "/kept/build/" not in run.out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import sys; sys.exit(3)", "the stage called sys.exit(3)"),
        ("import sys; sys.exit(0)", "the stage called sys.exit(0)"),
        ('exit("bye")', "the stage called sys.exit('bye')"),
        ("def f(): f()\nf()", "RecursionError"),
        ("raise StopIteration", "StopIteration"),
        ('raise ValueError("two\\nlines")', "ValueError: two"),
        ("assert False", "AssertionError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_however_a_stage_ends_it_failed(project, line, told):
    """An exit is a failure, of any code: the run goes on to its end and says so."""
    stage_does(project, line)
    run = project.doit("nearest")
    assert run.code == 1
    assert told in run.out
    assert run.outcomes["nearest:model"] == "failed"
    assert steady(run.out)[-1] == "4 stages: 1 failed, 1 not run, 2 built in N s"
    assert "Traceback" not in run.err


def test_a_result_that_does_not_fit_is_told(project):
    """A stage that does not return what its annotation says is told with what it returned."""
    project.edit("recipes/scaling.py", "return Scaled(scale(X_train), scale(X_test))", "return scale(X_train)")
    run = project.doit("nearest")
    assert run.code == 1
    assert "points:scaled did not return what its annotation says" in run.out
    assert "hint: return the NamedTuple" in run.out
    assert run.out.count("hint:") == 1
    assert steady(run.out)[-1] == "4 stages: 1 failed, 2 not run, 1 built in N s"


def test_a_missing_input_is_told_with_the_line_that_declares_it(project):
    """The stage, the parameter, the file and the place in dodo.py; nothing executes."""
    project.remove("data/points.csv")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (2, [])
    text = run.out + run.err
    assert "data/points.csv" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("text", ["", "class Empty(Pipeline):\n    number = 3\n"])
def test_a_dodo_that_declares_nothing_is_told_so(project, text):
    """Nothing is wrong with it, yet nobody has written it to mean that."""
    project.write("dodo.py", "from kept import Pipeline\n" + text)
    for _ in range(2):
        run = project.doit()
        assert (run.code, run.err) == (0, "")
        assert run.out == "note: nothing to build: dodo.py declares neither stages, by class X(Pipeline), nor tasks\n"


# ---- what a stage does to its process


@pytest.mark.parametrize(
    "line",
    [
        'import os; os.chdir("recipes")',
        "import sys; sys.stdout.close()",
        "import sys; sys.stdout = None",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "import os; os.umask(0o777)",
    ],
)
def test_what_a_stage_changes_does_not_spoil_the_run(project, line):
    """A folder, a stream or a path that a stage changes is its own affair."""
    stage_does(project, line)
    run = project.spawn("nearest").wait()
    assert (run.code, run.ran, run.err) == (0, ALL, ""), run
    assert project.doit("nearest").ran == []


STREAMS = {
    "a handler of logging": "import logging; logging.basicConfig(level='INFO'); logging.info('heard')",
    "closed": "import sys; print('heard'); sys.stdout.close(); sys.stderr.close()",
    "taken apart": "import sys; print('heard'); sys.stdout.detach(); sys.stderr.detach()",
    "in another encoding": "import sys; print('heard \u00e9'); sys.stdout.reconfigure(encoding='ascii')",
}


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["here", "worker"])
@pytest.mark.parametrize("line", STREAMS.values(), ids=STREAMS)
def test_what_a_stage_prints_to_serves_the_next(project, line, options):
    """What logging was told in one stage holds in those after it, and nothing that one did to a stream spoils it."""
    project.write(
        "work.py", f"def first():\n    {line}\n    return 1\n\n\ndef second(first):\n    {line}\n    return 2\n"
    )
    head = "import work\nfrom kept import Pipeline, stage\n\n\n"
    project.write("dodo.py", head + "class P(Pipeline):\n    a = stage(work.first)\n    b = stage(work.second, a)\n")
    run = project.spawn(*options).wait()
    assert (run.code, run.err) == (0, ""), run
    for name in "ab":
        log = project.read(f"artifacts/.kept/logs/p/{name}.log")
        assert "heard" in log
        assert "Traceback" not in log


# ---- files that change meanwhile


def test_an_input_that_changes_meanwhile_is_used_but_not_recorded(project):
    """The result may be of either, so it is shown, one warning is given, and the next run builds it again."""
    project.order("rows", "wait")
    running = project.spawn("nearest")
    running.until_executing("rows")
    project.edit("data/points.csv", "-1.96,-0.91,0", "-1.97,-0.91,0")
    project.go("rows")
    run = running.wait()
    hint = "(if the stage writes to it, let it write to a copy)"
    warning = f"warning: points:rows: not recorded: data/points.csv changed while it ran; run again {hint}"
    assert (run.code, run.ran) == (0, ALL)
    assert run.out.splitlines().count(warning) == 1
    assert "warning" not in run.err
    project.order("rows", None)
    run = project.doit("nearest")
    assert run.ran[0] == "rows"
    assert "warning" not in run.out
    assert project.doit("nearest").ran == []


def test_code_that_changes_before_it_is_loaded_is_not_recorded(project):
    """What a stage imports while it runs may be newer than what was judged: then the result is nobody's."""
    project.write("recipes/late.py", "OFFSET = 0\n")
    stage_does(project, "from recipes.late import OFFSET\ntrain = train + OFFSET")
    project.order("model", "wait")
    running = project.spawn("nearest")
    running.until_executing("model")
    project.write("recipes/late.py", "OFFSET = 1\n")
    project.go("model")
    run = running.wait()
    assert run.code == 0
    assert "warning: nearest:model: not recorded: recipes/late.py changed while it ran; run again" in run.out
    project.order("model", None)
    assert project.doit("nearest").ran[0] == "model"


def test_code_that_changes_after_it_was_loaded_does_no_harm(project):
    """What ran is what was judged: it is recorded as that. What runs after it would be old code: that is not."""
    project.order("model", "wait")
    running = project.spawn("nearest")
    running.until_executing("model")
    project.edit("recipes/settings.py", "shrink: float = 0.1", "shrink: float = 0.3")
    project.edit("recipes/nearest.py", "* power + floor", "* power + floor + 1.0")
    project.go("model")
    run = running.wait()
    warnings = [line for line in run.out.splitlines() if line.startswith("warning: ")]
    assert run.code == 0
    assert [line.split(": ")[1] for line in warnings] == ["nearest:accuracy"]
    project.order("model", None)
    before = project.shown()
    assert project.doit("nearest").ran == ["model", "accuracy"]
    project.edit("recipes/settings.py", "shrink: float = 0.3", "shrink: float = 0.1")
    project.edit("recipes/nearest.py", "* power + floor + 1.0", "* power + floor")
    run = project.doit("nearest")
    assert (run.ran, project.shown()) == (["accuracy"], before)


# ---- two runs at once


def test_two_runs_of_one_stage_execute_it_once(project):
    """The second says whom it waits for, and takes what the first has made."""
    project.order("model", "wait")
    first = project.spawn("nearest")
    first.until_executing("model")
    second = project.spawn("nearest")
    second.read_until("waiting for ")
    project.go("model")
    one, two = first.wait(), second.wait()
    assert (one.code, two.code) == (0, 0)
    assert project.executed().count("model") == 1
    assert (one.outcomes["nearest:model"], two.outcomes["nearest:model"]) == ("built", "restored")
    assert re.search(r"^waiting for .*nearest:model", second.heard, re.MULTILINE)
    assert project.doit("nearest").ran == []


PATHS = """from pathlib import Path
from typing import Any, NamedTuple


class Found(NamedTuple):
    files: Any
    best: Any
    one: Path


def found() -> Found:
    here = sorted(Path("recipes").glob("*.py"))
    return Found(here, {"loss": 0.5, "at": [here[0]]}, here[0])


def first(files) -> int:
    return len(files)
"""


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_paths_inside_a_value_are_names_only(project, args):
    """A stage that gives a list of files is told that nobody follows what lies there; a Path by itself is kept."""
    project.write("found.py", PATHS)
    lines = "from kept import Pipeline, stage\nimport found\n\n\nclass P(Pipeline):\n    all = stage(found.found)\n"
    project.write("dodo.py", lines + "    count = stage(found.first, all.files)\n")
    run = project.doit(*args)
    told = [line for line in run.out.splitlines() if "kept as a name" in line]
    assert run.code == 0, run
    assert len(told) == 2
    assert "p:all.files: " in told[0]
    assert " in a list is kept as a name, what lies there is not followed; return a folder as one Path" in told[0]
    assert "p:all.best: " in told[1]
    assert "kept as a name" not in project.doit(*args).out


def test_a_value_that_contains_itself_is_built(project):
    """Looking for paths in it comes to an end."""
    project.write("found.py", "def ring():\n    made = [1]\n    made.append(made)\n    return made\n")
    lines = "from kept import Pipeline, stage\nimport found\n\n\nclass P(Pipeline):\n    ring = stage(found.ring)\n"
    project.write("dodo.py", lines)
    run = project.doit("p")
    assert (run.code, run.outcomes["p:ring"]) == (0, "built"), run
