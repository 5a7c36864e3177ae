"""The administration over HTTP: what can be asked, by whom, and what else is answered."""

import asyncio
import json
import sys

import pytest

from everywire.app import Everywire
from everywire.http.request import Headers, Request
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings
from everywire.ops.admin import Admin, is_loopback
from everywire.testing import Net

KEY = "k" * 16
REACHED = {"sessions": 1, "nodes": 1, "silent": 0}


@pytest.fixture
def net():
    app = Everywire(settings=Settings(max_data=200))
    app.channel("room:{name}", history=5, presence=True)
    app.channel("plain")
    app.channel("map:{name}", keyed=True)
    app.on_connect(lambda connecting: Identity(connecting.token, issued=connecting.time))
    with Net(app) as net:
        yield net


class Asker:
    def __init__(self, net, key=KEY, prefix=""):
        self.net, self.prefix = net, prefix
        self.admin = Admin(lambda: net.app.hub, key, prefix)
        self.headers = [("Host", "localhost:8001"), ("Authorization", f"Bearer {KEY}")]

    def raw(self, method, target, body=b"", headers=None):
        request = Request(method, self.prefix + target, Headers(headers or self.headers), body=body)
        return self.net.loop.run_until_complete(self.admin.answer(request))

    def __call__(self, method, target, **said):
        response = self.raw(method, target, json.dumps(said).encode() if method == "POST" else b"")
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        self.net.run(0.1)
        return response.status, json.loads(response.body)


@pytest.fixture
def ask(net):
    return Asker(net)


def test_publishing(net, ask):
    ann = net.connect(token="ann")
    ann.subscribe("room:1")
    status, said = ask("POST", "/publish", channel="room:1", data={"n": 1})
    assert (status, said["channel"], said["offset"], said["repeated"]) == (200, "room:1", 1, False)
    assert [event["data"] for event in ann.events("publication")] == [{"n": 1}]


def test_publishing_the_same_again(net, ask):
    first = ask("POST", "/publish", channel="room:1", data=1, key="once")[1]
    second = ask("POST", "/publish", channel="room:1", data=1, key="once")[1]
    assert (first["offset"], second["offset"], second["repeated"]) == (1, 1, True)


def test_publishing_what_is_not_kept(net, ask):
    assert ask("POST", "/publish", channel="room:1", data=1, ephemeral=True)[1] == {
        "channel": "room:1",
        "repeated": False,
    }


@pytest.mark.parametrize("data", [b"1e400", b"[" * 65 + b"]" * 65])
def test_publishing_what_not_every_subscriber_could_read(net, ask, data):
    ann = net.connect(token="ann")
    ann.subscribe("room:1")
    one = b'{"channel": "room:1", "data": %b}' % data
    alone = ask.raw("POST", "/publish", one)
    assert (alone.status, json.loads(alone.body)["code"]) == (400, 107)
    batch = ask.raw("POST", "/publish", b'{"batch": [%b, {"channel": "room:1", "data": 2}]}' % one)
    first, second = json.loads(batch.body)["published"]
    assert (batch.status, first["error"]["code"], second["offset"]) == (200, 107, 1)
    net.run(0.1)
    assert [event["data"] for event in ann.events("publication")] == [2]


def test_publishing_nothing_is_said_by_its_name_and_null_is_something(net, ask):
    assert ask("POST", "/publish", channel="room:1") == (
        400,
        {"code": 107, "reason": "`data` is missing; it may be null"},
    )
    assert "`data` is missing" in ask("POST", "/publish", batch=[{"channel": "room:1"}])[1]["reason"]
    assert ask("POST", "/publish", channel="room:1", data=None)[0] == 200


def test_publishing_a_batch(net, ask):
    batch = [{"channel": "room:1", "data": 1}, {"channel": "nowhere", "data": 2}, {"channel": "room:1", "data": 3}]
    status, said = ask("POST", "/publish", batch=batch)
    first, second, third = said["published"]
    assert (status, first["offset"], third["offset"]) == (200, 1, 2)
    assert second == {"error": {"code": 104, "reason": "unknown channel 'nowhere'"}}


def test_looking_at_a_channel(net, ask):
    ann = net.connect(token="ann")
    ann.subscribe("room:1")
    for number in range(7):
        ann.publish("room:1", number)
    status, said = ask("GET", "/history?channel=room:1&limit=2&reverse=1")
    assert status == 200
    assert [publication["data"] for publication in said["publications"]] == [6, 5]
    assert "type" not in said
    assert len(ask("GET", "/history?channel=room:1")[1]["publications"]) == 5
    status, said = ask("GET", "/presence?channel=room:1")
    assert (status, said["sessions"], said["users"], said["members"][0]["user"]) == (200, 1, 1, "ann")


def test_looking_at_the_node(net, ask):
    ann = net.connect(token="ann")
    ann.subscribe("room:1")
    net.connect(token="ann").drop()
    stats = ask("GET", "/stats")[1]
    assert stats == {"node": net.app.hub.node, "sessions": 2, "connected": 1, "users": 1, "channels": 1}
    channels = [{"channel": "room:1", "subscriptions": 1}]
    assert ask("GET", "/channels")[1] == {"node": net.app.hub.node, "channels": channels, "more": False}
    assert ask("GET", "/channels?prefix=x")[1]["channels"] == []


def test_sending_away(net, ask):
    ann, ben, eve = (net.connect(token=name) for name in ("ann", "ben", "eve"))
    ben.subscribe("room:1")
    assert ask("POST", "/kick", user="ann", reason="bye") == (200, REACHED)
    assert ann.closed == (4404, "bye")
    assert ask("POST", "/unsubscribe", user="ben", channel="room:1") == (200, REACHED)
    assert [event["channel"] for event in ben.events("unsubscribed")] == ["room:1"]
    net.run(1)
    assert ask("POST", "/revoke", user="eve", lasting=60) == (200, REACHED)
    assert eve.closed == (4401, "the token was revoked")


def test_sending_away_says_how_many_it_reached(net, ask):
    ann, _ = net.connect(token="ann"), net.connect(token="ann")
    ann.subscribe("room:1")
    nobody = {**REACHED, "sessions": 0}
    for body in ({"user": "ann", "channel": "room:2"}, {"user": "ben", "channel": "room:1"}):
        assert ask("POST", "/unsubscribe", **body) == (200, nobody)
    assert ask("POST", "/unsubscribe", user="ann", channel="room:1") == (200, REACHED)
    for body in ({"user": "ben"}, {"session": "none"}):
        assert ask("POST", "/kick", **body) == (200, nobody)
    assert ask("POST", "/revoke", token="none") == (200, nobody)
    assert ask("POST", "/kick", user="ann") == (200, {**REACHED, "sessions": 2})


def test_publishing_to_some(net, ask):
    ann, ben = net.connect(token="ann"), net.connect(token="ben")
    for client in (ann, ben):
        client.subscribe("room:1")
    assert ask("POST", "/publish", channel="room:1", data=1, to={"user": "ann"})[0] == 200
    assert ask("POST", "/publish", channel="room:1", data=2, to={"session": ben.session})[0] == 200
    assert ask("POST", "/publish", batch=[{"channel": "room:1", "data": 3, "exclude": [ann.session]}])[0] == 200
    heard = [[event["data"] for event in client.events() if event["type"] == "publication"] for client in (ann, ben)]
    assert heard == [[1], [2, 3]]


def test_entries_are_set_compared_removed_and_read(ask):
    assert ask("POST", "/publish", channel="map:1", entry="x", data=1, expect=0)[1]["offset"] == 1
    status, said = ask("POST", "/publish", channel="map:1", entry="x", data=2, expect=0)
    assert (status, said["code"], said["data"]) == (409, 111, {"offset": 1})
    batch = [{"channel": "map:1", "entry": "x", "data": 2, "expect": 9}, {"channel": "map:1", "entry": "y", "data": 3}]
    (no, _) = ask("POST", "/publish", batch=batch)[1]["published"]
    assert no["error"]["data"] == {"offset": 1}
    status, said = ask("GET", "/entries?channel=map:1")
    assert (status, said["offset"], said["recovered"]) == (200, 2, False)
    assert [(each["entry"], each["data"]) for each in said["entries"]] == [("x", 1), ("y", 3)]
    assert ask("POST", "/publish", channel="map:1", entry="x", remove=True, expect=1)[0] == 200
    assert [each["entry"] for each in ask("GET", "/entries?channel=map:1")[1]["entries"]] == ["y"]


@pytest.mark.parametrize(
    ("method", "target", "said", "status", "code"),
    [
        ("POST", "/publish", {"channel": "nowhere", "data": 1}, 404, 104),
        ("POST", "/publish", {"channel": "room:1", "data": "x" * 300}, 400, 108),
        ("POST", "/publish", {"data": 1}, 400, 107),
        ("POST", "/publish", {"channel": "room:1", "batch": []}, 400, 107),
        ("POST", "/publish", {"channel": "room:1", "key": ""}, 400, 107),
        ("POST", "/publish", {"chanel": "room:1"}, 400, 107),
        ("POST", "/publish", {"channel": "room:1"}, 400, 107),
        ("POST", "/publish", {"batch": [{"channel": "room:1", "data": 1}, {"channel": "room:1"}]}, 400, 107),
        ("POST", "/publish", {"channel": "room:1", "data": 1, "expect": 0}, 400, 107),
        ("POST", "/publish", {"channel": "room:1", "data": 1, "ttl": 5}, 400, 107),
        ("POST", "/publish", {"batch": [{"channel": "room:1", "remove": True}]}, 400, 107),
        ("POST", "/publish", {"batch": [{"channel": "room:1"}] * 1001}, 400, 107),
        ("POST", "/kick", {}, 400, 107),
        ("POST", "/kick", {"user": "ann", "session": "s"}, 400, 107),
        ("POST", "/kick", {"user": "ann", "code": 1006}, 400, 107),
        ("POST", "/revoke", {}, 400, 107),
        ("POST", "/revoke", {"user": "ann", "lasting": -1}, 400, 107),
        ("POST", "/unsubscribe", {"user": "ann"}, 400, 107),
        ("GET", "/presence", {}, 400, 107),
        ("GET", "/presence?channel=plain", {}, 404, 110),
        ("GET", "/history?channel=plain", {}, 404, 110),
        ("GET", "/history?channel=room:1&limit=many", {}, 400, 107),
        ("GET", "/history?channel=room:1&channel=room:2", {}, 400, 107),
        ("GET", "/entries", {}, 400, 107),
        ("GET", "/entries?channel=room:1", {}, 404, 110),
        ("GET", "/channels?prefix=a&prefix=b", {}, 400, 107),
        ("GET", "/nothing", {}, 404, 107),
        ("GET", "/", {}, 404, 107),
        ("GET", "/publish", {}, 405, 107),
        ("POST", "/stats", {}, 405, 107),
    ],
)
def test_what_cannot_be_done(ask, method, target, said, status, code):
    found, answer = ask(method, target, **said)
    assert (found, answer["code"]) == (status, code)
    assert set(answer) == {"code", "reason"}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("history?channel=room:1&limit=abc", "limit is a whole number, 0 or more, of at most 15 digits"),
        ("history?channel=room:1&limit=-1", "limit is a whole number, 0 or more, of at most 15 digits"),
        ("history?channel=room:1&limit=1&limit=2", "limit is said twice"),
        ("history?channel=room:1&reverse=maybe", "reverse is 1 or 0"),
        ("history?limit=1", "channel is missing"),
        ("presence?channel=", "channel is missing"),
        ("entries?channel=map:1&since=7", "since is a position, epoch:offset"),
        ("entries?channel=map:1&after=x", "after is a whole number, 0 or more, of at most 15 digits"),
        ("channels?prefix=a&prefix=b", "prefix is said twice"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_by_its_name(ask, target, reason):
    assert ask("GET", f"/{target}") == (400, {"code": 107, "reason": reason})


@pytest.mark.parametrize(
    ("target", "said", "reason"),
    [
        ("kick", {}, "either a `user` or a `session` is needed"),
        ("kick", {"user": "ann", "code": 1006}, "1006 is no close code that can be sent"),
        ("revoke", {}, "either a `user` or a `token` is needed"),
        ("publish", {}, "either a `channel` or a `batch` is needed"),
        ("publish", {"channel": 1}, "Expected `str | null`, got `int` - at `$.channel`"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(ask, target, said, reason):
    assert ask("POST", f"/{target}", **said) == (400, {"code": 107, "reason": reason})


def test_an_error_of_ours_is_not_told_as_a_bad_request(net, ask, monkeypatch):
    monkeypatch.setattr(net.app.hub.broker, "members", lambda name: int("abc"))
    assert ask("GET", "/presence?channel=room:1") == (500, {"code": 100, "reason": "internal error"})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"channel": 7}', b"[" * 100_000])
def test_a_body_that_cannot_be_read(ask, body):
    assert ask.raw("POST", "/publish", body).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer")],
        [("Authorization", f"Bearer {KEY}x")],
        [("Authorization", f"Bearer {KEY[:-1]}")],
        [("Authorization", f"Basic {KEY}")],
        [("Authorization", KEY)],
        [("Authorization", f"Bearer {KEY}"), ("Authorization", f"Bearer {KEY}")],
        [("Authorization", "Bearer é")],
    ],
)
def test_only_the_key_opens(ask, headers):
    response = ask.raw("GET", "/stats", headers=[("Host", "localhost"), *headers])
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Host", "localhost:8001")], 200),
        ([("Host", "127.0.0.1:8001")], 200),
        ([("Host", "[::1]:8001")], 200),
        ([("Host", "rebound.example")], 401),
        ([("Host", "localhost:8001"), ("Origin", "http://localhost:8001")], 401),
        ([("Host", "localhost:8001"), ("Sec-Fetch-Site", "cross-site")], 401),
    ],
)
def test_without_a_key_no_page_is_answered(net, headers, status):
    assert Asker(net, key=None).raw("GET", "/stats", headers=headers).status == status


def test_below_a_path(net):
    ask = Asker(net, prefix="/admin")
    assert ask("GET", "/stats")[0] == 200
    assert "/admin/publish" in ask.admin.paths


def test_a_key_that_could_be_guessed():
    with pytest.raises(ValueError, match="16 characters"):
        Admin(lambda: None, "secret")


def test_a_failure_is_ours_and_says_nothing(net, ask, caplog):
    async def fails(*_):
        raise OSError("password=hunter2")

    net.app.hub.broker.members = fails
    response = ask.raw("GET", "/presence?channel=room:1")
    assert (response.status, json.loads(response.body)["reason"]) == (500, "internal error")
    assert "failed" in caplog.text


def test_what_is_loopback():
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("")
    assert not is_loopback(None)


async def _asked(port, method, path, body=b"", key=KEY):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), text


async def test_it_is_served_on_its_own_port_and_nowhere_else():
    app = Everywire()
    app.channel("room:{name}", history=5)
    app.admin(key=KEY, port=0)
    async with app.serving(port=0) as server:
        (own,) = app.administration
        status, text = await _asked(own.port, "POST", "/publish", b'{"channel": "room:1", "data": 1}')
        assert (status, json.loads(text)["offset"]) == (200, 1)
        assert (await _asked(own.port, "GET", "/stats", key="x" * 16))[0] == 401
        assert (await _asked(server.port, "GET", "/stats"))[0] == 404
        assert (await _asked(server.port, "POST", "/publish"))[0] == 404


async def test_it_is_served_on_the_public_port_where_that_is_asked_for():
    app = Everywire()
    app.admin(key=KEY, on="/admin")
    async with app.serving(port=0) as server:
        assert (await _asked(server.port, "GET", "/admin/stats"))[0] == 200
        assert (await _asked(server.port, "GET", "/admin/stats", key="x" * 16))[0] == 401
        assert app.administration == []


def test_the_view_and_the_metrics(net, ask):
    net.connect(token="ann").subscribe("room:1")
    status, view = ask("GET", "/view")
    assert (status, view["sessions"], view["subscriptions"], view["linked"]) == (200, 1, 1, 1)
    response = ask.raw("GET", "/metrics")
    assert (response.status, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"\neverywire_subscriptions 1.0\n" in response.body
    assert ask.raw("POST", "/metrics").status == 405


@pytest.mark.parametrize("path", ["/view", "/metrics"])
def test_nobody_looks_without_the_key(ask, path):
    assert ask.raw("GET", path, headers=[("Host", "localhost")]).status == 401


def test_metrics_without_their_library(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    response = ask.raw("GET", "/metrics")
    assert response.status == 501
    assert b"everywire[metrics]" in response.body
