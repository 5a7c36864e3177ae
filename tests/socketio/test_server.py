"""What a server of python-socketio does for its clients, with npm's own."""

import asyncio

import pytest
from tests.dialects.socketio.client import MSGPACK
from tests.socketio.serving import house

from everywire import socketio

TRANSPORTS = pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids=lambda names: names[0])


@TRANSPORTS
async def test_events_are_handled_and_acknowledged_and_emitted(transports):
    sio = socketio.AsyncServer()

    @sio.event
    async def add(sid, a, b):
        return a + b

    @sio.on("say it")
    def say(sid, *what):
        return ("several", *what)

    @sio.event
    async def nothing(sid):
        await sio.emit("back", {"to": "you"}, to=sid)
        await sio.emit("back", ("one", 2, b"three"), to=sid)
        await sio.emit("back", to=sid)
        await sio.send("a message", to=sid)

    async with house(sio) as home:
        client = await home.come(transports=transports)
        assert await client.ask("add", 1, 2) == [3]
        assert await client.ask("say it", {"x": [1]}, b"\x00") == ["several", {"x": [1]}, b"\x00"]
        assert await client.ask("nothing") == []
        assert await client.event("back") == [{"to": "you"}]
        assert await client.event("back") == ["one", 2, b"three"]
        assert await client.event("back") == []
        assert await client.event("message") == ["a message"]


async def test_a_client_is_called_and_a_callback_hears_what_it_answers():
    sio, heard = socketio.AsyncServer(), asyncio.Queue()

    @sio.event
    async def ask(sid):
        await sio.emit("question", ("a", "b"), to=sid, callback=lambda *given: heard.put_nowait(given))
        return await sio.call("question", {"n": 1}, to=sid, timeout=5)

    async with house(sio) as home:
        client = await home.come()
        await client.on("question", "yes", 2)
        assert await client.ask("ask") == ["yes", 2]
        assert await heard.get() == ("yes", 2)
        await client.disconnect()
        await client.next("disconnect")


@pytest.mark.parametrize(("answer", "given"), [((), None), (([1, 2],), [1, 2]), (("a", [1]), ("a", [1]))])
async def test_what_a_client_acknowledges_by(answer, given):
    sio = socketio.AsyncServer()
    async with house(sio) as home:
        client = await home.come()
        await client.on("question", *answer)
        assert await sio.call("question", to=(await client.state())["sid"]) == given


async def test_who_does_not_answer_or_is_not_there_is_an_error():
    sio = socketio.AsyncServer()
    async with house(sio) as home:
        client = await home.come()
        with pytest.raises(socketio.exceptions.TimeoutError):
            await sio.call("question", to=(await client.state())["sid"], timeout=0.01)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await sio.call("question", to="nobody", timeout=30)  # at once
        with pytest.raises(ValueError, match="one client"):
            await sio.call("question")


async def test_a_client_is_sent_away():
    sio, gone = socketio.AsyncServer(), asyncio.Queue()
    sio.on("disconnect", lambda sid, reason: gone.put_nowait((sid, reason)))
    async with house(sio) as home:
        client = await home.come()
        sid = (await client.state())["sid"]
        await sio.disconnect(sid)
        assert (await client.next("disconnect"))["reason"] == "io server disconnect"
        assert await gone.get() == (sid, sio.reason.SERVER_DISCONNECT)
    assert gone.empty()


@pytest.mark.parametrize("parser", [None, MSGPACK])
async def test_what_is_saved_of_a_client_and_how_it_came(parser):
    sio = socketio.AsyncServer()

    @sio.event
    async def connect(sid, environ, auth):
        async with sio.session(sid) as session:
            session["name"] = auth["name"]
            session["query"] = environ["QUERY_STRING"]

    @sio.event
    async def who(sid):
        assert "EIO=4" in sio.get_environ(sid)["QUERY_STRING"]
        saved = await sio.get_session(sid)
        return [saved["name"], "EIO=4" in saved["query"], sio.rooms(sid) == [sid]]

    async with house(sio) as home:
        client = await home.come(auth={"name": "Ada"}, parser=parser)
        assert await client.ask("who") == [["Ada", True, True]]


async def test_a_handler_runs_to_its_end_though_its_client_is_gone():
    sio, gone, done = socketio.AsyncServer(), asyncio.Event(), asyncio.Event()
    sio.on("disconnect", lambda sid: gone.set())

    @sio.event
    async def store(sid):
        await gone.wait()
        await asyncio.sleep(0)
        done.set()

    async with house(sio) as home:
        client = await home.come()
        await client.emit("store")
        await client.disconnect()
        async with asyncio.timeout(5):
            await done.wait()


async def test_what_carries_a_client_is_known():
    sio, carried = socketio.AsyncServer(), []

    @sio.event
    async def connect(sid, environ):
        carried.append(sio.transport(sid))
        assert environ["asgi.scope"]["client"] == ("127.0.0.1", 0)

    sio.on("which", lambda sid: sio.transport(sid))
    async with house(sio) as home:
        for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
            client = await home.come(transports=transports, forceNew=True)
            if len(transports) == 2:
                await client.next("upgrade")
            assert await client.ask("which") == [transports[-1]]
        with pytest.raises(socketio.exceptions.BadNamespaceError):
            sio.transport("nobody")
    assert carried == ["polling", "websocket", "polling"]


async def test_an_option_that_there_is_not_is_an_error_and_nobody_is_told():
    sio = socketio.AsyncServer()
    async with house(sio) as home:
        client = await home.come()
        for wrong in (sio.emit("said", 1, rom="tea"), sio.send(1, sid="nobody"), sio.call("said", to="x", rom="tea")):
            with pytest.raises(TypeError, match="no option"):
                await wrong
        await sio.emit("last", 1)
        assert await client.event() == ["last", 1]


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error", "", "x" * 256, None])
async def test_names_that_cannot_be_emitted(name):
    with pytest.raises(ValueError, match="name"):
        await socketio.AsyncServer().emit(name)
