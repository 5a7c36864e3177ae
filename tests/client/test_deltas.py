"""Differences put together again."""

import pytest

from everywire.client.deltas import Bases
from everywire.client.wire import Publication, Publishing


def test_bases_are_kept_by_entry_and_out_of_reach():
    bases = Bases()
    data = {"n": [1]}
    bases.keep(Publication(data, offset=1, entry="x"))
    data["n"].append(2)
    found = bases.whole(Publishing(None, offset=2, entry="x", delta={"set": {"m": 3}}, base=1))
    assert found.data == {"n": [1], "m": 3}
    found.data["n"].append(9)
    again = bases.whole(Publishing(None, offset=3, entry="x", delta={"drop": ["m"]}, base=2))
    assert again.data == {"n": [1]}
    bases.keep(Publication(None, offset=4, entry="x", removed=True))
    assert bases.whole(Publishing(None, offset=5, entry="x", delta={}, base=3)) is None


@pytest.mark.parametrize(
    "publication",
    [
        Publishing(None, offset=3, delta={}, base=1),
        Publishing(None, offset=3, delta={}, base=2, entry="x"),
        Publishing(None, offset=3, delta={"in": {"nothing": {}}}, base=2),
        Publishing(None, offset=3, delta={"keep": "nonsense"}, base=2),
        Publishing(None, offset=3, delta={"set": 7}, base=2),
    ],
)
def test_what_does_not_fit_is_not_made_up(publication):
    bases = Bases()
    bases.keep(Publication({"a": 1}, offset=2))
    if publication.delta == {"keep": "nonsense"}:
        bases.keep(Publication([1], offset=2))
    assert bases.whole(publication) is None


def test_a_delta_of_what_is_no_container_is_none():
    bases = Bases()
    bases.keep(Publication(7, offset=1))
    assert bases.whole(Publishing(None, offset=2, delta={"set": {"a": 1}}, base=1)) is None


def test_nothing_is_left_after_clearing():
    bases = Bases()
    bases.keep(Publication({}, offset=1))
    bases.keep(Publication({}, offset=None))
    bases.clear()
    assert bases.whole(Publishing(None, offset=2, delta={}, base=1)) is None
