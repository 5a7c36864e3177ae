"""Namespaces, as functions and as classes."""

import asyncio

import pytest
from tests.socketio.serving import house

from everywire import socketio
from everywire.errors import EverywireError


async def test_a_class_handles_the_events_of_its_namespace():
    sio, gone = socketio.AsyncServer(), asyncio.Queue()

    class Chat(socketio.AsyncNamespace):
        async def on_connect(self, sid, environ, auth):
            await self.save_session(sid, {"name": auth["name"]})
            await self.enter_room(sid, "all")

        def on_disconnect(self, sid, reason):
            gone.put_nowait(reason)

        async def on_say(self, sid, text):
            async with self.session(sid) as session:
                session["said"] = text
            saved = await self.get_session(sid)
            await self.emit("said", (saved["name"], saved["said"]), to="all")
            await self.send("sent", to=sid)
            return self.rooms(sid) == [sid, "all"], await self.call("sure", to=sid)

        async def on_end(self, sid):
            await self.leave_room(sid, "all")
            await self.close_room("all")
            await self.disconnect(sid)

    chat = Chat("/chat")
    with pytest.raises(EverywireError, match="not registered"):
        chat.rooms("1")
    sio.register_namespace(chat)
    async with house(sio) as home:
        client = await home.come("/chat", auth={"name": "Ada"})
        await client.on("sure", "yes")
        assert await client.ask("say", "hello") == [True, "yes"]
        assert await client.event("said") == ["Ada", "hello"]
        assert await client.event("message") == ["sent"]
        [said] = await client.ask("other")
        assert said["error"]["code"] == 109
        await client.emit("end")
        assert (await client.next("disconnect"))["reason"] == "io server disconnect"
        assert await gone.get() == "server disconnect"


async def test_one_event_has_a_handler_in_each_namespace_and_some_are_not_there():
    sio = socketio.AsyncServer(namespaces=["/named"])
    sio.on("which", lambda sid: "main")
    sio.on("which", lambda sid: "chat", namespace="/chat")
    assert sio.namespaces == ["/", "/chat", "/named"]
    async with house(sio) as home:
        main, chat, named = await home.come(), await home.come("/chat"), await home.come("/named")
        assert [await main.ask("which"), await chat.ask("which")] == [["main"], ["chat"]]
        [said] = await named.ask("which")
        assert said["error"]["code"] == 109
        client = await home.knock("/other")
        assert (await client.next("connect_error"))["message"] == "Invalid namespace"


async def test_a_class_may_take_all_events_in_its_own_way():
    sio = socketio.AsyncServer()

    class All(socketio.AsyncNamespace):
        async def trigger_event(self, event, *args):
            return [event, *args[1:]] if event not in ("connect", "disconnect") else None

    sio.register_namespace(All("/all"))
    async with house(sio) as home:
        assert await (await home.come("/all")).ask("a b", 1) == [["a b", 1]]


async def test_any_event_and_any_namespace_may_have_a_handler():
    sio = socketio.AsyncServer()
    sio.on("*", lambda event, sid, *args: ("other", event, *args))
    sio.on("known", lambda sid: "known")
    sio.on("*", lambda event, namespace, sid, *args: (namespace, event, *args), namespace="*")
    async with house(sio) as home:
        main, elsewhere = await home.come(), await home.come("/x")
        assert await main.ask("known") == ["known"]
        assert await main.ask("a b", 1) == ["other", "a b", 1]
        assert await elsewhere.ask("f", 1) == ["/x", "f", 1]


def test_what_is_no_namespace_is_refused():
    with pytest.raises(TypeError, match="derived from AsyncNamespace"):
        socketio.AsyncServer().register_namespace(object())
