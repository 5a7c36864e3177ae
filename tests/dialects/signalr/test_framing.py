"""Messages in bytes that are cut anywhere."""

import pytest

from everywire.dialects.signalr.framing import PackedFrames, TextFrames, with_length
from everywire.errors import MessageTooBig, ProtocolError

MOST = 10_000


def found(frames, *pieces):
    """What comes of pieces, one after another."""
    messages = []
    for piece in pieces:
        at = 0
        while True:
            message, at = frames.next(piece, at)
            if message is None:
                assert at == len(piece)
                break
            messages.append(message)
    return messages


def cut(data):
    """The ways to cut data in two, and into bytes."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    yield from ([data[:at], data[at:]] for at in range(len(data) + 1))


@pytest.mark.parametrize("messages", [[b"{}"], [b"", b"a", b""], [b"one", b"two" * 50, "ü".encode()], []])
def test_text_ends_with_a_separator_wherever_it_is_cut(messages):
    for pieces in cut(b"".join(message + b"\x1e" for message in messages)):
        assert found(TextFrames(MOST), *pieces) == messages


@pytest.mark.parametrize("messages", [[b"\x91\x06"], [b"", b"a", b""], [b"x" * 127, b"y" * 128, b"z" * 300], []])
def test_what_is_packed_begins_with_its_length_wherever_it_is_cut(messages):
    for pieces in cut(b"".join(map(with_length, messages))):
        assert found(PackedFrames(MOST), *pieces) == messages


@pytest.mark.parametrize(
    ("size", "length"), [(0, b"\0"), (0x35, b"\x35"), (0x7F, b"\x7f"), (0x80, b"\x80\x01"), (0x1480, b"\x80\x29")]
)
def test_lengths(size, length):
    message = b"x" * size
    assert with_length(message) == length + message
    assert found(PackedFrames(MOST), length + message) == [message]


def test_the_vectors_of_the_specification():
    assert found(PackedFrames(MOST), b"\x0bHello\nWorld\x02\x01\x02") == [b"Hello\nWorld", b"\x01\x02"]


@pytest.mark.parametrize(
    "length",
    [
        b"\x91\x4e",  # 10,001
        b"\xff\xff\xff\xff\x07",  # the 2 GB that the specification knows
        b"\x80\xe4\x97\xd0\x12",  # 5 GB
        b"\xff\xff\xff\xff\x7f",
    ],
)
def test_a_length_is_judged_before_its_message_has_come(length):
    with pytest.raises(MessageTooBig, match="more than 10000 bytes"):
        PackedFrames(MOST).next(length, 0)
    frames = PackedFrames(MOST)
    assert found(frames, length[:-1]) == []
    with pytest.raises(MessageTooBig):
        frames.next(length[-1:], 0)


def test_a_length_has_five_bytes():
    with pytest.raises(ProtocolError, match="a length of more than 5 bytes"):
        PackedFrames(MOST).next(b"\x80" * 5, 0)
    assert found(PackedFrames(MOST), b"\x82\x80\x80\x80\x00ab") == [b"ab"]


def test_text_has_a_longest_message_too():
    assert found(TextFrames(3), b"abc\x1eabc", b"\x1e") == [b"abc", b"abc"]
    for pieces in ([b"abcd"], [b"abcd\x1e"], [b"ab", b"cd"]):
        with pytest.raises(MessageTooBig, match="more than 3 bytes"):
            found(TextFrames(3), *pieces)
