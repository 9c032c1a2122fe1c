"""However a run is ended, what was finished is kept, and nothing half-made is shown."""

import os
import signal
import sys
import time

import pytest

fcntl = pytest.importorskip("fcntl")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")

ENDS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def ended(project, number, stage="model", *arguments):
    """Run until a stage executes, and end the run there."""
    project.order(stage, "wait")
    running = project.spawn(*(arguments or ["nearest"]))
    running.until_executing(stage)
    running.send(number)
    run = running.wait()
    project.order(stage, None)
    return run


def leftovers(project):
    return sorted(os.listdir(project.path("artifacts/.kept/tmp")))


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_finished_stages_are_not_redone(project, number):
    """The next run begins with the stage that was cut off, and comes to the same result as a run in peace."""
    run = ended(project, number)
    assert run.ran == ["rows", "scaled", "model"]
    assert sorted({name.split("/")[0] for name in project.shown()}) == ["points"]
    again = project.doit("nearest")
    assert (again.code, again.ran) == (0, ["model", "accuracy"])
    peaceful = project.copy(project.root.parent / "peaceful")
    peaceful.doit("nearest")
    assert project.shown() == peaceful.shown()


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_the_exit_status_says_which_signal_it_was(project, number):
    """A shell or a scheduler sees a run that was ended by a signal, not one that failed."""
    assert ended(project, number).code == -number


@pytest.mark.parametrize("number", ENDS[:2], ids=lambda number: number.name)
def test_an_interrupted_run_says_so_in_a_line(project, number):
    """No traceback, neither of the stage nor of kept or doit; what was done so far stands above."""
    run = ended(project, number)
    assert run.err == "interrupted: finished stages are kept; run again to go on\n"
    assert "Traceback" not in run.out
    assert ".. nearest:model started: never built" in run.out
    assert "nearest:model failed" not in run.out


@pytest.mark.parametrize("number", ENDS[:2], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_nothing_behind(project, number):
    """What was being written is removed, and locks are free."""
    ended(project, number)
    assert leftovers(project) == []


def test_what_a_kill_leaves_behind_is_in_nobodys_way(project):
    """A killed run cannot tidy up: the next one neither uses what it left nor stumbles over it."""
    ended(project, signal.SIGKILL)
    before = set(leftovers(project))
    assert project.doit("nearest").code == 0
    assert set(leftovers(project)) <= before
    assert project.doit("nearest").ran == []


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_what_was_built_before_is_back_after_a_kill(project, number):
    """Build one version, edit, be cut off, take the edit back: the outputs are those of the first version."""
    project.doit("nearest")
    before = project.shown()
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    ended(project, number)
    project.edit("dodo.py", "shrink=0.2", "shrink=0.1")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (0, [])
    assert project.shown() == before


def test_a_stage_that_was_cut_off_is_not_called_up_to_date(project):
    """Its claim is taken back before it runs, durably: no kill comes too early for that."""
    project.doit("nearest")
    ended(project, signal.SIGKILL, "model", "-a", "nearest")
    run = project.doit("why", "nearest:model")
    assert run.code == 1
    assert "nearest:model  up to date" not in run.out


@pytest.mark.parametrize("number", ENDS[:2], ids=lambda number: number.name)
def test_a_stage_cannot_take_an_interrupt_for_an_error(project, number):
    """`except Exception` in a stage does not hold up the end of the run."""
    project.edit(
        "recipes/nearest.py",
        '    mark("model")\n',
        '    try:\n        mark("model")\n    except Exception:\n        pass\n',
    )
    run = ended(project, number)
    assert (run.code, run.ran) == (-number, ["rows", "scaled", "model"])


@pytest.mark.parametrize("number", ENDS[:2], ids=lambda number: number.name)
def test_an_interrupt_in_a_plain_task_ends_the_run_too(project, number):
    """Plain tasks beside a pipeline are no exception."""
    text = project.read("dodo.py").replace("from recipes import", "from recipes.marks import mark\nfrom recipes import")
    project.write("dodo.py", text + "\n\ndef task_plain():\n    return {'actions': [lambda: mark('plain')]}\n")
    run = ended(project, number, "plain", "points", "plain")
    assert (run.code, run.ran) == (-number, ["rows", "scaled", "plain"])
    assert "Traceback" not in run.err
    assert project.doit("points").ran == []


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_an_end_while_two_run_frees_the_other(project, number):
    """A run that waits for a stage of another one goes on when that is gone, and builds the stage itself."""
    project.order("model", "wait")
    first = project.spawn("nearest")
    first.until_executing("model")
    second = project.spawn("nearest")
    second.read_until("waiting for ")
    first.send(number)
    assert first.wait().code == -number
    second.until_executing("model")
    project.go("model")
    run = second.wait()
    assert run.code == 0
    assert run.outcomes["nearest:model"] == "built"
    assert project.executed().count("model") == 2


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_fork_of_a_stage_ends_at_once(project, parallel):
    """SIGTERM does to it what it does in any script: a pool of processes sends it once, and waits."""
    project.edit(
        "recipes/nearest.py",
        '    mark("model")\n',
        '    mark("model")\n    import os, signal\n    if not (child := os.fork()):\n'
        "        os._exit(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n",
    )
    run = project.doit(*parallel, "nearest")
    assert (run.code, run.outcomes["nearest:model"]) == (0, "built"), run


@pytest.mark.parametrize("number", ENDS[:2], ids=lambda number: number.name)
def test_a_process_of_a_stage_ends_with_it(project, number):
    """Also where nothing in the stage sees to that, and the signal went to the run alone."""
    project.edit(
        "recipes/nearest.py",
        '    mark("model")\n',
        "    import fcntl, multiprocessing, time\n    with open('held', 'w') as file:\n"
        "        fcntl.flock(file, fcntl.LOCK_EX)\n"
        "        forks = multiprocessing.get_context('fork')\n"
        "        forks.Process(target=time.sleep, args=(60,), daemon=True).start()\n"
        '    mark("model")\n',
    )
    assert ended(project, number).code == -number
    until = time.monotonic() + 10
    with open(project.path("held")) as file:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                assert time.monotonic() < until
                time.sleep(0.01)


def test_a_stage_that_does_not_end_is_told_once_more(project):
    """Who sends SIGTERM waits some seconds: a stage that waits for ever on its way out does not hold up the end."""
    project.edit(
        "recipes/nearest.py",
        '    mark("model")\n',
        "    import threading\n    held = threading.Lock()\n"
        '    try:\n        mark("model")\n    except KeyboardInterrupt:\n'
        "        with held, held:\n            raise\n",
    )
    run = ended(project, signal.SIGTERM)
    assert (run.code, run.ran) == (-signal.SIGTERM, ["rows", "scaled", "model"])
    assert run.err == "interrupted: finished stages are kept; run again to go on\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_it_starts(project, number):
    """It is as calm before the first stage as later: no traceback of ours."""
    project.write(
        "started/sitecustomize.py",
        "import os\nimport sys\n\n\ndef hook(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'kept.build':\n"
        f"        os.kill(os.getpid(), {int(number)})\n\n\nsys.addaudithook(hook)\n",
    )
    run = project.spawn(env={"PYTHONPATH": str(project.path("started"))}).wait()
    assert run.code == -number
    assert "Traceback" not in run.err, run
    assert "interrupted" in run.err
