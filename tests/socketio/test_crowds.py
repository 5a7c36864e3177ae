"""All clients of a room at once: who they are, where they are moved to, what they acknowledge; on every worker."""

import asyncio

import pytest
from tests.socketio.serving import house

from everywire import Refused, SessionGone, socketio
from everywire.errors import EverywireError
from everywire.hub.settings import Settings
from everywire.testing import Net, SharedBroker, VirtualLoop


@pytest.fixture
def sio():
    made = socketio.AsyncServer(namespaces=["/", "/chat"])

    @made.event
    async def connect(sid, environ, auth):
        for room in (auth or {}).get("rooms", []):
            await made.enter_room(sid, room)
        if (auth or {}).get("late"):
            await made.sockets_join((room for room in ("late", "later", "latest")), to=sid)
            await made.sockets_leave((room for room in ("later", "latest")), to=sid)
            with pytest.raises(TypeError, match="a room's name is a text"):
                await made.sockets_join(["later", 7], to=sid)
            assert await made.fetch_sockets(to=sid) == []
        if (auth or {}).get("unwanted"):
            await made.disconnect_sockets(to="unwanted")

    return made


async def come(home, *rooms, **auth):
    """Have a client come who enters rooms, as it is let in."""
    client = await home.come(auth={"rooms": [*rooms], **auth})
    client.sid = (await client.state())["sid"]
    await client.ask("anything")  # handled once it is in its rooms
    return client


async def test_clients_are_fetched_with_their_rooms_and_how_they_are_connected(sio):
    async with house(sio) as home:
        ada = await come(home, "tea", "a:b")
        bob = await come(home, "milk")
        found = await sio.fetch_sockets(to=["tea", "milk"])
        assert [(each.sid, each.rooms, each.namespace) for each in found] == [
            (ada.sid, [ada.sid, "tea", "a:b"], "/"),
            (bob.sid, [bob.sid, "milk"], "/"),
        ]
        assert found[1].address is None  # this machine
        assert {each.transport for each in found} <= {"polling", "websocket"}
        assert abs(found[0].since - found[1].since) < 60
        assert (found.silent, found.more, len({each.worker for each in found})) == (0, False, 1)
        assert [each.sid for each in await sio.fetch_sockets()] == [ada.sid, bob.sid]
        assert [each.sid for each in await sio.fetch_sockets(room="tea")] == [ada.sid]
        assert [each.sid for each in await sio.fetch_sockets(skip_sid=ada.sid)] == [bob.sid]
        assert [each.sid for each in await sio.fetch_sockets(skip_room=["milk"])] == [ada.sid]
        assert await sio.fetch_sockets(to=[]) == []
        assert await sio.fetch_sockets(namespace="/chat") == []


async def test_clients_of_a_room_enter_another_leave_it_and_are_sent_away(sio):
    async with house(sio) as home:
        ada, bob = await come(home, "tea"), await come(home, "tea", "milk")
        assert (await sio.sockets_join(["x", "y"], to="tea", skip_room="milk")).sessions == 1
        await sio.emit("said", 1, to="y")
        await sio.emit("said", 2, to="tea", skip_room="x")
        assert (await ada.event(), await bob.event()) == (["said", 1], ["said", 2])
        assert (await sio.sockets_leave(["tea", "x"], to="tea", skip_sid=bob.sid)).sessions == 1
        assert [each.rooms for each in await sio.fetch_sockets()] == [[ada.sid, "y"], [bob.sid, "tea", "milk"]]
        assert (await sio.disconnect_sockets(to="tea")).sessions == 1
        assert (await bob.next("disconnect"))["reason"] == "io server disconnect"
        assert [each.sid for each in await sio.fetch_sockets()] == [ada.sid]


async def test_who_is_only_coming_is_moved_and_sent_away_too(sio):
    async with house(sio) as home:
        ada = await come(home, late=True)
        await sio.emit("said", 1, to="late")
        assert await ada.event() == ["said", 1]
        assert [each.rooms for each in await sio.fetch_sockets()] == [[ada.sid, "late"]]
        unwanted = await home.knock(auth={"rooms": ["unwanted"], "unwanted": True})
        await unwanted.next("connect_error")


async def test_all_acknowledge_an_event_or_are_named(sio):
    async with house(sio) as home:
        ada, bob, eve, other = [await come(home, "tea") for _ in range(3)] + [await come(home, "milk")]
        await ada.on("sure", "yes", 2)
        await bob.on("sure")
        await other.on("sure", "not asked")
        acks = await sio.emit_with_acks("sure", ("really", b"x"), to="tea", timeout=0.5)
        assert acks.responses == {ada.sid: ("yes", 2), bob.sid: None}
        assert ({sid: type(no) for sid, no in acks.missing.items()}, acks.silent) == ({eve.sid: TimeoutError}, 0)
        assert not acks.complete
        await eve.on("sure", 3)
        acks = await sio.emit_with_acks("sure", to=["tea", "milk"], skip_sid=bob.sid, timeout=20)
        assert acks.responses == {ada.sid: ("yes", 2), eve.sid: 3, other.sid: "not asked"}
        assert acks.complete


async def test_who_leaves_is_missing_at_once(sio):
    async with house(sio) as home:
        ada = await come(home, "tea")
        asked = asyncio.ensure_future(sio.emit_with_acks("sure", to="tea"))
        assert await ada.event() == ["sure"]
        await ada.drop()
        acks = await asked
        assert [type(no) for no in acks.missing.values()] == [SessionGone]


async def test_a_namespace_has_clients_of_its_own(sio):
    class Chat(socketio.AsyncNamespace):
        async def on_connect(self, sid, environ):
            await self.enter_room(sid, "tea")

        async def on_all(self, sid):
            await self.sockets_join("more", to="tea")
            await self.sockets_leave("tea", to="more")
            found = await self.fetch_sockets("more")
            acks = await self.emit_with_acks("sure", to="more")
            return [[each.rooms[1:] for each in found], [*acks.responses.values()]]

        async def on_end(self, sid):
            await self.disconnect_sockets(to="more")

    sio.register_namespace(Chat("/chat"))
    async with house(sio) as home:
        main, chat = await come(home, "tea"), await home.come("/chat")
        await chat.on("sure", "yes")
        assert await chat.ask("all") == [[[["more"]], ["yes"]]]
        await chat.emit("end")
        assert (await chat.next("disconnect"))["reason"] == "io server disconnect"
        assert [each.rooms[1:] for each in await sio.fetch_sockets()] == [["tea"]]
        assert (await main.state())["connected"]


async def test_what_cannot_be_said_is_an_error():
    sio = socketio.AsyncServer()
    with pytest.raises(EverywireError, match="no application"):
        await sio.fetch_sockets()
    socketio.ASGIApp(sio)
    with pytest.raises(ValueError, match="keep for themselves"):
        await sio.emit_with_acks("connect", to="tea")
    with pytest.raises(ValueError, match="emit_with_acks"):
        await sio.emit("x", to=["a", "b"], callback=print)


def test_more_than_may_be_asked_are_refused_and_a_listing_says_that_there_are_more():
    sio = socketio.AsyncServer(settings=Settings(max_gathered=1))
    with Net(socketio.ASGIApp(sio)) as net:
        for _ in range(2):
            net.client().send("connect")
        net.run(0.1)
        run = net.loop.run_until_complete
        with pytest.raises(Refused, match="no more than 1"):
            run(sio.emit_with_acks("sure"))
        found = run(sio.fetch_sockets())
        assert (len(found), found.more) == (1, True)


def test_a_worker_that_does_not_answer_is_counted():
    shared = SharedBroker()
    with VirtualLoop() as loop:
        made = [socketio.AsyncServer() for _ in range(2)]
        one, two = (
            Net(socketio.ASGIApp(sio, broker=shared.view, secret="x" * 16), seed, loop=loop)
            for seed, sio in enumerate(made)
        )
        with one, two:
            assert loop.run_until_complete(made[0].fetch_sockets()).silent == 0
            shared.views[1].cut()
            assert loop.run_until_complete(made[0].fetch_sockets()).silent == 1
            acks = loop.run_until_complete(made[0].emit_with_acks("sure"))
            assert (acks.responses, acks.silent, acks.complete) == ({}, 1, False)
