"""Applications on other servers, and the processes beside: whose line it is answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request, Response
from everywire.servers.asgi.reaching import reachable


class Process:
    """An application as it runs in one of several processes."""

    def __init__(self) -> None:
        self.app = Everywire()
        self.app.route("/who")(lambda request: Response(200, self.app.hub.node))


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[list[Process]]:
    found = [Process(), Process()]
    gateways = [each.app.start() for each in found]
    how = [
        {"on_message": gateway.received, "process_request": each.app.answer}
        for each, gateway in zip(found, gateways, strict=True)
    ]
    async with reachable(tmp_path, gateways[0], **how[0]), reachable(tmp_path, gateways[1], **how[1]):
        yield found
    for each in found:
        await each.app.stop()


async def test_each_asks_the_other(processes):
    one, other = (each.app for each in processes)
    relay = one.gateway.relay
    assert relay is not None
    answer = await relay.forward(other.hub.node, Request("GET", "/who", Headers([("Host", "here")])))
    assert isinstance(answer, Response)
    assert answer.body == other.hub.node.encode()


async def test_nobody_is_found_where_there_is_no_folder_nor_any_more_at_the_end(tmp_path):
    app = Everywire()
    gateway = app.start()
    async with reachable(None, gateway, on_message=gateway.received):
        assert gateway.relay is None
    async with reachable(tmp_path, gateway, on_message=gateway.received):
        assert {path.suffix for path in tmp_path.iterdir()} == {".node", ".land"}
    assert [*tmp_path.iterdir()] == []
    await app.stop()
