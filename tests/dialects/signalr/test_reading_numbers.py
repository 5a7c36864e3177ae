"""Lines that outlive their WebSockets: what was heard before is not heard again."""

import pytest
from tests.dialects.signalr.test_reading import CONNECT, hello, packed, text

from everywire import messages as m
from everywire.dialects.base import Acknowledged
from everywire.dialects.signalr.reading import SignalRDecoder
from everywire.dialects.signalr.writing import JSON, MESSAGEPACK
from everywire.errors import ProtocolError


def counting():
    decoder = SignalRDecoder(CONNECT, 10_000, stateful=True)
    list(decoder.decode(hello(version=2)))
    return decoder


def invoked(*names):
    return text(*({"type": 1, "target": name, "arguments": []} for name in names))


def sequence(number):
    return text({"type": 9, "sequenceId": number})


def heard(decoder, data):
    return [command.name for command in decoder.decode(data)]


@pytest.mark.parametrize(("protocol", "codec"), [("json", JSON), ("messagepack", MESSAGEPACK)])
def test_both_sides_count_where_both_want_to(protocol, codec):
    decoder = SignalRDecoder(CONNECT, 10_000, stateful=True)
    agreed, connect = decoder.decode(hello(protocol, 2))
    assert (agreed.codec, agreed.numbering, connect) == (codec, codec, CONNECT)
    for stateful, version in ((True, 1), (False, 2), (False, 1)):
        decoder = SignalRDecoder(CONNECT, 10_000, stateful=stateful)
        assert next(iter(decoder.decode(hello(protocol, version)))).numbering is None


@pytest.mark.parametrize(("stateful", "version", "told"), [(True, 2, ""), (True, 1, None), (False, 2, None)])
def test_a_session_with_a_key_is_told_what_it_missed_where_its_client_says_what_it_has(stateful, version, told):
    connect = m.Connect("connect", "t", name="k1", keyed=True, caught_up="")
    _, command = SignalRDecoder(connect, 10_000, stateful=stateful).decode(hello(version=version))
    assert command == m.Connect("connect", "t", name="k1", keyed=True, caught_up=told)


def test_only_messages_of_calls_are_counted():
    decoder = counting()
    assert decoder.received == 0
    said = [
        {"type": 1, "target": "f", "arguments": []},
        {"type": 2, "invocationId": "x", "item": 1},
        {"type": 3, "invocationId": "x"},
        {"type": 4, "invocationId": "1", "target": "f", "arguments": []},
        {"type": 5, "invocationId": "1"},
        {"type": 6},
        {"type": 8, "sequenceId": 1},
        {"type": 77},
        {"type": 9, "sequenceId": 6},
    ]
    for number, each in enumerate(said, 1):
        list(decoder.decode(text(each)))
        assert decoder.received == min(number, 5)


def test_what_a_client_has_heard():
    assert list(counting().decode(text({"type": 8, "sequenceId": 3}))) == [Acknowledged(3)]
    decoder = SignalRDecoder(CONNECT, 10_000, stateful=True)
    list(decoder.decode(hello("messagepack", 2)))
    assert list(decoder.decode(packed([8, 3]))) == [Acknowledged(3)]


def test_after_a_loss_nothing_is_heard_before_the_client_says_where_it_begins():
    decoder = counting()
    assert heard(decoder, invoked("a", "b")) == ["a", "b"]
    decoder.again()
    assert list(decoder.decode(invoked("c") + text({"type": 6}, {"type": 7}, {"type": 8, "sequenceId": 1}))) == []
    assert heard(decoder, sequence(3) + invoked("c")) == ["c"]
    assert decoder.received == 3


def test_what_comes_again_is_not_heard_again():
    decoder = counting()
    heard(decoder, invoked("a", "b", "c"))
    decoder.again()
    assert heard(decoder, sequence(2) + invoked("b", "c", "d") + text({"type": 7})[:0] + invoked("e")) == ["d", "e"]
    decoder.again()
    assert heard(decoder, sequence(1) + invoked("a", "b")) == []
    assert decoder.received == 5
    decoder.again()
    assert heard(decoder, sequence(3) + invoked("c", "d", "e", "f")) == ["f"]


def test_what_came_in_part_is_forgotten():
    decoder = counting()
    assert heard(decoder, invoked("a") + invoked("b")[:10]) == ["a"]
    decoder.again()
    assert heard(decoder, sequence(2) + invoked("b")) == ["b"]


def test_before_the_handshake_there_is_nothing_to_go_on_with():
    decoder = SignalRDecoder(CONNECT, 10_000, stateful=True)
    list(decoder.decode(hello(version=2)[:5]))
    decoder.again()
    assert list(decoder.decode(hello(version=2)[5:]))


@pytest.mark.parametrize("number", [0, -1, 4, 2**53, 2**70])
def test_a_client_begins_nowhere_else(number):
    decoder = counting()
    heard(decoder, invoked("a", "b"))
    decoder.again()
    with pytest.raises(ProtocolError):
        list(decoder.decode(sequence(number)))


@pytest.mark.parametrize("said", [{"type": 8}, {"type": 8, "sequenceId": -1}, {"type": 9}])
def test_numbers_that_are_none(said):
    with pytest.raises(ProtocolError, match="a number of messages is needed"):
        list(counting().decode(text(said)))


def test_messages_of_an_ended_line_are_heard_where_it_begins_anew():
    """What a Sequence says without a loss counts, too."""
    decoder = counting()
    heard(decoder, invoked("a", "b"))
    assert heard(decoder, sequence(2) + invoked("b", "c")) == ["c"]
    assert list(counting().decode(text({"type": 7}))) == [m.Leave()]


def test_who_learns_while_it_repeats_that_all_of_it_came_goes_on_behind_that():
    decoder = counting()
    assert heard(decoder, invoked("a", "b", "c")) == ["a", "b", "c"]
    decoder.again()
    assert heard(decoder, sequence(1) + invoked("a")) == []  # and it is told that we have three
    decoder.again()
    assert heard(decoder, sequence(4) + invoked("d")) == ["d"]
