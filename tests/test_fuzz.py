"""Ten thousand malformed files of every kind that the engine reads back: a miss or a named error, never a traceback."""

import contextlib
import functools
import json
import marshal
import os
import random
import sqlite3
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
from store_pieces import action as place_of_action
from store_rubbish import ODD, RUBBISH, bent, mangled

from kept import errors, launcher, receipt, settings
from kept.actions import Cause, Claim, Outcome, Output, Reason
from kept.build import Project
from kept.build.journal import Journal
from kept.digest import Digest, Memo, Stat, digest_file
from kept.store import Store
from kept.store.records import sealed

SHARE = float(os.environ.get("KEPT_FUZZ", "1"))  # of the ten thousand; more is a longer search
PACKED = [zlib.compress(text) for text in (b"x", b"{}", b"[[],null,0]", b"[" * 100_000)]


def cases(count: int) -> range:
    return range(max(10, int(count * SHARE)))


def spoilt(data: bytes, dice: random.Random) -> bytes:
    """Spoil remembered bytes: rubbish, mangled bytes, or JSON that holds odd values."""
    way = dice.random()
    if way < 0.1:
        return dice.choice([*RUBBISH, *PACKED])
    packed = data[:1] == b"x"
    if way < (0.9 if packed else 0.6):  # what is packed has a checksum: nothing but code changes it to something else
        return mangled(data, dice)
    try:
        text = json.dumps(bent(json.loads(zlib.decompress(data) if packed else data), dice)).encode()
    except ValueError:
        return mangled(data, dice)
    return zlib.compress(text) if packed else text


def put(place: Path, data: bytes) -> None:
    """Write a new file: a file system may wait for the disk where one is written over."""
    place.unlink(missing_ok=True)
    place.write_bytes(data)


# ---- files that are read by themselves


@pytest.mark.parametrize("unchanged", [receipt.unchanged, receipt.in_python], ids=["as installed", "in Python"])
def test_receipts(tmp_path, monkeypatch, unchanged):
    """What is not exactly the receipt that was written answers nothing."""
    monkeypatch.setattr(receipt, "unchanged", unchanged)
    monkeypatch.chdir(tmp_path)
    os.makedirs("artifacts/.kept")
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "artifacts" / ".kept" / "memo.db").touch()
    asked = receipt.Asked(["run"])
    asked.began_ns = os.stat("one").st_mtime_ns + 10**11
    kinds = {"three": receipt.NOTHING, "one": receipt.kind("one")}
    assert asked.write({"HOME"}, kinds, {"one": [], "two": ["points:rows"]}, {}, "2 stages: 2 up to date\n")
    place, dice = Path(receipt.place(["run"])), random.Random(1)
    good = place.read_bytes()
    assert receipt.read(["run"]) == "2 stages: 2 up to date\n"
    assert set(asked.standing()) == {"points:rows"}
    for _ in cases(5000):
        put(place, data := mangled(good, dice))
        assert receipt.read(["run"]) is None or data == good
    answer = marshal.loads(good[4:])
    for _ in cases(5000):
        bad = list(answer)
        for _ in range(dice.randint(1, 3)):
            bad[dice.randrange(8)] = dice.choice([*ODD, *answer, ((1, 2),), ((None, None),), (("one",), 2)])
        data = marshal.dumps(tuple(bad) if dice.random() < 0.9 else dice.choice(ODD))
        put(place, zlib.crc32(data).to_bytes(4, "big") + data)
        assert isinstance(receipt.read(["run"]), str | None)
        assert isinstance(asked.standing(), dict)


def toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(n))} = {toml(v)}" for n, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "1979-05-27" if value is None else json.dumps(value) if isinstance(value, str) else repr(value)


SIZES = ["1e999 GB", "nan", "-1", "GB", "1 PB", "1_0", "٣ GB", "0x10", " 20 gb ", "1e3", "20 GB GB"]


def test_settings(tmp_path):
    """A table of settings is read or refused, with the file's name; what is read can be used."""
    dice, path = random.Random(2), tmp_path / "pyproject.toml"
    good = (
        b'[tool.kept]\nstore = "artifacts/.kept"\nmax_size = "20 GB"\nkeep_days = 30\nseed = 0\ntrust = "private"\n'
        b'ignore = ["stages/data.py:12"]\nversions = {numpy = "minor", "*" = "exact"}\n'
    )
    names = ["store", "max_size", "keep_days", "seed", "trust", "ignore", "versions", "stor", "\0"]
    refused = set()
    for number in cases(10_000):
        if number % 2:
            put(path, mangled(good, dice))
        else:
            value = dice.choice([*ODD, *SIZES, {"*": "off"}, {"numpy": [1]}, ["x", 1]])
            text = f"[tool.kept]\n{json.dumps(dice.choice(names))} = {toml(value)}\n"
            text = dice.choice([text] * 9 + [f"tool = {toml(value)}\n", f"[tool]\nkept = {toml(value)}\n"])
            put(path, text.encode(errors="backslashreplace"))
        try:
            read = settings.read(tmp_path)
        except errors.KeptError as problem:
            refused.add(str(problem))
            continue
        assert read.max_bytes >= 0
        read.version("numpy", "2.1.0")
        os.path.abspath(tmp_path / read.store)
        read.keep_days * 86400.0
    assert refused
    assert all(str(path) in text and len(text) < 2000 for text in refused)


def test_a_deep_table_is_refused(tmp_path):
    """As is one that no parser reads to the end."""
    (tmp_path / "pyproject.toml").write_text("[tool.kept]\nignore = " + "[" * 100_000)
    with pytest.raises(errors.KeptError):
        settings.read(tmp_path)


def test_journal_lines(tmp_path, monkeypatch, capsys):
    """What is no line of the journal is passed over; the lines around it are read, and `kept log` shows them."""
    dice, journal = random.Random(3), Journal(tmp_path / "artifacts" / ".kept" / "runs.jsonl")
    (tmp_path / "dodo.py").write_text("")
    monkeypatch.chdir(tmp_path)
    journal.append("p:a", Outcome.BUILT, "a" * 64, 1.5, (Reason(Cause.CODE, "x", "1", "2", "x.py:3"),))
    good = journal.path.read_bytes()
    for _ in cases(150):
        line = json.loads(good)
        bad = [
            dice.choice(RUBBISH) if dice.random() < 0.2
            else mangled(good, dice) if dice.random() < 0.5
            else json.dumps(bent(line, dice)).encode() + b"\n"
            for _ in range(67)
        ]  # fmt: skip
        put(journal.path, good + b"\n".join(bad) + b"\n" + good)
        read = list(journal.lines())
        assert read[0] == read[-1]
        assert read[0].stage == "p:a"
        assert journal.last()
        for arguments in ((), ("-n", "0"), ("--json",), ("p",)):
            monkeypatch.setattr(sys, "argv", ["kept", "log", *arguments])
            assert launcher.main() == 0
    capsys.readouterr()


def test_claims():
    """A claim is read or not; what it shows lies in artifacts/, whatever stands in it."""
    dice = random.Random(4)
    claim = Claim("k" * 64, (Output("X", Digest("c" * 64, 12), "npy", ".npy", "ndarray", ("models:Linear",)),))
    good, read = claim.as_bytes(), 0
    for _ in cases(10_000):
        found = Claim.from_bytes(spoilt(good, dice))
        for output in found.outputs if found is not None else ():
            read += 1
            assert Path("artifacts/p/X" + output.suffix).parent == Path("artifacts/p")
            assert len(output.digest.hex) == 64
            assert output.digest.size >= 0
            hash((output.name, output.format, output.kind, output.classes))
    assert read > 0


class Unsynced(sqlite3.Connection):
    """Waits for no disk: ten thousand times that is most of what a test does."""

    def execute(self, text, *rest):
        return super().execute(text.replace("synchronous=normal", "synchronous=off"), *rest)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Give the place of a memory that holds 40 files, with their true digests, and 40 facts."""
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Unsynced))
    memo, true = Memo(tmp_path / "m" / "memo.db"), {}
    for number in range(40):
        path = tmp_path / f"file {number}"
        path.write_bytes(b"x" * number)
        true[str(path)] = digest_file(path)
        memo.note(path, Stat.of(path), true[str(path)], certain=True)
        memo.remember("kind", f"fact {number}", str(number).encode() * 50)
    memo.close()
    return Path(memo.path), true


def test_memory_files(memory):
    """A memory with any bytes in it answers or is started again: afterwards it remembers."""
    (place, true), dice = memory, random.Random(5)
    good = place.read_bytes()
    for number in cases(2000):
        path = dice.choice(list(true))
        put(place, mangled(good, dice) if number else b"no database at all" * 100)
        for leftover in ("-wal", "-shm"):
            Path(f"{place}{leftover}").unlink(missing_ok=True)
            if dice.random() < 0.05:
                Path(f"{place}{leftover}").write_bytes(mangled(good, dice))
        memo = Memo(place, still=dice.random() < 0.2)
        assert memo.recall("kind", "fact 7") in (b"7" * 50, None)
        assert all(value == name[5:].encode() * 50 for name, value in memo.all("kind").items())
        assert memo.file(path) == true[path]
        memo.remember("kind", "new", b"new")
        assert memo.still or memo.recall("kind", "new") in (b"new", None)
        memo.close()


VALUES = [
    None,
    "x",
    "",
    -1,
    0,
    1.5,
    1 << 62,
    float("inf"),
    b"\xff",
    b"",
    b"\0" * 9,
    "a" * 64,
    "\0",
    "\u0661" * 64,
    "9" * 5000,
]
COLUMNS = ["path", "size", "mtime", "ctime", "inode", "digest", "bytes", "checksum"]


def test_rows_of_the_memory(memory):
    """A row that is not as it was written is not believed: a file is named anew, a fact forgotten."""
    (place, true), dice, believed = memory, random.Random(8), 0
    good, paths = place.read_bytes(), list(true)
    for _ in cases(100):
        put(place, good)
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as db:
            db.execute("begin")
            for path in paths:
                column = dice.choice(COLUMNS)
                others = db.execute(f"select {column} from files").fetchall()
                value = dice.choice([*VALUES, *dice.choice(others)]) if dice.random() < 0.7 else dice.choice(others)[0]
                db.execute(f"update or ignore files set {column}=? where path=?", (value, path))
            for name, value in db.execute("select name, value from facts").fetchall():
                odd = mangled(value, dice) if dice.random() < 0.7 else dice.choice(VALUES)
                column, odd = ("value", odd) if dice.random() < 0.8 else ("name", f"fact {dice.randrange(99)}")
                db.execute(f"update or ignore facts set {column}=? where name=?", (odd, name))
            db.execute("commit")
        memo = Memo(place, still=dice.random() < 0.2)
        if dice.random() < 0.5:  # a few by themselves, or all in one query
            dice.shuffle(paths)
        for path in paths:
            assert memo.file(path) == true[path]
        found = memo.all("kind")
        assert all(value == str(name)[5:].encode() * 50 for name, value in found.items()), found
        believed += len(found)
        memo.close()
    assert believed < 100 * SHARE * 40 * 0.2


def test_what_is_remembered_of_plain_tasks(tmp_path, monkeypatch):
    """Judging them, doit meets what it wrote itself, or nothing."""
    from doit.task import Task

    from kept.tasks import KeptDependency

    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("in")
    dice, project = random.Random(7), Project(tmp_path)
    task = Task("plain", ["true"], file_dep=["in.txt"])
    judge = KeptDependency(project)
    judge.save_success(task)
    good = project.memo.recall("doit", "plain")
    assert judge.get_status(task, {}).status == "up-to-date"
    found = set()
    for _ in cases(500):
        project.memo.remember("doit", "plain", spoilt(good, dice))
        judge.take(project)
        judge.status_is_ignore(task)
        judge.get_values("plain")
        found.add(judge.get_status(task, {}).status)
    assert found == {"run", "up-to-date"}
    judge.close()


# ---- what is read in the course of judging: in a process of its own, for it imports the project


def engine(project, what: str, count: int) -> dict[str, int]:
    """Judge, explain and report again and again, each time with something else spoilt; count the outcomes."""
    environment = project._environment({"PYTHONWARNINGS": "error"})
    program = [sys.executable, __file__, what, str(len(cases(count)))]
    done = subprocess.run(
        program,
        cwd=project.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300 * max(1, SHARE),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_facts_in_the_memory(project):
    """Whatever kind of fact is spoilt, stages are judged as before, or restored: nothing is lost."""
    assert project.doit().code == 0
    told = engine(project, "facts", 300)
    assert {outcome for outcome in told if not outcome.startswith("forged")} == {"up to date", "restored"}, told
    again = project.doit()
    assert (again.code, again.ran) == (0, []), again


def test_records_with_a_right_checksum_and_odd_content(project):
    """They are used as far as they go, or missed; nothing outside artifacts/ is touched."""
    assert project.doit().code == 0
    told = engine(project, "records", 200)
    assert set(told) <= {"up to date", "restored", "built", "failed"}, (
        told
    )  # failed: it names a class that is not there
    assert not (project.root / "x").exists()
    again = project.doit()
    assert (again.code, again.ran) == (0, []), again


@pytest.mark.parametrize("seed", range(4))
def test_a_run_among_rubbish(project, seed):
    """With everything spoilt at once that a run remembers, it comes to the same artifacts; nothing executes again."""
    text = project.read("dodo.py")
    project.write(
        "dodo.py", text + "\n\ndef task_plain():\n    return {'actions': ['true'], 'file_dep': ['data/points.csv']}\n"
    )
    assert project.doit().code == 0
    before, dice = project.shown(), random.Random(seed)
    with sqlite3.connect(project.path("artifacts/.kept/memo.db")) as db:
        for kind, name, value in db.execute("select kind, name, value from facts").fetchall():
            ways = [mangled(value, dice), value[:4] + spoilt(value[4:], dice), 5, "text", None, -1.5]
            spoil = dice.choice(ways[: 6 if dice.random() < 0.1 else 2])
            db.execute("update facts set value=? where kind=? and name=?", (spoil, kind, name))
        for (path,) in db.execute("select path from files").fetchall():
            name = dice.choice(["digest", "bytes", "size", "mtime", "inode"])
            db.execute(f"update files set {name}=? where path=?", (dice.choice([None, "x", -1, b"\xff", 1.5]), path))
    db.close()
    for log in ("runs.jsonl", "clock", "secret"):
        place = project.path(f"artifacts/.kept/{log}")
        if place.exists():
            place.write_bytes(dice.choice(RUBBISH))
    for arguments in (("why",), ("list", "--all", "-s"), ("-n", "2") if seed % 2 else (), ()):
        run = project.doit(*arguments)
        assert "Traceback" not in run.out + run.err, run
        assert run.code in (0, 1) if arguments == ("why",) else run.code == 0, run
        assert run.ran == []
    assert project.shown() == before


# ---- the process that judges


def _judged(stages, dodo) -> list[Outcome]:
    """Do all that reads what is remembered, but for executing."""
    from kept import explain

    project = Project(os.getcwd())
    project.add(stages)
    told = explain.before(project, project.order(project.stages))
    explain.as_text(told)
    json.dumps(explain.as_json(told))
    with contextlib.suppress(errors.KeptError):
        dodo.task_report.draw(project, {})
    project.memo.close()
    return [one.outcome for one in told]


def _facts(count: int, stages, dodo, dice: random.Random) -> dict[str, int]:
    outcomes: Counter[str] = Counter()
    memo = Memo("artifacts/.kept/memo.db")
    names = sorted(memo._db.execute("select kind, name from facts"))
    kinds = sorted({kind for kind, _ in names})
    for _ in range(count):
        chosen = dice.choice(kinds)
        kind, name = dice.choice([pair for pair in names if pair[0] == chosen])
        value, forged = memo.recall(kind, name), dice.random() < 0.5
        assert value is not None
        spoil = spoilt(value, dice) if forged else dice.choice([*RUBBISH, 7, "x", 1 << 40])
        if forged:
            memo.remember(kind, name, spoil)
        else:
            memo._write("update facts set value=? where kind=? and name=?", (spoil, kind, name))
        try:
            found = _judged(stages, dodo)
        except Exception as problem:
            raise AssertionError(f"{kind} {name} {spoil!r}") from problem
        # With a right checksum, what the memory says is believed where it can be read: then something may be built.
        outcomes.update(("forged " if forged else "") + outcome.value for outcome in found)
        memo.remember(kind, name, value)
    memo.close()
    return outcomes


def _records(count: int, stages, dodo, dice: random.Random) -> dict[str, int]:
    outcomes: Counter[str] = Counter()
    store = Store("artifacts/.kept")
    stored = list(store.records())
    memo = Memo("artifacts/.kept/memo.db")
    memo._write("delete from facts where kind=?", ("claim",))  # so that records decide
    for _ in range(count):
        one = dice.choice(stored)
        place = place_of_action(store, one.key)
        good = place.read_bytes()
        record = bent(one.record, dice)
        try:
            data = sealed(one.key, record)
        except (ValueError, TypeError, errors.KeptError):  # what no canonical JSON holds
            continue
        put(place, data)
        try:
            outcomes.update(outcome.value for outcome in _judged(stages, dodo))
        except Exception as problem:
            raise AssertionError(f"{record!r}") from problem
        place.parent.mkdir(exist_ok=True)
        put(place, good)
    memo.close()
    return outcomes


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    import dodo
    from kept.pipeline import pipelines
    from kept.pipeline import stages as stages_of

    every = {stage.task: stage for pipeline in pipelines().values() for stage in stages_of(pipeline)}
    fuzz = {"facts": _facts, "records": _records}[sys.argv[1]]
    print(json.dumps(fuzz(int(sys.argv[2]), list(every.values()), dodo, random.Random(6))))
