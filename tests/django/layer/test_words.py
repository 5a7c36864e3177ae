"""How messages are said to consumers and clients alike, and what processes say to each other."""

import math

import pytest

from everywire.django.layer import words
from everywire.messages import Audience, Member, Packed, Publication, Raw


@pytest.mark.parametrize(
    "message",
    [
        {"type": "x", "text": "é", "n": [1, 1.5, None, True, {"a": -(2**63)}]},
        {"type": "x", "bytes": b"\x00"},
        {"type": "x", "nested": [{"bytes": b""}]},
        {"type": "x", "float": math.inf},
        {"type": "x", "keys": {1: "a"}},
    ],
    ids=["plain", "bytes", "nested bytes", "infinity", "keys"],
)
def test_a_message_is_read_as_it_was_said(message):
    assert words.decoded(words.encoded(message)) == message


def test_what_json_can_say_is_said_in_json():
    assert bytes(words.encoded({"type": "x", "pair": (1, 2)})) == b'{"type":"x","pair":[1,2]}'
    assert isinstance(words.encoded({"type": b"x"}), Packed)


@pytest.mark.parametrize("message", [{"n": 2**64}, {"o": object()}, {"s": "\ud800"}], ids=["integer", "object", "text"])
def test_what_nobody_can_read_is_refused(message):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        words.encoded(message)


def test_what_holds_itself_is_refused():
    message = {"type": "x"}
    message["self"] = [message]
    with pytest.raises(RecursionError):
        words.encoded(message)


EVIL = Raw(b'{"type":"evil"}')


def published(data=EVIL, sender=None, **more):
    return Publication("g", data, 1, sender=sender, **more)


def test_what_others_publish_comes_in_an_envelope():
    told = words.heard(published(sender=Member("s1", "ann")), "everywire.message")
    envelope = {"type": "everywire.message", "channel": "g", "data": {"type": "evil"}, "user": "ann", "session": "s1"}
    assert words.decoded(told) == envelope
    assert words.decoded(words.heard(published(), "m"))["session"] is None
    told = words.decoded(words.heard(published(entry="e", removed=True), "m"))
    assert (told["entry"], told["removed"]) == ("e", True)


def test_binary_data_comes_as_it_is():
    told = words.heard(published(Packed(b"\xc4\x01a")), "m")
    assert words.decoded(told)["data"] == b"a"


def test_what_was_sent_to_a_group_is_the_message_itself():
    publication = published(Raw(b'{"type":"x"}'), words.sender("p"))
    assert words.heard(publication, None) == publication.data


@pytest.mark.parametrize("audience", [Audience(session="s1"), Audience(user="ann")])
def test_what_is_private_is_not_for_consumers(audience):
    assert words.heard(published(audience=audience), "m") is None
    assert words.heard(published(audience=Audience(exclude=("s1",))), "m") is not None


def test_without_a_type_consumers_hear_nothing_of_others():
    assert words.heard(published(), None) is None


def test_a_letter_of_another_release_is_none():
    assert words.read_letter(Packed(b"\x81\xa4type\xa3odd")) is None
    letter = words.Asked(1, "p", words.Mail("c", b"m"))
    assert words.read_letter(words.written(letter)) == letter
