"""Requests below the endpoint, and what they want."""

import json

import pytest

from everywire.dialects.base import Ask, Deliver, Hear, Leave, OpenLine, Preflight, Reply, Watch
from everywire.dialects.native import NativeDialect
from everywire.dialects.native.bodies import EVENT_STREAM, LINES, POLL
from everywire.http.request import Headers, Request

ID = "node.secret-_1"


def accept(method, target, body=b""):
    request = Request(method, f"/everywire{target}", Headers(), body=body)
    return NativeDialect().accept(request, lambda: "new")


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("POST", "/lines", OpenLine),
        ("POST", f"/lines/{ID}?seq=1", Deliver),
        ("DELETE", f"/lines/{ID}", Leave),
        ("GET", f"/lines/{ID}/stream", Hear),
        ("GET", f"/lines/{ID}/sse", Hear),
        ("GET", f"/lines/{ID}/poll", Hear),
        ("GET", "/sse?channel=a", Watch),
        ("POST", "/publish", Ask),
        ("GET", "/history?channel=a", Ask),
        ("GET", "/presence?channel=a", Ask),
        ("GET", "/entries?channel=a", Ask),
        ("POST", "/call/f", Ask),
        ("POST", "/call/a/b", Ask),
        ("OPTIONS", "/call/f", Preflight),
        ("OPTIONS", "/lines", Preflight),
        ("OPTIONS", f"/lines/{ID}/poll", Preflight),
        ("OPTIONS", "/publish", Preflight),
    ],
)
def test_what_requests_want(method, target, kind):
    assert type(accept(method, target, b'{"channel":"a","data":1}')) is kind


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/nothing",
        "/lines/",
        "/lines/a",
        "/lines/.",
        "/lines/a.",
        f"/lines/{ID}/",
        f"/lines/{ID}/nothing",
        f"/lines/{ID}/poll/x",
        "/lines/a.b c/poll",
        "/lines/a.b%0a/poll",
        "/sse/",
        "/call",
        "/call/",
        "/entries/",
        "x/lines",
    ],
)
def test_what_is_somebody_else_s(target):
    assert accept("GET", target) is None


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", "/lines", "POST"),
        ("PUT", f"/lines/{ID}", "POST, DELETE"),
        ("HEAD", f"/lines/{ID}/poll", "GET"),
        ("PUT", "/entries", "GET, POST"),
        ("GET", "/call/f", "POST"),
    ],
)
def test_other_methods(method, target, allow):
    assert accept(method, target) == Reply(405, b"", (("Allow", allow),))


@pytest.mark.parametrize(("form", "found"), [("stream", LINES), ("sse", EVENT_STREAM), ("poll", POLL)])
def test_forms(form, found):
    intent = accept("GET", f"/lines/{ID}/{form}?after=7&wait=1500")
    assert (intent.line, intent.form, intent.after, intent.wait) == (ID, found, 7, 1.5)


def test_what_is_left_out():
    intent = accept("GET", f"/lines/{ID}/poll")
    assert (intent.after, intent.wait) == (0, 25)


def test_bodies():
    assert accept("POST", "/lines").payload is None
    assert accept("POST", "/lines", b"[]").payload == "[]"
    intent = accept("POST", f"/lines/{ID}?seq=3", "ä".encode())
    assert (intent.number, intent.payloads, intent.answer) == (3, ("ä",), Reply(204))
    assert accept("POST", f"/lines/{ID}?seq=3", b"\xff").payloads == (b"\xff",)
    assert json.loads(accept("POST", "/lines").answer("x").body) == {"line": "x"}


def test_bad_requests():
    refused = accept("GET", f"/lines/{ID}/poll?after=x")
    assert refused.status == 400
    assert json.loads(refused.body) == {
        "code": 107,
        "reason": "bad request: after is a whole number, 0 or more, of at most 15 digits",
    }
