"""Parameters of requests."""

import pytest

from everywire.dialects.native.parameters import Fault, flag, needed, number, one, place, position, token, written
from everywire.http.request import Headers, Request
from everywire.messages import Position


def request(query, **headers):
    return Request("GET", f"/x?{query}", Headers(headers.items()))


def test_one():
    assert one(request("a=1&b="), "a") == "1"
    assert one(request("a=1"), "b") is None
    with pytest.raises(Fault, match="a is said twice"):
        one(request("a=1&a=1"), "a")


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "x", "", "1" * 16, "１", " 1"])
def test_what_is_no_number(text):
    with pytest.raises(Fault):
        number(request(f"a={text}"), "a")


def test_numbers_and_flags():
    assert number(request("a=0012"), "a") == 12
    assert number(request(""), "a") is None
    assert [flag(request(query), "a") for query in ("a", "a=1", "a=true", "a=0", "a=false", "")] == [
        *[True] * 3,
        *[False] * 3,
    ]


@pytest.mark.parametrize("text", ["no", "yes", "2", "True", "-1", " "])
def test_what_is_neither_yes_nor_no(text):
    with pytest.raises(Fault, match="a is 1 or 0"):
        flag(request(f"a={text}"), "a")


@pytest.mark.parametrize("query", ["", "a", "a=", "b=1"])
def test_what_is_needed_and_is_not_there(query):
    assert needed(request("a=x"), "a") == "x"
    with pytest.raises(Fault, match="a is missing"):
        needed(request(query), "a")


def test_positions():
    assert position(request("since=ab:3"), "since") == Position("ab", 3)
    assert position(request(""), "since") is None
    with pytest.raises(Fault):
        position(request("since=3"), "since")


@pytest.mark.parametrize("epoch", ["ab", "a:b", "a,b", "ä\n-"])
def test_a_position_is_read_as_it_was_written(epoch):
    text = written(Position(epoch, 7))
    assert place(text) == Position(epoch, 7)
    assert not set(text) & set(",\r\n\0 ")


@pytest.mark.parametrize("text", ["", "-", ":1", "a:", "a:x", "a:-1"])
def test_what_is_no_position(text):
    assert place(text) is None


@pytest.mark.parametrize(
    ("query", "header", "found"),
    [
        ("", None, None),
        ("token=a", None, "a"),
        ("", "Bearer b", "b"),
        ("token=a", "Bearer b", "b"),
        ("token=a", "Basic eDp5", "a"),
        ("token=a", "Bearer ", "a"),
    ],
)
def test_tokens(query, header, found):
    assert token(request(query, **({"Authorization": header} if header else {}))) == found
