"""The dialect as a whole: what it is served at, and its options."""

import pytest

from everywire.dialects.base import Heartbeat, OpenLine, Reply
from everywire.dialects.signalr import SignalRDialect
from everywire.http.request import Headers, Request


def accept(dialect, target, method="POST"):
    return dialect.accept(Request(method, target, Headers()), lambda: "s1")


@pytest.mark.parametrize("path", ["/hub", "/hub/"])
def test_it_is_served_at_its_path_with_or_without_a_slash(path):
    dialect = SignalRDialect(path)
    for place in ("/hub", "/hub/"):
        assert accept(dialect, place) == Reply(400, b"Connection ID required", (("Content-Type", "text/plain"),))
    assert isinstance(accept(dialect, "/hub/negotiate?negotiateVersion=1"), OpenLine)
    for place in ("/", "/hubs", "/hub/negotiate/x", "/hub/other", "/negotiate"):
        assert accept(dialect, place) is None


def test_both_sides_say_something_every_15_seconds():
    assert SignalRDialect().heartbeat == Heartbeat(15.0, 15.0, "both")
    assert SignalRDialect(heartbeat=Heartbeat(1.0, 2.0, "both")).heartbeat.every == 1.0


@pytest.mark.parametrize("transports", [["websockets"], ["WebSockets", "ForeverFrame"], []])
def test_transports_that_there_are_not(transports):
    with pytest.raises(ValueError, match="WebSockets, ServerSentEvents, LongPolling"):
        SignalRDialect(transports=transports)
