"""`kept fingerprint` shows the code that decides what a function does."""

import pytest


def test_the_parts_of_a_function_are_shown(project):
    """One line a part with its place, then what decides it all."""
    run = project.kept("fingerprint", "recipes.nearest:train")
    assert (run.code, run.ran, run.err) == (0, [], "")
    assert any(line.startswith("  recipes.nearest.train ") for line in run.out.splitlines())
    assert run.out.splitlines()[-1].startswith("fingerprint ")


def test_a_function_of_a_library_is_shown_by_name_and_version(project):
    """Its code is not followed: the version of its library decides."""
    out = project.kept("fingerprint", "numpy:mean").out.splitlines()
    assert out[1].startswith("  numpy.mean of a library ")
    assert out[2:3] == ["libraries"]


@pytest.mark.parametrize("name", ["recipes.nearest:nope", "math:nope", "numpy:nope", "numpy.nope:mean", "nope:mean"])
def test_a_name_that_leads_nowhere_is_an_error(name, project):
    """Whether it is a module of the project that lacks it, or a library."""
    run = project.kept("fingerprint", name)
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith(f"ERROR: there is no code for {name}\n")
