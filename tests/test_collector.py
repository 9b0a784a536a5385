import gc
import subprocess
import sys
from collections.abc import Iterator

import anyio
import pytest
from mcp import Client

from docindex.server import collector
from docindex.server.app import build
from tests.fake_library import PATIENCE, FakeLibrary


@pytest.fixture
def collecting() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_what_is_there_when_collecting_resumes_is_not_looked_at_again() -> None:
    collector.pause()
    assert not gc.isenabled()

    collector.resume()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_server_says_that_it_is_open_after_its_first_answer() -> None:
    async def look() -> list[str]:
        order: list[str] = []
        opened = anyio.Event()

        def open_now() -> None:
            order.append("opened")
            opened.set()

        async with Client(build(FakeLibrary(), opened=open_now), mode="legacy") as client:
            order.append("connected")
            await client.list_tools()
            with anyio.fail_after(PATIENCE):
                await opened.wait()
        return order

    assert anyio.run(look) == ["connected", "opened"]


def test_commands_other_than_serve_collect_as_always() -> None:
    script = """if True:
        import gc, sys
        from docindex.__main__ import main
        sys.argv = ["docindex", "--version"]
        try:
            main()
        finally:
            print(gc.isenabled())
    """
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert found.stdout.split()[-1] == b"True"
