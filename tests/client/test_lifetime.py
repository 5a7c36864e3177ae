"""A client's connections: it comes back by itself, for as long as that may help. Time is virtual, the hub is real."""

import asyncio

import pytest
from tests.client.wires import data, elapse

import everywire
from everywire.client.hub import Change, State
from everywire.errors import ConnectionClosed, HandshakeError, Refused


def test_it_comes_back_again_and_again_ever_more_slowly(wires):
    async def test():
        changes: list[Change] = []
        client = wires.client(on_state=changes.append, backoff=(1, 8))
        wires.broken = ConnectionRefusedError("refused")
        connecting = asyncio.ensure_future(client.connect())
        await elapse(120)
        delays = [change.delay for change in changes if change.state is State.WAITING]
        for number, delay in enumerate(delays):
            assert 0 <= delay <= min(8, 2**number)
        assert len(set(delays)) == len(delays) > 10
        assert max(delays) > 4
        wires.broken = None
        await connecting
        assert client.state is State.CONNECTED
        await client.close()

    wires.run(test())


def test_connect_does_not_wait_for_the_next_try(wires):
    async def test():
        client = wires.client(backoff=(1000, 1000))
        wires.broken = OSError("down")
        connecting = asyncio.ensure_future(client.connect())
        await elapse(1)
        assert client.state is State.WAITING
        wires.broken = None
        await client.connect()
        await connecting
        assert asyncio.get_running_loop().time() < 2
        await client.close()

    wires.run(test())


def test_a_dead_line_is_noticed(wires):
    async def test():
        async with wires.client() as ada, wires.client() as bob:
            room = ada.subscribe("room:a")
            await room.ready()
            wires.all[0].freeze()
            await bob.publish("room:a", "missed")
            assert await data(room, 1) == ["missed"]
            assert 25 < asyncio.get_running_loop().time() < 60

    wires.run(test())


def test_a_quiet_line_stays(wires):
    async def test():
        async with wires.client() as ada:
            await elapse(600)
            assert ada.state is State.CONNECTED
        assert len(wires.all) == 1

    wires.run(test())


@pytest.mark.parametrize(
    "error", [HandshakeError("forbidden", 403), everywire.errors.InvalidURI("nonsense")], ids=["status", "address"]
)
def test_what_trying_again_cannot_mend_is_raised(wires, error):
    async def test():
        client = wires.client()
        wires.broken = error
        room = client.subscribe("room:a")
        with pytest.raises(type(error)):
            await client.connect()
        assert client.state is State.CLOSED
        with pytest.raises(type(error)):
            await anext(room)
        with pytest.raises(ConnectionClosed):
            await client.publish("room:a", 1)

    wires.run(test())


def test_a_refused_token_ends_it(app, wires):
    @app.on_connect
    def who(connecting):
        if connecting.token != "right":
            raise Refused("who are you?", 101)
        return "ada"

    async def test():
        with pytest.raises(Refused, match="who are you"):
            await wires.client(token="wrong").connect()
        tokens = iter(["right", "right"])

        async def renewed() -> str:
            return next(tokens)

        async with wires.client(token=renewed) as ada:
            assert ada.user == "ada"
            wires.all[1].cut()
            await ada.connect()
            assert ada.user == "ada"
            assert next(tokens, None) is None

    wires.run(test())


def test_a_close_code_that_says_no_for_good_is_raised(wires):
    async def test():
        async with wires.client() as ada:
            calling = ada.call("slow", 5)
            wires.all[0].close(4403, "not here")
            with pytest.raises(ConnectionClosed) as closed:
                await calling
            assert closed.value.code in (1006, 4403)
            with pytest.raises(ConnectionClosed, match="4403 not here"):
                await ada.connect()

    wires.run(test())


def test_closing_ends_everything(wires):
    async def test():
        client = wires.client()
        await client.connect()
        room = client.subscribe("room:a")
        await room.ready()
        calling = client.call("slow", 5)
        await client.close()
        with pytest.raises(ConnectionClosed):
            await calling
        assert [publication async for publication in room] == []
        assert client.state is State.CLOSED
        await client.close()
        with pytest.raises(ConnectionClosed):
            await client.connect()

    wires.run(test())


def test_another_client_goes_on_from_the_positions_and_the_session_of_the_first(wires):
    async def test():
        async with wires.client() as bob:
            first = wires.client()
            await first.connect()
            room = first.subscribe("room:a")
            await room.ready()
            await bob.publish("room:a", 1)
            assert await data(room, 1) == [1]
            positions, resume, session = first.positions, first.resume, first.session
            wires.all[1].cut()
            await bob.publish("room:a", 2)
            async with wires.client(resume=resume) as second:
                assert second.session == session
                assert await data(second.subscribe("room:a", since=positions["room:a"]), 1) == [2]
            await first.close()

    wires.run(test())
