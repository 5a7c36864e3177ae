"""Payloads."""

from everywire.payloads import Payload


def test_a_payload_keeps_what_it_was_given():
    assert Payload("a").data == "a"
    assert repr(Payload(b"a")) == "Payload(b'a')"


def test_a_payload_is_one_thing_however_many_carry_it():
    assert Payload("a") != Payload("a")
    assert not hasattr(Payload("a"), "__dict__")
