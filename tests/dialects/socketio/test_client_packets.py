"""npm's socket.io-client against us: namespaces, events, acknowledgements, what is binary, what is refused."""

from __future__ import annotations

import pytest
from tests.dialects.socketio.client import MSGPACK, Client, Clients
from tests.dialects.socketio.serving import SOON, WAYS, Served, serving
from tests.told import Failed

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("way", WAYS)
PARSER = pytest.mark.parametrize("parser", [None, MSGPACK], ids=["text", "msgpack"])


async def connected(clients: Clients, url: str, way: str = "websocket", **options) -> Client:
    client = await clients.connect(url, forceNew=True, transports=WAYS[way], **{**SOON, **options})
    await client.next("connect")
    return client


# Connecting


async def test_what_it_shows_is_the_applications(clients):
    async with serving() as (app, url):
        client = await connected(clients, url, auth={"token": "t", "info": {"a": 1}, "mine": ["x"]})
        assert app.shown == [{"token": "t", "info": {"a": 1}, "mine": ["x"]}]
        assert app.caller((await client.state())["sid"]).info == {"a": 1}


async def test_a_function_is_asked_what_to_show_at_every_attempt(clients):
    async with serving() as (app, url):
        client = await clients.connect(url, autoConnect=False, **SOON)
        await client.auth_by_function()
        for _ in range(2):
            await client.open()
            await client.next("connect")
            await client.disconnect()
            await app.until(lambda: not app.callers)
        assert [shown["attempt"] for shown in app.shown] == [1, 2]


@EACH
async def test_a_refusal_is_an_error_with_data(clients, shared, way):
    client = await clients.connect(shared[1], forceNew=True, transports=WAYS[way], auth={"token": "wrong"})
    report = await client.next("connect_error")
    assert (report["message"], report["data"], report["active"]) == ("no such token", {"code": 101}, False)
    await client.auth(token="right")
    await client.open()
    await client.next("connect")
    await client.disconnect()


@EACH
@PARSER
async def test_a_namespace_that_there_is_not(clients, shared, way, parser):
    client = await clients.connect(f"{shared[1]}/nowhere", parser, forceNew=True, transports=WAYS[way])
    assert (await client.next("connect_error"))["message"] == "Invalid namespace"
    await client.disconnect()


@EACH
@PARSER
async def test_several_namespaces_on_one_connection(clients, way, parser):
    async with serving() as (app, url):
        places = ("/", "/chat", "/shop-17")
        some = [await clients.connect(url + place, parser, transports=WAYS[way]) for place in places]
        states = [await client.next("connect") for client in some]
        assert len({state["engine"] for state in states}) == 1
        assert len({state["sid"] for state in states}) == 3
        assert [await client.event("welcome") for client in some] == [[place] for place in places]
        await some[0].disconnect()
        await app.until(lambda: len(app.callers) == 2)
        assert await some[1].ask("echo", "still") == ["still"]
        with pytest.raises(Failed):
            await some[0].ask("echo", timeout=0.01)
        await app.kick(session=states[1]["sid"])
        assert (await some[1].next("disconnect"))["reason"] == "io server disconnect"
        assert await some[2].ask("echo", "still") == ["still"]


async def test_who_leaves_the_last_namespace_closes_the_connection(clients):
    async with serving() as (app, url):
        main, chat = await clients.connect(url), await clients.connect(f"{url}/chat")
        await main.next("connect")
        await chat.next("connect")
        await main.disconnect()
        await chat.disconnect()
        await app.until(lambda: not app.callers)
        await main.open()
        await main.next("connect")
        assert await main.ask("echo", 1) == [1]


# Events and acknowledgements


@PARSER
async def test_an_event_may_have_a_number_for_a_name(clients, shared, parser):
    client = await clients.connect(shared[1], parser, forceNew=True)
    await client.next("connect")
    assert await client.ask(42, "x") == [["forty-two", "x"]]
    await client.disconnect()


@EACH
@PARSER
async def test_acknowledgements_both_ways(clients, way, parser):
    async with serving() as (app, url):
        client = await clients.connect(url, parser, transports=WAYS[way])
        await client.next("connect")
        assert await client.ask("echo", 1, b"two", None) == [1, b"two", None]
        assert await client.ask("echo") == []
        assert await client.ask_one("echo", {"one": b"1"}) == {"one": b"1"}
        caller = app.caller((await client.state())["sid"])
        await client.on("sure?", "yes", b"\x01", [3])
        assert await caller.call("sure?", {"why": 1}) == ["yes", b"\x01", [3]]
        assert await client.event("sure?") == [{"why": 1}]


async def test_who_is_not_acknowledged_in_time_is_told(clients, shared):
    client = await connected(clients, shared[1])
    await client.disconnect()
    with pytest.raises(Failed, match="timed out"):
        await client.ask("echo", timeout=0.01)


async def test_every_event_is_acknowledged_as_clients_with_retries_want(clients):
    async with serving() as (app, url):
        client = await connected(clients, url, retries=3, ackTimeout=2_000)
        await client.emit("note", 1)
        await client.emit("nobody knows it", 2)
        await client.emit("note", 3)
        assert await client.ask("echo", 4) == [None, 4]
        assert app.said == [[1], [3]]


async def test_an_event_of_a_client_with_retries_comes_after_it_came_back(clients):
    async with serving() as (app, url):
        client = await connected(clients, url, retries=10, ackTimeout=200)
        await client.cut()
        await client.emit("note", "later")
        await app.until(lambda: app.said)
        assert await client.ask("echo", 1) == [None, 1]
        assert ["later"] in app.said


async def test_volatile_and_uncompressed_events(clients):
    async with serving() as (app, url):
        client = await connected(clients, url)
        await client.emit("note", "v", volatile=True)
        await client.emit("note", "c" * 3000, compress=False)
        await app.until(lambda: len(app.said) == 2)


async def test_what_is_said_before_the_connection_comes_after_it(clients):
    async with serving() as (app, url):
        client = await clients.connect(url, autoConnect=False)
        for number in range(5):
            await client.emit("note", number)
        await client.emit("note", "lost", volatile=True)
        await client.open()
        assert await client.ask("echo", 1) == [1]
        assert app.said == [[number] for number in range(5)]


@EACH
async def test_who_says_what_nobody_knows_is_told_so_and_stays(clients, shared, way):
    client = await connected(clients, shared[1], way)
    (said,) = await client.ask("nobody knows it", 1)
    assert said["error"]["code"] == 109, said
    assert await client.ask("echo", 1) == [1]
    await client.disconnect()


# What is binary


@EACH
async def test_up_to_ten_attachments_each_way(clients, shared, way):
    client = await connected(clients, shared[1], way)
    given = [{"at": [bytes([number]) * (number * 100)]} for number in range(10)]
    assert await client.ask("echo", *given) == given
    await client.disconnect()


@EACH
async def test_more_than_ten_attachments_are_told_as_text(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        caller = app.caller((await client.state())["sid"])
        caller.tell("many", *[b"\x00"] * 11)
        caller.tell("many", *[b"\x00"] * 10)
        assert await client.event("many") == ["AA=="] * 11
        assert await client.event("many") == [b"\x00"] * 10


async def test_what_looks_like_a_placeholder_tears_nobody_from_its_connection(clients):
    async with serving() as (app, url):
        client = await connected(clients, url)
        caller = app.caller((await client.state())["sid"])
        caller.tell("odd", {"_placeholder": True, "num": 99}, b"\x01")
        caller.tell("odd", {"_placeholder": True, "num": 99})
        assert await client.event("odd") == [{"_placeholder": True, "num": 99}, "AQ=="]
        assert await client.event("odd") == [{"_placeholder": True, "num": 99}]


@EACH
@pytest.mark.parametrize("size", [60_000, 700_000])
async def test_large_values(clients, way, size):
    async with serving(Served(max_data=1_000_000)) as (_app, url):
        client = await connected(clients, url, way)
        assert await client.ask("echo", "x" * size) == ["x" * size]
        assert await client.ask("echo", b"x" * (size // 2)) == [b"x" * (size // 2)]


async def test_more_data_than_the_hub_takes_is_refused_alone(clients, shared):
    client = await connected(clients, shared[1])
    assert (await client.ask("echo", "x" * 70_000))[0]["error"]["code"] == 108
    assert await client.ask("echo", 1) == [1]
    await client.disconnect()


@pytest.mark.parametrize("way", ["polling", "websocket"])
async def test_who_says_too_much_at_once_comes_back(clients, way):
    async with serving(max_payload=10_000) as (app, url):
        other = await connected(clients, url, way)
        client = await connected(clients, url, way)
        await client.emit("note", "x" * 11_000)
        assert (await client.next("disconnect"))["reason"] in ("transport error", "transport close")
        await client.next("connect")
        assert await other.ask("echo", 1) == [1]
        assert app.said == []


# Channels


@PARSER
async def test_channels_by_our_own_events(clients, parser):
    async with serving() as (app, url):
        one, two = [await clients.connect(url, parser, forceNew=True) for _ in range(2)]
        await one.next("connect")
        await two.next("connect")
        said = await one.ask_one("everywire:subscribe", {"channel": "room:a"})
        assert (said["channel"], said["offset"]) == ("room:a", 0)
        await two.ask_one("everywire:publish", {"channel": "room:a", "data": {"event": "said", "args": [1, "b"]}})
        await two.ask_one("everywire:publish", {"channel": "room:a", "data": "plain"})
        await app.publish("room:a", {"event": "said", "args": [b"\x00"]})
        assert await one.event("said") == [1, "b"]
        assert await one.event("room:a") == ["plain"]
        assert await one.event("said") == [b"\x00"]
        history = await two.ask_one("everywire:history", {"channel": "room:a"})
        assert len(history["publications"]) == 3
        assert len((await two.ask_one("everywire:presence", {"channel": "room:a"}))["members"]) == 1
        await one.ask_one("everywire:unsubscribe", {"channel": "room:a"})
        await app.publish("room:a", "unheard")
        assert await one.ask("echo", 1) == [1]
        assert not [report for report in one.reports if report.get("name") == "room:a"]
