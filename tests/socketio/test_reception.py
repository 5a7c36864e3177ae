"""Who comes, and who goes."""

import asyncio
import builtins

import pytest
from tests.socketio.serving import house

from everywire import socketio
from everywire.socketio.exceptions import ConnectionRefusedError
from everywire.testing import Net


@pytest.fixture
def gone():
    return asyncio.Queue()


@pytest.fixture
def sio(gone):
    sio = socketio.AsyncServer()
    sio.on("disconnect", lambda sid, reason: gone.put_nowait((sid, reason)))
    return sio


@pytest.mark.parametrize(
    ("given", "message", "data"),
    [
        ((), "Connection rejected by server", {"code": 103}),
        (("no",), "no", {"code": 103}),
        (("no", {"why": [1]}), "no", {"why": [1]}),
        (("no", 1, 2), "no", [1, 2]),
    ],
)
async def test_a_client_is_refused(sio, gone, given, message, data):
    @sio.event
    async def connect(sid, environ, auth):
        assert auth is None
        raise ConnectionRefusedError(*given)

    async with house(sio) as home:
        client = await home.knock()
        report = await client.next("connect_error")
        assert (report["message"], report["data"], report["active"]) == (message, data, False)
    assert gone.empty()


async def test_python_s_own_refusal_is_one_that_says_nothing(sio, gone):
    @sio.event
    async def connect(sid, environ):
        raise builtins.ConnectionRefusedError("the database at 10.0.0.1 is down")

    async with house(sio) as home:
        client = await home.knock()
        report = await client.next("connect_error")
        assert (report["message"], report["data"]) == ("Connection refused by server", {"code": 103})
    assert gone.empty()


@pytest.mark.parametrize("how", ["false", "disconnect"])
async def test_a_client_is_refused_by_false_or_by_being_sent_away(sio, gone, how):
    @sio.event
    async def connect(sid, environ):
        if how == "false":
            return False
        return await sio.disconnect(sid)

    async with house(sio) as home:
        client = await home.knock()
        assert (await client.next("connect_error"))["message"] == "Connection rejected by server"
    assert gone.empty()


async def test_a_mistake_of_ours_lets_nobody_in(sio, gone, caplog):
    sio.on("connect", lambda sid, environ: 1 / 0)
    async with house(sio) as home:
        client = await home.knock()
        assert (await client.next("connect_error"))["message"] == "internal error"
    assert "ZeroDivisionError" in caplog.text
    assert gone.empty()


async def test_who_goes_is_told_of_at_once_with_the_reason(sio, gone):
    async with house(sio) as home:
        for leave, reason in (("disconnect", "client disconnect"), ("cut", "transport close")):
            client = await home.come(transports=["websocket"], reconnection=False)
            sid = (await client.state())["sid"]
            await getattr(client, leave)()
            async with asyncio.timeout(5):
                assert await gone.get() == (sid, reason)


async def test_the_rooms_of_who_goes_are_known_and_others_are_told(sio):
    @sio.event
    async def connect(sid, environ):
        await sio.enter_room(sid, "tea")

    @sio.event
    async def disconnect(sid):
        for room in sio.rooms(sid):
            await sio.emit("left", [room, room == sid], to=room)

    async with house(sio) as home:
        ada, bob = await home.come(), await home.come()
        await bob.disconnect()
        assert await ada.event("left") == [["tea", False]]


async def test_who_comes_back_is_another_client(sio, gone):
    came = asyncio.Queue()
    sio.on("connect", lambda sid, environ: came.put_nowait(sid))
    async with house(sio) as home:
        client = await home.come(transports=["websocket"])
        first = await came.get()
        await client.cut()
        report = await client.next("connect")
        assert (report["recovered"], report["sid"]) == (False, await came.get())
        assert await gone.get() == (first, "transport close")


def test_who_was_let_in_and_is_gone_by_then_is_told_of(sio, gone):
    waiting = asyncio.Event()

    @sio.event
    async def connect(sid, environ):
        await waiting.wait()

    with Net(socketio.ASGIApp(sio)) as net:
        client = net.client()
        client.send("connect")
        net.run()
        client.drop()
        assert gone.empty()
        waiting.set()
        net.run()
        assert gone.get_nowait()[1] == "transport close"
        assert not sio._clients._known


def test_a_newer_token_asks_nobody(sio):
    seen = []
    sio.on("connect", lambda sid, environ, auth: seen.append(auth))
    with Net(socketio.ASGIApp(sio)) as net:
        client = net.client()
        asked = client.send("connect", token="abc")
        net.run()
        client.answer(asked)
        refreshed = client.send("refresh", token="def")
        net.run()
        client.answer(refreshed)
        assert seen == [{"token": "abc"}]


async def test_bad_arguments_and_unknown_events_are_told_to_who_sent_them(sio, caplog):
    sio.on("add", lambda sid, a, b: a + b)
    async with house(sio) as home:
        client = await home.come()
        [said] = await client.ask("add", 1)
        assert said["error"] == {"code": 107, "message": "bad request: add does not take 1 arguments"}
        [said] = await client.ask("nothing")
        assert said["error"]["code"] == 109
        [said] = await client.ask("add", 1, "b")
        assert said["error"]["code"] == 100
    assert caplog.text.count("Traceback") == 1


def test_events_that_are_ours_cannot_be_called(sio):
    sio.on("*", lambda event, sid, *args: [event, *args])
    with Net(socketio.ASGIApp(sio)) as net:
        client = net.client()
        asked = client.send("connect")
        net.run()
        client.answer(asked)
        for name, code in (("connect", 109), ("disconnect", 109)):
            asked = client.send("call", name=name, data=1)
            net.run()
            with pytest.raises(Exception, match=str(code)):
                client.answer(asked)
        asked = client.send("call", name="other", data=1)
        net.run()
        assert client.answer(asked)["data"] == ["other", 1]
