"""What tests are given: a project of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import Project, close_servers, new_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Make a new project: numpy only, four stages, two variants, a report; see tests/points."""
    made = new_project(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def _servers() -> Iterator[None]:
    """End the processes from which runs were forked."""
    yield
    close_servers()
