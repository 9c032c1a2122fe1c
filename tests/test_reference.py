"""docs/reference.md says what the program says; `python tests/test_reference.py` writes it anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from projects import Project, close_servers, new_project

import kept
from kept.actions import Outcome
from kept.launcher import VERBS
from kept.screen import MARKS
from kept.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference.md"
COMMANDS = ("run", "why", "accept")
WIDTH = "100"


def ask(project: Project, program: str, *words: str) -> str:
    """Return what a command prints, as it is on a terminal of a fixed width without colours."""
    run = {"doit": project.doit, "kept": project.kept}[program]
    ended = run(*words, env={"COLUMNS": WIDTH, "NO_COLOR": "1"})
    assert ended.code == 0, str(ended)
    return ended.out.rstrip() + "\n"


def commands(project: Project) -> Iterator[str]:
    """Show the help of what kept adds to doit or replaces, without doit's own options, which all its commands have."""
    for name in COMMANDS:
        text = ask(project, "doit", "help", name).replace("doit_server.py", "doit")  # the tests' own program
        if name != "run":
            text = re.sub(r"\n    DB backend\n.*?(?=\n\n\n|\Z)", "\n", text, flags=re.DOTALL)
        text = re.sub(r"\n\s*\n", "\n\n", text).rstrip()
        yield f"### doit {name}\n\n```text\n{text}\n```\n"


def report(project: Project) -> Iterator[str]:
    """Show the options of the task that a report is."""
    text = ask(project, "doit", "help", "report")
    yield f"```text\n{text.partition(chr(10))[2].rstrip()}\n```\n"


def verbs(project: Project) -> Iterator[str]:
    """Show the help of every verb."""
    for verb in VERBS:
        yield f"### kept {verb}\n\n```text\n{ask(project, 'kept', verb, '--help')}```\n"


def marks(_: Project) -> Iterator[str]:
    """Show the marks of the outcomes."""
    means = {
        Outcome.UP_TO_DATE: "nothing was to be done",
        Outcome.RESTORED: "put back from the store; nothing was executed",
        Outcome.BUILT: "executed and recorded",
        Outcome.FAILED: "raised, or cannot be judged; nothing recorded, what depends on it is not run",
    }
    lines = [f"| `{MARKS[outcome].strip()}` | {outcome.value} | {means[outcome]} |" for outcome in means]
    yield "\n".join(["| mark | outcome | means |", "|---|---|---|", *lines]) + "\n"


def settings(_: Project) -> Iterator[str]:
    """Show the settings with their defaults and the comments beside them."""
    source = inspect.getsource(Settings)
    lines = ["| setting | default | is |", "|---|---|---|"]
    for field in fields(Settings):
        about = re.search(rf"^    {field.name}: .*?  # (.*)$", source, re.MULTILINE)
        assert about is not None, f"{field.name} has no comment"
        default = field.default if field.default is not MISSING else "exact"
        lines.append(f"| `{field.name}` | `{_toml(default)}` | {about[1]} |")
    yield "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return "[]" if value == () else f'"{value}"' if isinstance(value, str) else str(value)


def names(_: Project) -> Iterator[str]:
    """Show the public names with their signatures and what their docstrings say."""
    for name in sorted(kept.__all__, key=str.lower):
        value = getattr(kept, name)
        yield f"### {name}\n\n```text\n{_signature(name, value)}\n```\n\n{_all(value)}\n"
        if inspect.isclass(value) and name in ("Pipeline", "Format"):
            yield _members(value)
    register = kept.formats.register
    yield f"### formats.register\n\n```text\n{_signature('register', register)}\n```\n\n{_all(register)}\n"


def _members(kind: type) -> str:
    found = [n for n, m in vars(kind).items() if not n.startswith("_") and not isinstance(m, property)]
    lines = [f"- `{_signature(n, getattr(kind, n))}`: {_first(getattr(kind, n))}".removesuffix(": ") for n in found]
    return "\n".join(lines) + "\n"


def _signature(name: str, value: object) -> str:
    if inspect.isclass(value):
        return f"class {name}"
    said = f"{name}{inspect.signature(value)}"  # type: ignore[arg-type]  # all others are functions
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", said)


def _first(value: object) -> str:
    text = inspect.getdoc(value) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")


def _all(value: object) -> str:
    """Show a docstring as Markdown; a paragraph that is set out in columns, or code, as it stands."""
    paragraphs = (inspect.getdoc(value) or "").split("\n\n")
    return "\n\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    if re.search(r"^(>>> |``\w+`` {2,})", text, re.MULTILINE):
        return f"```text\n{text}\n```"
    return (text if text.startswith("- ") else " ".join(text.split())).replace("``", "`")


PARTS: dict[str, Callable[[Project], Iterator[str]]] = {
    "commands": commands,
    "report": report,
    "verbs": verbs,
    "marks": marks,
    "settings": settings,
    "names": names,
}


def generated(part: str, project: Project) -> str:
    """Write one generated part of the page; the program is asked in ``project``."""
    return "\n".join(PARTS[part](project))


def shown(part: str, page: str) -> str:
    """Return what stands between the marks of a part."""
    found = re.search(rf"<!-- {part}: begin -->\n(.*?)<!-- {part}: end -->", page, re.DOTALL)
    assert found is not None, f"docs/reference.md has no part {part}"
    return found[1].strip()


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_says_what_the_program_says(part: str, project: Project):
    """Help texts, settings, marks and public names are those of the program; only lines may be wrapped elsewhere."""
    page, now = shown(part, PAGE.read_text(encoding="utf-8")), generated(part, project)
    assert page.split() == now.split(), "write it anew: python tests/test_reference.py"


def test_every_verb_and_setting_is_in_the_reference():
    """No verb of kept, no setting and no public name is left out."""
    page = PAGE.read_text(encoding="utf-8")
    said = [*(f"### kept {verb}\n" for verb in VERBS), *(f"`{field.name}`" for field in fields(Settings))]
    said += [f"### {name}\n" for name in kept.__all__]
    assert [text for text in said if text not in page] == []


if __name__ == "__main__":
    import tempfile

    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as empty:
        asked = new_project(Path(empty))
        for part in PARTS:
            new = f"<!-- {part}: begin -->\n{generated(part, asked).strip()}\n<!-- {part}: end -->"
            text = re.sub(
                rf"<!-- {part}: begin -->.*?<!-- {part}: end -->", lambda _, new=new: new, text, flags=re.DOTALL
            )
    close_servers()
    PAGE.write_text(text, encoding="utf-8")
