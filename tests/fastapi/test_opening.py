"""The request that a connection began with, as dependencies take it."""

from types import SimpleNamespace

import pytest
from fastapi import Request, WebSocket, WebSocketException
from starlette.requests import HTTPConnection

from everywire.fastapi.opening import ASKER, Opening, authorized, scope_for
from everywire.http.request import Headers
from everywire.http.request import Request as Native
from everywire.servers.asgi import from_scope

pytestmark = pytest.mark.anyio
FIELDS = [("Host", "example.com"), ("Cookie", "a=1; b=2"), ("X-Mine", "1"), ("X-Mine", "2")]


def asker(request=None):
    return SimpleNamespace(request=request)


def test_it_is_all_that_a_dependency_asks_for():
    opening = Opening(scope_for(asker(Native("GET", "/rt/every%20wire?room=tea&x", Headers(FIELDS))), None))
    assert isinstance(opening, Request)
    assert isinstance(opening, WebSocket)
    assert isinstance(opening, HTTPConnection)
    assert (opening.method, opening.url.path, opening.query_params["room"]) == ("GET", "/rt/every wire", "tea")
    assert opening.url == "http://example.com/rt/every%20wire?room=tea&x" or "example.com" in str(opening.url)
    assert (opening.cookies, opening.headers.getlist("x-mine")) == ({"a": "1", "b": "2"}, ["1", "2"])
    assert (opening.client, opening.path_params) == (None, {})
    opening.state.seen = True
    assert opening.scope["state"] == {"seen": True}


def test_a_scope_of_asgi_stays_what_it_was():
    given = {
        "type": "websocket",
        "path": "/rt",
        "query_string": b"",
        "headers": [(b"host", b"example.com")],
        "user": "ada",
        "path_params": {"room": "tea"},
        "state": {"pool": 1},
    }
    request = from_scope(given)
    whom = asker(request)
    scope = scope_for(whom, "secret")
    assert (scope["type"], scope["method"], scope[ASKER]) == ("http", "GET", whom)
    assert Opening(scope).headers["authorization"] == "Bearer secret"
    assert (Opening(scope).user, Opening(scope).path_params, Opening(scope).state.pool) == ("ada", {"room": "tea"}, 1)
    assert given["headers"] == [(b"host", b"example.com")]
    assert (given["type"], ASKER in given) == ("websocket", False)


def test_whoever_came_without_a_request_has_an_empty_one():
    opening = Opening(scope_for(asker(), None))
    assert (dict(opening.headers), dict(opening.query_params), opening.cookies) == ({}, {}, {})
    assert opening.client is None
    assert opening.url.path == "/"


def test_an_authorization_that_came_stays():
    came = [(b"authorization", b"Basic YTpi")]
    assert authorized(came, "token") == came
    assert authorized([], None) == []
    assert authorized([], "tökén ☃") == [(b"authorization", "Bearer tökén ?".encode("latin-1"))]


async def test_there_is_no_body_and_nothing_to_send():
    opening = Opening(scope_for(asker(), None))
    assert await opening.body() == b""
    for said in (opening.accept(), opening.send({"type": "websocket.accept"}), opening.send_json({})):
        with pytest.raises(RuntimeError):
            await said


async def test_to_close_is_to_deny():
    opening = Opening(scope_for(asker(), None))
    await opening.close()
    with pytest.raises(WebSocketException) as denied:
        await opening.close(1008, "no")
    assert (denied.value.code, denied.value.reason) == (1008, "no")
