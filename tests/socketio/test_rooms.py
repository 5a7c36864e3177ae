"""Rooms are channels: who is in one hears what is said there, once and in order."""

import pytest
from tests.socketio.serving import house

from everywire import Refused, socketio
from everywire.hub.settings import Settings
from everywire.socketio.exceptions import BadNamespaceError
from everywire.testing import Net, Refusal


@pytest.fixture
def sio():
    sio = socketio.AsyncServer()

    @sio.event
    async def enter(sid, *rooms):
        for room in rooms:
            await sio.enter_room(sid, room)
        return sio.rooms(sid)

    @sio.event
    async def leave(sid, room):
        await sio.leave_room(sid, room)

    return sio


async def sid(client):
    return (await client.state())["sid"]


async def test_who_is_in_a_room_hears_it_from_there_on(sio):
    async with house(sio) as home:
        ada, bob = await home.come(), await home.come()
        assert await ada.ask("enter", "tea", "a:b") == [[await sid(ada), "tea", "a:b"]]
        await sio.emit("said", "to one", to="tea")
        await sio.emit("said", "to all")
        assert await ada.event() == ["said", "to one"]
        assert await ada.event() == ["said", "to all"]
        assert await bob.event() == ["said", "to all"]
        await ada.ask("leave", "tea")
        await sio.emit("said", "left", to="tea")
        await sio.emit("said", "still there", to="a:b")
        assert await ada.event() == ["said", "still there"]


async def test_who_is_in_several_rooms_is_told_once_and_who_is_skipped_not_at_all(sio):
    async with house(sio) as home:
        ada, bob, eve = await home.come(), await home.come(), await home.come()
        await ada.ask("enter", "a", "b")
        await bob.ask("enter", "b")
        await eve.ask("enter", "a")
        await sio.emit("said", 1, to=["a", "b", await sid(bob)], skip_sid=await sid(eve))
        await sio.emit("said", 2, room="b", skip_sid=[await sid(eve)])
        await sio.emit("end")
        for client in (ada, bob):
            assert [await client.event() for _ in range(3)] == [["said", 1], ["said", 2], ["end"]]
        assert await eve.event() == ["end"]


async def test_a_list_without_rooms_is_nobody(sio):
    async with house(sio) as home:
        client = await home.come()
        await sio.emit("said", to=[])
        await sio.emit("end")
        assert await client.event() == ["end"]


async def test_who_is_gone_leaves_a_room_without_a_word_and_who_is_elsewhere_does_not(sio):
    async with house(sio) as home:
        client = await home.come()
        await sio.leave_room("nobody", "tea")
        with pytest.raises(socketio.exceptions.BadNamespaceError):
            await sio.leave_room(await sid(client), "tea", namespace="/chat")


async def test_a_room_is_closed(sio):
    async with house(sio) as home:
        client = await home.come()
        await client.ask("enter", "tea")
        await sio.close_room("tea")
        await sio.emit("said", to="tea")
        await sio.emit("end")
        assert await client.event() == ["end"]
        assert sio.rooms(await sid(client)) == [await sid(client)]


async def test_a_room_of_one_namespace_is_none_of_another(sio):
    sio.on("enter", lambda sid: sio.enter_room(sid, "tea", namespace="/a:b"), namespace="/a:b")
    async with house(sio) as home:
        one, other = await home.come(), await home.come("/a:b")
        await one.ask("enter", "tea")
        await other.ask("enter")
        await sio.emit("said", 1, to="tea")
        await sio.emit("said", 2, to="tea", namespace="/a:b")
        assert await one.event() == ["said", 1]
        assert await other.event() == ["said", 2]
        with pytest.raises(BadNamespaceError):
            await sio.enter_room(await sid(one), "tea", namespace="/a:b")


async def test_what_is_emitted_while_a_client_connects_comes_afterwards_in_order(sio):
    @sio.event
    async def connect(sid, environ):
        await sio.enter_room(sid, "tea")
        await sio.emit("said", 1, to=sid)
        await sio.emit("said", 2, to="tea")
        await sio.emit("said", 3)
        await sio.emit("said", "not for you", skip_sid=sid)
        await sio.enter_room(sid, "coffee")
        await sio.leave_room(sid, "coffee")
        await sio.emit("said", 4, to=[sid, "tea"])
        assert sio.rooms(sid) == [sid, "tea"]

    async with house(sio) as home:
        client = await home.come()
        assert [await client.event("said") for _ in range(4)] == [[1], [2], [3], [4]]
        other = await home.come()
        assert [await client.event("said") for _ in range(4)] == [[2], [3], ["not for you"], [4]]
        assert [await other.event("said") for _ in range(4)] == [[1], [2], [3], [4]]
        assert sio.rooms(await sid(other)) == [await sid(other), "tea"]


async def test_there_is_a_limit_which_who_enters_is_told(sio):
    sio = socketio.AsyncServer(settings=Settings(max_channels=3))
    async with house(sio) as home:
        client = await home.come()
        await sio.enter_room(await sid(client), "one")
        with pytest.raises(Refused, match="no more than 3 channels"):
            await sio.enter_room(await sid(client), "two")
        assert sio.rooms(await sid(client)) == [await sid(client), "one"]
        with pytest.raises(BadNamespaceError):
            await sio.enter_room("nobody", "one")


async def test_a_room_too_many_while_a_client_connects_costs_it_nothing_else(caplog):
    sio = socketio.AsyncServer(settings=Settings(max_channels=3))

    @sio.event
    async def connect(sid, environ):
        for room in ("one", "two"):
            await sio.enter_room(sid, room)
        await sio.emit("said", sid, to=sid)

    async with house(sio) as home:
        client = await home.come()
        assert await client.event("said") == [await sid(client)]
        assert sio.rooms(await sid(client)) == [await sid(client), "one"]
    assert "not in room 'two': no more than 3 channels" in caplog.text


@pytest.mark.parametrize("command", ["subscribe", "publish", "history"])
async def test_no_client_has_a_right_in_a_room_of_itself(sio, command):
    async with house(sio) as home:
        client = await home.come()
        await sio.enter_room(await sid(client), "tea")
        for channel in ("room:tea", "room:coffee", "room/chat:tea", "namespace:/chat"):
            [said] = await client.ask(f"everywire:{command}", {"channel": channel, "data": 1})
            assert said["error"]["code"] in (103, 105), said


def test_a_client_of_another_language_hears_a_room_as_its_channel(sio):
    with Net(socketio.ASGIApp(sio)) as net:
        client = net.client()
        asked = client.send("connect")
        net.run()
        client.connected(client.answer(asked))
        asked = client.send("call", name="enter", data="tea")
        net.run()
        assert client.answer(asked)["data"] == [client.session, "tea"]
        net.loop.run_until_complete(sio.emit("said", (1, 2), to="tea"))
        [heard] = client.events("publication")
        assert (heard["channel"], heard["data"]) == ("room:tea", {"event": "said", "args": [1, 2]})
        with pytest.raises(Refusal, match="unknown name"):
            client.ask("call", name="everything")
