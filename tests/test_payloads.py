"""Payloads and body formats."""

from everywire.payloads import BodyFormat, Payload


def test_a_payload_keeps_what_it_was_given():
    assert Payload("a").data == "a"
    assert repr(Payload(b"a")) == "Payload(b'a')"


def test_a_payload_is_one_thing_however_many_carry_it():
    assert Payload("a") != Payload("a")
    assert not hasattr(Payload("a"), "__dict__")


def test_a_body_format_streams_unless_it_says_otherwise():
    assert not BodyFormat("text/event-stream").one_shot
