"""What verbs say on the wire."""

import pytest

from everywire.client import commands


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
