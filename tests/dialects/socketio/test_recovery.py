"""Connection state recovery with the official client: what it calls recovered is."""

import asyncio

import pytest
from tests.dialects.socketio.client import MSGPACK
from tests.dialects.socketio.serving import SOON, WAYS, Served, serving

from everywire import Caller

WAY = pytest.mark.parametrize("way", WAYS)


class Rooms(Served):
    """Everybody who comes is in room a, and told so."""

    def _offer(self):
        super()._offer()
        self.channel("brief:{name}", history=100, ttl=0.01)

        @self.on("enter")
        async def enter(caller: Caller, room: str) -> str:
            await self.subscribe(room if ":" in room else f"room:{room}", session=caller.session)
            return room

    async def say(self, room, *arguments, name="said"):
        await self.publish(f"room:{room}", {"event": name, "args": arguments})


@pytest.fixture
async def served():
    async with serving(Rooms(), recovery=True) as served:
        yield served


async def entered(clients, url, way, *rooms, **options):
    """Connect, and enter rooms; gives the client, and its id."""
    client = await clients.connect(url, transports=WAYS[way], **{**SOON, **options})
    report = await client.next("connect")
    assert report["recovered"] is False
    if way == "upgrade":
        await client.next("upgrade")
    for room in rooms:
        assert await client.ask("enter", room) == [room]
    return client, report["sid"]


async def back(client, sid):
    """Wait until the client is back in its session, which is the same."""
    report = await client.next("connect")
    assert (report["recovered"], report["sid"]) == (True, sid)


@WAY
async def test_a_broadcast_was_received_before_the_drop(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "a", "b", reconnectionDelay=200, reconnectionDelayMax=200)
    await app.say("a", 1)
    assert (await client.event("said"))[0] == 1
    await client.lose()
    for number, room in [(2, "b"), (3, "a"), (4, "c"), (5, "b")]:
        await app.say(room, number)
    await back(client, sid)
    await app.say("a", 6)
    assert [(await client.event("said"))[0] for _ in range(4)] == [2, 3, 5, 6]


@WAY
async def test_nothing_was_emitted_before_the_drop(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "a")
    await client.lose()
    await app.say("a", 1)
    await back(client, sid)
    assert (await client.event("said"))[0] == 1


@WAY
async def test_only_acknowledged_events_came_before_the_drop(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "a")
    await client.on("asked", "answer")
    assert await app.caller(sid).call("asked", "text") == "answer"
    await client.lose()
    await app.say("a", 1)
    await back(client, sid)
    assert (await client.event("said"))[0] == 1


@WAY
@pytest.mark.parametrize("ephemeral", [True, False])
async def test_the_last_event_before_the_drop_ends_with_a_text(served, clients, way, ephemeral):
    """A client takes that for what it is to show, unless there is one of ours behind it."""
    app, url = served
    client, sid = await entered(clients, url, way, "a")
    if ephemeral:
        await app.publish("room:a", {"event": "fleeting", "args": [0, "a text"]}, ephemeral=True)
    else:
        app.caller(sid).tell("fleeting", 0, "a text")
    assert (await client.event("fleeting"))[:2] == [0, "a text"]
    await client.lose()
    await app.say("a", 1)
    await back(client, sid)
    assert (await client.event("said"))[0] == 1


@WAY
async def test_the_last_event_is_older_than_what_is_kept(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "brief:a", "b")
    await app.publish("brief:a", {"event": "said", "args": [0]})
    assert (await client.event("said"))[0] == 0
    async with asyncio.timeout(10):
        while (await client.ask_one("everywire:history", {"channel": "brief:a"}))["publications"]:
            pass
    await client.lose()
    await app.say("b", 1)
    await back(client, sid)
    assert (await client.event("said"))[0] == 1


@WAY
async def test_again_and_again(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "a")
    for number in range(4):
        await app.say("a", number)
        await client.lose()
        await app.say("a", number + 0.5)
        await back(client, sid)
        if way == "upgrade":
            await client.next("upgrade")
    assert [(await client.event("said"))[0] for _ in range(8)] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    assert len(app.hub.sessions) == 1


async def test_before_the_loss_was_noticed(served, clients):
    """The session's earlier transport gives way."""
    app, url = served
    client, sid = await entered(clients, url, "polling", "a")
    await client.drop()
    await client.next("disconnect")
    await app.say("a", 1)
    await back(client, sid)
    assert (await client.event("said"))[0] == 1
    assert len(app.hub.attachments) == 1


@WAY
async def test_each_namespace_recovers_by_itself(served, clients, way):
    app, url = served
    main, sid = await entered(clients, url, way, "a")
    chat = await clients.connect(f"{url}/chat", **SOON, transports=WAYS[way])
    there = (await chat.next("connect"))["sid"]
    await chat.ask("enter", "b")
    await main.lose()
    await app.say("a", 1)
    await app.say("b", 2)
    await back(main, sid)
    await back(chat, there)
    assert (await main.event("said"))[0] == 1
    assert (await chat.event("said"))[0] == 2


async def test_what_is_lost_is_not_called_recovered(served, clients):
    app, url = served
    client, sid = await entered(clients, url, "websocket", "a", reconnectionDelay=300, reconnectionDelayMax=300)
    await client.lose()
    for number in range(101):  # one more than are kept
        await app.say("a", number)
    report = await client.next("connect")
    assert report["recovered"] is False
    assert report["sid"] != sid
    assert await client.ask("enter", "a") == ["a"]
    await app.say("a", "later")
    assert (await client.event("said"))[0] == "later"


async def test_what_somebody_makes_up_recovers_nothing(served, clients):
    _, url = served
    client = await clients.connect(url, transports=["websocket"], auth={"pid": "mine", "offset": "yours"})
    assert (await client.next("connect"))["recovered"] is False


async def test_binary_events_with_the_other_parser_as_well(served, clients):
    app, url = served
    for parser in (None, MSGPACK):
        client, sid = await entered(clients, url, "websocket", "a", parser=parser)
        await client.lose()
        await app.say("a", b"\x00\xff")
        await back(client, sid)
        assert (await client.event("said"))[0] == b"\x00\xff"
        await client.disconnect()


async def test_who_was_not_asked_for_it_comes_back_as_another(clients):
    async with serving(Rooms()) as (app, url):
        client, sid = await entered(clients, url, "websocket", "a")
        await app.say("a", "text")
        assert await client.event("said") == ["text"]
        await client.cut()
        report = await client.next("connect")
        assert report["recovered"] is False
        assert report["sid"] != sid
