"""Requests that carry a line wrongly: each gets one answer, and the line, or all others, go on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from conformance.processes import EchoServer
from tests.abuse.hub_speakers import CONNECT, Http, HubServer, Line, hub_unharmed


@pytest.fixture(scope="module")
def server(engine: str) -> Iterator[EchoServer]:
    """An application for all tests of this module."""
    with HubServer(engine) as running:
        yield running


@pytest.fixture
def line(server: EchoServer) -> Line:
    """A line that is connected and hears a channel of its own."""
    made = Line(server.port)
    made.connect()
    made.say({"type": "subscribe", "id": 2, "channel": "plain:line"})
    assert made.hear(2)["type"] == "subscribed"
    return made


def publication(number: int) -> bytes:
    """A message that says a publication."""
    return json.dumps({"type": "publish", "id": 10 + number, "channel": "plain:line", "data": number}).encode()


def works(line: Line) -> None:
    """The line is as it was."""
    line.say({"type": "ping", "id": 99})
    assert line.hear(99)["type"] == "pong"


REQUESTS = (
    ("POST", "{line}", 400),
    ("POST", "{line}?seq=0", 400),
    ("POST", "{line}?seq=-1", 400),
    ("POST", "{line}?seq=one", 400),
    ("POST", "{line}?seq=1&seq=2", 400),
    ("POST", "{line}?seq=99999999999999999999", 400),
    ("POST", "{line}?seq=50", 409),
    ("PUT", "{line}?seq=3", 405),
    ("GET", "{line}/poll?after=x", 400),
    ("GET", "{line}/poll?wait=-1", 400),
    ("GET", "{line}/nothing", 404),
    ("GET", "lines/%00.%0d%0a/poll", 404),
    ("GET", "lines/../lines/a.b/poll", 404),
    ("GET", "lines/a.b/poll", 404),
    ("DELETE", "lines/a.b", 404),
    ("GET", "sse", 400),
    ("GET", "sse?channel=", 400),
    ("GET", "history?channel=cellar:a", 404),
    ("GET", "history?channel=closed:a", 403),
    ("GET", "history?channel=room:%00", 400),
    ("GET", "presence?channel=room:a&channel=room:b", 400),
    ("GET", "presence?channel=room:a&token=made+up", 401),
)


@pytest.mark.parametrize(("method", "target", "status"), REQUESTS)
def test_a_bad_request_is_answered(server: EchoServer, line: Line, method: str, target: str, status: int) -> None:
    with hub_unharmed(server, lines=int(status == 401)):
        found, said = Http(server.port).ask(method, target.format(line=line.target))
        assert found == status, said
        works(line)


def test_what_is_said_again_is_done_once(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=0):
        for _ in range(3):
            assert line.http.ask("POST", f"{line.target}?seq={line.number + 1}", publication(1))[0] == 204
        line.number += 1
        assert line.http.ask("POST", f"{line.target}?seq=1", publication(2))[0] == 204  # an old number, other words
        line.say({"type": "ping", "id": 99})
        told = []
        while (event := line.next()).get("id") != 99:
            told.append(event["type"])
        assert sorted(told) == ["publication", "published"]


def test_what_overtakes_waits_for_what_is_between(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=0):
        early = line.http.begin("POST", f"{line.target}?seq={line.number + 2}", publication(2))
        assert line.http.ask("POST", f"{line.target}?seq={line.number + 1}", publication(1))[0] == 204
        with early:
            assert line.http.read(early)[0] == 204
        line.number += 2
        assert [line.hear(kind="publication")["data"] for _ in range(2)] == [1, 2]


def test_the_second_of_two_polls_ends_the_first(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=0):
        target = f"{line.target}/poll?after={line.after}&wait=20000"
        with line.http.begin("GET", target) as first, line.http.begin("GET", target) as second:
            assert line.http.read(first) == (200, [])
            line.say({"type": "ping", "id": 99})
            assert line.http.read(second) == (200, [{"type": "pong", "id": 99}])


def test_more_than_was_promised_is_no_second_request_of_the_line(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=1):
        target = f"{line.target}?seq={line.number + 1}"
        with line.http.begin("POST", target, publication(1) + b"and more\r\n\r\n", len(publication(1))) as peer:
            assert line.http.read(peer)[0] == 204
            assert line.http.read(peer)[0] == 400
        line.number += 1
        works(line)


def test_a_body_beyond_all_bounds_is_not_read(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=1):
        with line.http.begin("POST", f"{line.target}?seq={line.number + 1}", b"x" * 1_000, 1 << 40) as peer:
            assert line.http.read(peer)[0] == 413
        works(line)


def test_an_offset_that_was_never_told_closes_the_line(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=1):
        assert line.http.ask("GET", f"{line.target}/poll?after=1000&wait=0")[0] == 409
        assert line.http.ask("GET", f"{line.target}/poll?after=0&wait=0")[0] in (409, 410)


def test_an_address_that_guesses_lines_is_turned_away(server: EchoServer, line: Line) -> None:
    with hub_unharmed(server, lines=0):
        http = Http(server.port, "X-Forwarded-For: 203.0.113.99")
        node = line.target.partition(".")[0]
        statuses = [http.ask("GET", f"{node}.guess{number}/poll?wait=0")[0] for number in range(7)]
        assert statuses == [404] * 5 + [429] * 2
        assert http.ask("POST", "lines", json.dumps(CONNECT).encode())[0] == 201
        works(line)
