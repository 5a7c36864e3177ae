"""Requests made of scopes."""

import pytest
from tests.servers.asgi.hosting import http_scope, websocket_scope

from everywire.servers.asgi import from_scope


def test_a_request_is_what_the_scope_says():
    fields = [(b"host", b"example.com"), (b"cookie", b"a=1"), (b"cookie", b"b=\xe4")]
    scope = http_scope("/a b", "POST", raw_path=b"/a%20b", query_string=b"x=%31", headers=fields, scheme="https")
    request = from_scope(scope, b"body")
    assert (request.method, request.target, request.path, request.body) == ("POST", "/a%20b?x=%31", "/a b", b"body")
    assert [*request.headers] == [("host", "example.com"), ("cookie", "a=1"), ("cookie", "b=\xe4")]
    assert (request.remote, request.secure, request.version) == (("192.0.2.1", 4000), True, "1.1")
    assert request.facts.extra("sockname") == ("192.0.2.2", 80)
    assert request.facts.extra("fd") is None
    assert request.scope is scope


@pytest.mark.parametrize(
    ("path", "root", "raw", "target"),
    [
        ("/everywire", "", b"/everywire", "/everywire"),
        ("/live/everywire", "/live", b"/live/everywire", "/everywire"),  # Starlette, FastAPI
        ("/everywire", "/live", b"/live/everywire", "/everywire"),  # it takes off what it says
        ("/everywire", "", b"/live/everywire", "/everywire"),  # Litestar says nothing of it
        ("/a b/", "", b"/live/a%20b", "/a%20b"),  # and puts a slash behind it
        ("/a/", "", b"/live/a/", "/a/"),
        ("/live", "/live", b"/live", "/"),
        ("/", "", b"/live", "/"),
        ("/lively", "/live", b"/lively", "/lively"),
        ("/live/a/b", "/live/", b"/live/a%2Fb", "/a%2Fb"),
        ("/a b/c\xe4", "/a b", b"/a%20b/c%C3%A4", "/c%C3%A4"),
        ("/a b", "", None, "/a%20b"),
        ("/a", "", b"/a?x=1", "/a"),  # some servers leave the query there
        ("/a", "", b"", "/a"),
        ("/rewritten", "", b"/as/it/came", "/rewritten"),
    ],
)
def test_the_target_begins_where_the_application_is_mounted(path, root, raw, target):
    assert from_scope(http_scope(path, root_path=root, raw_path=raw)).target == target


def test_a_long_path_costs_no_more_for_being_strange():
    path = "/" * 100_000
    assert from_scope(http_scope(path, raw_path=(path + "x").encode())).path == path


def test_a_websocket_is_an_upgrade_whatever_carries_it():
    scope = websocket_scope("/everywire", "one", "two", scheme="wss", http_version="2")
    request = from_scope(scope)
    assert (request.method, request.version, request.secure) == ("GET", "2", True)
    assert request.headers.tokens("upgrade") == ["websocket"]
    assert request.headers.tokens("connection") == ["upgrade"]
    assert request.headers["sec-websocket-protocol"] == "one, two"
    fields = [(b"connection", b"keep-alive, Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Protocol", b"one")]
    assert len(from_scope(websocket_scope("/", "one", headers=fields)).headers) == 3


def test_a_request_that_the_host_does_not_upgrade_is_none():
    fields = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]
    assert "upgrade" not in from_scope(http_scope(headers=fields)).headers


@pytest.mark.parametrize(
    ("client", "remote"), [(None, None), (["::1", 5], ("::1", 5)), (("/run/x", None), "/run/x"), ((None, 0), None)]
)
def test_who_asks(client, remote):
    assert from_scope(http_scope(client=client)).remote == remote


def test_what_a_scope_may_leave_out():
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    request = from_scope(scope)
    assert (request.target, request.remote, request.secure, request.version) == ("/x", None, False, "1.1")
