"""Which transport carries a client: the best that goes through, remembered, and looked for again. Time is virtual, the hub is real."""

import asyncio
from random import Random

import pytest
from tests.client.lines import KINDS, Network, elapse
from tests.client.wires import data

from everywire.client.hub import Client, State
from everywire.client.ladder import Ladder, Memory
from everywire.errors import HandshakeError, RedirectError
from everywire.testing import Dialling, Net


@pytest.fixture
def network(app):
    with Net(app) as net:
        network = Network(net)
        network.socket = Dialling(net)
        yield network


def client(network, ladder=None, **options):
    return Client("ws://in.memory/everywire", dial=ladder or network.ladder(), dice=Random(7), **options)


def run(network, test):
    return network.net.loop.run_until_complete(test)


def test_a_websocket_that_goes_through_is_taken(network):
    async def test():
        network.upgrading = None
        async with client(network) as ada:
            assert ada.transport == "websocket"
            assert network.lines == {}

    run(network, test())


async def hangs(heard, down):
    await asyncio.Event().wait()


@pytest.mark.parametrize("error", [HandshakeError("no", 400), HandshakeError("cut"), None], ids=["400", "cut", "hangs"])
def test_http_takes_the_place_of_a_websocket_that_does_not(network, error):
    async def test():
        network.upgrading = error
        if error is None:
            network.socket = hangs
        async with client(network, open_timeout=20) as ada:
            assert ada.transport == "stream"
            assert await ada.call("double", 2) == 4

    run(network, test())


@pytest.mark.parametrize(("known", "seconds"), [(None, 2), ("websocket", 5)])
def test_a_websocket_gets_more_time_where_one_went_through(network, known, seconds):
    async def test():
        network.upgrading, network.socket = None, hangs
        ladder = network.ladder()
        if known is not None:
            ladder.memory.put("ws://in.memory/everywire", known)
        began = network.net.loop.time()
        async with client(network, ladder):
            assert seconds < network.net.loop.time() - began < seconds + 0.5

    run(network, test())


def test_behind_what_swallows_upgrades_and_keeps_streams_back_the_welcome_comes_within_five_seconds(network):
    async def test():
        network.upgrading, network.socket = None, hangs
        network.buffered = {"stream", "sse"}
        async with client(network) as ada:
            assert (ada.transport, network.net.loop.time() < 5) == ("poll", True)

    run(network, test())


class Slow:
    """A WebSocket that swallows what is said for `seconds` after it opened, and lets it through then."""

    def __init__(self, network, seconds):
        self._dial, self._seconds = Dialling(network.net), seconds

    async def __call__(self, heard, down):
        self._cable = await self._dial(heard, down)
        return self

    def send(self, message):
        asyncio.get_running_loop().call_later(self._seconds, self._cable.send, message)

    def abort(self):
        self._cable.abort()

    async def close(self, code=1000, reason=""):
        await self._cable.close(code, reason)


@pytest.mark.parametrize(("known", "seconds"), [(None, 2), ("websocket", 5)])
def test_a_websocket_that_brings_nothing_has_http_beside_it(network, known, seconds):
    async def test():
        network.upgrading, network.socket = None, Slow(network, 1000)
        ladder = network.ladder()
        if known is not None:
            ladder.memory.put("ws://in.memory/everywire", known)
        began = network.net.loop.time()
        async with client(network, ladder) as ada:
            assert seconds < network.net.loop.time() - began < seconds + 0.5
            assert (ada.transport, await ada.call("double", 2)) == ("stream", 4)
            assert ladder.memory.get("ws://in.memory/everywire") == "stream"

    run(network, test())


def test_behind_what_swallows_messages_and_keeps_streams_back_the_welcome_comes_within_five_seconds(network):
    async def test():
        network.upgrading, network.socket = None, Slow(network, 1000)
        network.buffered = {"stream", "sse"}
        async with client(network) as ada:
            assert (ada.transport, network.net.loop.time() < 5) == ("poll", True)

    run(network, test())


def test_a_websocket_that_takes_its_time_may_still_win(network):
    async def test():
        network.upgrading, network.socket = None, Slow(network, 3)
        network.buffered = {"stream", "sse"}  # so that HTTP takes until the fifth second
        async with client(network) as ada:
            assert (ada.transport, await ada.call("double", 2)) == ("websocket", 4)
            await elapse(60)
            assert (ada.state, ada.transport) == (State.CONNECTED, "websocket")

    run(network, test())


def test_it_does_not_move_to_a_websocket_that_swallows_what_is_said(network):
    class Mute(Slow):
        async def ping(self):
            await asyncio.Event().wait()

    async def test():
        network.upgrading, network.socket = None, Mute(network, 1000)
        states = []
        async with client(network, on_state=lambda change: states.append(change.state)) as ada:
            await elapse(1000)
            assert ada.transport == "stream"
            assert (states, network.sockets > 3) == ([State.CONNECTING, State.CONNECTED], True)

    run(network, test())


def test_a_session_that_both_continue_is_kept(network):
    """The WebSocket's connect arrives when the session goes on over HTTP already."""

    async def test():
        network.upgrading = None
        async with client(network) as ada:
            network.upgrading, network.socket = None, Slow(network, 6)
            session = ada.session
            network.lines.clear()
            ada._life._link.fail("cut")
            await elapse(30)
            assert (ada.state, ada.session) == (State.CONNECTED, session)
            assert await ada.call("double", 2) == 4

    run(network, test())


def test_what_worked_is_remembered(network):
    async def test():
        ladder = network.ladder()
        network.buffered = {"stream"}
        async with client(network, ladder):
            assert ladder.memory.get("ws://in.memory/everywire") == "poll"
        tries = len(network.asked)
        async with client(network, ladder) as ada:
            assert ada.transport == "poll"
            assert not any("stream" in asked for asked in network.asked[tries:])

    run(network, test())


def test_it_moves_to_a_websocket_when_one_goes_through_and_loses_nothing(network):
    async def test():
        async with client(network) as ada, client(network) as bob:
            room = ada.subscribe("room:a")
            await room.ready()
            session = ada.session
            await elapse(200)
            assert ada.transport == "stream"
            network.upgrading = None
            for number in range(900):
                await bob.publish("room:a", number)
                await elapse(1)
            assert ada.transport == "websocket"
            assert await data(room, 900) == list(range(900))
            assert ada.session == session

    run(network, test())


def test_it_does_not_move_while_something_would_fail_by_that(network):
    async def test():
        async with client(network, answer_timeout=2000) as ada:
            network.upgrading = None
            calling = ada.call("slow", 25)
            for _ in range(10):
                await elapse(20)
                before, calling = calling, ada.call("slow", 25)
                assert await before == "done"
            assert await calling == "done"
            assert ada.transport == "stream"
            await elapse(5)
            assert ada.transport == "websocket"

    run(network, test())


def test_where_nothing_goes_through_the_first_reason_is_told(network):
    async def test():
        network.refusing, network.upgrading = 404, HandshakeError("no upgrade here", 426)
        with pytest.raises(HandshakeError, match="no upgrade here"):
            await client(network).connect()
        network.refusing = 403
        with pytest.raises(HandshakeError, match="403"):
            await client(network).connect()
        network.upgrading = RedirectError("round and round")
        with pytest.raises(RedirectError):
            await client(network).connect()

    run(network, test())


def test_a_server_that_is_down_is_tried_again(network):
    async def test():
        network.upgrading = ConnectionRefusedError("down")
        ada = client(network)
        connecting = asyncio.ensure_future(ada.connect())
        await elapse(3)
        assert ada.state is not State.CLOSED
        assert network.asked == []
        network.upgrading = None
        await connecting
        assert ada.transport == "websocket"
        await ada.close()

    run(network, test())


def test_only_what_is_wanted_is_tried(network):
    async def test():
        async with client(network, network.ladder("poll")) as ada:
            assert ada.transport == "poll"
        with pytest.raises(HandshakeError):
            await client(network, network.ladder("websocket")).connect()

    run(network, test())
    with pytest.raises(ValueError, match="carrier pigeon"):
        Ladder("ws://x", ("carrier pigeon",), hangs, network.web)
    with pytest.raises(ValueError, match="none"):
        Client("ws://x", transports=())


def test_memory_is_bounded_and_fades():
    now = [0.0]
    memory = Memory(lambda: now[0])
    for number in range(300):
        memory.put(str(number), KINDS[0])
    assert memory.get("43") is None
    assert memory.get("299") == "stream"
    memory.drop("298")
    assert memory.get("298") is None
    now[0] = 3601
    assert memory.get("299") is None
