"""Output that nobody reads to its end, `doit | head`, or that no disk takes, `doit > log`."""

import os
import subprocess

import pytest
from projects import command


def writing_to(stream: object, project, *arguments: str, program: str = "doit") -> subprocess.CompletedProcess:
    """Run a command with this standard output."""
    return subprocess.run(
        [command()[0].removesuffix("doit") + program, *command()[1:], *arguments],
        cwd=project.root,
        env=project._environment(),
        stdout=stream,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def unread(project, *arguments: str, program: str = "doit") -> subprocess.CompletedProcess:
    """Run a command whose standard output nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return writing_to(writer, project, *arguments, program=program)
    finally:
        os.close(writer)


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_run_that_nobody_reads_is_done_to_its_end(project, parallel):
    """All is built and kept, without a word on the closed pipe."""
    run = unread(project, *parallel, "nearest")
    assert (run.returncode, run.stderr) == (0, "")
    assert sorted(project.executed()) == ["accuracy", "model", "rows", "scaled"]
    assert project.doit("nearest").ran == []


@pytest.mark.parametrize("program", ["doit", "kept"])
def test_a_receipt_that_nobody_reads(project, program):
    """Nothing to do is nothing to say, not an error."""
    project.doit("nearest")
    for _ in range(2):
        project.doit("nearest")
        run = unread(project, "nearest", program=program)
        assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("doit", ("why",)), ("kept", ("why",)), ("kept", ("log",)), ("kept", ("du",)), ("kept", ("plan",))],
)
def test_a_question_whose_answer_nobody_reads(project, program, arguments):
    """It ends as a shell's own commands do."""
    project.doit("nearest")
    run = unread(project, *arguments, program=program)
    assert (run.returncode, run.stderr) == (141, "")


def test_a_failure_that_nobody_reads_keeps_its_exit_code(project):
    """Whoever looks at the code only is told."""
    project.order("model", "fail")
    run = unread(project, "nearest")
    assert (run.returncode, run.stderr) == (1, "")


def test_a_report_that_nobody_reads(project):
    """On either stream, in any format."""
    project.doit("nearest")
    for arguments in (("report",), ("report", "--format", "json")):
        run = unread(project, *arguments)
        assert "Traceback" not in run.stderr
        assert "BrokenPipe" not in run.stderr


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_from_the_beginning(project, closed, parallel):
    """A daemon closes them: no file of kept's may get their numbers, where a stage would print into it."""
    for _ in range(3):  # the last one is answered from a receipt, maybe
        run = subprocess.run(
            [*command(), *parallel, "nearest"],
            cwd=project.root,
            env=project._environment(),
            preexec_fn=lambda: [os.close(number) for number in closed],  # no threads here
            timeout=60,
            check=False,
        )
        assert run.returncode == 0
    assert sorted(project.executed()) == ["accuracy", "model", "rows", "scaled"]
    assert project.kept("verify").code == 0


def full(project, *arguments: str, program: str = "doit") -> subprocess.CompletedProcess:
    """Run a command whose standard output is a file on a full disk."""
    with open("/dev/full", "w") as stream:
        return writing_to(stream, project, *arguments, program=program)


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_run_whose_output_no_disk_takes_is_done_to_its_end(project, parallel):
    """All is built and kept, with one warning."""
    run = full(project, *parallel, "nearest")
    told = "WARNING: standard output cannot be written: No space left on device; the run goes on\n"
    assert (run.returncode, run.stderr) == (0, told)
    assert sorted(project.executed()) == ["accuracy", "model", "rows", "scaled"]
    assert project.doit("nearest").ran == []


@pytest.mark.parametrize(
    ("program", "arguments"), [("doit", ("why",)), ("kept", ("why", "--json")), ("kept", ("log",)), ("kept", ("du",))]
)
def test_an_answer_that_no_disk_takes(project, program, arguments):
    """One line, exit code 3, no traceback."""
    project.doit("nearest")
    run = full(project, *arguments, program=program)
    assert (run.returncode, run.stderr.count("\n"), run.stderr[:6]) == (3, 1, "ERROR:")
    assert "No space left on device" in run.stderr


@pytest.mark.parametrize(
    ("program", "arguments"), [("doit", ("why",)), ("kept", ("why", "--json")), ("kept", ("log",)), ("kept", ("du",))]
)
def test_an_answer_without_a_buffer(project, program, arguments):
    """Containers set PYTHONUNBUFFERED: it is one line all the same, and none where nobody is to read it."""
    project.doit("nearest")
    project.environment["PYTHONUNBUFFERED"] = "1"
    run = full(project, *arguments, program=program)
    assert (run.returncode, run.stderr.count("\n"), run.stderr[:6]) == (3, 1, "ERROR:")
    assert "No space left on device" in run.stderr
    assert unread(project, *arguments, program=program).stderr == ""


@pytest.mark.parametrize("command_", [("why", "nearest"), ("why", "--json", "nearest"), ("accept", "nearest:model")])
def test_a_question_whose_stream_is_closed_from_the_beginning(project, command_):
    """Nobody is to read the answer: the exit code is one."""
    project.doit("nearest")
    run = subprocess.run(
        [*command(), *command_],
        cwd=project.root,
        env=project._environment(),
        preexec_fn=lambda: os.close(1),
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("program", ["doit", "kept"])
def test_a_receipt_that_no_disk_takes(project, program):
    """Nothing to do cannot be said: that is an error, as of any answer."""
    project.doit("nearest")
    codes = set()
    for _ in range(3):
        project.doit("nearest")
        run = full(project, "nearest", program=program)
        assert run.stderr.count("\n") == 1
        assert "standard output cannot be written: No space left on device" in run.stderr
        codes.add(run.returncode)
    assert codes <= {0, 3}  # a run goes on; a receipt has nothing else to do
