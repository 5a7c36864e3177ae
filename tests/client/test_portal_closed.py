"""The client without asyncio after its end: everybody is told, and no thread is left."""

import asyncio
import threading

import pytest

from everywire import Refused, SyncClient
from everywire.app import Everywire
from everywire.client.hub import State
from everywire.errors import ClientClosed


@pytest.fixture
async def url():
    app = Everywire()
    app.channel("room:{name}", history=100)
    app.on("never")(never)

    @app.on_connect
    def who(connecting):
        if connecting.token == "wrong":
            raise Refused("who are you?", 101)
        return "ada"

    async with app.serving("127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.port}/everywire"


async def never(member, data):
    await asyncio.Event().wait()


async def aside(work):
    """Run what blocks on another thread."""
    return await asyncio.to_thread(work)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "everywire"]


CALLS = {
    "publish": lambda client: client.publish("room:a", 1),
    "call": lambda client: client.call("never"),
    "stream": lambda client: client.stream("never"),
    "subscribe": lambda client: client.subscribe("room:a"),
    "history": lambda client: client.history("room:a"),
    "entries": lambda client: client.entries("room:a"),
    "presence": lambda client: client.presence("room:a"),
}


async def test_every_call_after_close_says_that_it_was_closed(url):
    def work():
        client = SyncClient(url)
        client.connect(5)
        room = client.subscribe("room:a")
        assert room.publish(1).offset == 1
        assert room.next(5).data == 1
        client.close()
        client.close()
        asks = [*CALLS.values(), lambda _: room.next(1), lambda _: room.ready(1), lambda _: room.publish(2)]
        for ask in asks:
            with pytest.raises(ClientClosed, match="the client was closed"):
                ask(client)
        assert list(room) == []
        assert (room.position.offset, room.members, room.entries) == (1, {}, {})
        room.unsubscribe()
        assert (client.state, client.session) == (State.CLOSED, None)
        assert threads() == []

    await aside(work)


@pytest.mark.parametrize("entering", [False, True])
async def test_a_connect_that_fails_for_good_leaves_no_thread_and_the_next_begins_anew(url, entering):
    def work():
        token = ["wrong"]
        client = SyncClient(url, token=lambda: token[0])
        with pytest.raises(Refused, match="who are you"):
            client.__enter__() if entering else client.connect(5)
        assert threads() == []
        for ask in CALLS.values():
            with pytest.raises(ClientClosed, match="the client is closed: who are you"):
                ask(client)
        assert threads() == []
        token[0] = "right"
        with client:
            assert client.user == "ada"
        assert threads() == []

    await aside(work)


async def test_who_waits_on_another_thread_is_told_at_once(url):
    def work():
        said = []
        began = threading.Barrier(3)
        client = SyncClient(url)
        client.connect(5)
        room = client.subscribe("room:a")
        room.ready(5)

        def calls():
            began.wait()
            try:
                client.call("never", timeout=60)
            except ClientClosed as closed:
                said.append(str(closed))

        def iterates():
            began.wait()
            said.append(list(room))

        others = [threading.Thread(target=each) for each in (calls, iterates)]
        for each in others:
            each.start()
        began.wait()
        client.close()
        for each in others:
            each.join(5)
        assert not any(each.is_alive() for each in others)
        assert [] in said
        assert any("the client was closed" in each for each in said if each)
        assert threads() == []

    await aside(work)


async def test_a_stream_that_is_under_way_ends(url):
    def work():
        client = SyncClient(url)
        client.connect(5)
        stream = client.stream("never", timeout=0.01)
        with pytest.raises(TimeoutError, match=r"^no item of never within 0.01 s$"):
            next(stream)
        left = client.stream("never")
        client.close()
        with pytest.raises(ClientClosed):
            next(left)
        assert threads() == []

    await aside(work)


async def test_a_callback_cannot_close_its_own_client(url):
    def work():
        said = []
        done = threading.Event()

        def on_publication(publication):
            try:
                client.close()
            except RuntimeError as error:
                said.append(str(error))
            done.set()

        with SyncClient(url) as client:
            client.subscribe("room:a", on_publication=on_publication).ready()
            assert client.publish("room:a", 1).offset == 1
            assert done.wait(5)
            assert client.state is State.CONNECTED
        assert "must not wait" in said[0]
        assert threads() == []

    await aside(work)


async def test_what_takes_too_long_says_what_it_was(url):
    def work():
        with SyncClient(url) as client:
            with pytest.raises(TimeoutError, match=r"^no answer to call within 0.01 s$"):
                client.call("never", timeout=0.01)
            for ask, said in [
                (lambda: client.publish("room:a", 1, timeout=0), "no answer to publish room:a within 0 s"),
                (lambda: client.entries("room:a", timeout=0), "no answer to entries room:a within 0 s"),
                (lambda: client.presence("room:a", timeout=0), "no answer to presence room:a within 0 s"),
            ]:
                with pytest.raises(TimeoutError, match=f"^{said}$"):
                    ask()

    await aside(work)
