"""Many clients at once over HTTP, for a moment: none of them is failed.

For as long as it takes to see whether memory grows: `make load`.
"""

import asyncio
from pathlib import Path

from tests.bench import load
from tests.e2e.sandbox import opened_sandbox

CLIENTS = 64
SECONDS = 6.0


def test_of_many_clients_that_search_read_write_and_leave_none_is_failed(tmp_path: Path) -> None:
    port = load.free_port()
    with opened_sandbox(tmp_path) as sandbox:
        command = (*sandbox.server, "--http", "--port", str(port))
        with load.started(command, port, **sandbox.env) as server:
            found = asyncio.run(load.load(port, CLIENTS, SECONDS, [server]))
    assert found.tally.failures == {}
    assert found.tally.calls["search"] > CLIENTS
    assert found.tally.calls["read"]
