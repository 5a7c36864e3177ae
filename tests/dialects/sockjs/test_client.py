"""npm's sockjs-client in Node, unmodified, over each of its transports alone."""

import asyncio
import contextlib
import json

import pytest
from tests.dialects.sockjs.client import TRANSPORTS
from tests.dialects.sockjs.serving import NATIVE, TEXT, serving

pytestmark = pytest.mark.timeout(120)
AWKWARD = [
    "",
    " ",
    '"quoted" \\ and\nbroken\r\n',
    "\0\x1f\x7f",
    "\u2028\u2029\u200d\ufeff",
    "žluťoučký 🦄",
    "</script>",
    "\ud83d",
    "x" * 50_000,
]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_texts_come_back(clients, shared, transport):
    client = await clients.connect(shared[1] + TEXT, transport)
    assert (await client.next("open"))["transport"] == transport
    await client.send(*AWKWARD)
    assert await client.messages(len(AWKWARD)) == AWKWARD
    await client.close()
    assert (await client.next("close"))["code"] == 1000
    await shared[0].until(lambda: not shared[0].callers)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_many_texts_come_back_in_order(clients, shared, transport):
    client = await clients.connect(shared[1] + TEXT, transport)
    await client.next("open")
    texts = [str(number) for number in range(500)]
    for start in range(0, 500, 50):
        await client.send(*texts[start : start + 50])
    assert await client.messages(500) == texts
    await client.close()
    await client.next("close")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_handlers_and_channels_say_are_texts(clients, shared, transport):
    app, url = shared
    client = await clients.connect(url + TEXT, transport)
    await client.next("open")
    await app.until(lambda: len(app.callers) == 1)
    await client.send("object", "nothing", "no", "join")
    found = await client.messages(3)
    assert [json.loads(each) if each[0] == "{" else each for each in found] == [
        {"an": "object"},
        {"error": {"code": 103, "reason": "you may not"}},
        "joined",
    ]
    app.callers[0].tell("welcome", "in")
    await app.publish("room:1", "news")
    await app.publish("room:1", [1, "two"])
    assert await client.messages(3) == ["in", "news", '[1,"two"]']
    await client.send("leave")
    closed = await client.next("close")
    assert (closed["code"], closed["reason"], closed["clean"]) == (3000, "Go away!", True)
    await app.until(lambda: not app.callers)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_native_wire_in_its_strings(clients, shared, transport):
    client = await clients.connect(shared[1] + NATIVE, transport)
    await client.next("open")
    await client.send('{"type":"connect","id":1}', '{"type":"subscribe","id":2,"channel":"room:2"}')
    await client.send('{"type":"publish","id":3,"channel":"room:2","data":"hi"}')
    found = [json.loads(each) for each in await client.messages(4)]
    assert [each["type"] for each in found[:2]] == ["connected", "subscribed"]
    assert {each["type"] for each in found[2:]} <= {"publication", "published", "join"}
    await client.close()
    await client.next("close")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_server_that_goes_away_says_so(clients, transport):
    async with serving() as (app, url):
        client = await clients.connect(url + TEXT, transport)
        await client.next("open")
        await app.until(lambda: app.callers)
        app.gateway.close(1012, "come back soon")
        closed = await client.next("close")
    assert (closed["code"], closed["reason"], closed["clean"]) == (1012, "come back soon", True)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_that_is_cut_off_is_gone(clients, shared, transport):
    app, url = shared
    client = await clients.connect(url + TEXT, transport)
    await client.next("open")
    await app.until(lambda: app.callers)
    while app.callers:  # between two polls there is nothing to cut
        await clients.cut()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await app.until(lambda: not app.callers)
    if transport != "xhr-streaming":  # where the client in Node does not notice
        assert (await client.next("close"))["code"] in (1002, 1006)  # an EventSource comes back by itself, and is told
