"""A project says a few things of itself in pyproject.toml, and is told where it is wrong."""

import pytest

from kept import errors
from kept.settings import Settings, read


def settings(folder, text):
    (folder / "pyproject.toml").write_text(text)
    return read(folder)


# ---- what is read


def test_without_a_file_everything_is_as_documented(tmp_path):
    """No setting is needed."""
    found = read(tmp_path)
    assert found == Settings()
    assert (found.store, found.keep_days, found.seed, found.trust) == ("artifacts/.kept", 30, 0, "private")
    assert found.max_bytes == 20_000_000_000


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1\n", '[project]\nname = "kept-user"\n', "[tool.kept]\n"])
def test_a_file_that_says_nothing_of_kept_changes_nothing(tmp_path, text):
    """Other tools have their tables in that file."""
    assert settings(tmp_path, text) == Settings()


def test_a_file_of_other_tools_may_be_broken(tmp_path):
    """What kept does not need it does not read: another tool's mistake is that tool's to tell."""
    assert settings(tmp_path, "[broken") == Settings()


def test_every_setting_is_read(tmp_path):
    """Each has one name and one type."""
    found = settings(
        tmp_path,
        """[tool.kept]
store = "elsewhere/store"
max_size = "1.5 TB"
keep_days = 7
seed = 42
ignore = ["stages/data.py:12", "stages/old.py"]
trust = "group"
versions = {numpy = "off", scikit-learn = "minor"}
""",
    )
    assert found == Settings(
        store="elsewhere/store",
        max_size="1.5 TB",
        keep_days=7,
        seed=42,
        ignore=("stages/data.py:12", "stages/old.py"),
        trust="group",
        versions={"*": "exact", "numpy": "off", "scikit-learn": "minor"},
    )
    assert found.max_bytes == 1_500_000_000_000


def test_seeding_can_be_switched_off(tmp_path):
    """False is no seed at all; 0 is one."""
    assert settings(tmp_path, "[tool.kept]\nseed = false").seed is None
    assert settings(tmp_path, "[tool.kept]\nseed = 0").seed == 0


@pytest.mark.parametrize(
    ("library", "made", "drawn"),
    [
        ("polars", "polars.DataFrame({'a': range(1000)})", "table.sample(5)['a'].to_list()"),
        ("pandas", "pandas.DataFrame({'a': range(1000)})", "table.sample(5)['a'].tolist()"),
    ],
)
def test_a_stage_draws_the_same_from_what_it_is_given(project, library, made, drawn):
    """Also where its function names no library, and the one that it draws from is loaded with the input."""
    pytest.importorskip(library)
    project.write(
        "work.py", f"def table():\n    import {library}\n    return {made}\n\n\ndef drawn(table):\n    return {drawn}\n"
    )
    project.write(
        "dodo.py",
        "import work\nfrom kept import Pipeline, stage\n\n\nclass P(Pipeline):\n"
        "    table = stage(work.table)\n    drawn = stage(work.drawn, table)\n",
    )
    found = set()
    for args in ((), ("-a", "p:drawn"), ("-a", "-s", "p:drawn")):
        assert project.doit(*args).code == 0
        found.add(project.read("artifacts/p/drawn.json"))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("20 GB", 20 * 10**9),
        ("20GB", 20 * 10**9),
        ("20 gb", 20 * 10**9),
        ("0.5 MB", 500_000),
        ("100 kB", 100_000),
        ("100", 100),
        ("100 B", 100),
    ],
)
def test_sizes_are_written_as_people_do(tmp_path, text, count):
    """A number and a unit; a plain number is bytes."""
    assert settings(tmp_path, f'[tool.kept]\nmax_size = "{text}"').max_bytes == count


@pytest.mark.parametrize(
    ("policy", "seen"),
    [
        ("", "2.4.6"),
        ('versions = "exact"', "2.4.6"),
        ('versions = "minor"', "2.4"),
        ('versions = "off"', None),
        ('versions = {numpy = "minor"}', "2.4"),
        ('versions = {numpy = "off"}', None),
        ('versions = {pandas = "off"}', "2.4.6"),
        ('versions = {"*" = "off", numpy = "exact"}', "2.4.6"),
        ('versions = {"*" = "minor"}', "2.4"),
    ],
)
def test_versions_count_as_exactly_as_the_policy_says(tmp_path, policy, seen):
    """One policy for all libraries, or one each; exact is what holds without one."""
    assert settings(tmp_path, f"[tool.kept]\n{policy}").version("numpy", "2.4.6") == seen


# ---- what is wrong


def test_a_file_that_is_no_toml_is_told_without_a_traceback(project):
    """With the line, by every command that is kept's own; doit's own reading of the file comes before ours."""
    project.write("pyproject.toml", "[tool.kept\nseed = 1\n")
    for arguments in (["log"], ["list"], ["nearest"]):
        run = project.kept(*arguments)
        assert (run.code, run.ran, run.out) == (3, [], "")
        assert run.err.startswith("ERROR: pyproject.toml is no TOML: Expected ']'")
        assert "(at line 1, column 11)" in run.err
        assert "hint: mend that line" in run.err
        assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.kept\n", "pyproject.toml"),
        ("[tool]\nkept = 3", "not a table"),
        ('[tool.kept]\nstore = ""', "expected a text, got ''"),
        ("[tool.kept]\nstore = 3", "expected a text, got 3"),
        ('[tool.kept]\nmax_size = "much"', "expected a size"),
        ('[tool.kept]\nmax_size = "20 PB"', "expected a size"),
        ('[tool.kept]\nmax_size = ""', "expected a text"),
        ('[tool.kept]\nmax_size = "-1 GB"', "expected a size"),
        ('[tool.kept]\nmax_size = "nan"', "expected a size"),
        ('[tool.kept]\nmax_size = "inf"', "expected a size"),
        ("[tool.kept]\nkeep_days = -1", "number of days"),
        ("[tool.kept]\nkeep_days = 1.5", "number of days"),
        ("[tool.kept]\nkeep_days = true", "number of days"),
        ("[tool.kept]\nseed = true", "whole number or false"),
        ('[tool.kept]\nseed = "0"', "whole number or false"),
        ('[tool.kept]\nignore = "a.py"', "list of places"),
        ("[tool.kept]\nignore = [1]", "list of places"),
        ('[tool.kept]\ntrust = "all"', '"private" or "group"'),
        ('[tool.kept]\nversions = "loose"', "got 'loose'"),
        ('[tool.kept]\nversions = {numpy = "loose"}', "got 'loose'"),
        ("[tool.kept]\nversions = 3", "got 3"),
        ("[tool.kept]\nversions = {numpy = []}", "got []"),
        ("[tool.kept]\nversions = {numpy = {}}", "got {}"),
    ],
)
def test_a_wrong_setting_is_told_with_its_file(tmp_path, text, told):
    """The message names the file, the setting, and what was expected; nothing is guessed."""
    with pytest.raises(errors.KeptError) as caught:
        settings(tmp_path, text)
    assert told in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert caught.value.what.startswith(("bad settings: ", "pyproject.toml is no TOML: "))
    assert caught.value.hint


def test_an_unknown_setting_is_told_with_its_neighbours(tmp_path):
    """A misspelt setting is not passed over: it would silently mean the default."""
    with pytest.raises(errors.KeptError) as caught:
        settings(tmp_path, "[tool.kept]\nkeep_day = 3")
    assert "'keep_day'" in caught.value.what
    assert caught.value.hint == "did you mean keep_days?"


def test_a_file_that_is_no_text_is_told(tmp_path):
    """Bytes that are no UTF-8 are not TOML."""
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.kept]\nstore = '\xff'")
    with pytest.raises(errors.KeptError, match="bad settings"):
        read(tmp_path)
