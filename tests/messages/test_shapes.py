"""Every value of the broker interface comes through as it was, whatever is in it."""

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from everywire.brokers import base
from everywire.messages import Data, Joined, Left, Member, Packed, Publication, Raw
from everywire.messages.shapes import arguments, shape

CARRIED = (
    base.Draft,
    base.Retention,
    base.Query,
    base.Receipt,
    base.Stretch,
    base.Snapshot,
    base.Seat,
    base.Occurrence,
    base.Note,
    Publication,
    Joined,
    Left,
    Member,
)


def there_and_back(kind, value):
    found = shape(kind)
    said = msgspec.msgpack.encode(value if found.pack is None else found.pack(value))
    read = msgspec.msgpack.decode(said, type=found.wire)
    return read if found.unpack is None else found.unpack(read)


def filled(kind: Any, packed: bool) -> Any:
    """A value of a type with something in every field."""
    if kind == Data:
        return Packed(b"\x91\xc4\x01x") if packed else Raw(b'{"a":[1,"\xc3\xa9"]}')
    if kind is Raw:
        return Raw(b'{"i":1}')
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return filled(next(each for each in inner if each is not type(None)), packed)
    if origin is Literal:
        return inner[-1]
    if origin is tuple:
        return (filled(inner[0], packed),) * 2
    if kind in (int, float, str, bytes, bool):
        return {int: 7, float: 1.5, str: "é\n", bytes: b"\x00\xff", bool: True}[kind]
    hints = get_type_hints(kind)
    names = (
        [each.name for each in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else kind.__struct_fields__
    )
    return kind(**{name: filled(hints[name], packed) for name in names})


@pytest.mark.parametrize("kind", CARRIED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("packed", [False, True])
def test_every_field_is_carried(kind, packed):
    value = filled(kind, packed)
    back = there_and_back(kind, value)
    assert back == value
    assert type(back) is type(value)


def test_json_and_messagepack_stay_what_they_were():
    for data in (Raw(b"1"), Packed(b"\x01")):
        assert type(there_and_back(Data, data)) is type(data)


def test_nothing_stays_nothing():
    assert there_and_back(Member | None, None) is None
    assert there_and_back(tuple[Member | None, ...], (None, Member("s"))) == (None, Member("s"))


def test_arguments_are_read_in_their_order():
    found = arguments([str, base.Draft])
    draft = base.Draft(Raw(b"1"), 5)
    assert found.pack is not None
    assert found.unpack is not None
    said = msgspec.msgpack.encode(found.pack(("c", draft)))
    assert found.unpack(msgspec.msgpack.decode(said, type=found.wire)) == ("c", draft)


def test_what_cannot_be_told_apart_is_refused_at_once():
    with pytest.raises(TypeError):
        shape(Member | Publication)


def test_fields_that_were_not_there_yet_are_what_they_are_by_default():
    found = shape(Publication)
    assert found.pack is not None
    assert found.unpack is not None
    said = found.pack(Publication("c", Raw(b"1"), 5, order=3, era="e"))
    for length in range(3, len(said) - 1):
        shorter = msgspec.msgpack.decode(msgspec.msgpack.encode(said[:length]), type=found.wire)
        assert found.unpack(shorter) == Publication("c", Raw(b"1"), 5)
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(said[:2]), type=found.wire)


def test_an_unknown_mark_is_an_error():
    found = shape(Data)
    assert found.unpack is not None
    with pytest.raises(ValueError, match="extension 9"):
        found.unpack(msgspec.msgpack.Ext(9, b""))
