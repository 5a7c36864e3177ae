"""What verbs say on the wire."""

import pytest

from everywire.client import commands
from everywire.client.wire import Position


def said(command):
    return {name: value for name, value in command.items() if value is not None}


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ({}, {}),
        ({"exclude": ("a", "b")}, {"exclude": ["a", "b"]}),
        ({"to_user": "ada"}, {"to": {"user": "ada"}}),
        ({"to_session": "s"}, {"to": {"session": "s"}}),
        ({"entry": "x", "expect": 0, "ttl": 1.5}, {"entry": "x", "expect": 0, "ttl": 1500}),
        ({"entry": "x", "remove": True}, {"entry": "x", "remove": True}),
    ],
)
def test_a_publication_says_where_it_goes(where, more):
    found = said(commands.publish("c", 1, "k", where, ephemeral=False))
    assert found == {"type": "publish", "channel": "c", "data": 1, "key": "k", **more}


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ({"expect": 0}, ValueError, "expect: that is about an entry, and entry= is missing"),
        ({"ttl": 5}, ValueError, "ttl: that is about an entry"),
        ({"remove": True, "ttl": 5}, ValueError, "ttl, remove: that is about an entry"),
        ({"to_session": "s", "to_user": "ada"}, ValueError, "to_session or for to_user, not for both"),
        ({"entry": "x", "ttl": 0}, ValueError, "ttl is more than 0, not 0"),
        ({"entry": "x", "ttl": -1.5}, ValueError, "ttl is more than 0, not -1.5"),
        ({"entry": "x", "ttl": float("nan")}, ValueError, "ttl is more than 0, not nan"),
        ({"entry": "x", "ttl": float("inf")}, ValueError, "seconds with an end, not inf"),
        ({"entry": "x", "ttl": "60"}, TypeError, "ttl is a number, not '60'"),
        ({"entry": "x", "expect": -1}, ValueError, "expect, the offset of a publication, is at least 0, not -1"),
        ({"entry": "x", "expect": Position("e", 3)}, TypeError, "a whole number, not Position"),
        ({"entry": 7}, TypeError, "entry is text, not 7"),
        ({"exclude": "abc"}, TypeError, "exclude is a sequence of session ids, not 'abc'"),
        ({"entri": "x"}, TypeError, "publish has no option entri; it has .*entry"),
    ],
)
def test_a_publication_that_makes_no_sense_is_refused(where, error, said):
    with pytest.raises(error, match=said):
        commands.publish("c", 1, "k", where, ephemeral=False)


def test_an_entry_lives_for_a_millisecond_at_least():
    assert commands.publish("c", 1, "k", {"entry": "x", "ttl": 1e-9}, ephemeral=False)["ttl"] == 1


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ({"limit": "3"}, "limit is a whole number"),
        ({"since": 3}, "since is a Position"),
        ({"from_time": 1.5}, "milliseconds since 1970, is a whole number"),
        ({"limits": 3}, "history has no option limits"),
    ],
)
def test_a_history_that_makes_no_sense_is_refused(since, said):
    with pytest.raises(TypeError, match=said):
        commands.history("c", since)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_call_waits_for_a_time_that_ends(timeout):
    with pytest.raises(ValueError, match="timeout is"):
        commands.called("f", None, timeout, streaming=False)


def test_a_history_says_its_part():
    assert said(commands.history("c", {"limit": 3, "from_time": 7, "reverse": False})) == {
        "type": "history",
        "channel": "c",
        "limit": 3,
        "from_time": 7,
    }


def test_a_call_says_its_times_in_milliseconds():
    assert said(commands.called("f", {"x": 1}, 2.5, 16, streaming=True)) == {
        "type": "call",
        "name": "f",
        "data": {"x": 1},
        "timeout": 2500,
        "credit": 16,
        "streaming": True,
    }
    assert said(commands.called("f", None, None, streaming=False)) == {"type": "call", "name": "f"}
