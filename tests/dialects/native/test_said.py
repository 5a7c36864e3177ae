"""Commands as they are written: the bounds of every field, on both wires; what each means is in tests/contracts/wire.json."""

import json

import msgspec
import pytest

from everywire import messages as m
from everywire.dialects.native.reading import NativeDecoder, PackedDecoder
from everywire.dialects.native.said import TYPES
from everywire.messages import Raw


def written(kind, fields):
    numbered = {} if kind in ("answer", "pong", "leave") else {"id": 2}
    return {"type": kind, **numbered, **fields}


def read(kind, fields):
    """Give what both wires read, which is the same."""
    value = written(kind, fields)
    (by_text,) = NativeDecoder().decode(json.dumps(value))
    (by_bytes,) = PackedDecoder().decode(msgspec.msgpack.encode(value))
    assert type(by_text) is type(by_bytes)
    return by_text


def test_the_types_are_those_of_the_specification():
    flow = {"item", "end", "credit", "cancel"}
    channels = {"subscribe", "policy", "unsubscribe", "publish", "history", "entries", "presence"}
    assert flow | channels | {"connect", "refresh", "call", "answer", "ping", "pong", "leave"} == TYPES


C = {"channel": "c"}
P = {**C, "data": 1}
BEYOND = 2**53


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("connect", {"token": "", "resume": ""}),
        ("subscribe", {**C, "rewind": 0, "pages": 1}),
        ("subscribe", {**C, "rewind": BEYOND - 1, "rewind_from": 0, "after": 0}),
        ("subscribe", {**C, "since": {"epoch": "", "offset": 0, "more": 1}}),
        ("subscribe", {**C, "since": None, "policy": None, "after": None}),
        ("subscribe", {**C, "policy": {"kind": "sample", "interval": 0.5, "size": 1}}),
        ("publish", {**P, "key": "k" * 128, "entry": "e" * 128}),
        ("publish", {**P, "exclude": ["s" * 128] * 64}),
        ("publish", {**P, "exclude": [], "to": {}}),
        ("publish", {**P, "entry": "e", "expect": 0, "ttl": 0}),
        ("publish", {**P, "to": {"session": "s", "user": "u"}}),
        ("call", {"name": "", "timeout": 0, "credit": 0}),
        ("credit", {"count": 0}),
        ("answer", {"call": 1}),
        ("answer", {"call": 1, "error": {"code": -1, "reason": "r" * 1024}}),
        ("answer", {"call": 1, "error": {"code": BEYOND - 1, "reason": ""}}),
    ],
)
def test_what_is_within_bounds_is_a_command(kind, fields):
    assert not isinstance(read(kind, fields), m.Malformed)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("connect", {"token": 1}),
        ("connect", {"info": [1]}),
        ("connect", {"info": "{}"}),
        ("refresh", {}),
        ("refresh", {"token": None}),
        ("subscribe", {**C, "rewind": -1}),
        ("subscribe", {**C, "rewind": BEYOND}),
        ("subscribe", {**C, "rewind_from": 1.5}),
        ("subscribe", {**C, "pages": 0}),
        ("subscribe", {**C, "since": {"epoch": 1, "offset": 1}}),
        ("subscribe", {**C, "since": {"epoch": "e", "offset": -1}}),
        ("subscribe", {**C, "since": [1]}),
        ("subscribe", {**C, "after": -1}),
        ("subscribe", {**C, "delta": 1}),
        ("subscribe", {**C, "policy": {"kind": "whatever"}}),
        ("subscribe", {**C, "policy": {}}),
        ("policy", C),
        ("policy", {**C, "policy": {"kind": "latest", "interval": -1}}),
        ("policy", {**C, "policy": {"kind": "latest", "interval": BEYOND}}),
        ("policy", {**C, "policy": {"kind": "drop_oldest", "size": 1.5}}),
        ("unsubscribe", {}),
        ("publish", C),
        ("publish", {**C, "entry": "e"}),
        ("publish", {**P, "key": ""}),
        ("publish", {**P, "key": "k" * 129}),
        ("publish", {**P, "ephemeral": "yes"}),
        ("publish", {**P, "exclude": ["s"] * 65}),
        ("publish", {**P, "exclude": ["s" * 129]}),
        ("publish", {**P, "exclude": "s"}),
        ("publish", {**P, "to": "s"}),
        ("publish", {**P, "to": {"session": 1}}),
        ("publish", {**P, "entry": ""}),
        ("publish", {**P, "entry": "e" * 129}),
        ("publish", {**P, "entry": "e", "expect": -1}),
        ("publish", {**P, "entry": "e", "ttl": -1}),
        ("history", {**C, "limit": -1}),
        ("history", {**C, "before": {}}),
        ("history", {**C, "from_time": "now"}),
        ("entries", {}),
        ("presence", {**C, "brief": 1}),
        ("call", {}),
        ("call", {"name": "f", "timeout": -1}),
        ("call", {"name": "f", "credit": 1.5}),
        ("item", {}),
        ("credit", {}),
        ("credit", {"count": -1}),
        ("answer", {}),
        ("answer", {"call": 1, "error": {"code": 1}}),
        ("answer", {"call": 1, "error": {"code": BEYOND, "reason": ""}}),
        ("answer", {"call": 1, "error": {"code": -BEYOND, "reason": ""}}),
        ("answer", {"call": 1, "error": {"code": 1, "reason": "r" * 1025}}),
    ],
)
def test_what_is_beyond_is_refused(kind, fields):
    refused = read(kind, fields)
    assert isinstance(refused, m.Malformed)
    assert refused.ref == (0 if kind == "answer" else 2)


def test_what_is_left_out_and_what_is_null():
    assert read("connect", {"token": None, "info": None, "resume": None}) == m.Connect(2)
    assert read("call", {"name": "f"}).data is None
    assert read("call", {"name": "f", "data": None}).data == Raw(b"null")
    assert read("answer", {"call": 1}) == m.Answer(1, Raw(b"null"))
    assert read("answer", {"call": 1, "data": 2, "error": {"code": 3, "reason": "no"}}) == m.Decline(1, 3, "no")
    assert read("publish", {**C, "entry": "e", "remove": True}).data == Raw(b"null")


def test_milliseconds_become_seconds():
    policy = {"kind": "latest", "interval": 250}
    assert read("policy", {**C, "policy": policy}) == m.Adjust(2, "c", m.Policy("latest", 0.25))
    assert read("publish", {**P, "entry": "e", "ttl": 1500}).entry == m.EntryChange("e", ttl=1.5)
    assert read("call", {"name": "f", "timeout": 100}).timeout == 0.1


def test_unknown_fields_are_ignored():
    assert read("ping", {"of the future": [{}]}) == m.Ping(2)
