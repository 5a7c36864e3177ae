"""What data has to look like: reading it as a hint, and saying what is wrong with it."""

import datetime
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from everywire.errors import Refused
from everywire.hub.calling.shapes import Fields, Shape, elements, encode, pydantic_schema, told
from everywire.messages import Packed, Raw


@dataclass
class Point:
    x: int
    y: int = 0


class Named(TypedDict, total=False):
    name: str


class Size(msgspec.Struct):
    width: Annotated[int, msgspec.Meta(ge=0)]


class Colour(enum.Enum):
    RED = "red"


class Model(pydantic.BaseModel):
    count: int = pydantic.Field(ge=0)
    when: datetime.date | None = None


@dataclass
class Around:
    inside: Model


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


def packed(value):
    return Packed(msgspec.msgpack.encode(value))


@pytest.mark.parametrize(
    ("hint", "said", "read"),
    [
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (int, 5, 5),
        (list[int], [1, 2], [1, 2]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (int | None, None, None),
        (Point, {"x": 1}, Point(1, 0)),
        (Named, {"name": "Ada"}, {"name": "Ada"}),
        (Size, {"width": 3}, Size(3)),
        (Colour, "red", Colour.RED),
        (datetime.date, "2026-01-01", datetime.date(2026, 1, 1)),
        (Model, {"count": 1, "when": "2026-01-01"}, Model(count=1, when=datetime.date(2026, 1, 1))),
        (list[Model], [{"count": 1}], [Model(count=1)]),
        (Around, {"inside": {"count": 2}}, Around(Model(count=2))),
        (Cat | Dog, {"kind": "dog"}, Dog(kind="dog")),
    ],
)
def test_data_is_read_as_its_hint_says(hint, said, read):
    shape = Shape(hint)
    assert shape.read(Raw(msgspec.json.encode(said))) == read
    assert shape.read(packed(said)) == read


@pytest.mark.parametrize(
    ("hint", "said", "path"),
    [
        (int, '"x"', "$"),
        (int, "1.5", "$"),
        (Point, '{"x": "1"}', "$.x"),
        (Point, "{}", "$"),
        (list[Point], '[{"x": 1}, {"x": null}]', "$[1].x"),
        (Size, '{"width": -1}', "$.width"),
        (Colour, '"blue"', "$"),
        (Model, '{"count": -1}', "$.count"),
        (list[Model], '[{"count": 1}, {}]', "$[1].count"),
        (Around, '{"inside": {"count": "many"}}', "$.inside.count"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(hint, said, path):
    with pytest.raises(Refused, match=r"^bad request: ") as caught:
        Shape(hint).read(Raw(said.encode()))
    assert caught.value.code == 107
    [error] = caught.value.data["errors"]
    assert error["path"] == path
    assert error["reason"] in caught.value.reason
    assert path == "$" or f"at `{path}`" in caught.value.reason


def test_several_things_may_be_wrong():
    with pytest.raises(Refused) as caught:
        Shape(list[Model]).read(Raw(b'[{"count": -1}, {"count": -2}]'))
    assert [error["path"] for error in caught.value.data["errors"]] == ["$[0].count", "$[1].count"]


def test_what_is_wrong_is_told_in_bounds():
    with pytest.raises(Refused) as caught:
        Shape(Colour).read(Raw(b'"' + b"x" * 5000 + b'"'))
    assert len(caught.value.reason) <= 300
    with pytest.raises(Refused) as caught:
        Shape(list[Model]).read(Raw(b"[" + b",".join([b"{}"] * 500) + b"]"))
    assert len(caught.value.data["errors"]) == 10


class Closed:
    def __init__(self, fd: int) -> None: ...


@dataclass
class Holding:
    closed: Closed


@pytest.mark.parametrize("hint", [Closed, Callable[[], int], list[Closed], Holding, Point | Size | Named])
def test_a_hint_that_no_data_can_be_is_refused_at_once(hint):
    with pytest.raises(TypeError, match="data cannot be read as"):
        Shape(hint)


def test_fields():
    fields = Fields({"a": int, "b": list[Point], "model": Model}, frozenset({"b", "model"}))
    assert fields.read(Raw(b'{"a": 1, "other": 0}')) == {"a": 1}
    said = {"a": 1, "b": [{"x": 1}], "model": {"count": 1}}
    read = {"a": 1, "b": [Point(1)], "model": Model(count=1)}
    assert fields.read(Raw(msgspec.json.encode(said))) == fields.read(packed(said)) == read


@pytest.mark.parametrize("nothing", [None, Raw(b"null"), Raw(b"{}")])
def test_no_data_is_an_object_without_fields(nothing):
    assert Fields({"a": int}, frozenset({"a"})).read(nothing) == {}
    with pytest.raises(Refused, match="missing required field `a`"):
        Fields({"a": int}, frozenset()).read(nothing)


@pytest.mark.parametrize(
    ("said", "path"),
    [('{"a": "x", "m": {"count": 1}}', "$.a"), ('{"a": 1, "m": {"count": -1}}', "$.m.count"), ("[1, 2]", "$")],
)
def test_a_wrong_field_is_told_with_its_place(said, path):
    with pytest.raises(Refused) as caught:
        Fields({"a": int, "m": Model}, frozenset()).read(Raw(said.encode()))
    assert [error["path"] for error in caught.value.data["errors"]] == [path]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, b"null"),
        ("a", b'"a"'),
        (1.5, b"1.5"),
        (True, b"true"),
        ({"a": (1, 2)}, b'{"a":[1,2]}'),
        (Point(1, 2), b'{"x":1,"y":2}'),
        ({1: "a"}, b'{"1":"a"}'),
        ([datetime.date(2026, 1, 1)], b'["2026-01-01"]'),
        (Model(count=1), b'{"count":1,"when":null}'),
        ({"models": [Around(Model(count=1))]}, b'{"models":[{"inside":{"count":1,"when":null}}]}'),
    ],
)
def test_values_are_said_as_json_text(value, text):
    assert encode(value) == Raw(text)


def test_what_is_binary_is_said_as_messagepack():
    data = encode({"list": [1, {"deep": b"\0\1"}]})
    assert isinstance(data, Packed)
    assert msgspec.msgpack.decode(data) == {"list": [1, {"deep": b"\0\1"}]}
    assert encode(b"x") == packed(b"x")
    assert Shape(bytes).read(encode(memoryview(b"x"))) == b"x"


def test_text_of_a_derived_class_is_said_as_text():
    text = type("Marked", (str,), {})("<b>")
    assert encode(text) == Raw(b'"<b>"')
    assert encode({"html": [text]}) == Raw(b'{"html":["<b>"]}')


def test_what_data_cannot_say_is_an_error():
    with pytest.raises(TypeError, match="data cannot say an object"):
        encode(object())


def test_the_schema_of_a_model_is_its_own():
    assert pydantic_schema(int, "#/{model}") is None
    assert pydantic_schema(Cat, "#/{model}")["properties"]["kind"]["const"] == "cat"


def test_elements_of_an_array():
    assert elements(Raw(b' [1, {"a" : 2}]')) == [Raw(b"1"), Raw(b'{"a" : 2}')]
    packed = elements(Packed(msgspec.msgpack.encode([1, b"x"])))
    assert packed == [b"\x01", b"\xc4\x01x"]
    assert all(isinstance(each, Packed) for each in packed)
    for data in (Raw(b"{}"), Packed(b"\x80"), Raw(b"null")):
        with pytest.raises(Refused, match="Expected `array`"):
            elements(data)


def test_fields_by_position():
    fields = Fields({"a": int, "b": str}, frozenset({"b"}))
    assert fields.named(Raw(b'[1, "x"]')) == Raw(b'{"a":1,"b":"x"}')
    assert fields.named(Packed(b"\x91\x01")) == b"\x81\xa1a\x01"
    with pytest.raises(Refused, match="at most 2 arguments, not 3"):
        fields.named(Raw(b"[1,2,3]"))
    with pytest.raises(Refused, match="at most 1 argument, not 2"):
        Fields({"a": int}, frozenset()).named(Raw(b"[1,2]"))


class Halves:
    """The codec of a client that reads halves of characters."""

    halves = True


def test_half_a_character_is_read_and_said_to_who_reads_it():
    assert Shape(str).read(Raw(b'"a\\ud83d"')) == "a\ud83d"
    assert Shape(Any).read(Raw(b'{"a":["\\uD83D"]}')) == {"a": ["\ud83d"]}
    assert told("a\ud83d", Halves()) == Raw(b'"a\\ud83d"')
    assert told("a", Halves()) == encode("a")
    with pytest.raises(UnicodeEncodeError):
        encode("\ud83d")
    with pytest.raises(UnicodeEncodeError):
        told(["\ud83d"], Halves())
    with pytest.raises(UnicodeEncodeError):
        told("\ud83d", None)


@pytest.mark.parametrize("text", [b'"\\ud83d', b'["\\ud83d"]', b'"\\ud83"'])
def test_what_is_no_text_even_with_half_a_character(text):
    with pytest.raises(Refused) as no:
        Shape(str).read(Raw(text))
    assert no.value.code == 107


def test_what_is_data_already_is_said_as_it_is():
    text, packed = Raw(b'{"a": 1}'), Packed(msgspec.msgpack.encode(b"x"))
    assert encode(text) is text
    assert encode(packed) is packed
