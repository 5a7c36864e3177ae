"""Telling binary data from dates, wherever they stand in a document."""

import msgspec
import pytest
from msgspec.msgpack import Ext

from everywire.dialects.socketio.extensions import told_apart

LOOKING = b"\xc7\x08\x0012345678"
SAME = b"\xc4\x0812345678"
pack = msgspec.msgpack.encode


def around(*values):
    """Give an array of the values, with one that looks like a date behind each."""
    parts = [(pack(value) if not isinstance(value, Encoded) else bytes(value)) for value in values]
    assert len(parts) < 8
    return tuple(bytes([0x90 | 2 * len(parts)]) + b"".join(part + look for part in parts) for look in (LOOKING, SAME))


class Encoded(bytes):
    """A value that is written already."""


@pytest.mark.parametrize(
    "values",
    [
        (None, True, False, 0, 127, -1, -32),
        (128, 2**15, 2**31, 2**63, -100, -(2**15), -(2**31)),
        (-(2**63), 1.5, Encoded(b"\xca\0\0\0\0"), "", "a" * 31, "a" * 32, "a" * 300),
        ("a" * 70_000, b"", b"a" * 300, b"a" * 70_000),
        (Ext(1, b"1"), Ext(1, b"12"), Ext(1, b"1234"), Ext(0, b"12345678"), Ext(1, b"1" * 16), Ext(0, b"123")),
        (Ext(1, b"1" * 300), Ext(1, b"1" * 70_000), Encoded(b"\xc0")),
        ([], [1, 2], [1] * 16, [1] * 70_000),
        ({}, {"a": 1}, {str(n): n for n in range(20)}, {str(n): n for n in range(70_000)}),
        (LOOKING, LOOKING.decode("latin-1"), [[{"a": [LOOKING]}]]),
    ],
)
def test_binary_data_becomes_binary(values):
    document, expected = around(*values)
    assert told_apart(document) == expected
    msgspec.msgpack.decode(expected)


@pytest.mark.parametrize("data", [b"\xd7\x0012345678", b"\xd4\x00\x00", b"\xc7\x03\x00123", b"\x80"])
def test_what_cannot_be_taken_for_another_stays(data):
    assert told_apart(data) is data


def test_dates_beside_it_stay():
    assert told_apart(b"\x92\xd7\x0012345678" + LOOKING) == b"\x92\xd7\x0012345678" + SAME
    assert told_apart(b"\x92\xc7\x01\x00x\xc7\x02\x00xy") == b"\x92\xc4\x01x\xc7\x02\x00xy"
