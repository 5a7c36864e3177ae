"""The same server, with python-socketio's own client."""

import asyncio

import pytest
import socketio as theirs

from everywire import socketio


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_their_client_with_our_server(transport):
    sio, heard = socketio.AsyncServer(), asyncio.Queue()

    @sio.event(namespace="/chat")
    async def connect(sid, environ, auth):
        if auth != {"name": "Ada"}:
            raise socketio.exceptions.ConnectionRefusedError("who?", {"hint": "Ada"})
        await sio.enter_room(sid, "tea", namespace="/chat")
        await sio.emit("welcome", {"bytes": b"\x00\xff"}, to=sid, namespace="/chat")

    @sio.event(namespace="/chat")
    async def say(sid, text):
        await sio.emit("said", (text, sid), to="tea", namespace="/chat")
        return "done", len(text)

    client = theirs.AsyncClient(reconnection=False)
    for event in ("welcome", "said", "connect_error"):
        client.on(event, lambda *given, event=event: heard.put_nowait((event, *given)), namespace="/chat")
    async with socketio.ASGIApp(sio).serving() as server:
        url, options = f"http://127.0.0.1:{server.port}", {"namespaces": "/chat", "transports": [transport]}
        with pytest.raises(theirs.exceptions.ConnectionError):
            await client.connect(url, auth={"name": "Eve"}, **options)
        assert await heard.get() == ("connect_error", {"message": "who?", "data": {"hint": "Ada"}})
        await client.connect(url, auth={"name": "Ada"}, **options)
        assert await client.call("say", "hello", namespace="/chat", timeout=5) == ("done", 5)
        assert await heard.get() == ("welcome", {"bytes": b"\x00\xff"})
        assert await heard.get() == ("said", "hello", client.get_sid("/chat"))
        await client.disconnect()
