"""A client's connections: it comes back by itself, for as long as that may help. Time is virtual, the hub is real."""

import asyncio

import pytest
from tests.client.wires import data, elapse

import everywire
from everywire.client.hub import Change, Client, State
from everywire.errors import ClientClosed, ConnectionClosed, EverywireError, HandshakeError, Refused, Unreachable


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


def test_an_outage_is_warned_of_once_and_says_where_why_and_when_next(wires, caplog):
    caplog.set_level("INFO", "everywire.client")

    def levels():
        found = [each.levelname for each in caplog.records if "no connection" in each.message]
        caplog.clear()
        return found

    async def test():
        client = wires.client(backoff=(1, 1))
        client.url = "ws://ann:secret@in.memory/everywire?token=t0ken"
        wires.broken = OSError("nobody listens")
        connecting = asyncio.ensure_future(client.connect())
        await elapse(5)
        first = caplog.records[0].message
        assert first.startswith(
            "no connection to ws://...@in.memory/everywire?token=... (1006 nobody listens); next attempt "
        )
        assert levels()[:3] == ["WARNING", "INFO", "INFO"]
        wires.broken = None
        await connecting
        levels()
        wires.all[0].cut()
        await client.connect()
        assert levels() == ["INFO"]  # it came back at once: that is everyday
        wires.broken = OSError("nobody listens")
        wires.all[1].cut()
        await elapse(5)
        assert levels()[:3] == ["INFO", "WARNING", "INFO"]
        await client.close()

    wires.run(test())


def test_a_try_that_takes_too_long_says_so(wires):
    async def test():
        async def dial(heard, down):
            await asyncio.Event().wait()

        client = Client("ws://in.memory", dial=dial, open_timeout=2)
        with pytest.raises(Unreachable, match=r"within 5 s: no connection within 2 s$"):
            await client.connect(timeout=5)
        await client.close()

    wires.run(test())


def test_who_does_not_want_to_wait_is_told_where_and_why(wires):
    async def test():
        wires.broken = OSError("nobody listens")
        client = wires.client(backoff=(1, 1))
        client.url = "ws://in.memory/everywire?token=t0ken"
        with pytest.raises(Unreachable) as caught:
            await client.connect(timeout=5)
        assert str(caught.value) == "no connection to ws://in.memory/everywire?token=... within 5 s: nobody listens"
        assert (caught.value.reason, caught.value.url) == ("nobody listens", "ws://in.memory/everywire?token=...")
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value, EverywireError)
        assert asyncio.get_running_loop().time() == pytest.approx(5)
        wires.broken = None
        await client.connect(timeout=5)  # it has gone on
        assert client.state is State.CONNECTED
        await client.close()

    wires.run(test())


def test_a_program_without_a_server_gives_up_where_it_says_so(wires):
    async def test():
        wires.delay = lambda: 60
        client = wires.client(connect_timeout=2)
        with pytest.raises(Unreachable, match="within 2 s: no answer yet"):
            async with client:
                pass
        assert client.state is State.CLOSED

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


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_refusal_of_the_moment_is_followed_by_another_try(wires, status):
    async def test():
        client = wires.client()
        wires.broken = HandshakeError("later", status)
        connecting = asyncio.ensure_future(client.connect())
        await elapse(5)
        assert client.state is State.WAITING
        wires.broken = None
        await connecting
        assert client.state is State.CONNECTED
        await client.close()

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


def test_what_is_asked_of_a_client_that_is_not_connected_fails_where_it_is_awaited(wires):
    def ask(client):
        async def items():
            yield 1

        return [
            client.publish("room:a", 1),
            client.publish("room:a", 1, ephemeral=True),
            client.call("double", 1),
            client.call("double", items=items()),
            client.history("room:a"),
            client.entries("room:a"),
            client.presence("room:a"),
            anext(client.stream("double", 1)),
        ]

    async def test():
        client = wires.client()
        for asking in ask(client):
            with pytest.raises(ClientClosed, match=r"^the client is not connected: connect\(\) comes first$"):
                await asking
        async with client:
            pass
        for asking in ask(client):
            with pytest.raises(ClientClosed, match=r"^the client was closed$") as caught:
                await asking
            assert (caught.value.code, isinstance(caught.value, ConnectionClosed)) == (1000, True)
        wires.broken = HandshakeError("forbidden", 403)
        ended = wires.client()
        with pytest.raises(HandshakeError):
            await ended.connect()
        for asking in ask(ended):
            with pytest.raises(ClientClosed, match=r"^the client is closed: forbidden$"):
                await asking

    wires.run(test())


def test_an_ephemeral_publication_without_a_connection_fails_where_it_is_awaited(wires):
    async def test():
        async with wires.client() as ada:
            wires.all[0].cut()
            publishing = ada.publish("room:a", 1, ephemeral=True)
            with pytest.raises(ConnectionClosed, match="there is no connection"):
                await publishing

    wires.run(test())


def test_a_channel_that_is_followed_too_late_says_so(wires):
    async def test():
        client = wires.client()
        await client.connect()
        await client.close()
        room = client.subscribe("room:a")
        with pytest.raises(ClientClosed):
            await room.ready()
        with pytest.raises(ClientClosed):
            await anext(room)

    wires.run(test())
