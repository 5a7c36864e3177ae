"""The harness of the official client, against the official server: what it reports is what happened."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from conformance.processes import Server
from tests.conftest import need
from tests.dialects.socketio.client import MSGPACK, PACKAGES, Client, Clients
from tests.dialects.socketio.serving import SOON
from tests.told import Failed

import testbed

REFERENCE = Path(__file__).parents[3] / "conformance" / "socketio" / "reference.mjs"
SERVER = ("socket.io@4.8.4", PACKAGES[1])
TRANSPORTS = pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids=lambda names: names[0])


@contextlib.contextmanager
def reference(**options: Any):
    """Run npm's socket.io; gives its address."""
    settings = {"ping_interval": 25, "ping_timeout": 20, "max_payload": 1_000_000, **options}
    folder = need(lambda: testbed.npm(*SERVER))
    command = [str(need(testbed.node)), str(REFERENCE), json.dumps(settings)]
    with Server(command, {**os.environ, "REFERENCE_NODE": str(folder)}) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def url():
    with reference() as address:
        yield address


async def connected(clients: Clients, url: str, **options: Any) -> Client:
    client = await clients.connect(url, **SOON, **options)
    await client.next("connect")
    return client


@TRANSPORTS
async def test_connects_and_shows_how_it_stands(clients, url, transports):
    client = await clients.connect(url, transports=transports, auth={"token": "abc"})
    report = await client.next("connect")
    assert report["transport"] == transports[0]
    assert report["recovered"] is False
    assert report["engine"] != report["sid"]
    assert await client.event("auth") == [{"token": "abc"}]
    assert (await client.state())["sid"] == report["sid"]


async def test_moves_to_a_websocket(clients, url):
    client = await clients.connect(url)
    assert (await client.next("upgrade"))["transport"] == "websocket"
    assert (await client.state())["transport"] == "websocket"


@TRANSPORTS
async def test_says_and_hears_values_and_bytes(clients, url, transports):
    client = await connected(clients, url, transports=transports)
    given = [1, "zwei", {"3": [True, None]}, b"\x00\xff", {"deep": [b"four"]}]
    await client.emit("message", *given)
    assert await client.event("message-back") == given


@TRANSPORTS
async def test_is_acknowledged(clients, url, transports):
    client = await connected(clients, url, transports=transports)
    assert await client.ask("message-with-ack", 1, b"two", timeout=5) == [1, b"two"]
    assert await client.ask("message-with-ack") == []
    assert await client.ask_one("message-with-ack", {"one": 1}) == {"one": 1}


async def test_an_acknowledgement_that_does_not_come_is_an_error(clients, url):
    client = await connected(clients, url)
    with pytest.raises(Failed, match="timed out"):
        await client.ask("nobody listens", timeout=0.01)


async def test_speaks_messagepack(clients):
    with reference(msgpack=True) as address:
        client = await connected(clients, address, parser=MSGPACK)
        await client.emit("message", {"bytes": b"\x01\x02"}, 3)
        assert await client.event("message-back") == [{"bytes": b"\x01\x02"}, 3]


async def test_has_several_namespaces_on_one_connection(url):
    async with (
        Clients.started() as clients
    ):  # in one that knows the address already, the first gets a connection of its own
        main, custom = await clients.connect(url), await clients.connect(f"{url}/custom", auth={"a": 1})
        first, second = await main.next("connect"), await custom.next("connect")
        assert first["engine"] == second["engine"]
        assert first["sid"] != second["sid"]
        assert await custom.event("auth") == [{"a": 1}]


async def test_a_refused_namespace_is_reported(clients, url):
    client = await clients.connect(f"{url}/nowhere")
    report = await client.next("connect_error")
    assert (report["message"], report["active"]) == ("Invalid namespace", False)


async def test_leaves_and_comes_back(clients, url):
    client = await connected(clients, url)
    await client.disconnect()
    report = await client.next("disconnect")
    assert (report["reason"], report["active"]) == ("io client disconnect", False)
    await client.auth(token="another")
    await client.open()
    await client.next("connect")
    assert await client.event("auth") == [{}]
    assert await client.event("auth") == [{"token": "another"}]


@TRANSPORTS
async def test_comes_back_when_it_drops_the_connection(clients, url, transports):
    client = await connected(clients, url, transports=transports)
    await client.drop()
    assert (await client.next("disconnect"))["reason"] == "forced close"
    assert (await client.next("connect"))["recovered"] is False


@TRANSPORTS
async def test_comes_back_when_the_connection_is_cut(clients, url, transports):
    client = await connected(clients, url, transports=transports)
    assert await client.cut() >= 1
    assert (await client.next("disconnect"))["reason"] in ("transport close", "transport error")
    assert (await client.next("reconnect"))["attempt"] == 1
    await client.next("connect")


async def test_tells_that_it_was_recovered(clients):
    with reference(connectionStateRecovery={}) as address:
        client = await clients.connect(address, reconnectionDelay=100)
        before = after = await client.next("connect")
        while not after[
            "recovered"
        ]:  # that server recovers nothing of a client that is back before its loss was noticed
            before = after
            await client.event("auth")
            await client.cut()
            after = await client.next("connect")
        assert after["sid"] == before["sid"]


async def test_is_pinged(clients):
    with reference(ping_interval=0.01) as address:
        client = await connected(clients, address)
        await client.next("ping")


async def test_the_end_of_the_process_is_told_to_who_waits(url):
    async with Clients.started() as clients:
        client = await connected(clients, url)
        clients._process.kill()
        with pytest.raises(RuntimeError, match="has ended"):
            await client.ask("nobody listens")
