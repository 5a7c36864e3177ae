"""Entries and calls of who has no client: one request each."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from tests.gateway.place import Place, seen

from everywire.app import Everywire
from everywire.errors import Refused, SessionGone
from everywire.hub.calling.callers import Caller
from everywire.hub.settings import Settings
from everywire.testing import Net


def application(**settings):
    app = Everywire(settings=Settings(**settings))
    app.channel("map:{name}", keyed=True)
    app.channel("room:{name}", history=5)
    app.channel("closed:{name}", keyed=True, may_subscribe=False, may_publish=False)
    app.on_connect(lambda connecting: connecting.token)
    declare(app)
    return app


def declare(app):
    @app.on("sum")
    def total(caller: Caller, numbers: list[int]) -> dict:
        return {"by": caller.user, "sum": sum(numbers)}

    @app.on("greet", inline=True)
    def greet() -> str:
        return "hello"

    @app.on("a/b c", inline=True)
    def odd() -> bytes:
        return b"odd"

    @app.on("no", inline=True)
    def no() -> None:
        raise Refused("sold out", 1001, data={"until": 5})

    @app.on("later", inline=True)
    def later() -> None:
        raise Refused("not now", 1002, temporary=True)

    @app.on("broken", inline=True)
    def broken() -> None:
        raise KeyError("secret")

    @app.on("count")
    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @app.on("take")
    async def take(numbers: AsyncIterator[int]) -> int:
        return sum([number async for number in numbers])

    @app.on("ask back")
    async def ask_back(caller: Caller) -> str:
        try:
            return await caller.call("who")
        except SessionGone as gone:
            return str(gone)


@pytest.fixture
def place():
    with Net(application()) as net:
        yield Place(net)


def put(place, channel="map:a", **fields):
    return place.ask("POST", "entries", {"channel": channel, **fields})


def call(place, target, body=b"", **headers):
    return place.ask("POST", f"call/{target}", body, **headers)


def entries(place, query="channel=map:a"):
    return place.ask("GET", f"entries?{query}").json


# Entries


def test_an_entry_is_set_where_it_is_as_expected(place):
    first = put(place, entry="x", data={"n": 1}, expect=0)
    assert (first.status, first.json["offset"]) == (200, 1)
    assert put(place, entry="x", data={"n": 2}, expect=1).json["offset"] == 2
    late = put(place, entry="x", data={"n": 3}, expect=1)
    assert (late.status, late.json["code"], late.json["data"]) == (409, 111, {"offset": 2})
    assert [(each["entry"], each["data"]) for each in entries(place)["entries"]] == [("x", {"n": 2})]


def test_an_entry_is_removed_where_it_is_as_expected(place):
    put(place, entry="x", data=1)
    assert put(place, entry="x", remove=True, expect=7).status == 409
    assert put(place, entry="x", remove=True, expect=1).status == 200
    assert entries(place)["entries"] == []


def test_an_entry_lives_as_long_as_was_said(place):
    put(place, entry="x", data=1, ttl=5_000)
    place.net.run(4)
    assert len(entries(place)["entries"]) == 1
    place.net.run(2)
    assert entries(place)["entries"] == []


def test_entries_are_read_page_by_page():
    with Net(application(max_page=2)) as net:
        place = Place(net)
        for number in range(5):
            put(place, entry=f"e{number}", data=number)
        page, found = entries(place), []
        found += page["entries"]
        while page.get("more"):
            since = f"{quote(page['epoch'])}:{page['offset']}"
            page = entries(place, f"channel=map:a&since={since}&after={page['after']}")
            found += page["entries"]
        assert [each["data"] for each in found] == [0, 1, 2, 3, 4]
        assert (page["offset"], page["recovered"]) == (5, True)


@pytest.mark.parametrize(
    ("target", "status", "code", "reason"),
    [
        ("entries", 400, 107, "bad request: channel is missing"),
        ("entries?channel=", 400, 107, "bad request: channel is missing"),
        ("entries?channel=map:a&channel=map:b", 400, 107, "bad request: channel is said twice"),
        ("entries?channel=map:a&since=3", 400, 107, "bad request: since is a position, epoch:offset"),
        (
            "entries?channel=map:a&after=x",
            400,
            107,
            "bad request: after is a whole number, 0 or more, of at most 15 digits",
        ),
        ("entries?channel=nowhere", 404, 104, "unknown channel 'nowhere'"),
        ("entries?channel=room:a", 404, 110, "there are no entries here"),
        ("entries?channel=closed:a", 403, 103, "permission denied: may not subscribe to 'closed:a'"),
        ("history?channel=room:a&reverse=maybe", 400, 107, "bad request: reverse is 1 or 0"),
        ("presence?channel=room:a&brief=2", 400, 107, "bad request: brief is 1 or 0"),
    ],
)
def test_what_cannot_be_read(place, target, status, code, reason):
    answer = place.ask("GET", target)
    assert (answer.status, answer.json) == (status, {"code": code, "reason": reason})


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"channel": "map:a", "data": 1}, 400, 107),
        ({"channel": "room:a", "data": 1}, 400, 107),
        ({"channel": "room:a", "data": 1, "entry": None}, 400, 107),
        ({"channel": "map:a", "entry": "", "data": 1}, 400, 107),
        ({"channel": "map:a", "entry": 7, "data": 1}, 400, 107),
        ({"channel": "map:a", "entry": "x"}, 400, 107),
        ({"channel": "map:a", "entry": "x", "data": 1, "expect": -1}, 400, 107),
        ({"channel": "map:a", "entry": "x", "data": 1, "ephemeral": True}, 400, 107),
        ({"channel": "room:a", "entry": "x", "data": 1}, 404, 110),
        ({"channel": "closed:a", "entry": "x", "data": 1}, 403, 103),
        ({"channel": "map:a", "entry": "x", "data": "x" * 70_000}, 400, 108),
        (b"[]", 400, 107),
        (b"", 400, 107),
        (b"\xff", 400, 107),
    ],
)
def test_what_cannot_be_set(place, said, status, code):
    answer = place.ask("POST", "entries", said)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert place.ask("GET", "history?channel=room:a").json["publications"] == []


# Calls


def test_a_call_is_answered_by_its_result(place):
    answer = call(place, "sum", {"numbers": [1, 2, 3]}, Authorization="Bearer ann")
    assert (answer.status, answer.json) == (200, {"data": {"by": "ann", "sum": 6}})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert place.net.app.hub.sessions == {}


def test_a_call_without_data_and_names_that_are_no_words(place):
    assert call(place, "greet").json == {"data": "hello"}
    assert call(place, "a/b%20c").json == {"data": "b2Rk"}


def test_a_handler_s_no_is_told_with_its_data(place):
    answer = call(place, "no")
    assert (answer.status, answer.json) == (403, {"code": 1001, "reason": "sold out", "data": {"until": 5}})
    assert (call(place, "later").status, call(place, "later").json["code"]) == (503, 1002)


def test_a_handler_that_fails_tells_nothing(place, caplog):
    answer = call(place, "broken")
    assert (answer.status, answer.json) == (500, {"code": 100, "reason": "internal error"})
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("target", "body", "status", "code", "reason"),
    [
        ("nothing", b"", 404, 109, "unknown name"),
        ("sum", b"{", 400, 107, "the body is JSON"),
        ("sum", b"1, 2", 400, 107, "the body is JSON"),
        ("sum", b'[1], "name": "greet"', 400, 107, "the body is JSON"),
        ("sum", b'"\xff"', 400, 107, "the body is JSON"),
        ("sum", b"[" * 9999, 400, 107, "the body is JSON"),
        ("sum", b"NaN", 400, 107, "the body is JSON"),
        ("sum", b'"\\ud800"', 400, 107, "bad request"),
        ("sum", b"[" * 90 + b"]" * 90, 400, 107, "bad request"),
        ("sum", b'{"numbers":["a"]}', 400, 107, "Expected `int`, got `str` - at `$.numbers[0]`"),
        ("sum", b"", 400, 107, "numbers"),
        ("sum", b'"' + b"x" * 70_000 + b'"', 400, 108, "data has more than"),
        ("sum?timeout=soon", b"[]", 400, 107, "timeout is a whole number"),
        ("sum?timeout=-1", b"[]", 400, 107, "timeout is a whole number"),
        ("sum?timeout=1&timeout=2", b"[]", 400, 107, "timeout is said twice"),
        ("count", b"3", 400, 112, "count answers with a stream, which one HTTP request cannot carry"),
        ("take", b"", 400, 107, "take takes a stream, which one HTTP request cannot carry"),
    ],
)
def test_what_cannot_be_called(place, target, body, status, code, reason):
    answer = call(place, target, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert reason in answer.json["reason"]
    assert place.net.app.hub.sessions == {}


def test_a_handler_cannot_ask_who_is_one_request(place):
    assert call(place, "ask back").json == {"data": "the session's client is one HTTP request, which cannot be called"}


@pytest.fixture
def slow(place):
    """A place with a handler that is never done; gives it, with what became of that."""
    fates = []

    async def wait() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            fates.append("cancelled")
            raise

    place.net.app.on("wait")(wait)
    return place, fates


@pytest.mark.parametrize(("query", "seconds"), [("?timeout=1500", 1.5), ("", 60)])
def test_a_call_is_answered_in_time(slow, query, seconds):
    place, fates = slow
    task = place.begin("POST", f"call/wait{query}")
    place.net.run(seconds - 0.1)
    assert not task.done()
    place.net.run(0.2)
    answer = seen(task.result())
    assert (answer.status, answer.json) == (504, {"code": 113, "reason": "timed out"})
    assert fates == ["cancelled"]


def test_a_call_ends_with_its_request(slow):
    place, fates = slow
    task = place.begin("POST", "call/wait")
    place.net.run()
    task.cancel()
    place.net.run()
    assert fates == ["cancelled"]
    assert place.net.app.hub.attachments == {}


def test_who_may_call(place):
    assert call(place, "greet", Origin="http://evil", Cookie="a=b").status == 403
    assert place.ask("GET", "call/greet").headers["allow"] == "POST"
    assert place.ask("OPTIONS", "call/greet", Origin="http://here").status == 204
    place.net.app._hooks.connect = refuse
    answer = call(place, "greet")
    assert (answer.status, answer.json["code"]) == (401, 101)


def refuse(connecting):
    raise Refused("this token is bad", 101)
