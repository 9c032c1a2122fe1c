"""The public names are few, and each is there."""

import inspect
import subprocess
import sys

import kept


def test_the_public_names_are_listed_sorted_and_few():
    """`__all__` is exactly what is public; more than twelve names would be another library."""
    assert kept.__all__ == sorted(kept.__all__)
    assert len(kept.__all__) <= 12
    assert kept.__all__ == ["Format", "KeptError", "Pipeline", "load", "report", "stage", "swap"]


def test_every_public_name_is_there_and_documented():
    """Each name leads to something that says what it is, whichever room it lives in."""
    for name in kept.__all__:
        assert inspect.getdoc(getattr(kept, name)), name


def test_nothing_else_is_public():
    """What a star import or tab completion shows is the list; rooms that are loaded are modules, not names."""
    script = (
        "import kept, types\n"
        "for name in kept.__all__: getattr(kept, name)\n"
        "odd = {n for n, v in vars(kept).items() if not n.startswith('_') and not isinstance(v, types.ModuleType)}\n"
        "print(sorted(odd - set(kept.__all__) - {'Any', 'TYPE_CHECKING', 'annotations'}))\n"
        "print(callable(kept.report), kept.report.__module__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True kept.reports"]


def test_an_unknown_name_is_an_attribute_error():
    """Python's own words for a name that is not there, so that hasattr and getattr work."""
    assert not hasattr(kept, "materializer")
    assert getattr(kept, "step", None) is None


def test_importing_kept_imports_nothing_of_it():
    """The package itself is a list of names: rooms are loaded when a name is first asked for."""
    script = "import sys, kept; print(sorted(m for m in sys.modules if m.startswith(('kept.', 'doit', 'numpy'))))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package():
    """What is installed and what is imported call themselves the same."""
    from importlib.metadata import version

    assert kept.__version__ == version("kept")
