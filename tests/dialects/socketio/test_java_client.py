"""Java's own client, as it comes from Maven Central, against us."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests import certificates
from tests.conftest import java_with, need
from tests.dialects.socketio.client import ARTIFACT, PACKAGES, Client, Clients, of_java
from tests.dialects.socketio.serving import SOON, WAYS, Served, serving
from tests.told import Failed

import everywire
import testbed
from everywire.messages import Heartbeat

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def jdk() -> Path:
    return java_with(ARTIFACT)


@pytest.fixture(scope="module")
async def process(jdk: Path) -> AsyncIterator[Clients]:
    async with Clients.started(of_java) as clients:
        yield clients


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[tuple[Served, str]]:
    async with serving() as found:
        yield found


async def connected(clients: Clients, url: str, way: str = "websocket", **options) -> Client:
    client = await clients.connect(url, forceNew=True, transports=WAYS[way], **{**SOON, **options})
    await client.next("connect")
    if way == "upgrade":
        await client.next("upgrade")
    return client


@EACH
async def test_it_connects_by_what_it_was_told(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way, auth={"token": "t", "mine": "ü"}, query="lang=de&x=1")
        state = await client.state()
        assert state["transport"] == ("polling" if way == "polling" else "websocket")
        params = app.caller(state["sid"]).params
        assert (params["lang"], params["x"], app.shown) == (["de"], ["1"], [{"token": "t", "mine": "ü"}])


@EACH
async def test_a_refusal_is_an_object_with_data(clients, shared, way):
    client = await clients.connect(shared[1], forceNew=True, transports=WAYS[way], auth={"token": "wrong"})
    report = await client.next("connect_error")
    assert (report["message"], report["data"]) == ("no such token", {"code": 101})
    await client.auth(token="right")
    await client.open()
    await client.next("connect")
    await client.disconnect()


@EACH
async def test_a_namespace_that_there_is_not(clients, shared, way):
    client = await clients.connect(f"{shared[1]}/nowhere", forceNew=True, transports=WAYS[way])
    assert (await client.next("connect_error"))["message"] == "Invalid namespace"
    await client.disconnect()


@EACH
async def test_several_namespaces_on_one_connection(clients, way):
    async with serving() as (app, url):
        places = ("/", "/chat", "/shop-17")
        some = [await clients.connect(url + place, transports=WAYS[way]) for place in places]
        states = [await client.next("connect") for client in some]
        assert (len({state["engine"] for state in states}), len({state["sid"] for state in states})) == (1, 3)
        assert [await client.event("welcome") for client in some] == [[place] for place in places]
        await some[0].disconnect()
        await app.until(lambda: len(app.callers) == 2)
        assert await some[1].ask("echo", "still") == ["still"]
        await app.kick(session=states[1]["sid"])
        assert (await some[1].next("disconnect"))["reason"] == "io server disconnect"
        assert await some[2].ask("echo", "still") == ["still"]


@EACH
async def test_values_and_bytes_there_and_back(clients, shared, way):
    client = await connected(clients, shared[1], way)
    given = [1, -0.5, "zwei \u2028\x1e", None, True, {"3": [True, {}]}, b"\x00\xff", {"deep": [b"", {"x": b"four"}]}]
    assert await client.ask("echo", *given) == given
    await client.emit("back", *given)
    assert await client.event("back") == given
    assert await client.ask("echo") == []
    await client.disconnect()


@EACH
async def test_up_to_ten_attachments_each_way(clients, shared, way):
    client = await connected(clients, shared[1], way)
    given = [{"at": [bytes([number]) * (number * 100)]} for number in range(10)]
    assert await client.ask("echo", *given) == given
    await client.disconnect()


@EACH
async def test_large_values(clients, way):
    async with serving(Served(max_data=1_000_000)) as (_app, url):
        client = await connected(clients, url, way)
        assert await client.ask("echo", "x" * 700_000) == ["x" * 700_000]
        assert await client.ask("echo", b"x" * 350_000) == [b"x" * 350_000]


@EACH
async def test_acknowledgements_both_ways(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        assert await client.ask("echo", 1, b"two", None, timeout=5) == [1, b"two", None]
        assert (await client.ask_one("nobody knows it", 1))["error"]["code"] == 109
        await client.on("sure?", "yes", b"\x01", [3])
        caller = app.caller((await client.state())["sid"])
        assert await caller.call("sure?", {"why": 1}) == ["yes", b"\x01", [3]]
        assert await client.event("sure?") == [{"why": 1}]
        with pytest.raises(TimeoutError):
            await caller.call("nobody answers", timeout=0.05)
        await client.disconnect()
        await client.next("disconnect")
        with pytest.raises(Failed, match="timed out"):
            await client.ask("echo", timeout=0.01)


@EACH
async def test_many_at_once_keep_their_order(clients, way):
    async with serving() as (app, url):
        client = await clients.connect(url, forceNew=True, transports=WAYS[way])
        for number in range(60):  # before, while and after it moves to a WebSocket
            await client.emit("note", number)
            await client.emit("back", number)
        assert [await client.event("back") for _ in range(60)] == [[number] for number in range(60)]
        assert app.said == [[number] for number in range(60)]


async def test_what_was_said_while_it_moved_is_neither_lost_nor_doubled(clients):
    async with serving() as (app, url):
        client = await clients.connect(url, forceNew=True)
        caller = app.caller((await client.next("connect"))["sid"])
        told = 0
        while (await client.state())["transport"] != "websocket":
            caller.tell("count", told)
            told += 1
        for number in range(told, told + 5):
            caller.tell("count", number)
        assert [await client.event("count") for _ in range(told + 5)] == [[number] for number in range(told + 5)]
        assert not [report for report in client.reports if report.get("name") == "count"]


@EACH
async def test_it_is_asked_whether_it_is_there(clients, way):
    async with serving(Served(Heartbeat(0.2, 0.19))) as (_app, url):
        client = await connected(clients, url, way)
        for _ in range(3):
            await client.next("ping")
        assert (await client.state())["connected"]


@EACH
async def test_it_comes_back_when_its_connections_are_cut(clients, way):
    async with serving() as (_app, url):
        client = await connected(clients, url, way)
        assert (await client.lose())["reason"] in ("transport close", "transport error")
        await client.next("connect")
        assert await client.ask("echo", 1) == [1]


@EACH
async def test_it_comes_back_by_itself_when_the_server_goes(clients, way):
    first = Served()
    first.socketio()
    async with first.serving() as server:
        port = server.port
        client = await connected(clients, f"http://127.0.0.1:{port}", way)
    report = await client.next("disconnect")
    assert report["active"]
    assert report["reason"] in ("transport close", "transport error")
    again = Served()
    again.socketio()
    async with again.serving(port=port):
        await client.next("connect")
        assert await client.ask("echo", 1) == [1]


@EACH
async def test_a_client_that_is_sent_away_stays_away(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        await app.kick(session=(await client.state())["sid"])
        report = await client.next("disconnect")
        assert (report["reason"], report["active"]) == ("io server disconnect", False)


@EACH
async def test_it_leaves(clients, way):
    async with serving() as (app, url):
        client = await connected(clients, url, way)
        await client.disconnect()
        assert (await client.next("disconnect"))["reason"] == "io client disconnect"
        await app.until(lambda: not app.callers)


async def test_over_tls_it_comes_back_when_the_server_goes(jdk, tmp_path):
    *_, authority = certificates.written(tmp_path)
    store = tmp_path / "store"
    given = ["-keystore", str(store), "-storepass", "secret", "-file", str(authority)]
    subprocess.run([jdk.with_name("keytool"), "-importcert", "-noprompt", *given], check=True, capture_output=True)
    trusting = [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=secret"]
    context = certificates.server_context()
    async with Clients.started(lambda: [*(command := of_java())[:1], *trusting, *command[1:]]) as clients:
        first, again = Served(), Served()
        for app in (first, again):
            app.socketio()
        async with first.serving("localhost", ssl=context) as server:
            port = server.port
            client = await connected(clients, f"https://localhost:{port}", "upgrade")
            assert await client.ask("echo", b"1") == [b"1"]
        await client.next("disconnect")
        async with again.serving("localhost", port, ssl=context):
            await client.next("connect")
            assert await client.ask("echo", 1) == [1]


async def test_who_shares_a_channel_hears_the_same_in_every_language(clients):
    need(lambda: testbed.npm(*PACKAGES))
    async with serving() as (_app, url), Clients.started() as others:
        java, npm = await connected(clients, url), await others.connect(url, forceNew=True)
        await npm.next("connect")
        native = everywire.Client(f"{url.replace('http', 'ws')}/everywire")
        async with native:
            heard = aiter(native.subscribe("room:a"))
            for client in (java, npm):
                assert (await client.ask_one("everywire:subscribe", {"channel": "room:a"}))["channel"] == "room:a"
            said = {"event": "said", "args": [1, {"b": "ü"}]}
            await java.ask_one("everywire:publish", {"channel": "room:a", "data": said})
            await npm.ask_one("everywire:publish", {"channel": "room:a", "data": {"event": "said", "args": [b"\x00"]}})
            await native.publish("room:a", "plain")
            for client in (java, npm):
                assert await client.event("said") == [1, {"b": "ü"}]
                assert await client.event("said") == [b"\x00"]
                assert await client.event("room:a") == ["plain"]
            async with asyncio.timeout(10):
                assert [(await anext(heard)).data for _ in range(3)][0::2] == [said, "plain"]
