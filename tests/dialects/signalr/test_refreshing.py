"""What a client is told that shows a newer token."""

import json

import pytest

from everywire.dialects.base import Preflight, Renew, Reply
from everywire.dialects.signalr import SignalRDialect
from everywire.dialects.signalr.refreshing import refreshed, unrefreshed
from everywire.http.request import Headers, Request


def asked(method="POST", query="?id=node.secret", **fields):
    request = Request(method, f"/hub/refresh{query}", Headers([("Host", "here"), *fields.items()]))
    return SignalRDialect().accept(request, lambda: "id")


def test_it_shows_a_token_for_a_line():
    intent = asked(Authorization="Bearer newer")
    assert isinstance(intent, Renew)
    assert (intent.line, intent.token) == ("node.secret", "newer")


def test_it_is_a_post_with_an_id():
    assert isinstance(asked("OPTIONS"), Preflight)
    assert asked("GET").status == 405
    assert (asked(query="").status, json.loads(asked(query="").body)["error"]) == (400, "missing_connection_token")
    assert asked(query="?id=no line").status == 404


def test_the_answer():
    assert json.loads(refreshed("ann", 0.5, 59.9).body) == {
        "connectionId": "ann",
        "refreshedAt": "1970-01-01T00:00:00.500000+00:00",
        "tokenLifetimeSeconds": 59,
    }
    assert "tokenLifetimeSeconds" not in json.loads(refreshed("ann", 0.5, None).body)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, ("invalid_token", "why")),
        (403, ("wrong_user", "why")),
        (404, ("connection_not_found", "No active connection with the specified ID.")),
        (410, ("connection_not_found", "No active connection with the specified ID.")),
        (429, ("refused", "why")),
    ],
)
def test_refusals(status, said):
    reply = unrefreshed(status, 0, "why")
    assert isinstance(reply, Reply)
    assert tuple(json.loads(reply.body).values()) == said
