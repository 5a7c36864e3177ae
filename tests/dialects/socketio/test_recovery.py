"""Connection state recovery with the official client: what it calls recovered is."""

import pytest
from tests.conftest import need
from tests.dialects.socketio.client import PACKAGES, Clients
from tests.dialects.socketio.serving import SOON, WAYS, Served, serving

import testbed
from everywire import Caller

WAY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
async def clients():
    need(lambda: testbed.npm(*PACKAGES))
    async with Clients.started() as clients:
        yield clients


class Rooms(Served):
    """Everybody who comes is in room a, and told so."""

    def _offer(self):
        super()._offer()
        self.channel("volatile", history=100)

        @self.on("enter")
        async def enter(caller: Caller, room: str) -> str:
            await self.subscribe(f"room:{room}", session=caller.session)
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


async def gone(app):
    """Wait until the server knows that a client has lost its connection."""
    hub = app.hub
    await app.until(lambda: all(each.attachment is None for each in hub.sessions.values()))


@WAY
async def test_a_broadcast_was_received_before_the_drop(served, clients, way):
    app, url = served
    client, sid = await entered(clients, url, way, "a", "b", reconnectionDelay=200, reconnectionDelayMax=200)
    await app.say("a", 1)
    assert (await client.event("said"))[0] == 1
    await client.cut()
    await client.next("disconnect")
    for number, room in [(2, "b"), (3, "a"), (4, "c"), (5, "b")]:
        await app.say(room, number)
    await back(client, sid)
    await app.say("a", 6)
    assert [(await client.event("said"))[0] for _ in range(4)] == [2, 3, 5, 6]
