"""One connection's life: what it hears, when it gives up. Time is virtual."""

import pytest
from tests.client.wires import elapse

from everywire.client.link import Link
from everywire.client.wire import Heartbeat, Ponged
from everywire.testing import VirtualLoop


class Socket:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: object = None

    def send(self, message: str) -> None:
        if self.closed is not None:
            raise RuntimeError("closing")
        self.sent.append(message)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code

    def abort(self) -> None:
        self.closed = "aborted"


@pytest.fixture
def loop():
    with VirtualLoop() as loop:
        yield loop


async def opened():
    """A link, its socket, what it heard, and how to tell it things."""
    socket, heard, ways = Socket(), [], []

    async def dial(hear, down):
        ways.extend([hear, down])
        return socket

    link = Link(heard.append)
    await link.open(dial)
    return link, socket, heard, ways


def test_events_are_heard_and_beats_answered(loop):
    async def test():
        _, socket, heard, (hear, _) = await opened()
        hear('[{"type":"ping"},{"type":"pong","id":3}]')
        assert heard == [Ponged(3)]
        assert socket.sent == ['{"type":"pong"}']

    loop.run_until_complete(test())


@pytest.mark.parametrize("nonsense", ["", "[", "{}", '{"type":"pong"}', b"\xff"])
def test_nonsense_ends_it(loop, nonsense):
    async def test():
        link, socket, _, (hear, _) = await opened()
        hear(nonsense)
        code, reason = await link.down
        assert (code, socket.closed) == (1006, "aborted")
        assert "not understood" in reason

    loop.run_until_complete(test())


def test_silence_ends_it_after_the_servers_own_times(loop):
    async def test():
        link, socket, _, (hear, _) = await opened()
        link.watch(Heartbeat(8000, 2000))
        for _ in range(5):
            await elapse(9)
            hear('{"type":"ping"}')
        assert not link.down.done()
        silent = loop.time()
        assert (await link.down)[0] == 1006
        assert loop.time() - silent == pytest.approx(10)
        assert socket.closed == "aborted"

    loop.run_until_complete(test())


def test_no_welcome_ends_it(loop):
    async def test():
        link, *_ = await opened()
        link.expect(10)
        assert await link.down == (1006, "nothing heard from the server")
        assert loop.time() == pytest.approx(10)

    loop.run_until_complete(test())


def test_after_its_end_nothing_is_heard_or_said(loop):
    async def test():
        link, socket, heard, (hear, down) = await opened()
        down(4403, "refused")
        down(1006, "")
        hear('{"type":"pong","id":3}')
        link.say(type="ping", id=4)
        link.abort()
        assert await link.down == (4403, "refused")
        assert heard == []
        assert socket.sent == []
        assert socket.closed is None

    loop.run_until_complete(test())


def test_a_socket_that_takes_nothing_is_given_up(loop):
    async def test():
        link, socket, _, _ = await opened()
        socket.closed = "by the peer"
        link.say(type="ping", id=4)
        assert await link.down == (1006, "closing")

    loop.run_until_complete(test())


def test_a_goodbye_is_1000(loop):
    async def test():
        link, socket, _, _ = await opened()
        link.expect(10)
        await link.close()
        assert socket.closed == 1000
        assert await link.down == (1000, "")
        link.abort()
        assert socket.closed == 1000

    loop.run_until_complete(test())
