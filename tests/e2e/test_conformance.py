"""The official conformance suite, against the app that `docindex serve --http` runs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.http_sandbox import Served, served
from tests.e2e.sandbox import RUN_SECONDS, Sandbox, opened_sandbox

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def sandbox(
    node_folders: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    with opened_sandbox(tmp_path_factory.mktemp("conformance"), node_folders) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def server(sandbox: Sandbox) -> Iterator[Served]:
    script = str(HERE / "conformance_server.py")
    with served(sandbox, command=(sys.executable, script, str(sandbox.documents))) as server:
        yield server


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_what_a_revision_requires_is_met_but_for_what_is_explained(
    server: Served, sandbox: Sandbox, node_folders: tuple[Path, ...], revision: str
) -> None:
    expected = HERE / "conformance" / f"{revision}.yml"
    suite = HERE / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    found = subprocess.run(
        [
            *(str(node_folders[0] / "node"), str(suite), "server", "--url", server.mcp),
            *("--requirements", revision, "--expected-failures", str(expected)),
            *("-o", str(sandbox.root / revision)),
        ],
        env=dict(sandbox.env),
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_SECONDS,
        check=False,
    )
    assert found.returncode == 0, found.stdout[found.stdout.find("=== SUMMARY") :]
    assert "Total: 0 passed" not in found.stdout
