"""Letting the clients of a hosted application go."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from everywire.errors import CloseCode
from everywire.servers import here
from everywire.servers.host import leaving as module
from everywire.servers.host.leaving import Leaving


class Task:
    """A conversation, or a request."""

    def get_coro(self) -> None:
        """Have none."""


class Socket:
    """A WebSocket that is gone once it is closed, if it is `polite`."""

    def __init__(self, server: Any, *, task: object, polite: bool = True) -> None:
        self.server, self.task, self.polite = server, task, polite
        self.codes: list[int] = []
        server.connections.add(self)

    def start_close(self, code: int, reason: str) -> None:
        self.codes.append(code)
        if self.polite:
            self.server.connections.discard(self)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "_TICK", 0)
    return SimpleNamespace(connections=set())


async def test_everybody_is_closed_but_those_of_a_hub(server):
    mine, hubs = [Socket(server, task=Task()) for _ in range(3)], Socket(server, task=None)
    leaving = Leaving(cast(Any, server), ())
    leaving.hasten(0.01, 1, 5)
    assert await leaving.wait() == 3
    assert [each.codes for each in mine] == [[CloseCode.SERVICE_RESTART]] * 3
    assert hubs.codes == []


async def test_what_is_under_way_is_waited_for(server):
    under_way = {Task()}
    socket = Socket(server, task=Task())
    socket.start_close = lambda code, reason: (server.connections.discard(socket), under_way.clear())  # type: ignore[assignment, func-returns-value]
    leaving = Leaving(cast(Any, server), cast(Any, under_way), CloseCode.GOING_AWAY)
    leaving.hasten(0, 1, 60)
    assert await leaving.wait() == 1


async def test_it_is_over_at_the_deadline_whoever_is_there(server, caplog):
    stubborn = Socket(server, task=Task(), polite=False)
    leaving = Leaving(cast(Any, server), cast(Any, {Task()}))
    leaving.hasten(0, 1, 60)
    leaving.hasten(0, 1, 0.01)
    assert await leaving.wait() == 1
    assert stubborn.codes == [CloseCode.SERVICE_RESTART]
    assert "requests that are cut off: 1" in caplog.text


async def test_whom_a_mounted_application_lets_go_of_is_left_to_it(server, monkeypatch):
    mine, theirs = Socket(server, task=Task()), Socket(server, task=Task())
    monkeypatch.setattr(here, "apart", lambda task: task is theirs.task)
    leaving = Leaving(cast(Any, server), ())
    assert await leaving.wait() == 1
    assert (mine.codes, theirs.codes) == ([CloseCode.SERVICE_RESTART], [])
