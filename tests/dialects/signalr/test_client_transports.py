"""npm's client against us: how it connects, who it says it is, beats, loses the connection and comes back."""

from __future__ import annotations

import asyncio

import pytest
from tests.dialects.signalr.serving import EACH, WAYS, Served, serving
from tests.engine.peer import until
from tests.told import Failed

from everywire.dialects.signalr import Redirect
from everywire.messages import Heartbeat

OVER = pytest.mark.parametrize(
    ("way", "msgpack"), EACH, ids=[f"{way}-{'msgpack' if packed else 'json'}" for way, packed in EACH]
)
WAY = pytest.mark.parametrize("way", WAYS)
pytestmark = pytest.mark.anyio


async def test_it_takes_the_best_there_is(clients):
    for offered, expected in ((WAYS, "WebSocket"), (WAYS[1:], "ServerSentEvents"), (WAYS[2:], "LongPolling")):
        async with serving(signalr={"transports": offered}) as (_app, url):
            client = await clients.connect(url)
            assert (await client.state())["transport"] == expected
            await client.stop()


async def test_with_messagepack_no_stream_is_offered(clients):
    async with serving(signalr={"transports": WAYS[1:]}) as (_app, url):
        client = await clients.connect(url, msgpack=True)
        assert (await client.state())["transport"] == "LongPolling"
        await client.stop()


@pytest.mark.parametrize("msgpack", [False, True], ids=["json", "msgpack"])
async def test_without_negotiation(clients, shared, msgpack):
    client = await clients.connect(shared[1], transport="WebSockets", skipNegotiation=True, msgpack=msgpack)
    assert await client.invoke("echo", 1) == 1
    assert (await client.state())["connection"] is None
    await client.stop()


@WAY
async def test_header_fields_are_the_callers(clients, shared, way):
    client = await clients.connect(f"{shared[1]}?lang=de", transport=way, headers={"x-mine": "7"})
    said = await client.invoke("who")
    assert (said["header"], said["params"]["lang"]) == ("7", ["de"])
    await client.stop()


@WAY
async def test_redirects(clients, shared, way):
    async with serving(signalr={"redirect": lambda request: Redirect(shared[1], "ann")}) as (_app, url):
        client = await clients.connect(url, transport=way)
        assert (await client.invoke("who"))["user"] == "ann"
        await client.stop()


async def test_redirects_in_a_circle_end(clients):
    found = []
    async with serving(signalr={"redirect": lambda request: Redirect(found[0])}) as (_app, url):
        found.append(url)
        with pytest.raises(Failed, match="redirection limit"):
            await clients.connect(url)


# Who it is


@WAY
async def test_a_token(clients, shared, way):
    app, url = shared
    app.shown.clear()
    client = await clients.connect(url, transport=way, tokens=["ann"])
    assert (await client.invoke("who"))["user"] == "ann"
    assert [connecting.token for connecting in app.shown] == ["ann"]  # who negotiates is not asked for twice
    await client.stop()


@WAY
async def test_a_token_that_is_none(clients, shared, way):
    with pytest.raises(Failed, match="no such token"):
        await clients.connect(shared[1], transport=way, tokens=["wrong"])


async def test_without_negotiation_a_token_that_is_none_ends_the_handshake(clients, shared):
    with pytest.raises(Failed, match="no such token"):
        await clients.connect(shared[1], transport="WebSockets", skipNegotiation=True, tokens=["wrong"])


@WAY
async def test_a_token_for_each_time_that_it_is_asked_for(clients, shared, way):
    client = await clients.connect(shared[1], transport=way, tokens=["ann/60", "ann/70", "ann/80"])
    assert (await client.invoke("who"))["user"] == "ann"
    await client.stop()


async def test_a_token_of_another_user_on_the_way(clients, shared):
    with pytest.raises(Failed):
        await clients.connect(shared[1], transport="WebSockets", tokens=["ann", "bob"])


@WAY
async def test_a_token_that_expires_is_followed_by_another_connection(clients, way):
    """npm's client takes a 401 for the end of its connection, and shows a newer token on the next."""
    async with serving(Served(expiry_grace=0.0)) as (_app, url):
        client = await clients.connect(url, transport=way, tokens=["ann/1", "ann/1", "ann"], reconnects=[0, 0])
        await client.next("reconnected")
        assert (await client.invoke("who"))["user"] == "ann"
        await client.stop()


@pytest.mark.parametrize("way", WAYS[1:])
async def test_a_token_is_refreshed_by_a_request_of_its_own(clients, shared, way):
    app, url = shared
    client = await clients.connect(url, transport=way, tokens=["ann/60"])
    name = (await client.state())["connection"]
    refreshed = await client.refresh("ann/90")
    assert refreshed["status"] == 200
    assert refreshed["said"]["connectionId"] == name
    assert 80 < refreshed["said"]["tokenLifetimeSeconds"] <= 90
    left = app.hub.expiries.left(app.hub.sessions[name])
    assert 80 < left <= 90
    for token, status, error in (("bob", 403, "wrong_user"), ("wrong", 401, "invalid_token")):
        refused = await client.refresh(token)
        assert (refused["status"], refused["said"]["error"]) == (status, error)


# Beats


@pytest.mark.slow
@OVER
async def test_both_sides_beat(clients, way, msgpack):
    async with serving(signalr={"heartbeat": Heartbeat(0.4, 0.4, "both")}) as (app, url):
        client = await clients.connect(url, transport=way, msgpack=msgpack, timeout=1.5, alive=0.3)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await until(lambda: loop.time() > begun + 3)  # several times what either side has patience for
        assert (await client.state())["state"] == "Connected"
        assert client.reports == []
        assert len(app.callers) == 1
        await client.stop()


async def test_it_notices_a_server_that_is_silent(clients):
    async with serving(signalr={"heartbeat": Heartbeat(30, 30, "both")}) as (_app, url):
        client = await clients.connect(url, timeout=0.2, alive=0.05)
        assert "Server timeout elapsed" in (await client.next("close"))["error"]


async def test_a_client_that_is_silent_is_sent_away(clients):
    async with serving(signalr={"heartbeat": Heartbeat(0.2, 0.1, "both")}) as (app, url):
        client = await clients.connect(url, transport="WebSockets", alive=60, timeout=60)
        await client.next("close")
        await app.until(lambda: not app.callers)


# The end, and what comes after it


@OVER
async def test_it_comes_back_when_the_server_restarts(clients, way, msgpack):
    app = Served()
    app.signalr("/hub")
    async with app.serving() as server:
        port = server.port
        client = await clients.connect(
            f"http://127.0.0.1:{port}/hub", transport=way, msgpack=msgpack, reconnects=[0, *[20] * 200]
        )
        await client.invoke("echo", 1)
    await client.next("reconnecting")
    async with serving(port=port):
        await client.next("reconnected")
        assert await client.invoke("echo", 2) == 2
        await client.stop()


async def test_it_comes_back_when_its_connection_is_cut(clients, shared):
    client = await clients.connect(shared[1], reconnects=[0, 0, 0])
    before = (await client.state())["connection"]
    await client.cut()
    assert (await client.next("reconnected"))["connection"] != before
    await client.stop()


@WAY
async def test_who_says_that_it_may_come_back(clients, shared, way):
    app, url = shared
    client = await clients.connect(url, transport=way, reconnects=[0, 0, 0])
    app.hub.sessions[(await client.invoke("who"))["session"]].attachment.close(1012, "restart")
    assert (await client.next("reconnecting"))["error"] == "Server returned an error on close: restart"
    await client.next("reconnected")
    await client.stop()


# Not by events: npm's client takes a Close that comes while its first ping is on its way, by a request of its own, for nothing at all.
@pytest.mark.parametrize("way", ["WebSockets", "LongPolling"])
async def test_a_close_right_behind_the_handshake_says_why(clients, way):
    async with serving() as (app, url):
        app.farewell = True
        client = await clients.make(url, transport=way)
        try:
            await client.start()
        except Failed as failed:  # what comes in the same breath fails the start
            told = str(failed)
        else:
            told = (await client.next("close"))["error"]
        assert told == "Server returned an error on close: go away"
