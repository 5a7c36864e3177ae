"""Differences of application data, and data put together from them."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everywire.deltas import applied, difference
from everywire.messages import Packed, Raw

PAD = "x" * 400

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=6),
    max_leaves=25,
)


def raw(value):
    return Raw(json.dumps(value).encode())


def delta(before, after):
    found = difference(raw(before), raw(after))
    return None if found is None else json.loads(bytes(found))


def exactly(value):
    """Text that tells 1, 1.0 and True from each other."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"p": PAD, "a": 1}, {"p": PAD, "a": 2}, {"set": {"a": 2}}),
        ({"p": PAD, "a": 1}, {"p": PAD, "a": True}, {"set": {"a": True}}),
        ({"p": PAD, "a": 1}, {"p": PAD}, {"drop": ["a"]}),
        ({"p": PAD}, {"p": PAD}, {}),
        ({"p": {"q": PAD, "a": 1}}, {"p": {"q": PAD, "a": 2}}, {"in": {"p": {"set": {"a": 2}}}}),
        ([PAD, 1, 2], [PAD, 1, 3], {"set": {"2": 3}}),
        ([PAD, 1], [PAD, 1, 2, 3], {"set": {"2": 2, "3": 3}}),
        ([0, PAD, 1], [PAD, 1, 2], {"keep": [1, 2], "set": {"2": 2}}),
        ([PAD, 1, 2], [PAD], {"keep": [0, 1]}),
        ([PAD, {"q": PAD, "a": 1}], [PAD, {"q": PAD, "a": 2}], {"in": {"1": {"set": {"a": 2}}}}),
    ],
)
def test_what_changed_is_told(before, after, said):
    assert delta(before, after) == said
    assert exactly(applied(before, said)) == exactly(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1}, {"a": 2}),
        (PAD, PAD + "y"),
        ([PAD], {"0": PAD}),
        ({"p": PAD}, {"p": PAD[::-1] + "y"}),
        ({"p": PAD, "__proto__": 1}, {"p": PAD, "__proto__": 2}),
    ],
)
def test_what_does_not_pay_is_told_whole(before, after):
    assert delta(before, after) is None


def test_nothing_is_changed_in_the_base():
    base = {"p": PAD, "a": [1, {"b": 2}]}
    kept = exactly(base)
    applied(base, {"in": {"a": {"in": {"1": {"set": {"b": 3}}}, "set": {"2": 4}}}})
    assert exactly(base) == kept


def test_what_is_written_is_kept_as_it_is_written():
    found = difference(Raw(b'{"p":"' + PAD.encode() + b'","a":1}'), Raw(b'{"p":"' + PAD.encode() + b'","a":1.0}'))
    assert found == Raw(b'{"set":{"a":1.0}}')


def test_binary_data_has_differences_too():
    before, after = ({"p": PAD.encode(), "a": n} for n in (b"1", b"2"))
    found = difference(Packed(msgspec.msgpack.encode(before)), Packed(msgspec.msgpack.encode(after)))
    assert isinstance(found, Packed)
    assert applied(before, msgspec.msgpack.decode(found)) == after
    assert difference(raw({"p": PAD}), Packed(msgspec.msgpack.encode(after))) is None


@given(VALUES, VALUES)
def test_any_difference_makes_the_one_of_the_other(before, after):
    said = delta({"p": PAD, "v": before}, {"p": PAD, "v": after})
    if said is not None:
        assert exactly(applied({"p": PAD, "v": before}, said)) == exactly({"p": PAD, "v": after})


@pytest.mark.parametrize(
    ("base", "said"),
    [({}, {"in": {"a": {}}}), ([1], {"set": {"5": 1}}), ("text", {"set": {}}), ({}, []), ([1], {"in": {"x": {}}})],
)
def test_a_delta_of_another_base_is_refused(base, said):
    with pytest.raises(ValueError):
        applied(base, said)


SHARED = json.loads((Path(__file__).parent / "contracts" / "deltas.json").read_text())["deltas"]


@pytest.mark.parametrize("shared", SHARED, ids=[shared["name"] for shared in SHARED])
@pytest.mark.parametrize("apply", [applied])
def test_what_all_clients_make_of_a_delta(apply, shared):
    assert exactly(apply(shared["base"], shared["delta"])) == exactly(shared["data"])
