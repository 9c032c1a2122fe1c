"""Stores that cannot be written to, are full, not private, or of a newer kept: what `doit` does with each."""

import functools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import Project, Run, command

STORE = "artifacts/.kept"
READ_ONLY = "the store is read-only: what is built now is shown in artifacts/, but not kept"
NEWER = "ERROR: the store was written by another version of kept\n"


def shell(project: Project, script: str, *arguments: str, own_mounts: bool = False, verb: str = "doit") -> Run:
    """Run doit from a shell that has prepared something; with ``own_mounts`` nobody else sees what it mounts."""
    before = len(project.executed())
    program = [*(["unshare", "-m"] if own_mounts else []), "sh", "-ec", f'{script}\nexec "$@"', "sh"]
    called = [str(Path(command()[0]).with_name(verb)) if verb != "doit" else command()[0], *command()[1:], *arguments]
    done = subprocess.run(
        [*program, *called],
        cwd=project.root,
        env=project._environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Run(arguments, done.returncode, done.stdout, done.stderr, project.executed()[before:])


def mounts() -> bool:
    """Say whether this user may mount something that nobody else sees."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def shut(project: Project, place: str, *arguments: str, verb: str = "doit") -> Run:
    """Run doit while a folder and all below it are read-only: by mount for the superuser, else by permission."""
    root = project.path(place)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        if not mounts():
            pytest.skip("the superuser needs a mount of his own to meet what is read-only")
        script = f'mount --bind "{root}" "{root}"\nmount -o remount,ro,bind "{root}"'
        return shell(project, script, *arguments, own_mounts=True, verb=verb)
    folders = [root, *(p for p in root.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        return shell(project, "", *arguments, verb=verb)
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.fixture
def closed(project) -> Callable[..., Run]:
    """Give a function that runs doit while the store is read-only."""
    return functools.partial(shut, project, STORE)


def kept_files(project: Project) -> dict[str, tuple[int, int]]:
    """Name what the store holds, with size and time; files of the memory and the log aside."""
    found = {}
    for part in ("blobs", "actions", "version"):
        for place in [project.path(STORE) / part, *(project.path(STORE) / part).rglob("*")]:
            if place.is_file():
                seen = place.stat()
                found[str(place)] = (seen.st_size, seen.st_mtime_ns)
    return found


# ---- read-only


def test_nothing_to_do_in_a_read_only_store(project, closed):
    """It is said, without a word about the store, and again."""
    project.doit("nearest")
    for _ in range(2):
        run = closed("nearest")
        assert (run.code, run.ran, run.err) == (0, [], "")
        assert set(run.outcomes.values()) == {"up to date"}
        assert "warning" not in run.out


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_hits_of_a_read_only_store_are_served(project, closed, parallel):
    """What is recorded is put in its place; nothing executes."""
    project.doit("nearest")
    before, stored = project.shown(), kept_files(project)
    project.remove("artifacts/nearest")
    run = closed(*parallel, "nearest")
    assert (run.code, run.ran, run.err) == (0, [], "")
    assert run.outcomes["nearest:model"] == "restored"
    assert project.shown() == before
    assert kept_files(project) == stored


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_miss_in_a_read_only_store_runs_with_one_warning(project, closed, parallel):
    """The result is shown, and right, as is what is built of it; the store stays as it was."""
    project.doit("nearest")
    stored = kept_files(project)
    project.edit("dodo.py", "shrink=0.1", "shrink=0.9")
    run = closed(*parallel, "nearest")
    assert run.code == 0, run
    assert run.ran == ["model", "accuracy"]
    assert run.out.count("warning") == run.out.count(f"warning: {READ_ONLY}\n") == 1
    assert run.err == ""
    assert kept_files(project) == stored
    other = project.copy(project.root.parent / "other")
    other.doit("nearest")
    assert project.shown() == other.shown()
    assert project.doit("nearest").code == 0  # it can be written again: now it is kept
    assert project.doit("nearest").ran == []


def test_asking_works_on_a_read_only_store(project, closed):
    """Why, list, log, du and verify only read."""
    project.doit("nearest")
    for arguments in (("why",), ("list", "--all", "-s"), ("info", "nearest:model")):
        run = closed(*arguments)
        assert "Traceback" not in run.err, run
        assert "points:rows" in run.out or "nearest:model" in run.out
    for verb in ("log", "du", "verify"):
        run = closed(verb, verb="kept")
        assert (run.code, run.err) == (0, ""), run


def test_what_must_write_says_that_it_cannot(project, closed):
    """Sweeping and forgetting are refused by name, not silently left out."""
    project.doit("nearest")
    for arguments in (("gc",), ("gc", "--dry-run"), ("forget", "nearest"), ("forget", "--records", "nearest")):
        run = closed(*arguments, verb="kept")
        assert run.code == 3, run
        assert run.err.startswith("ERROR: the store is read-only\n")
    assert project.doit("nearest").ran == []


@pytest.mark.parametrize("built", [True, False])
def test_a_project_that_is_read_only_fails_with_one_error(project, built):
    """Neither the store nor artifacts/ takes what a stage has made: its file is named, with what to do."""
    if built:
        project.doit("nearest")
    project.path("artifacts").mkdir(exist_ok=True)
    run = shut(project, "artifacts", "-a", "points:rows")
    assert (run.code, run.ran) == (1, ["rows"])
    assert "points:rows failed: points/rows/X_train cannot be written" in run.out
    assert "hint: see that the folder can be written to" in run.out
    assert "Traceback" not in run.out + run.err


@pytest.mark.parametrize(
    "command",
    ["forget nearest:model", "forget --all", "ignore nearest:model", "clean --forget", "reset-dep", "reset-dep points"],
)
def test_a_command_that_must_write_fails_in_a_read_only_project(project, command):
    """It would say that it has forgotten, and has not; the next run would do what nobody expects."""
    project.doit("nearest")
    run = shut(project, "artifacts", *command.split())
    assert run.code == 3, run
    assert run.err.startswith("ERROR: ")
    assert "\nhint: " in run.err
    assert "reason: " in run.err
    assert "Traceback" not in run.err
    for word in ("forgetting", "ignoring", "processed", "skip"):
        assert word not in run.out
    assert project.doit("nearest").ran == []


PLAIN = """

def task_plain():
    what = {"file_dep": ["data/points.csv"], "targets": ["copied"], "clean": True}
    return {**what, "actions": ["cp data/points.csv copied"]}
"""


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [("doit", "reset-dep plain"), ("doit", "clean plain"), ("doit", "clean"), ("kept", "graph --out drawn.svg")],
)
def test_a_project_that_is_read_only_as_a_whole_shows_no_traceback(project, verb, arguments):
    """Plain tasks and files beside artifacts/ are told like all else: what cannot be done, why, what to do."""
    project.write("dodo.py", project.read("dodo.py") + PLAIN)
    assert project.doit("plain").code == 0
    run = shut(project, ".", *arguments.split(), verb=verb)
    assert run.code == 3, run
    assert run.err.startswith("ERROR: ")
    assert "\nhint: " in run.err
    assert "ead-only" in run.err or "ermission" in run.err
    assert "Traceback" not in run.out + run.err


# ---- full

FULL = """import numpy as np

from recipes.marks import mark


def small(size: int) -> np.ndarray:
    mark("small")
    return np.arange(size)


def large(x: np.ndarray, size: int) -> np.ndarray:
    mark("large")
    return np.ones(size) * x[1]


def text(x: np.ndarray, size: int) -> str:
    mark("text")
    return "x" * size


def thing(x: np.ndarray, size: int) -> object:
    mark("thing")
    return [object, bytes(size)]
"""
FULL_DODO = """import work

from kept import Pipeline, stage


class Disk(Pipeline):
    a = stage(work.small, 1000)
    b = stage(work.{function}, a, 6_000_000 // {each})
    c = stage(work.small, 1001)
"""


def filling(project: Project, function: str) -> Project:
    """Let a project have a stage whose artifact takes six million bytes."""
    project.write("work.py", FULL)
    project.write("dodo.py", FULL_DODO.format(function=function, each=8 if function == "large" else 1))
    return project


@pytest.fixture(params=["disk", "limit"])
def scarce(request, project) -> Callable[..., Run]:
    """Give a function that runs doit where there is no room for six million bytes: a full disk, a limit on files."""
    if request.param == "limit":
        return lambda *arguments: shell(project, "ulimit -f 4000", *arguments)  # blocks of 512 or 1024 bytes
    if not mounts():
        pytest.skip("only the superuser can mount a small disk")

    def on_a_small_disk(*arguments: str) -> Run:
        place, saved = project.path("artifacts"), project.path("saved")
        saved.mkdir(exist_ok=True)
        script = f'mount -t tmpfs -o size=4m none "{place}"\ncp -a "{saved}/." "{place}"'
        keep = f'code=0; "$@" || code=$?; cp -a "{place}/." "{saved}"; exit $code'
        return shell(project, f'mkdir -p "{place}"\n{script}\n{keep}', *arguments, own_mounts=True)

    return on_a_small_disk


def freed(project: Project) -> None:
    """Give the project a disk with room, on which lies what was on the small one."""
    if project.path("saved").exists():
        shutil.rmtree(project.path("artifacts"))
        project.path("saved").rename(project.path("artifacts"))


@pytest.mark.parametrize("function", ["large", "text", "thing"])
@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_full_disk_is_told_and_loses_nothing(project, scarce, function, parallel):
    """The stage fails with what it needs and what there is; the others are kept, and a run with room goes on."""
    filling(project, function)
    run = scarce(*parallel, "--continue")
    assert run.code == 2, run
    assert run.outcomes["disk:a"] == "built", run
    assert run.outcomes["disk:b"] == "failed", run
    # Beside a large file that grows until the disk is full there is no room for a small one either.
    assert run.outcomes["disk:c"] in ({"built", "failed"} if parallel else {"built"}), run
    assert "!! disk:b failed: no room left for disk/b" in run.out
    assert "no room left" in run.out
    assert "needed:" in run.out
    assert "free:" in run.out
    assert "hint: make room" in run.out
    assert "Traceback" not in run.out + run.err
    again = scarce("--continue")
    assert function in again.ran, again
    assert again.outcomes["disk:a"] == "up to date", again
    # The disk may have filled up after c's record was saved: then only its artifact was missing, nothing runs again.
    expected = {"up to date"} if run.outcomes["disk:c"] == "built" else {"built", "restored"}
    assert again.outcomes["disk:c"] in expected, again
    freed(project)
    assert os.listdir(project.path(f"{STORE}/tmp")) == []
    after = project.doit()
    assert (after.code, after.ran) == (0, [function]), after
    assert project.doit().ran == []
    assert shell(project, "", "verify", verb="kept").code == 0


@pytest.mark.skipif(not mounts(), reason="only the superuser can mount a small disk")
@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_disk_without_any_room_is_no_traceback(project, parallel):
    """Not a byte is left, for records, memory and log either: each stage says so, and nothing that is kept is lost."""
    filling(project, "large")
    project.edit("dodo.py", "6_000_000 // 8", "1000")
    assert project.doit("disk:a").code == 0
    shutil.copytree(project.path("artifacts"), project.path("saved"))
    place, saved = project.path("artifacts"), project.path("saved")
    script = (
        f'mount -t tmpfs -o size=4m none "{place}"\ncp -a "{saved}/." "{place}"\nrm -r "{place}/disk"\n'
        f'dd if=/dev/zero of="{place}/fill" bs=4096 2>/dev/null || true\n'
        f'code=0; "$@" || code=$?; rm "{place}/fill"; "$@"; rm -r "{saved}"; cp -a "{place}/." "{saved}"; exit $code'
    )
    run = shell(project, script, *parallel, "--continue", own_mounts=True)
    assert run.code in (1, 2), run
    assert "no room left" in run.out
    assert "Traceback" not in run.out + run.err
    assert run.out.count("disk:a failed") == 1
    assert run.out.count("disk:a restored") == 1  # once there is room again
    assert run.out.count("disk:b built") == 1
    freed(project)
    assert project.doit().ran == []


# ---- not private


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_pickles_of_a_store_that_others_can_write_are_refused(project, mode):
    """Data still goes in and out; code is not loaded, and the message says what to do: each way out works."""
    assert project.doit("nearest").code == 0
    project.path(STORE).chmod(mode)
    project.edit("recipes/nearest.py", "digits: int = 6", "digits: int = 5")
    for parallel in ((), ("-n", "2")):
        run = project.doit(*parallel, "nearest")
        assert run.code == 1
        assert run.ran == []
        assert run.outcomes["nearest:accuracy"] == "failed"
        assert "artifacts/nearest/model.pkl is code when it is read, and not trusted" in run.out
        assert "`chmod -R go-w`" in run.out
        assert 'trust = "group"' in run.out
        assert "Traceback" not in run.out
    project.edit("data/points.csv", "-1.96,-0.91,0", "-1.95,-0.91,0")
    run = project.doit("points")
    assert (run.code, run.ran) == (0, ["rows", "scaled"])  # arrays are data
    project.write("pyproject.toml", '[tool.kept]\ntrust = "group"\n')
    assert project.doit("-n", "2", "nearest").ran == ["model", "accuracy"]
    project.remove("pyproject.toml")
    project.edit("recipes/nearest.py", "digits: int = 5", "digits: int = 4")
    assert project.doit("nearest").code == 1
    for place in [project.path(STORE), *project.path(STORE).rglob("*")]:  # chmod -R go-w
        place.chmod(place.stat().st_mode & ~0o022)
    assert project.doit("nearest").ran == ["accuracy"]


def test_verify_tells_that_others_can_write(project):
    """Exit bit 2, and the place."""
    project.doit("points")
    assert shell(project, "", "verify", verb="kept").code == 0
    (project.path(STORE) / "actions").chmod(0o777)
    run = shell(project, "", "verify", verb="kept")
    assert run.code == 2
    assert "actions: others can write here" in run.out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_pickles_of_a_store_of_another_user_are_refused(project):
    """Whoever wrote it might have written anything."""
    project.doit("nearest")
    for place in [project.path(STORE), *project.path(STORE).rglob("*")]:
        os.chown(place, 65534, 65534)
    project.edit("recipes/nearest.py", "digits: int = 6", "digits: int = 5")
    run = project.doit("nearest")
    assert (run.code, run.ran) == (1, [])
    assert "is code when it is read, and not trusted" in run.out
    project.write("pyproject.toml", '[tool.kept]\ntrust = "group"\n')
    assert project.doit("nearest").ran == ["accuracy"]


def test_a_store_made_under_a_careless_umask_is_private(project):
    """What kept makes itself is closed to others, whatever the user's habits."""
    assert shell(project, "umask 000", "nearest").code == 0
    assert stat.S_IMODE(project.path(STORE).stat().st_mode) & 0o022 == 0
    project.edit("recipes/nearest.py", "digits: int = 6", "digits: int = 5")
    assert project.doit("nearest").ran == ["accuracy"]


# ---- newer


@pytest.mark.parametrize(
    "arguments",
    [
        ("nearest",),
        ("-n", "2"),
        ("-a", "nearest"),
        ("why",),
        ("list", "-s"),
        ("info", "points:rows"),
        ("forget", "nearest"),
        ("clean", "nearest"),
        ("accept", "nearest:model"),
        ("report",),
    ],
    ids=" ".join,
)
def test_a_store_of_a_newer_kept_is_left_alone(project, arguments):
    """It is said in one message, without a traceback; nothing executes, nothing is written, the memory included."""
    project.doit("nearest")
    version = project.path(f"{STORE}/version")
    version.chmod(0o644)
    version.write_text("2 blake3\n")
    before = {p: p.read_bytes() for p in sorted(project.path("artifacts").rglob("*")) if p.is_file()}
    run = project.doit(*arguments)
    assert (run.code, run.ran, run.out) == (3, [], ""), run
    assert run.err.startswith(NEWER)
    assert "2 blake3" in run.err
    assert "hint: upgrade kept" in run.err
    assert "Traceback" not in run.err
    assert {p: p.read_bytes() for p in sorted(project.path("artifacts").rglob("*")) if p.is_file()} == before


@pytest.mark.parametrize("verb", ["du", "gc", "verify", "forget"])
def test_a_verb_leaves_a_newer_store_alone_too(project, verb):
    """In the same words."""
    project.doit("points")
    version = project.path(f"{STORE}/version")
    version.chmod(0o644)
    version.write_text("2 blake3\n")
    run = shell(project, "", verb, *(["points"] if verb == "forget" else []), verb="kept")
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith(NEWER)


# ---- a place that is none


IN_THE_WAY = "a file lies where a folder is needed\n"


@pytest.mark.parametrize("place", ["artifacts", "artifacts/.kept"])
@pytest.mark.parametrize(
    "command", ["doit", "doit -n 2", "doit list", "doit why", "doit forget points", "kept", "kept du", "kept verify"]
)
def test_a_file_that_is_no_store(project, place, command):
    """One error names it and says what to do, whatever was asked for; the file stays as it is."""
    project.write(place, "mine")
    verb, *arguments = command.split()
    run = shell(project, "", *arguments, verb=verb)
    assert (run.code, run.ran, run.out) == (3, [], ""), run
    assert run.err.startswith("ERROR: " + IN_THE_WAY), run
    assert f"{project.path(place)}\nhint: " in run.err
    assert "Traceback" not in run.err
    assert project.read(place) == "mine"


FIELDS = """
import typing
from pathlib import Path

class Both(typing.NamedTuple):
    x: int
    y: int

def alone() -> Path:
    Path("made").write_text("1")
    return Path("made")

def both() -> Both:
    return Both(1, 2)
"""


def test_a_file_of_its_own_is_in_no_way(project):
    """A stage that made a file, and makes a folder of artifacts of that name now, puts it in the file's place."""
    project.write("work.py", FIELDS)
    dodo = "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n    a = stage(work.alone)\n"
    project.write("dodo.py", dodo)
    assert project.doit().code == 0
    assert list(project.shown()) == ["p/a"]
    project.edit("dodo.py", "work.alone", "work.both")
    assert project.doit().outcomes == {"p:a": "built"}
    assert list(project.shown()) == ["p/a/x.json", "p/a/y.json"]
    project.edit("dodo.py", "work.both", "work.alone")
    assert project.doit().outcomes == {"p:a": "restored"}
    assert list(project.shown()) == ["p/a"]


@pytest.mark.parametrize("place", ["artifacts/points", "artifacts/points/rows"])
@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["", "n2"])
def test_a_file_where_artifacts_go(project, place, parallel):
    """The stage fails, naming it; what it has made is kept, and shown once the file is gone."""
    project.write(place, "mine")
    run = project.doit(*parallel, "points")
    assert (run.code, run.ran) == (1, ["rows"]), run
    assert f"points:rows failed: {IN_THE_WAY}" in run.out, run
    assert str(project.path(place)) in run.out
    assert "hint: " in run.out
    project.remove(place)
    assert project.doit("points").outcomes["points:rows"] == "restored"


@pytest.mark.parametrize(
    ("store", "told"),
    [
        (".", "expected a folder for the store alone, got '.'"),
        ("artifacts", "expected a folder for the store alone, got 'artifacts'"),
        ("../", "expected a folder for the store alone, got '../'"),
        ("dodo.py", "expected a folder for the store alone, got 'dodo.py'"),
    ],
)
def test_a_store_must_have_a_folder_of_its_own(project, store, told):
    """It is swept, and says of itself that nothing in it matters: no place for anything else."""
    project.write("pyproject.toml", f'[tool.kept]\nstore = "{store}"\n')
    for run in (project.doit(), project.doit("why")):
        assert run.code == 3
        assert told in run.err
        assert "Traceback" not in run.err
    assert not project.path("artifacts/.kept").exists()
    assert not project.path("blobs").exists()


def test_a_slip_in_the_settings_is_told_with_the_nearest_name(project):
    """In a run and in a question, without a traceback."""
    project.write("pyproject.toml", '[tool.kept]\nmaxsize = "1 GB"\n')
    for arguments in ((), ("-n", "2"), ("why",), ("list", "-s")):
        run = project.doit(*arguments)
        assert (run.code, run.out) == (3, "")
        assert "bad settings: [tool.kept] has no setting 'maxsize'" in run.err
        assert "did you mean max_size?" in run.err
        assert "Traceback" not in run.err
