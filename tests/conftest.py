"""What every test can rely on: none sees, or leaves anything in, the user's own folders."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from docindex.server.settings import ENVIRONMENT_PREFIX, variable
from docindex.server.sources import FILE_VARIABLE

FIXTURES = Path(__file__).parent / "fixtures"

# No test depends on how fast the machine is.
hypothesis.settings.register_profile("docindex", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.register_profile("few", deadline=None, derandomize=True, max_examples=20)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "docindex")


@pytest.fixture(autouse=True)
def own_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Cache, state and settings of the test alone, for it and what it starts."""
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("docindex")
    monkeypatch.setenv(variable("cache_dir"), str(home / "cache"))
    monkeypatch.setenv(variable("state_dir"), str(home / "state"))
    monkeypatch.setenv(FILE_VARIABLE, os.devnull)
    yield
    logging.getLogger("docindex").setLevel(logging.NOTSET)  # a command may have set it


@pytest.fixture
def handbook() -> Path:
    """Three documents that never change."""
    return FIXTURES / "handbook"
