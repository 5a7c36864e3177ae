"""Data that says how it is to be emitted, and all other data."""

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.emission import arguments, emission, spread
from everywire.messages import Packed, Raw

pack = msgspec.msgpack.encode


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (Raw(b"1"), ("c", (Raw(b"1"),))),
        (Raw(b'{"event":"news","args":[1, "x"]}'), ("news", (Raw(b"1"), Raw(b'"x"')))),
        (Raw(b'{"args":[],"event":"news"}'), ("news", ())),
        (
            Packed(pack({"event": "news", "args": [b"x", 1]})),
            ("news", (Packed(pack(b"x")), Packed(pack(1)))),
        ),
        *(
            (Raw(other), ("c", (Raw(other),)))
            for other in (
                b'{"event":null,"args":[1]}',
                b'{"event":"","args":[]}',
                b'{"event":"%s","args":[]}' % (b"x" * 256),
                b'{"event":"mine","args":[]}',
                b'{"event":"news","args":[],"more":1}',
                b'{"event":"news","args":1}',
                b'["args"]',
            )
        ),
    ],
)
def test_what_a_publication_is(data, event):
    assert emission("c", data, {"mine"}) == event


def test_where_no_name_is_reserved_every_name_is_fit():
    assert emission("c", Raw(b'{"event":"mine","args":[]}')) == ("mine", ())


@pytest.mark.parametrize(
    ("calling", "given"),
    [
        (m.Calling(1, "f"), ()),
        (m.Calling(1, "f", Raw(b"[1,2]")), (Raw(b"[1,2]"),)),
        (m.Calling(1, "f", Raw(b"[1,2]"), positional=True), [Raw(b"1"), Raw(b"2")]),
        (m.Calling(1, "f", Raw(b'{"event":null,"args":[1,2]}')), (Raw(b"1"), Raw(b"2"))),
        (m.Calling(1, "f", Raw(b'{"event":"f","args":[]}')), ()),
        (m.Calling(1, "f", Raw(b'{"event":"g","args":[]}')), (Raw(b'{"event":"g","args":[]}'),)),
    ],
)
def test_with_what_a_client_is_called(calling, given):
    assert arguments(calling) == given


def test_what_is_several_is_nothing_else():
    assert spread(Raw(b'{"event":"g","args":[1]}')) == (Raw(b'{"event":"g","args":[1]}'),)
    assert spread(Raw(b'{"event":null,"args":[1]}')) == (Raw(b"1"),)
