"""Kinds of channels: which names they have."""

import uuid

import pytest

from everywire.hub.kinds import ACTIONS, ChannelKind, Kinds

ONE = uuid.UUID("123e4567-e89b-42d3-a456-426614174000")


def find(name, *patterns):
    kinds = Kinds()
    for pattern in patterns:
        kinds.add(ChannelKind(pattern))
    place = kinds.find(name)
    return None if place is None else (place.kind.pattern, dict(place.params))


@pytest.mark.parametrize(
    ("pattern", "name", "params"),
    [
        ("news", "news", {}),
        ("room:{name}", "room:kitchen", {"name": "kitchen"}),
        ("room:{name}", "room:the kitchen!", {"name": "the kitchen!"}),
        ("{a}:{b}:{c}", "x:y:z", {"a": "x", "b": "y", "c": "z"}),
        ("score.{match}.live", "score.7.live", {"match": "7"}),
        ("a*b:{x}", "a*b:1", {"x": "1"}),
    ],
)
def test_names_that_match(pattern, name, params):
    assert find(name, pattern) == (pattern, params)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("news", "news "),
        ("room:{name}", "room:"),
        ("room:{name}", "room:a:b"),
        ("room:{name}", "ROOM:a"),
        ("room:{name}", "my room:a"),
        ("a.b:{x}", "acb:1"),
        ("room:{name}", "room:{name}:"),
    ],
)
def test_names_that_do_not(pattern, name):
    assert find(name, pattern) is None


def test_exact_names_come_first_then_the_order_of_declaration():
    assert find("room:lobby", "room:{name}", "room:lobby") == ("room:lobby", {})
    assert find("a:b", "a:{x}", "{x}:b") == ("a:{x}", {"x": "b"})


@pytest.mark.parametrize("pattern", ["", "a:{", "a:}", "{A}", "{a}{b}", "{}", "{a-b}"])
def test_patterns_that_make_no_sense(pattern):
    with pytest.raises(ValueError, match="pattern"):
        Kinds().add(ChannelKind(pattern))


@pytest.mark.parametrize("pattern", ["news", "room:{name}"])
def test_a_pattern_is_declared_once(pattern):
    kinds = Kinds()
    kinds.add(ChannelKind(pattern))
    with pytest.raises(ValueError, match="already"):
        kinds.add(ChannelKind(pattern))


def test_a_rule_is_for_the_named_actions_or_all():
    kind = ChannelKind("news")

    @kind.allow("publish", "history")
    def some(access):
        return True

    assert kind.rules == {"publish": some, "history": some}
    kind.allow()(some)
    assert set(kind.rules) == set(ACTIONS)


def test_parameters_have_types():
    kinds = Kinds()
    kinds.add(ChannelKind("game:{number:int}:{side}"))
    kinds.add(ChannelKind("file:{id:uuid}"))
    assert kinds.find("game:12:white").params == {"number": 12, "side": "white"}
    assert kinds.find("game:-7:x").params["number"] == -7
    assert kinds.find("game:0:x").params["number"] == 0
    one = uuid.UUID(int=5)
    assert kinds.find(f"file:{one}").params == {"id": one}


@pytest.mark.parametrize(
    "name",
    [
        "game:x:y",
        "game:012:y",
        "game:+1:y",
        "game:-0:y",
        "game:1.0:y",
        "game:٣:y",
        f"game:{10**18}:y",
        "file:5",
        f"file:{uuid.UUID(int=10**38)}".upper(),
    ],
)
def test_what_is_not_of_the_type_or_written_in_another_way_is_no_channel(name):
    kinds = Kinds()
    kinds.add(ChannelKind("game:{number:int}:{side}"))
    kinds.add(ChannelKind("file:{id:uuid}"))
    assert kinds.find(name) is None


def test_an_unknown_type_is_an_error():
    with pytest.raises(ValueError, match="'float' is none of str, int, uuid"):
        Kinds().add(ChannelKind("x:{a:float}"))


def test_wildcards_cover_typed_parameters():
    kinds = Kinds()
    kinds.add(ChannelKind("game:{number:int}", wildcards=True))
    place = kinds.cover("game:*")
    assert (place.wild, place.params) == (True, {"number": "*"})


def covered(name, pattern):
    kinds = Kinds()
    kinds.add(ChannelKind(pattern, wildcards=True))
    place = kinds.cover(name)
    return None if place is None else dict(place.params)


@pytest.mark.parametrize(
    ("pattern", "name", "params"),
    [
        ("game:{number:int}:{side}", "game:7:*", {"number": 7, "side": "*"}),
        ("game:{number:int}:{side}", "game:*:white", {"number": "*", "side": "white"}),
        ("game:{number:int}:{side}", "game:>", {"number": ">", "side": ">"}),
        ("game:{number:int}:{side}", "game:seven:*", None),
        ("game:{number:int}:{side}", "game:07:*", None),
        ("room-{name}:{part}", "room-secret:*", {"name": "secret", "part": "*"}),
        ("room-{name}:{part}", "hall-secret:*", None),
        ("room-{name}:{part}", "*:a", {"name": "*", "part": "a"}),
        ("cell.{row:int}.{id:uuid}", "cell.*.123e4567-e89b-42d3-a456-426614174000", {"row": "*", "id": ONE}),
    ],
)
def test_a_rule_is_asked_with_what_a_name_with_wildcards_says_of_parameters(pattern, name, params):
    """A rule that refuses game 7 compares a number; asked with a text, it would let `game:7:*` pass."""
    assert covered(name, pattern) == params


def test_a_kind_knows_its_parameters():
    assert ChannelKind("game:{number:int}:{side}").parameters == {"number": "int", "side": "str"}
    assert ChannelKind("news").parameters == {}
