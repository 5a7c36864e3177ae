"""The bodies of the administration's requests."""

import msgspec
import pytest

from everywire.messages import EntryChange
from everywire.ops.asked import Publication, Publish


def test_one_publication_is_said_like_one_of_a_batch():
    said = {"channel": "c", "data": 1, "key": "k", "entry": "e", "expect": 3, "ttl": 1500, "remove": True}
    one = msgspec.json.decode(msgspec.json.encode(said), type=Publish).only()
    assert one == msgspec.json.decode(msgspec.json.encode(said), type=Publication)
    assert one.change() == EntryChange("e", 3, 1.5, True)
    assert Publication("c", msgspec.Raw(b"1")).change() is None


def test_a_publication_has_a_channel():
    with pytest.raises(ValueError, match="channel"):
        Publish().only()


def test_they_have_the_same_fields():
    assert {*Publish.__struct_fields__} - {"batch"} == {*Publication.__struct_fields__}
