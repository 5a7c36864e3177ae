"""The client without asyncio: from other threads, against a real server on a loop of its own."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from everywire import Refused, SyncClient
from everywire.app import Everywire
from everywire.client.hub import State
from everywire.errors import ClientClosed, ConnectionClosed, Unreachable


@pytest.fixture
async def url():
    app = Everywire()
    app.channel("room:{name}", history=100, presence=True)
    app.on("double")(lambda member, data: 2 * data)
    async with app.serving("127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.port}/everywire"


async def aside(work):
    """Run what blocks on another thread."""
    return await asyncio.to_thread(work)


async def test_it_publishes_calls_and_follows(url):
    def work():
        with SyncClient(url, info={"name": "Ada"}) as client:
            assert client.state is State.CONNECTED
            room = client.subscribe("room:a")
            room.ready(5)
            assert client.publish("room:a", 1, timeout=5).offset == 1
            assert room.publish(2).offset == 2
            assert [room.next(5).data, next(room).data] == [1, 2]
            with pytest.raises(TimeoutError, match=r"^no publication in room:a within 0.01 s$"):
                room.next(0.01)
            assert room.position.offset == 2
            assert list(room.members) == [client.session]
            assert client.call("double", 4) == 8
            assert [each.data for each in client.history("room:a", limit=1, type=int).publications] == [1]
            assert [member.info["name"] for member in client.presence("room:a")] == ["Ada"]
            with pytest.raises(Refused, match="unknown channel"):
                client.publish("nowhere", 1)
            room.unsubscribe()
            assert list(room) == []
            assert (room.channel, room.entries, client.user) == ("room:a", {}, None)
        assert client.state is State.CLOSED

    await aside(work)


async def test_many_threads_share_one(url):
    def work():
        with SyncClient(url) as client, ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(lambda number: client.call("double", number), range(40))) == list(range(0, 80, 2))
            assert len({client.publish("room:a", number).offset for number in range(5)}) == 5

    await aside(work)


async def test_data_has_its_type(url):
    @dataclass
    class Message:
        text: str

    def work():
        with SyncClient(url) as client:
            room = client.subscribe("room:a", type=Message)
            client.publish("room:a", Message("hi"))
            assert room.next(5).data == Message("hi")

    await aside(work)


async def test_a_callback_must_not_wait_for_its_own_client(url):
    def work():
        said = []
        done = threading.Event()

        def on_publication(publication):
            try:
                client.publish("room:a", "again")
            except RuntimeError as error:
                said.append(str(error))
            done.set()

        with SyncClient(url) as client:
            client.subscribe("room:a", on_publication=on_publication).ready()
            client.publish("room:a", 1)
            assert done.wait(5)
        assert "must not wait" in said[0]

    await aside(work)


async def test_it_may_be_closed_and_connected_again(url):
    def work():
        client = SyncClient(url)
        client.close()
        with pytest.raises(ConnectionClosed):
            client.publish("room:a", 1)
        client.connect(5)
        assert client.publish("room:a", 1) is not None
        client.close()
        client.connect()
        assert client.publish("room:a", 2) is not None
        client.close()
        assert not [thread for thread in threading.enumerate() if thread.name == "everywire"]

    await aside(work)


async def test_what_cannot_connect_says_so():
    def work():
        client = SyncClient("ws://127.0.0.1:1/?token=secret")
        with pytest.raises(Unreachable, match=r"ws://127.0.0.1:1/\?token=\.\.\. within 0.05 s: .*Connect call failed"):
            client.connect(0.05)
        client.close()
        with pytest.raises(ClientClosed, match="the client was closed"):
            client.publish("room:a", 1)
        client.close()
        never = SyncClient("ws://127.0.0.1:1/")
        with pytest.raises(ClientClosed, match="not connected"):
            never.publish("room:a", 1)
        never.close()
        with pytest.raises(Unreachable):
            with SyncClient("ws://127.0.0.1:1/", connect_timeout=0.05):
                pass
        with pytest.raises(everywire_error()):
            with SyncClient("nonsense://"):
                pass

    await aside(work)


def everywire_error():
    from everywire.errors import InvalidURI

    return InvalidURI


async def test_it_does_not_survive_a_fork(url, monkeypatch):
    def work():
        with SyncClient(url) as client:
            parent = os.getpid()
            monkeypatch.setattr(os, "getpid", lambda: parent + 1)
            with pytest.raises(RuntimeError, match="one in each process"):
                client.publish("room:a", 1)
            monkeypatch.undo()

    await aside(work)
