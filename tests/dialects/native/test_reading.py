"""From payloads to commands: MessagePack as JSON, what closes, and what is refused to the sender alone."""

import itertools
import json

import msgspec
import pytest
from tests.test_fitness import BOMBS, STRANGE

from everywire import messages as m
from everywire.dialects.native.reading import BAD_MESSAGE, MAX_BATCH, NativeDecoder, PackedDecoder
from everywire.errors import ProtocolError
from everywire.messages import Packed, Raw

JSON, PACKED = NativeDecoder(), PackedDecoder()
pack = msgspec.msgpack.encode
PING = {"type": "ping", "id": 1}


def read(decoder, value):
    return list(decoder.decode(json.dumps(value) if decoder is JSON else pack(value)))


def published(data):
    """Give a `publish` whose data is this MessagePack."""
    return pack({"type": "publish", "id": 2, "channel": "c"}).replace(b"\x83", b"\x84", 1) + pack("data") + data


def outcome(data):
    """Give the kinds of the commands in a binary message, or the code that it closes with."""
    try:
        return [type(command) for command in PACKED.decode(data)]
    except ProtocolError as error:
        return error.code


@pytest.fixture(params=[JSON, PACKED], ids=["json", "msgpack"])
def decoder(request):
    return request.param


def test_one_command_and_many_in_order(decoder):
    pings = [{"type": "ping", "id": n} for n in (3, 1, 2)]
    assert read(decoder, pings) == [m.Ping(3), m.Ping(1), m.Ping(2)]
    assert read(decoder, pings[0]) == [m.Ping(3)]
    assert read(decoder, []) == []


def test_a_thousand_commands_are_enough(decoder):
    assert len(read(decoder, [PING] * MAX_BATCH)) == MAX_BATCH
    faulty = {"type": "ping", "id": 0}
    for batch in ([PING] * (MAX_BATCH + 1), [faulty, *[PING] * MAX_BATCH]):
        with pytest.raises(ProtocolError, match="too many") as caught:
            read(decoder, batch)
        assert caught.value.code == BAD_MESSAGE


@pytest.mark.parametrize(
    "value",
    [None, 1, "ping", True, {}, {"type": 1}, {"type": None}, {"type": "shout", "id": 1}, {"id": 1}, [1], [None]],
)
def test_what_is_no_command_closes(decoder, value):
    with pytest.raises(ProtocolError) as caught:
        read(decoder, value)
    assert caught.value.code == BAD_MESSAGE


def test_the_other_kind_of_message_closes():
    for decoder, data in ((JSON, pack(PING)), (PACKED, json.dumps(PING))):
        with pytest.raises(ProtocolError) as caught:
            list(decoder.decode(data))
        assert caught.value.code == BAD_MESSAGE


@pytest.mark.parametrize(
    "data", [*BOMBS.values(), b"", b"\xc1", b"\x01\x02"], ids=[*BOMBS, "nothing", "no byte", "two"]
)
def test_what_is_no_message_pack_closes_at_little_cost(data):
    with pytest.raises(ProtocolError) as caught:
        list(PACKED.decode(data))
    assert caught.value.code == BAD_MESSAGE


@pytest.mark.parametrize("name", [*BOMBS])
def test_a_bomb_inside_of_data_closes_or_is_refused(name):
    assert outcome(published(BOMBS[name])) in (BAD_MESSAGE, [m.Malformed])


UNREADABLE = sorted(set(STRANGE) - {"nothing", "a byte that means nothing", "text cut short", "two documents"})


@pytest.mark.parametrize("name", UNREADABLE)
def test_data_that_not_every_receiver_can_read_is_refused_alone(name):
    batch = b"\x93" + pack(PING) + published(STRANGE[name]) + pack({"type": "pong"})
    before, faulty, after = PACKED.decode(batch)
    assert (before, after) == (m.Ping(1), m.Pong())
    assert isinstance(faulty, m.Malformed)
    assert faulty.ref == 2
    assert faulty.reason.startswith("bad request")


def test_what_stands_before_the_end_of_sense_is_heard(decoder):
    batch = [PING, {"type": "huh"}]
    commands = decoder.decode(json.dumps(batch) if decoder is JSON else pack(batch))
    assert next(commands) == m.Ping(1)
    with pytest.raises(ProtocolError):
        next(commands)


FAULTY = [
    ({"type": "ping"}, 0),
    ({"type": "ping", "id": 0}, 0),
    ({"type": "ping", "id": -1}, 0),
    ({"type": "ping", "id": True}, 0),
    ({"type": "ping", "id": 1.5}, 0),
    ({"type": "ping", "id": "1"}, 0),
    ({"type": "ping", "id": 2**53}, 0),
    ({"type": "ping", "id": 2**63}, 0),
    ({"type": "ping", "id": [1]}, 0),
    ({"type": "subscribe", "id": 2}, 2),
    ({"type": "subscribe", "id": 2, "channel": None}, 2),
    ({"type": "subscribe", "id": 2, "channel": "c", "since": {"epoch": "e"}}, 2),
    ({"type": "subscribe", "id": 2, "channel": "c", "since": {"epoch": "e", "offset": 2**64 - 1}}, 2),
    ({"type": "call", "id": 2, "name": 7}, 2),
    ({"type": "item", "id": 2}, 2),
    ({"type": "answer", "call": 0}, 0),
]


@pytest.mark.parametrize(("value", "ref"), FAULTY)
def test_a_faulty_command_is_refused_and_its_neighbours_are_not(decoder, value, ref):
    before, faulty, after = read(decoder, [PING, value, {"type": "pong"}])
    assert (before, after) == (m.Ping(1), m.Pong())
    assert isinstance(faulty, m.Malformed)
    assert faulty.ref == ref
    assert faulty.reason.startswith("bad request")


def test_integers_beyond_64_bits():
    (command,) = JSON.decode('{"type":"publish","id":2,"channel":"c","data":123456789012345678901234567890}')
    assert command == m.Publish(2, "c", Raw(b"123456789012345678901234567890"))
    (faulty,) = JSON.decode('{"type":"ping","id":123456789012345678901234567890}')
    assert faulty == m.Malformed(0, faulty.reason)


def test_keys_that_are_not_text_make_no_command():
    for key in (b"\x01", b"\xc4\x04type", b"\xc0"):
        with pytest.raises(ProtocolError):
            list(PACKED.decode(b"\x82" + key + b"\x01" + pack("type") + pack("pong")))


def test_data_stays_as_it_is_written():
    (command,) = JSON.decode('{"type":"publish","id":2,"channel":"c","data": { "a" : 1.50 } }')
    assert bytes(command.data).strip() == b'{ "a" : 1.50 }'
    (command,) = PACKED.decode(published(pack({"a": b"b"})))
    assert command.data == Packed(pack({"a": b"b"}))


def test_no_prefix_of_a_message_is_taken_for_a_whole_one():
    """Nor does it raise anything else."""
    whole = pack([PING, {"type": "publish", "id": 2, "channel": "c", "data": {"a": [1, b"x", 1.5]}}])
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            list(PACKED.decode(whole[:length]))


def test_every_single_changed_byte_is_survived():
    whole = pack({"type": "subscribe", "id": 2, "channel": "c", "since": {"epoch": "e", "offset": 3}, "rewind": 1})
    for at, byte in itertools.product(range(len(whole)), (0x00, 0x80, 0x9F, 0xC1, 0xC7, 0xDD, 0xFF)):
        changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
        assert outcome(changed) == BAD_MESSAGE or len(outcome(changed)) == 1
