"""The publisher for programs without a loop."""

import asyncio
import json
import socket
import threading

import pytest

from everywire.app import Everywire
from everywire.brokers.base import Query
from everywire.errors import EverywireError, Refused
from everywire.messages import Audience
from everywire.publisher import Published, Publisher, Reached

KEY = "k" * 16


@pytest.fixture
async def app():
    app = Everywire()
    app.channel("room:{name}", history=50)
    app.channel("map:{name}", keyed=True)
    app.admin(key=KEY, port=0)
    async with app.serving(port=0):
        yield app


def publisher(app, **options):
    return Publisher(f"http://127.0.0.1:{app.administration[0].port}", KEY, **options)


async def test_it_publishes(app):
    def work():
        with publisher(app) as it:
            first = it.publish("room:1", {"n": 1})
            again = it.publish("room:1", {"n": 2}, key="once"), it.publish("room:1", {"n": 2}, key="once")
            return first, again, it.publish("room:1", 3, ephemeral=True)

    first, (second, third), last = await asyncio.to_thread(work)
    assert (first.channel, first.offset, first.repeated) == ("room:1", 1, False)
    assert (second.offset, third.offset, third.repeated) == (2, 2, True)
    assert last == Published("room:1")


async def test_it_publishes_many(app):
    with publisher(app) as it:
        answers = await asyncio.to_thread(it.publish_many, [("room:1", 1), ("nowhere", 2), ("room:1", 3)])
    assert [answers[0].offset, answers[2].offset] == [1, 2]
    assert isinstance(answers[1], Refused)
    assert answers[1].code == 104


async def test_it_sends_away(app):
    def work():
        with publisher(app) as it:
            return it.kick("ann"), it.unsubscribe("ann", "room:1"), it.revoke("ann"), it.ask("GET", "/stats")

    *reached, stats = await asyncio.to_thread(work)
    assert reached == [Reached(0, 1, 0)] * 3
    assert stats["sessions"] == 0


async def test_it_sets_compares_and_removes_entries(app):
    def work():
        with publisher(app) as it:
            first = it.publish("map:1", 1, entry="x", expect=0, ttl=60)
            with pytest.raises(Refused, match="conflict") as caught:
                it.publish("map:1", 2, entry="x", expect=0)
            return first.offset, caught.value.code, caught.value.data, it.publish("map:1", entry="x", remove=True)

    *found, removed = await asyncio.to_thread(work)
    assert found == [1, 111, {"offset": 1}]
    assert removed.offset == 2


async def test_it_publishes_to_some(app):
    def work():
        with publisher(app) as it:
            it.publish("room:1", 1, to_user="ann")
            it.publish("room:1", 2, to_session="s", exclude=["t"])
            return it.ask("GET", "/history?channel=room:1")["publications"]

    assert [each["data"] for each in await asyncio.to_thread(work)] == [1, 2]
    found = await app.hub.broker.read("room:1", Query(), app.hub.place("room:1").kind.retention)
    assert [one.audience for one in found.publications] == [Audience(user="ann"), Audience(("t",), "s")]


async def test_a_no_is_told(app):
    with publisher(app) as it:
        with pytest.raises(Refused, match="unknown channel") as caught:
            await asyncio.to_thread(it.publish, "nowhere", 1)
    assert caught.value.code == 104
    with Publisher(f"http://127.0.0.1:{app.administration[0].port}", "x" * 16) as stranger:
        with pytest.raises(Refused, match="that is not the key") as caught:
            await asyncio.to_thread(stranger.publish, "room:1", 1)
    assert caught.value.code == 101
    with Publisher(f"http://127.0.0.1:{app.administration[0].port}") as nobody:
        with pytest.raises(Refused, match=r"a key is needed.*Publisher\(url, key\)"):
            await asyncio.to_thread(nobody.publish, "room:1", 1)


async def test_many_threads_share_it(app):
    with publisher(app) as it:
        work = [asyncio.to_thread(it.publish, "room:1", number) for number in range(40)]
        offsets = sorted(published.offset for published in await asyncio.gather(*work))
        assert offsets == [*range(1, 41)]
        assert 1 <= len(it._idle) <= 40


class Flaky:
    """A server that does, with each connection in turn, what `acts` says: "drop" it, or answer with a status."""

    def __init__(self, *acts):
        self.acts, self.bodies = list(acts), []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self):
        for act in self.acts:
            connection, _ = self.socket.accept()
            with connection, connection.makefile("rb") as file:
                size = 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                self.bodies.append(json.loads(file.read(size)))
                if act != "drop":
                    body = act[1] if isinstance(act, tuple) else b'{"channel": "c", "offset": 1, "epoch": "e"}'
                    status = act[0] if isinstance(act, tuple) else act
                    head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                    connection.sendall(head.encode() + body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(10)
        self.socket.close()


def trying(url, **options):
    it = Publisher(url, KEY, **options)
    pauses = []
    it.sleep = pauses.append
    return it, pauses


def test_what_fails_on_the_way_is_tried_again_as_the_same_publication():
    with Flaky("drop", (503, b"{}"), 200) as flaky:
        it, pauses = trying(flaky.url)
        assert it.publish("c", 1).offset == 1
        it.close()
    assert len({body["key"] for body in flaky.bodies}) == 1
    assert len(flaky.bodies) == 3
    assert [0 < pause <= 0.4 for pause in pauses] == [True, True]


def test_it_gives_up_at_last():
    with Flaky("drop", "drop") as flaky:
        it, pauses = trying(flaky.url, tries=2)
        with pytest.raises(ConnectionError, match="nobody answers"):
            it.publish("c", 1)
    assert len(pauses) == 1
    with Flaky((503, b'{"code": 100, "reason": "later"}')) as flaky:
        it, _ = trying(flaky.url, tries=1)
        with pytest.raises(Refused, match="later") as caught:
            it.publish("c", 1)
    assert caught.value.temporary


def test_a_no_is_not_tried_again():
    with Flaky((403, b'{"code": 103, "reason": "no"}')) as flaky:
        it, pauses = trying(flaky.url)
        with pytest.raises(Refused, match="no"):
            it.publish("c", 1)
    assert pauses == []


def test_what_is_no_administration():
    with Flaky((200, b"<html>")) as flaky:
        it, _ = trying(flaky.url)
        with pytest.raises(EverywireError, match="no administration"):
            it.publish("c", 1)


@pytest.mark.parametrize("url", ["", "localhost:8001", "ws://localhost", "http://", "http://x/?a=b", "file:///x"])
def test_what_is_no_address(url):
    with pytest.raises(ValueError):
        Publisher(url)


@pytest.mark.parametrize("key", ["secret secret secret\n", "s\0", "\u20ac" * 16])
def test_a_key_that_no_header_takes_is_not_shown(key):
    with pytest.raises(ValueError, match="a key is one line") as caught:
        Publisher("http://localhost:1", key)
    assert key not in str(caught.value)


def test_a_child_process_has_connections_of_its_own(monkeypatch):
    it = Publisher("http://127.0.0.1:1", KEY)
    theirs = it._take()
    it._idle.append(theirs)
    monkeypatch.setattr("os.getpid", lambda: it._pid + 1)
    assert it._take() is not theirs
    assert it._idle == []
    theirs.close()


@pytest.mark.parametrize("ttl", [-1, float("inf"), float("nan")])
def test_a_time_to_live_that_is_none_is_refused_before_anybody_is_asked(ttl):
    with Publisher("http://localhost:1") as it, pytest.raises(ValueError, match="ttl is a number of seconds"):
        it.publish("map:1", 1, entry="x", ttl=ttl)
