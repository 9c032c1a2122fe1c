"""`doit -n`: several stages at a time, with the results of one at a time, and nothing left behind however it ends."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc, sends signals")

WORK = '''"""Small stages."""

import os
import subprocess
import sys
import time
from pathlib import Path

from recipes.marks import mark

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def lone(name: str) -> int:
    mark(name)
    return len(name)


def after(x: int, name: str) -> int:
    mark(name)
    return x + 1


def text(path: Path) -> str:
    mark("text")
    return path.read_text()


def bad(name: str) -> int:
    mark(name)
    raise ValueError("bad value")


def parent(name: str) -> int:
    """Leave a program and a fork behind, and go on."""
    subprocess.Popen(["sleep", "1000"])
    if not os.fork():
        time.sleep(1000)
    mark(name)
    return 1


def stubborn(name: str) -> int:
    """Hold the interpreter for ever."""
    import re

    mark(name)
    return len(re.findall("(a|aa)+b", "a" * 200))


def loud(name: str, lines: int) -> int:
    """Print in every way there is."""
    mark(name)
    for number in range(lines):
        print(f"{name} {number} said")
        os.write(1, f"{name} {number} written\\n".encode())
        os.write(2, f"{name} {number} complained\\n".encode())
    subprocess.run(["echo", f"{name} echoed"], check=True)
    return lines


def limits(name: str) -> list[str]:
    mark(name)
    return [os.environ[limit] for limit in LIMITS]


def gpus(name: str) -> str:
    mark(name)
    return os.environ.get("CUDA_VISIBLE_DEVICES", "none")


def total(numbers: list[int]) -> int:
    mark("total")
    return sum(numbers)
'''

UNMET = 2  # doit's code where something, the pipeline's own task at least, lacks what it needs

DODO = """from kept import Pipeline, stage
import work


class P(Pipeline):
"""


@pytest.fixture
def small(project):
    """Give a project whose pipeline the test declares, by its lines; its processes can be told from all others."""

    def declared(*lines: str, head: str = ""):
        project.write("work.py", WORK)
        project.write("dodo.py", head + DODO + "".join(f"    {line}\n" for line in lines))
        project.environment["KEPT_TEST_PROJECT"] = str(project.root)
        return project

    yield declared
    for number in living(project):
        os.kill(number, signal.SIGKILL)


def living(project) -> list[int]:
    """Name the processes of spawned runs, and all that they have started."""
    mark, found = f"KEPT_TEST_PROJECT={project.root}\0".encode(), []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in place.read_bytes():
                found.append(int(place.parent.name))
    return found


def left(project) -> list[str]:
    """Name those that do not end of themselves."""
    found = []
    for number in living(project):
        try:
            ended = os.pidfd_open(number)
        except ProcessLookupError:
            continue
        if not select.select([ended], [], [], 5)[0]:
            found.append(Path(f"/proc/{number}/cmdline").read_text().replace("\0", " "))
        os.close(ended)
    return found


def value(project, name: str):
    return json.loads(project.read(f"artifacts/p/{name}.json"))


# ---- the same results


def test_it_makes_the_same_bytes(project):
    """Two at a time or one: the same artifacts, the same stages executed, and then there is nothing to do."""
    run = project.doit("-n", "2")
    assert run.code == 0, run
    serial = project.copy(project.root.parent / "serial")
    assert sorted(serial.doit().ran) == sorted(run.ran)
    assert len(run.ran) == len(run.outcomes) == 6
    assert project.shown() == serial.shown()
    again = project.doit("-n", "2")
    assert (again.code, again.ran) == (0, [])
    assert set(again.outcomes.values()) == {"up to date"}


def test_what_is_recorded_is_restored(project):
    """A run in workers and one without share their records."""
    project.doit("-n", "2")
    project.remove("artifacts/nearest")
    assert project.doit().outcomes["nearest:model"] == "restored"
    project.remove("artifacts/nearest")
    run = project.doit("-n", "2")
    assert (run.code, run.ran, run.outcomes["nearest:model"]) == (0, [], "restored")


def test_stages_run_side_by_side(small):
    """Two stages that do not need each other execute at the same time."""
    project = small('a = stage(work.lone, "a")', 'b = stage(work.lone, "b")')
    project.order("a", "wait")
    project.order("b", "wait")
    running = project.spawn("-n", "2")
    running.until_executing("a")
    running.until_executing("b")
    project.go("a")
    project.go("b")
    run = running.wait()
    assert run.code == 0, run
    assert left(project) == []


def test_an_equal_stage_of_two_pipelines_executes_once(small):
    """One worker waits for the other, then takes its result."""
    project = small('a = stage(work.lone, "same")', "", "", head="")
    project.write("dodo.py", project.read("dodo.py") + '\n\nclass Q(Pipeline):\n    c = stage(work.lone, "same")\n')
    run = project.doit("-n", "2")
    assert (run.code, run.ran) == (0, ["same"]), run
    assert sorted(run.outcomes.values()) in (["built", "restored"], ["built", "built"])


# ---- failures


def failing(small):
    """Start a run in which one stage has failed while another was executing."""
    project = small(
        'bad = stage(work.bad, "bad")',
        'good = stage(work.lone, "good")',
        'later = stage(work.after, good, "later")',
        'never = stage(work.after, bad, "never")',
        'other = stage(work.lone, "other")',
    )
    project.order("bad", "wait")
    project.order("good", "wait")
    return project


def until_failed(project, *arguments):
    running = project.spawn("-n", "2", *arguments)
    running.until_executing("bad")
    running.until_executing("good")
    project.go("bad")
    running.read_until("p:bad failed")
    project.go("good")
    return running.wait()


def test_a_failure_lets_finish_what_runs_and_starts_no_more(small):
    """What was executing is kept, with its outcome; a run after the repair begins with what is missing."""
    project = failing(small)
    run = until_failed(project)
    assert run.code == 1, run
    assert run.outcomes == {"p:bad": "failed", "p:good": "built"}
    assert sorted(run.ran) == ["bad", "good"]
    assert "ValueError: bad value" in run.out
    assert left(project) == []
    project.remove("orders")
    project.edit("work.py", 'raise ValueError("bad value")', "return 0")
    again = project.doit("-n", "2")
    assert again.code == 0, again
    assert sorted(again.ran) == ["bad", "later", "never", "other"]


def test_with_continue_all_that_can_be_built_is_built(small):
    """Only what needs the failed stage is left out, and said to be."""
    project = failing(small)
    run = until_failed(project, "--continue")
    assert run.code != 0
    assert run.outcomes == {"p:bad": "failed", "p:good": "built", "p:later": "built", "p:other": "built"}
    assert "!! p:never not run: it needs p:bad" in run.out
    assert " 1 not run, " in run.out.splitlines()[-1]
    assert left(project) == []


# ---- ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_however_it_is_ended_nothing_runs_on(small, number):
    """No worker, no program or fork that a stage has started; the exit status names the signal."""
    project = small('a = stage(work.lone, "a")', 'b = stage(work.parent, "b")', 'c = stage(work.stubborn, "c")')
    project.order("b", "wait")
    project.order("c", "wait")
    running = project.spawn("-n", "2")
    running.read_until("p:a built")
    running.until_executing("b")
    running.until_executing("c")
    project.go("c")
    running.send(number)
    run = running.wait()
    assert run.code == -number, run
    assert left(project) == []
    assert "Traceback" not in run.err + run.out
    if number is not signal.SIGKILL:
        assert run.err == "interrupted: finished stages are kept; run again to go on\n"
    project.remove("orders")
    project.edit("work.py", 'return len(re.findall("(a|aa)+b", "a" * 200))', "return 0")
    again = project.spawn("-n", "2").wait()
    assert again.code == 0, again
    assert sorted(again.ran) == ["b", "c"]


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["", "n2"])
def test_what_a_killed_run_leaves_among_temporary_files_goes_with_the_next(small, args, tmp_path_factory):
    """Not what a living one uses, and nothing of anybody else's."""
    project = small('a = stage(work.lone, "a")')
    folder = tmp_path_factory.mktemp("t")
    project.environment["TMPDIR"] = str(folder)
    other = project.copy(project.root / "other")
    for one in (project, other):
        one.order("a", "wait")
    killed, living_on = project.spawn("-n", "2"), other.spawn("-n", "2")
    killed.until_executing("a")
    living_on.until_executing("a")
    killed.send(signal.SIGKILL)
    killed.wait()
    assert len(os.listdir(folder)) == 2
    (folder / "kept-notes").mkdir()
    project.remove("orders")
    assert project.spawn(*args).wait().outcomes == {"p:a": "built"}
    assert len(os.listdir(folder)) == 2
    other.go("a")
    assert living_on.wait().outcomes == {"p:a": "built"}
    assert os.listdir(folder) == ["kept-notes"]


def test_what_stages_start_ends_with_a_run_in_peace_too(small):
    """A program that a stage has left running does not outlive the run."""
    project = small('b = stage(work.parent, "b")')
    run = project.spawn("-n", "2").wait()
    assert run.code == 0, run
    assert left(project) == []


def test_a_stage_that_finished_before_the_end_is_not_redone(small):
    """Its record was there before the run heard of it."""
    project = small('a = stage(work.lone, "a")', 'b = stage(work.lone, "b")', 'c = stage(work.after, a, "c")')
    project.order("b", "wait")
    project.order("c", "wait")
    running = project.spawn("-n", "2")
    running.until_executing("b")
    running.until_executing("c")
    running.send(signal.SIGTERM)
    assert running.wait().code == -signal.SIGTERM
    project.remove("orders")
    assert sorted(project.doit("-n", "2").ran) == ["b", "c"]


@pytest.mark.parametrize("continued", [(), ("--continue",)], ids=["", "continue"])
def test_a_worker_that_is_killed_fails_its_stage_only(small, continued):
    """The others go on in their processes; the run says how it ended."""
    project = small('a = stage(work.lone, "a")', 'b = stage(work.lone, "b")', 'c = stage(work.after, b, "c")')
    project.order("a", "kill")
    project.order("b", "wait")
    running = project.spawn("-n", "2", *continued)
    running.until_executing("b")
    running.read_until("p:a failed")
    project.go("b")
    run = running.wait()
    assert "its process was ended by SIGKILL" in run.out
    assert run.code == (UNMET if continued else 1), run
    expected = {"p:a": "failed", "p:b": "built"} | ({"p:c": "built"} if continued else {})
    assert run.outcomes == expected
    assert left(project) == []


def test_a_worker_that_is_killed_beside_its_own_fork_is_noticed(small):
    """The fork holds every pipe of the worker; the run does not wait for it."""
    project = small('b = stage(work.parent, "b")')
    project.order("b", "kill")
    run = project.spawn("-n", "2").wait()
    assert run.code == 1
    assert "its process was ended by SIGKILL" in run.out
    assert left(project) == []


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one", "workers"])
def test_a_stage_that_leaves_the_interpreter_fails(small, args):
    """os._exit in a stage is told with its code, as sys.exit is: the run does not end as one that succeeded."""
    project = small('a = stage(work.lone, "a")', 'b = stage(work.lone, "b")')
    project.edit("work.py", "    return len(name)", '    os._exit(0) if name == "a" else sys.exit("enough")')
    run = project.doit(*args, "--continue")
    assert run.code == UNMET
    assert "the stage called os._exit(0)" in run.out
    assert "the stage called sys.exit('enough')" in run.out


# ---- output


def test_output_of_stages_goes_to_their_logs(small):
    """Not a line of it on the terminal, each line there whole; Python, C and programs are all caught."""
    project = small('a = stage(work.loud, "a", 3000)', 'b = stage(work.loud, "b", 3000)', 'c = stage(work.lone, "c")')
    project.edit("work.py", "import sys\n", 'import sys\n\nprint("work is imported")\n')
    run = project.doit("-n", "2")
    assert run.code == 0, run
    assert run.err == ""
    shape = re.compile(
        r"work is imported|\.\. p:\w started: never built|\.  p:\w built in \d+\.\d s"
        r"|note: p:\w .*|3 stages: 3 built in \d+\.\d s"
    )
    assert [line for line in run.out.splitlines() if not shape.fullmatch(line)] == []
    assert run.out.count("work is imported") == 1
    for name in "ab":
        log = project.read(f"artifacts/.kept/logs/p/{name}.log").splitlines()
        assert Counter(line.rpartition(" ")[2] for line in log) == {
            "said": 3000, "written": 3000, "complained": 3000, "echoed": 1,
        }  # fmt: skip


def test_a_failed_stage_shows_the_end_of_its_log(small):
    """As in a run without -n, in one piece."""
    project = small('a = stage(work.loud, "a", 20)', 'b = stage(work.loud, "b", 20)')
    project.edit("work.py", "    return lines\n", "    sys.stdout.flush()\n    os.abort()\n")
    run = project.doit("-n", "2", "--continue")
    assert run.code == UNMET
    for name in "ab":
        assert f"p:{name} failed: its process was ended by SIGABRT" in run.out
        block = run.out.partition(f"p:{name} failed")[2].partition("!!")[0]
        assert f"| {name} echoed" in block
        assert f"| {'b' if name == 'a' else 'a'} " not in block


# ---- what can be sent


def test_functions_of_dodo_py_itself_lambdas_and_closures_work(small):
    """Whatever can be pickled goes to a worker."""
    project = small(
        "a = stage(own, 2)",
        "b = stage(lambda x: x * 3, 2)",
        "c = stage(adding(4), 2)",
        "d = stage(functools.partial(own, y=5), 2)",
        head="import functools\n\n\ndef own(x: int, y: int = 2) -> int:\n    return x * y\n\n\n"
        "def adding(y):\n    def add(x: int) -> int:\n        return x + y\n\n    return add\n\n\n",
    )
    run = project.doit("-n", "2")
    assert run.code == 0, run
    assert [value(project, name) for name in "abcd"] == [4, 6, 6, 10]


def test_what_cannot_be_sent_is_said(small):
    """A lambda that uses a lock runs here only: the message names the stage, the reason, the way out."""
    project = small(
        "a = stage(lambda x: x if LOCK else 0, 2)",
        'b = stage(work.lone, "b")',
        head="import threading\n\nLOCK = threading.Lock()\n\n\n",
    )
    run = project.doit("-n", "2", "--continue")
    assert run.code == UNMET
    assert "p:a failed: p:a cannot be sent to another process" in run.out
    assert "cannot pickle '_thread.lock' object" in run.out
    assert "hint: define its function at the top of a module, or run without -n" in run.out
    assert "Traceback" not in run.out + run.err
    assert run.outcomes["p:b"] == "built"
    assert project.doit().outcomes["p:a"] == "built"


def test_a_closure_over_a_lock_is_refused(small):
    """With -n as without: what decides the stage cannot be named."""
    project = small(
        "a = stage(locked(), 2)",
        head="import threading\n\n\ndef locked():\n    lock = threading.Lock()\n\n"
        "    def inside(x: int) -> int:\n        with lock:\n            return x\n\n    return inside\n\n\n",
    )
    for arguments in ((), ("-n", "2")):
        run = project.doit(*arguments)
        assert run.code == 2
        assert "no canonical form" in run.out
        assert "Traceback" not in run.out + run.err


def test_a_module_that_only_the_run_itself_can_import_is_said(small):
    """The worker tells why it could not read what it was sent, and goes on with the next stage."""
    project = small('a = stage(work.lone, "a")', "b = stage(picky.one)", head="import picky\n")
    project.write("picky.py", 'import sys\n\nassert sys.argv[0] != "-c"\n\n\ndef one() -> int:\n    return 1\n')
    run = project.doit("-n", "2", "--continue")
    assert run.code == UNMET
    assert "p:b cannot be sent to another process" in run.out
    assert "AssertionError" in run.out
    assert run.outcomes == {"p:a": "built", "p:b": "failed"}


def test_a_project_may_have_a_file_called_as_a_module_of_python(small):
    """A worker finds Python's own before it looks into the project."""
    project = small('a = stage(work.lone, "a")')
    project.write("random.py", "raise ImportError('this is not the one')\n")
    run = project.spawn("-n", "2").wait()
    assert run.code == 0, run


def test_workers_run_python_as_the_run_does(small):
    """-O holds in them, too."""
    project = small("a = stage(checked)", head="def checked() -> bool:\n    return __debug__\n\n\n")
    for options, expected in (([], True), (["-O"], False)):
        program = [sys.executable, *options, "-m", "doit", "-n", "2"]
        subprocess.run(program, cwd=project.root, env=project._environment(), check=True, capture_output=True)
        assert value(project, "a") is expected


# ---- what stages need


def test_a_stage_that_needs_all_threads_runs_alone(small):
    """With -n 2, nothing runs beside a stage of two threads."""
    project = small('w = stage(work.lone, "w", threads=2)', 'a = stage(work.lone, "a")', 'b = stage(work.lone, "b")')
    for name in "wab":
        project.order(name, "wait")
    running = project.spawn("-n", "2")
    running.until_executing("w")
    project.go("w")
    running.read_until("p:w built")
    assert "p:a started" not in running.heard.partition("p:w built")[0]
    running.until_executing("a")
    running.until_executing("b")
    project.go("a")
    project.go("b")
    run = running.wait()
    assert run.code == 0, run


def test_an_input_that_changes_before_its_stage_has_room_is_not_recorded(small):
    """The stage was judged with what the file held then: what it made of other bytes is not what its key says."""
    project = small('w = stage(work.lone, "w", threads=2)', 'b = stage(work.text, Path("in.txt"))')
    project.write("dodo.py", "from pathlib import Path\n" + project.read("dodo.py"))
    project.write("in.txt", "old")
    project.order("w", "wait")
    running = project.spawn("-n", "2")
    running.until_executing("w")
    project.write("in.txt", "new")
    project.go("w")
    run = running.wait()
    assert (run.code, value(project, "b")) == (0, "new")
    assert "warning: p:b: not recorded: in.txt changed while it ran; run again" in run.out
    project.write("in.txt", "old")
    assert project.doit("-n", "2").ran == ["text"]
    assert value(project, "b") == "old"


def test_a_stage_that_needs_more_threads_than_there_are_runs_alone(small):
    """It is not refused, and does not wait for ever."""
    project = small('w = stage(work.limits, "w", threads=64)', 'a = stage(work.lone, "a")')
    run = project.doit("-n", "2")
    assert run.code == 0, run
    assert set(value(project, "w")) == {"64"}
    started = re.findall(r"^(?:\.\.|\. ) p:(\w (?:started|built))", run.out, re.MULTILINE)
    assert started == ["w started", "w built", "a started", "a built"]


def test_three_threads_are_shared_out(small):
    """Stages of two threads and of one fill three, never more."""
    project = small(
        'v = stage(work.lone, "v", threads=2)',
        'w = stage(work.lone, "w", threads=2)',
        'a = stage(work.lone, "a")',
    )
    for name in "vwa":
        project.order(name, "wait")
    running = project.spawn("-n", "3")
    running.until_executing("v")
    running.until_executing("a")
    project.go("a")
    running.read_until("p:a built")
    assert "p:w started" not in running.heard
    project.go("v")
    running.until_executing("w")
    project.go("w")
    run = running.wait()
    assert run.code == 0, run


def test_libraries_are_told_how_many_threads_to_use(small):
    """The processors are shared between the workers; a lower limit of the user's stays."""
    project = small('a = stage(work.limits, "a")', 'w = stage(work.limits, "w", threads=2)')
    run = project.doit("-n", "2", env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "300", "OPENBLAS_NUM_THREADS": "x"})
    assert run.code == 0, run
    each = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert value(project, "a") == ["1", each, each, each]
    wide = str(max(2, len(os.sched_getaffinity(0)) // 2))
    assert value(project, "w") == ["1", wide, wide, wide]


def test_one_gpu_is_used_by_one_stage_at_a_time(small):
    """A stage that needs none runs beside it."""
    project = small('g = stage(work.gpus, "g", gpu=1)', 'h = stage(work.gpus, "h", gpu=1)', 'a = stage(work.gpus, "a")')
    for name in "gha":
        project.order(name, "wait")
    running = project.spawn("-n", "3", env={"CUDA_VISIBLE_DEVICES": "0"})
    running.until_executing("g")
    running.until_executing("a")
    project.go("a")
    running.read_until("p:a built")
    assert "p:h started" not in running.heard
    project.go("g")
    running.until_executing("h")
    project.go("h")
    run = running.wait()
    assert run.code == 0, run
    assert [value(project, name) for name in "gha"] == ["0", "0", "0"]


def test_two_gpus_are_used_side_by_side(small):
    """Each stage sees the one that it was given."""
    project = small('g = stage(work.gpus, "g", gpu=1)', 'h = stage(work.gpus, "h", gpu=1)')
    for name in "gh":
        project.order(name, "wait")
    running = project.spawn("-n", "2", env={"CUDA_VISIBLE_DEVICES": "0,1"})
    running.until_executing("g")
    running.until_executing("h")
    project.go("g")
    project.go("h")
    run = running.wait()
    assert run.code == 0, run
    assert sorted(value(project, name) for name in "gh") == ["0", "1"]


def test_a_stage_that_needs_more_gpus_than_there_are_gets_all(small):
    """And it gets them for itself."""
    project = small('g = stage(work.gpus, "g", gpu=4)', 'h = stage(work.gpus, "h", gpu=1)')
    run = project.doit("-n", "2", env={"CUDA_VISIBLE_DEVICES": "0,1"})
    assert run.code == 0, run
    assert value(project, "g") == "0,1"
    assert value(project, "h") in ("0", "1")
    assert run.out.index("p:g built") < run.out.index("p:h started")


# ---- two runs


def test_two_runs_from_clean_share_the_work(project):
    """Each stage executes once; the second run says for whom it waits, and has the same artifacts."""
    project.order("rows", "wait")
    first = project.spawn("-n", "2")
    first.until_executing("rows")
    second = project.spawn("-n", "2")
    second.read_until("waiting for ")
    project.go("rows")
    runs = [first.wait(), second.wait()]
    assert [run.code for run in runs] == [0, 0], runs
    assert re.search(r"waiting for process \d+ on \S+ since .*: points:rows", runs[1].out)
    assert Counter(project.executed()) == {"rows": 1, "scaled": 1, "model": 1, "other model": 1, "accuracy": 2}
    project.remove("orders")
    assert project.doit().ran == []
    assert set(runs[0].outcomes) == set(runs[1].outcomes)


# ---- many


@pytest.mark.slow
def test_a_chain_of_three_hundred(small):
    """It is no deeper for being long."""
    chain = [f's{n} = stage(work.after, s{n - 1}, "{n}")' for n in range(1, 300)]
    project = small('s0 = stage(work.lone, "s")', *chain)
    run = project.doit("-n", "2")
    assert run.code == 0, run
    assert len(run.ran) == 300
    assert value(project, "s299") == 300
    assert project.doit("-n", "2").ran == []


@pytest.mark.slow
def test_a_fan_in_of_three_hundred(small):
    """As many inputs as one likes."""
    rows = [f's{n} = stage(work.lone, "{n}")' for n in range(300)]
    project = small(*rows, f"total = stage(work.total, [{', '.join(f's{n}' for n in range(300))}])")
    run = project.doit("-n", "2")
    assert run.code == 0, run
    assert len(run.ran) == 301
    assert value(project, "total") == 10 + 90 * 2 + 200 * 3


SAYING = """
from typing import Annotated


def say() -> Annotated[str, "shout"]:
    return "hello"


def count(text) -> int:
    return len(text)
"""

OWN_FORMAT = '''
import kept.formats
from kept import Pipeline, stage
from saying import count, say


class Shout:
    """Upper-case text."""

    name, suffix, types, safe = "shout", ".shout", (), True

    def save(self, value, path):
        path.write_text(value.upper())

    def load(self, path):
        return path.read_text().lower()


kept.formats.register(Shout())


class Words(Pipeline):
    said = stage(say)
    letters = stage(count, said)
'''


def test_a_format_of_dodo_py_is_known_in_workers(project):
    """What dodo.py registers holds in the processes of -n, too."""
    project.write("dodo.py", OWN_FORMAT)
    project.write("saying.py", SAYING)
    run = project.spawn("-n", "2", "words").wait()
    assert run.code == 0, run.out + run.err
    assert project.path("artifacts/words/said.shout").read_text() == "HELLO"
    assert project.path("artifacts/words/letters.json").read_text().strip() == "5"
