"""Mistakes in dodo.py, and in what it imports, are told with the user's own lines."""

import pytest

LOADING = ("run", "why", "list", "info model", "clean", "forget --all", "ignore model", "reset-dep")  # of kept, of doit


@pytest.mark.parametrize("command", LOADING)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import nothere\n", "No module named 'nothere'\nhint: install it in this Python; a package of your own "),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named(project, command, text, told):
    """File, line and problem are said; no frame of doit's or ours; the exit code is 3, and nothing is lost."""
    assert project.doit().code == 0
    good = project.path("recipes/nearest.py").read_text()
    project.write("recipes/nearest.py", good + text)
    run = project.doit(*command.split())
    assert run.code == 3
    assert run.err.startswith("ERROR: dodo.py cannot be loaded")
    assert told in run.err
    assert "recipes/nearest.py" in run.err
    assert "doit_cmd" not in run.err
    assert "commands.py" not in run.err
    assert "importlib" not in run.err
    project.write("recipes/nearest.py", good)
    again = project.doit()
    assert again.ran == []


BROKEN = {
    "a word that is none": ("def broken(:\n", 'dodo.py", line 1\n', "mend the line above"),
    "a parenthesis left open": ("x = (1,\n", 'dodo.py", line 1\n', "mend the line above"),
    "a block left out": ("if True:\nx = 1\n", 'dodo.py", line 2\n', "mend the line above"),
    "bytes that are no text": ("x = '\0'\n", "null bytes\n", "save the file as text, in UTF-8"),
}


@pytest.mark.parametrize("command", ["run", "why", "list", "plan"])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_dodo_py_that_is_no_python_is_told_with_the_line(project, command, broken):
    """`kept` says file, line and problem in a few lines; the exit code is doit's."""
    text, place, hint = BROKEN[broken]
    project.write("dodo.py", text + project.read("dodo.py"))
    run = project.kept(command)
    assert (run.code, run.ran, run.out) == (3, [], "")
    assert run.err.startswith("ERROR: dodo.py cannot be loaded")
    assert run.err.endswith(f"hint: {hint}\n")
    assert len(run.err.splitlines()) <= 6
    assert "None" not in run.err
    assert (place if command != "plan" else place.replace('", line ', ":").strip()) in run.err


@pytest.mark.parametrize("command", ["run", "why"])
def test_below_the_folder_of_dodo_it_is_told_where_that_is(project, command):
    """The command looks in the current folder only, unless it is told to seek."""
    project.path("notebooks").mkdir()
    run = project.doit(command, cwd="notebooks")
    assert (run.code, run.ran) == (3, [])
    assert f"found: {project.root}\n" in run.err
    assert "hint: go to its folder, or add -k" in run.err
    assert project.doit("-k", "points", cwd="notebooks").code == 0
