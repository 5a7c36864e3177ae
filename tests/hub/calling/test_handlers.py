"""What a handler may take and give, and what it is told when it is declared wrong."""

import functools
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypedDict

import msgspec
import pytest

from everywire.errors import Refused
from everywire.hub.calling.callers import Caller
from everywire.hub.calling.handlers import Handler, HandlerOptions
from everywire.messages import Member, Packed, Raw

ADA = Member("s1", "ada")
CALLER = Caller(None, SimpleNamespace(id="s1", member=ADA, user="ada"))


@dataclass
class Point:
    x: int


@dataclass
class Order:
    item: str
    count: int = 1


class Slip(TypedDict):
    item: str


class Struck(msgspec.Struct):
    item: str


def bound(function, data=None, streams=()):
    text = Raw(data.encode()) if data is not None else None
    return Handler("f", function).bind(CALLER, text, streams)


def test_nothing():
    assert bound(lambda: 1, '{"x": 1}') == {}


def test_the_whole_argument():
    def whole(data: Point): ...

    def anything(data): ...

    def perhaps(data: int = 5): ...

    assert bound(whole, '{"x": 1}') == {"data": Point(1)}
    assert bound(anything, "[1]") == {"data": [1]}
    assert bound(anything) == {"data": None}
    assert bound(perhaps) == {}
    assert bound(perhaps, "6") == {"data": 6}
    with pytest.raises(Refused, match="Expected `object`, got `null`"):
        bound(whole)


def test_fields():
    async def add(a: int, b: int = 2, *, point: Point | None = None): ...

    assert bound(add, '{"a": 1}') == {"a": 1}
    assert bound(add, '{"a": 1, "b": 3, "point": {"x": 1}}') == {"a": 1, "b": 3, "point": Point(1)}
    assert bound(lambda x: x, '{"x": [1]}') == {"x": [1]}
    with pytest.raises(Refused, match=r"`\$\.a`"):
        bound(add, '{"a": "1"}')


def test_who_calls():
    async def typed(who: Caller, other: Member, data: int): ...

    async def named(caller, member): ...

    assert bound(typed, "1") == {"who": CALLER, "other": ADA, "data": 1}
    assert bound(named) == {"caller": CALLER, "member": ADA}
    assert bound(lambda member, data: 0, "2") == {"member": ADA, "data": 2}


def test_a_hint_goes_before_a_name():
    def invite(member: str, caller: int): ...

    assert bound(invite, '{"member": "bob", "caller": 1}') == {"member": "bob", "caller": 1}


def test_a_stream_from_the_client():
    async def total(numbers: AsyncIterator[int], start: int = 0): ...

    handler = Handler("f", total)
    assert [shape.read(Raw(b"1")) for shape in handler.inflows] == [1]
    assert bound(total, None, ["stream"]) == {"numbers": "stream"}
    assert bound(total, '{"start": 1}', ["stream"]) == {"start": 1, "numbers": "stream"}


def test_several_streams_are_given_in_their_order_beside_the_arguments():
    async def mix(a: AsyncIterator[int], start: int, b: AsyncIterator[str], caller: Caller, end: int = 9): ...

    handler = Handler("f", mix)
    assert [shape.hint for shape in handler.inflows] == [int, str]
    assert placed(mix, [1, 2], ["one", "two"]) == {"a": "one", "start": 1, "b": "two", "caller": CALLER, "end": 2}
    assert placed(mix, [1], ["one", "two"]) == {"a": "one", "start": 1, "b": "two", "caller": CALLER}
    assert bound(mix, '{"start": 3}', ["one", "two"])["start"] == 3
    with pytest.raises(Refused, match="at most 2 arguments, not 3"):
        placed(mix, [1, 2, 3], ["one", "two"])


def test_streams_beside_the_whole_argument_and_beside_all_arguments():
    async def whole(numbers: AsyncIterator[int], data: Point): ...

    async def every(numbers: AsyncIterator[int], *rest: int):
        return numbers, rest

    assert placed(whole, [{"x": 1}], ["one"]) == {"data": Point(1), "numbers": "one"}
    taken = placed(every, [1, 2], ["one"])
    assert taken == {"rest": [1, 2], "numbers": "one"}
    running = Handler("f", every).called(**taken)
    with pytest.raises(StopIteration) as done:
        running.send(None)
    assert done.value.value == ("one", (1, 2))


async def generator() -> AsyncIterator[int]:
    yield 1


async def bare():
    yield 1


async def coroutine() -> Point: ...


def plain() -> int: ...


def makes_a_stream() -> AsyncGenerator[str, None]:
    return generator()


class Object:
    async def __call__(self, data): ...

    async def method(self, data): ...


@pytest.mark.parametrize(
    ("function", "streams", "threaded", "returns"),
    [
        (generator, True, False, int),
        (bare, True, False, Any),
        (coroutine, False, False, Point),
        (plain, False, True, int),
        (makes_a_stream, True, False, str),
        (functools.partial(plain), False, True, int),
        (functools.partial(coroutine), False, False, Point),
        (Object(), False, False, Any),
        (Object().method, False, False, Any),
    ],
)
def test_how_a_handler_runs(function, streams, threaded, returns):
    handler = Handler("f", function)
    assert (handler.streams, handler.threaded, handler.returns) == (streams, threaded, returns)
    assert handler.detached == streams
    assert handler.steadfast == threaded
    assert handler.immediate == threaded


def test_options():
    inline = Handler("f", plain, HandlerOptions(inline=True))
    assert (inline.threaded, inline.immediate, inline.steadfast) == (False, True, False)
    assert Handler("f", coroutine, HandlerOptions(concurrent=True)).detached
    assert Handler("f", coroutine, HandlerOptions(finish=True)).steadfast


def generates():
    yield 1


async def both(data: int, other: int): ...


async def closed(file: open): ...


async def closed_stream(items: AsyncIterator[Object]): ...


async def unknown(data: "Nowhere"): ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "options", "why"),
    [
        (lambda **fields: 0, {}, "parameters are passed by name"),
        (lambda data, /: 0, {}, "parameters are passed by name"),
        (dict, {}, "does not say what it takes"),
        (both, {}, "`data` is the whole argument, `other` a field of it"),
        (closed, {}, "`file`: data cannot be read as"),
        (closed_stream, {}, "`items`: data cannot be read as Object"),
        (unknown, {}, "'Nowhere' is not defined"),
        (generates, {}, "write `async def`"),
        (generator, {"finish": True}, "a stream ends with its client"),
        (coroutine, {"inline": True}, "`inline` is for plain functions"),
    ],
)
def test_a_handler_that_could_never_be_called_is_refused_at_once(function, options, why):
    with pytest.raises(TypeError, match=f"^handler of 'f': .*{why}"):
        Handler("f", function, HandlerOptions(**options))


@pytest.mark.parametrize("kind", [Order, Order | None, Slip, Struck], ids=str)
def test_the_only_parameter_with_fields_of_its_own_is_the_whole_argument(kind):
    def buy(caller: Caller, order: kind) -> None: ...

    handler = Handler("buy", buy)
    taken = handler.bind(CALLER, Raw(b'{"item":"tea","count":2}'), ())
    item = taken["order"]["item"] if isinstance(taken["order"], dict) else taken["order"].item
    assert item == "tea"


def test_beside_another_it_is_a_field():
    def buy(order: Order, gift: bool) -> None: ...

    taken = Handler("buy", buy).bind(CALLER, Raw(b'{"order":{"item":"tea"},"gift":true}'), ())
    assert (taken["order"].item, taken["gift"]) == ("tea", True)


def placed(function, arguments, streams=()):
    """Bind arguments by their positions, as JSON text and as MessagePack: both give the same."""
    handler = Handler("f", function)
    as_json = handler.bind(CALLER, Raw(msgspec.json.encode(arguments)), streams, positional=True)
    packed = handler.bind(CALLER, Packed(msgspec.msgpack.encode(arguments)), streams, positional=True)
    assert as_json == packed
    return as_json


def test_arguments_by_position_are_fields_in_their_order():
    def add(caller: Caller, a: int, b: int = 2, *, point: Point | None = None): ...

    assert placed(add, [1]) == {"caller": CALLER, "a": 1}
    assert placed(add, [1, 3]) == {"caller": CALLER, "a": 1, "b": 3}
    assert placed(add, [1, 3, {"x": 4}]) == {"caller": CALLER, "a": 1, "b": 3, "point": Point(4)}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([1, 2, 3], "at most 2 arguments, not 3"),
        ([], r"missing required field `a`"),
        (["1"], r"got `str` - at `\$.a`"),
        ({"a": 1}, "Expected `array`"),
    ],
)
def test_arguments_by_position_that_a_handler_does_not_take(arguments, why):
    def add(a: int, b: int = 2): ...

    with pytest.raises(Refused, match=why) as no:
        placed(add, arguments)
    assert no.value.code == 107


def test_arguments_by_position_are_the_whole_argument():
    assert placed(lambda data: 0, [5]) == {"data": 5}
    assert placed(lambda data: 0, [[5]]) == {"data": [5]}
    assert placed(lambda data: 0, [5, "x"]) == {"data": [5, "x"]}
    assert placed(lambda data: 0, []) == {"data": []}
    with pytest.raises(Refused, match="Expected `array`"):
        placed(lambda data: 0, 5)


def test_arguments_by_position_may_be_ignored():
    assert placed(lambda: 0, [1, 2]) == {}


def test_binary_arguments_by_position():
    def keep(name: str, content: bytes): ...

    packed = Packed(msgspec.msgpack.encode(["a", b"\x01"]))
    assert Handler("f", keep).bind(CALLER, packed, None, positional=True) == {"name": "a", "content": b"\x01"}


def test_all_arguments_as_they_come():
    async def several(caller: Caller, *words: int, **_):  # pragma: no cover - declared wrong
        return words

    with pytest.raises(TypeError, match="parameters are passed by name"):
        Handler("f", several)

    def every(caller: Caller, *words: int, member: Member):
        return caller, words, member

    handler, caller = Handler("f", every), SimpleNamespace(member="m")
    for data, positional, words in ((b"[1,2]", True, (1, 2)), (b"3", False, (3,)), (None, False, ())):
        bound = handler.bind(caller, Raw(data) if data else None, None, positional=positional)
        assert handler.called(**bound) == (caller, words, "m")
    with pytest.raises(Refused):
        handler.bind(caller, Raw(b'["a"]'), (), positional=True)
    with pytest.raises(TypeError, match="take one or the other"):
        Handler("f", lambda first, *words: None)
