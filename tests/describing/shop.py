"""An application with everything that a contract can say, for the tests of its descriptions."""

import datetime
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, TypedDict

import msgspec
import pydantic

from everywire.app import Everywire
from everywire.hub.calling.callers import Caller


class Size(enum.Enum):
    SMALL = "small"
    BIG = "big"


@dataclass
class Item:
    """A thing that is sold.

    It has a */ in its words.
    """

    name: str
    size: Size
    price: float
    tags: list[str | int]
    photo: bytes | None = None
    parts: "list[Item] | None" = None


class Message(msgspec.Struct, tag="message"):
    text: str
    at: datetime.datetime


class Notice(msgspec.Struct, tag="notice"):
    urgent: bool


class Odd(TypedDict, total=False):
    between: tuple[int, str]


OddNames = TypedDict("OddNames", {"a-b": int, "class": dict[str, float]})


class Address(pydantic.BaseModel):
    """Where somebody lives."""

    street: str


class Customer(pydantic.BaseModel):
    name: str
    address: Address
    kind: Literal["person", "company"] = "person"


@dataclass
class Order:
    customer: Customer
    items: list[Item]


def make() -> Everywire:
    app = Everywire()
    app.channel("news", data=Notice, may_publish=False)
    app.channel("room:{name}", data=Message | Notice)
    app.channel("cell:{row}:{column}", data=list[float])
    app.channel("inbox", may_subscribe=False)
    app.channel("game:{number:int}:{side}", data=bool)
    app.channel("file:{id:uuid}", data=str)
    app.channel("file:{name}", data=int)

    @app.on("order")
    async def order(data: Order) -> int:
        """Order things.

        The rest is for the server's own people.
        """

    @app.on("customer")
    async def customer(caller: Caller, data: Customer | None) -> list[Customer]: ...

    @app.on("find")
    async def find(text: str, address: Address, limit: int = 10) -> dict[str, Item]: ...

    @app.on("watch prices")
    async def prices(names: list[str]) -> AsyncIterator[tuple[str, float]]:
        yield "tea", 1.0

    @app.on("upload")
    async def upload(pieces: AsyncIterator[bytes]) -> int: ...

    @app.on("chat")
    async def chat(messages: AsyncIterator[Message]) -> AsyncIterator[Message]:
        async for message in messages:
            yield message

    app.on("odd")(lambda member, data: data)

    @app.on("odder")
    async def odder(data: Odd) -> OddNames: ...

    @app.on("secretive")
    async def secretive() -> object: ...

    return app


app = make()
