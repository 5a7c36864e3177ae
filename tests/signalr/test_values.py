"""What hubs say: times are times in MessagePack, and text in JSON."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from everywire.fitness import to_json
from everywire.messages import Packed, Raw
from everywire.signalr.values import written

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass
class Meal:
    at: datetime
    id: UUID


def test_a_time_is_one_for_who_reads_messagepack_and_text_for_who_reads_json():
    said = written({"meals": [Meal(NOON, UUID(int=1))]})
    assert isinstance(said, Packed)
    assert msgspec.msgpack.decode(said)["meals"][0]["at"] == NOON
    assert bytes(to_json(said)) == (
        b'{"meals":[{"at":"2026-01-02T12:00:00Z","id":"00000000-0000-0000-0000-000000000001"}]}'
    )


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [1, {"a": "b"}], ()])
def test_what_has_no_time_is_json(value):
    assert isinstance(written(value), Raw)


def test_what_is_binary_stays_so():
    assert msgspec.msgpack.decode(written([b"x"])) == [b"x"]


def test_what_data_cannot_say_is_an_error():
    with pytest.raises(TypeError, match="data cannot say"):
        written(object())
