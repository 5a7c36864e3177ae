"""Patterns grant, and what none grants is denied."""

import pytest

from everywire.hub.access.capabilities import Capabilities, covers


@pytest.mark.parametrize(
    ("pattern", "channel", "covered"),
    [
        ("news", "news", True),
        ("news", "newsy", False),
        ("news", "news:1", False),
        ("room:*", "room:1", True),
        ("room:*", "room:", False),
        ("room:*", "room:1:2", False),
        ("room:*", "room.1", False),
        ("room:*:chat", "room:1:chat", True),
        ("room:*:chat", "room:1:game", False),
        ("room:>", "room:1", True),
        ("room:>", "room:1:2.3", True),
        ("room:>", "room:", False),
        ("room:>", "room", False),
        (">", "anything:at.all", True),
        (">", "x", True),
        ("*", "x", True),
        ("*", "x:y", False),
        # channels with wildcards: covered where all that they stand for is
        ("room:*", "room:*", True),
        ("room:*", "room:>", False),
        ("room:>", "room:>", True),
        ("room:>", "room:*:chat", True),
        ("room:1", "room:*", False),
        ("*:1", ">", False),
        (">", ">", True),
        ("a>", "ab", False),
        ("r*", "room", False),
        (">:a", "x:a", False),
    ],
)
def test_patterns(pattern, channel, covered):
    assert covers(pattern, channel) is covered


def test_an_action_is_granted_where_one_pattern_grants_it():
    granted = Capabilities({"room:*": ["subscribe", "presence"], "room:1": ["publish"], "news": []})
    assert granted.allow("subscribe", "room:2")
    assert granted.allow("publish", "room:1")
    assert not granted.allow("publish", "room:2")
    assert not granted.allow("subscribe", "news")
    assert not granted.allow("subscribe", "other")


def test_no_pattern_grants_nothing():
    assert not Capabilities({}).allow("subscribe", "x")
