"""What is known of an application's calls and channels."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, make_dataclass
from typing import Any

import pydantic
import pytest
from tests.describing import shop

from everywire.app import Everywire
from everywire.describing import describe


@pytest.fixture(scope="module")
def contract():
    return describe(shop.app.hooks)


def call(contract, name):
    return next(each for each in contract.calls if each.name == name)


def test_what_calls_take_and_give(contract):
    order = call(contract, "order")
    assert order.about == "Order things."
    assert (order.takes, order.gives) == ({"$ref": "#/components/schemas/Order"}, {"type": "integer"})
    assert (order.sends, order.streams) == (None, False)
    find = call(contract, "find").takes
    assert find["required"] == ["text", "address"]
    assert find["properties"]["limit"] == {"type": "integer"}
    assert call(contract, "odd").takes == call(contract, "odd").gives == {}
    assert call(contract, "secretive").takes is None


def test_streams(contract):
    prices, upload, chat = (call(contract, name) for name in ("watch prices", "upload", "chat"))
    assert (prices.streams, prices.sends, prices.gives["type"]) == (True, None, "array")
    assert (upload.streams, upload.sends["contentEncoding"], upload.gives) == (False, "base64", {"type": "integer"})
    assert chat.streams
    assert chat.sends == chat.gives == {"$ref": "#/components/schemas/Message"}


def test_an_item_may_be_one_of_any_of_several_streams():
    app = Everywire()

    @app.on("mix")
    async def mix(numbers: AsyncIterator[int], words: AsyncIterator[str]): ...

    assert call(describe(app.hooks), "mix").sends == {"anyOf": [{"type": "integer"}, {"type": "string"}]}


def test_what_channels_carry(contract):
    known = {each.pattern: (each.parameters, each.heard, each.published) for each in contract.channels}
    text: dict[str, str] = {"name": "str"}
    assert known == {
        "news": ({}, True, False),
        "inbox": ({}, False, True),
        "room:{name}": (text, True, True),
        "cell:{row}:{column}": ({"row": "str", "column": "str"}, True, True),
        "game:{number}:{side}": ({"number": "int", "side": "str"}, True, True),
        "file:{id}": ({"id": "uuid"}, True, True),
        "file:{name}": (text, True, True),
    }
    assert contract.channels[0].carries == {"$ref": "#/components/schemas/Notice"}


def test_every_type_is_written_once(contract):
    assert {*contract.types} >= {"Item", "Size", "Message", "Notice", "Order", "Customer", "Address"}
    assert contract.types["Order"]["properties"]["customer"] == {"$ref": "#/components/schemas/Customer"}
    assert "$defs" not in str(contract.types)


def test_types_of_one_name_are_told_apart():
    @dataclass
    class Address:
        line: str

    app = Everywire()

    @app.on("f")
    async def f(data: Address) -> shop.Order: ...

    with pytest.raises(ValueError, match="two different types are called Address"):
        describe(app.hooks)


def test_a_result_that_cannot_be_said_is_unknown():
    app = Everywire()

    class Own: ...

    @app.on("f")
    async def f() -> Own: ...

    assert describe(app.hooks).calls[0].gives == {}


def test_two_of_our_own_of_one_name_get_longer_ones():
    app = Everywire()
    one, other = make_dataclass("Point", [("x", int)]), make_dataclass("Point", [("x", str)], namespace={"a": 1})
    one.__module__, other.__module__ = "maps", "charts"
    app.channel("a", data=one)
    app.channel("b", data=other)
    assert len(describe(app.hooks).types) == 2


def test_an_application_without_anything():
    contract = describe(Everywire().hooks)
    assert (contract.calls, contract.channels, contract.types) == ((), (), {})


def test_a_model_alone():
    class Model(pydantic.BaseModel):
        anything: Any

    app = Everywire()
    app.channel("a", data=Model)
    [channel] = describe(app.hooks).channels
    assert channel.carries["properties"]["anything"]["title"] == "Anything"
