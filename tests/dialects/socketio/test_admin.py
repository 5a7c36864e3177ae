"""What the Admin UI is told and asks for, as values."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.socketio import admin
from everywire.http.request import Headers, Request
from everywire.messages import Packed, Raw


def seen(request=None, **fields):
    return admin.Seen(
        **{
            "session": "s1",
            "client": "c1",
            "namespace": "/",
            "websocket": True,
            "data": {},
            "rooms": ["a"],
            "since": 1_500,
        }
        | fields,
        request=request,
    )


def test_a_client_is_described():
    assert admin.described(seen(address="192.0.2.1")) == {
        "id": "s1",
        "clientId": "c1",
        "transport": "websocket",
        "nsp": "/",
        "data": {},
        "handshake": {
            "address": "192.0.2.1",
            "issued": 1_500,
            "time": "1970-01-01T00:00:01.500Z",
            "headers": {},
            "query": {},
            "secure": False,
            "url": "",
            "xdomain": False,
        },
        "rooms": ["s1", "a"],
    }
    assert admin.described(seen(websocket=False))["transport"] == "polling"


def test_nothing_that_opens_something_is_in_a_description():
    secrets = {
        "Authorization": "Bearer SECRET",
        "Cookie": "id=SECRET",
        "Proxy-Authorization": "SECRET",
        "Sec-WebSocket-Protocol": "token.SECRET",
        "Sec-WebSocket-Key": "SECRET",
        "Referer": "https://example.org/?token=SECRET",
        "X-Api-Key": "SECRET",
        "If-None-Match": "SECRET",
        "X-SECRET-less": "SECRET",
    }
    plain = {"User-Agent": "npm", "Origin": "https://example.org", "Host": "example.com"}
    target = "/socket.io/?EIO=4&transport=websocket&sid=SECRET&token=SECRET&name=SECRET"
    request = Request("GET", target, Headers([*secrets.items(), *plain.items()]))
    shake = admin.described(seen(request))["handshake"]
    assert "SECRET" not in json.dumps(shake)
    assert shake["headers"] == {
        **dict.fromkeys(map(str.lower, secrets), "..."),
        **{name.lower(): value for name, value in plain.items()},
    }
    assert shake["query"] == {"EIO": "4", "transport": "websocket", "sid": "...", "token": "...", "name": "..."}
    assert shake["url"] == "/socket.io/?EIO=...&transport=...&sid=...&token=...&name=..."
    assert shake["xdomain"] is True


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (m.Call(1, "a"), ["a"]),
        (m.Call(1, "a", Raw(b'{"b":1}')), ["a", {"b": 1}]),
        (m.Call(1, "a", Raw(b'[1,"zwei"]'), positional=True), ["a", 1, "zwei"]),
        (m.Call(1, "a", Packed(msgspec.msgpack.encode([b"\xff"])), positional=True), ["a", "/w=="]),
        (m.Call(1, "a", Raw(b'["' + b"x" * 5_000 + b'"]'), positional=True), ["a", "5002 bytes"]),
    ],
)
def test_what_a_client_emitted(said, shown):
    assert msgspec.json.decode(admin.asked(said)) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (m.Calling(1, "a"), ["a"]),
        (m.Calling(1, "a", Raw(b"[1,2]"), positional=True), ["a", 1, 2]),
        (m.Calling(1, "a", Raw(b"[1,2]")), ["a", [1, 2]]),
        (m.Publication("room:tea", Raw(b'{"event":"b","args":[1,2]}'), 0), ["b", 1, 2]),
        (m.Publication("room:tea", Raw(b'{"c":1}'), 0), ["room:tea", {"c": 1}]),
        (m.Publication("room:tea", Packed(msgspec.msgpack.encode(b"x" * 5_000)), 0), ["room:tea", "5003 bytes"]),
    ],
)
def test_what_a_client_is_told(said, shown):
    assert msgspec.json.decode(admin.emitted(said)) == shown


@pytest.mark.parametrize(
    ("verb", "given", "order"),
    [
        ("emit", ["/", None, "a"], admin.Order("emit", "/", None, "a", b"[]")),
        ("emit", ["/", "", "a", 1, {"b": None}], admin.Order("emit", "/", None, "a", b'[1,{"b":null}]')),
        ("emit", ["/", "r", "a", [b"x"]], admin.Order("emit", "/", "r", "a", b"\x91\x91\xc4\x01x", packed=True)),
        ("join", ["chat", "r"], admin.Order("join", "/chat", None, "r")),
        ("join", ["/", "r", None], admin.Order("join", "/", None, "r")),
        ("leave", ["/", "r", "s1"], admin.Order("leave", "/", "s1", "r")),
        ("_disconnect", ["/", True, "s1"], admin.Order("_disconnect", "/", "s1", whole=True)),
        ("_disconnect", ["/", None], admin.Order("_disconnect", "/")),
    ],
)
def test_orders_are_read(verb, given, order):
    assert admin.read(verb, given) == order


def test_features():
    assert admin.features(read_only=True, verbose=False) == ["AGGREGATED_EVENTS"]
    assert admin.features(read_only=False, verbose=True)[-1] == "ALL_EVENTS"
    assert "MDISCONNECT" in admin.features(read_only=False, verbose=False)
