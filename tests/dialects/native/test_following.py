"""Following channels: what is said, and what is written of the answers."""

import json

import pytest

from everywire import messages as m
from everywire.dialects.native.following import Following, follow
from everywire.dialects.native.parameters import Fault
from everywire.dialects.native.writing import EventCodec
from everywire.http.request import Headers, Request
from everywire.messages import Position, Raw
from everywire.payloads import Payload

CODEC = EventCodec(typed=True)
PAGES = 1 << 30


def begun(**places):
    following = Following("t", places, 5)
    assert next(iter(following.commands())) == m.Connect(1, "t")
    return following, [*following.commands()]


def write(following, event):
    (payload,) = CODEC.encode(event)
    return following.write(payload)


def published(channel, offset):
    position = Position("e", offset) if offset else None
    return m.Publication(channel, Raw(b"1"), 0, position)


def test_every_channel_is_subscribed_to():
    following, said = begun(a=None, b=Position("e", 3))
    assert said == [m.Subscribe(2, "a", None, 5, PAGES), m.Subscribe(3, "b", Position("e", 3), 5, PAGES)]
    assert [*following.commands()] == []
    assert not following.settled


def test_it_is_settled_when_all_have_answered():
    following, _ = begun(a=None, b=None)
    write(following, m.Subscribed(2, "a", Position("e", 1), False))
    assert not following.settled
    write(following, m.Subscribed(3, "b", Position("f", 2), False))
    assert following.settled


def test_the_id_holds_all_positions():
    following, _ = begun(a=None, b=None)
    assert write(following, m.Subscribed(2, "a", Position("e", 1), False)).endswith(b"\nid: e:1,-\n\n")
    assert write(following, published("b", 4)).endswith(b"\nid: e:1,e:4\n\n")
    assert write(following, published("b", 0)).endswith(b"\nid: e:1,e:4\n\n")  # ephemeral
    assert write(following, m.Passed("a", Position("e", 9), 8)).endswith(b"\nid: e:9,e:4\n\n")
    assert write(following, published("other", 4)).endswith(b"\nid: e:9,e:4\n\n")


def test_a_page_leads_to_the_next():
    following, _ = begun(a=None)
    write(following, m.Subscribed(2, "a", Position("e", 1), False, more="follows"))
    assert [*following.commands()] == []
    write(following, m.Subscribed(2, "a", Position("e", 2), False, more="ask"))
    assert not following.settled
    assert [*following.commands()] == [m.Subscribe(3, "a", Position("e", 2), 5, PAGES)]


def test_a_page_of_entries_leads_to_the_next_and_is_no_place_to_go_on_from():
    following, _ = begun(a=None)
    page = m.Subscribed(2, "a", Position("e", 9), False, entries=(published("a", 4),), more="ask", after=4)
    assert write(following, page).endswith(b"\nid: -\n\n")
    assert [*following.commands()] == [m.Subscribe(3, "a", Position("e", 9), 5, PAGES, after=4)]
    assert write(following, m.Subscribed(3, "a", Position("e", 10), True, entries=())).endswith(b"\nid: e:10\n\n")


def test_a_stream_that_began_anew_is_subscribed_to_anew():
    following, _ = begun(a=None)
    write(following, m.Subscribed(2, "a", Position("e", 1), False))
    assert write(following, m.Moved("a", "f")).startswith(b"event: moved\n")
    assert [*following.commands()] == [m.Subscribe(3, "a", None, 5, PAGES)]


def test_a_refusal():
    following, _ = begun(a=None)
    said = write(following, m.Refusal(2, 103, "no"))
    assert following.refusal.status == 403
    assert said.startswith(b"event: error\n")
    assert following.settled


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (m.Joined("a", m.Member("s")), b"join"),
        (m.Left("a", m.Member("s")), b"leave"),
        (m.Unsubscribed("a", None, "out"), b"unsubscribed"),
        (published("a", 1), b"publication"),
    ],
)
def test_names(event, name):
    following, _ = begun(a=None)
    said = write(following, event)
    assert said.startswith(b"event: " + name + b"\n")
    data = json.loads(said.splitlines()[1].removeprefix(b"data: "))
    assert data["channel"] == "a"
    assert "id" not in data


def test_what_is_not_for_who_follows():
    following, _ = begun(a=None)
    assert write(following, m.Connected(1, "s", None, "secret", False, m.Heartbeat())) == b""
    assert write(following, m.Beat()) == b":\n\n"
    assert following.write(Payload("another codec's")) == b""


def test_closing():
    assert Following(None, {"a": None}, 0).closed(4401, "no").status == 401


def test_requests():
    headers = Headers([("Last-Event-ID", "e:3,-")])
    intent = follow(Request("GET", "/sse?channel=a&channel=b&rewind=2&token=t", headers))
    assert [*intent.follow.commands()] == [
        m.Connect(1, "t"),
        m.Subscribe(2, "a", Position("e", 3), 2, PAGES),
        m.Subscribe(3, "b", None, 2, PAGES),
    ]
    with pytest.raises(Fault):
        follow(Request("GET", "/sse?channel=", Headers()))
