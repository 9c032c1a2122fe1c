"""Lets the site show the pages that stand outside of docs/: a hook of mkdocs.

In the repository they are linked as `../README.md`; on the site they are pages below project/. What else of the
repository is linked, code and data, is no page: its link becomes plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[1]
OUTSIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|mailto:|#)([^)#\s]+)(#[^)\s]+)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand outside."""
    from mkdocs.structure.files import File

    for name in OUTSIDE:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, f"project/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to the page of the site, or nowhere."""
    return relinked(markdown, page.file.src_uri)


def relinked(markdown: str, page: str) -> str:
    """Return a page's text with its links as the site has them; ``page`` is its place on the site."""
    here = place_of(page)

    def link(found: re.Match[str]) -> str:
        target = os.path.normpath(here.parent / found[2]).replace(os.sep, "/")
        if target in OUTSIDE:
            target = f"project/{target}"
        elif target.startswith("docs/"):
            target = target.removeprefix("docs/")
        else:
            return found[1]
        beside = os.path.relpath(target, PurePosixPath(page).parent).replace(os.sep, "/")
        return f"[{found[1]}]({beside}{found[3] or ''})"

    return _LINK.sub(link, markdown)


def place_of(page: str) -> PurePosixPath:
    """Say where a page of the site stands in the repository."""
    return PurePosixPath(page.removeprefix("project/") if page.startswith("project/") else f"docs/{page}")
