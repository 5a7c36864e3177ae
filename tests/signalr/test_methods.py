"""The methods of a hub's class: what clients may call, by which names, with what, and what they are told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from tests.signalr.nets import hall

from everywire import Caller, Everywire
from everywire.signalr import Hub, HubException, hub_method
from everywire.testing import Refusal


@dataclass
class Order:
    item: str
    count: int = 1


class Base(Hub):
    async def inherited(self):
        return "from the base"


class Shop(Base):
    async def send_message(self, user: str, text: str, loud: bool = False):
        return [user, text, loud]

    async def order(self, order: Order):
        return f"{order.count} {order.item}"

    async def put(self, data: str, other: int):
        return [data, other]

    async def anything(self, caller, member):
        return [caller, member]

    async def who(self, caller: Caller):
        return caller.session

    async def total(self, *prices: float):
        return sum(prices)

    @hub_method("Fancy-Name")
    async def plain_name(self):
        return "fancy"

    def blocking(self, number: int):
        return number + 1

    async def count(self, up_to: int):
        for number in range(up_to):
            yield number

    async def made(self, up_to: int) -> AsyncIterator[int]:
        return self._numbers(up_to)

    async def up(self, items: AsyncIterator[int], more: int = 0):
        return sum([item async for item in items]) + more

    async def _numbers(self, up_to):
        for number in range(up_to):
            yield number

    @staticmethod
    def helper():
        return "no method of the hub"


@pytest.fixture
def shop():
    with hall(Shop) as running:
        yield running


def test_a_method_is_called_by_its_name_and_by_dotnets(shop):
    client, said = shop.come(), {"user": "ada", "text": "hi"}
    for name in ("send_message", "SendMessage"):
        assert shop.call(client, name, said) == ["ada", "hi", False]
    assert shop.call(client, "Inherited") == "from the base"
    assert shop.call(client, "Fancy-Name") == "fancy"


@pytest.mark.parametrize(
    "name",
    [
        "plain_name",
        "PlainName",
        "_numbers",
        "helper",
        "on_connected",
        "OnConnected",
        "OnDisconnected",
        "clients",
        "__init__",
    ],
)
def test_nothing_else_is_called(shop, name):
    with pytest.raises(Refusal, match="unknown name"):
        shop.call(shop.come(), name)


def test_handlers_of_the_application_are_none_of_the_hubs():
    app = Everywire()
    app.on("other")(lambda: 1)
    with hall(Shop, app) as running, pytest.raises(Refusal, match="unknown name"):
        running.call(running.come(), "other")


def test_arguments_are_read_as_their_hints_say(shop):
    client = shop.come()
    assert shop.call(client, "order", {"item": "tea", "count": 2}) == "2 tea"
    assert shop.call(client, "anything", {"caller": 1, "member": 2}) == [1, 2]
    assert shop.call(client, "who") == client.session
    assert shop.call(client, "Total", 1.5) == 1.5
    with pytest.raises(Refusal, match=r"Expected `str`, got `int` - at `\$.text`"):
        shop.call(client, "send_message", {"user": "ada", "text": 5})


def test_a_parameter_called_data_is_one_like_the_others(shop):
    assert shop.call(shop.come(), "put", {"data_": "x", "other": 1}) == ["x", 1]


def test_a_plain_method_runs_in_a_thread_and_gives_its_result(shop):
    assert shop.call(shop.come(), "blocking", {"number": 1}) == 2


def test_streams_go_both_ways(shop):
    client = shop.come()
    for name in ("count", "made"):
        client.send("call", name=name, data={"up_to": 2}, credit=9)
        shop.net.run()
        assert [event.get("data") for event in client.events()] == [0, 1, None]
    asked = client.send("call", name="up", data={"more": 10}, streaming=True)
    shop.net.run()
    for item in (1, 2):
        client.send("item", id=asked, data=item)
    client.send("end", id=asked)
    shop.net.run()
    assert client.answer(asked)["data"] == 13


class Faulty(Hub):
    async def refused(self):
        raise HubException("sold out")

    async def broken(self):
        raise ValueError("the password is 1234")

    async def breaks(self):
        yield 1
        raise ValueError("the password is 1234")

    def blocking(self):
        raise HubException("in a thread")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("refused", "An unexpected error occurred invoking 'refused' on the server. HubException: sold out"),
        ("broken", "An unexpected error occurred invoking 'broken' on the server."),
        ("Blocking", "An unexpected error occurred invoking 'Blocking' on the server. HubException: in a thread"),
    ],
)
def test_an_error_is_worded_as_dotnet_does(name, said):
    with hall(Faulty) as running, pytest.raises(Refusal) as no:
        running.call(running.come(), name)
    assert no.value.reason == said


def test_a_stream_that_breaks_says_what_came_before():
    with hall(Faulty, detailed_errors=True) as running:
        client = running.come()
        client.send("call", name="breaks", credit=9)
        running.net.run()
        item, error = client.events()
    assert item["data"] == 1
    assert error["reason"].endswith("ValueError: the password is 1234")


def test_services_are_given_by_type_and_closed_when_the_call_is_over():
    told = []

    class Database:
        pass

    @asynccontextmanager
    async def opened():
        told.append("opened")
        try:
            yield Database()
        finally:
            told.append("closed")

    class Kept(Hub):
        def __init__(self, database: Database) -> None:
            self.database = database

        async def same(self, number: int, database: Database, text: str = "x"):
            return [self.database is database, number, text]

        async def items(self, database: Database):
            yield 1
            told.append("asked for more")
            yield 2

    with hall(Kept, services={Database: opened}) as running:
        client = running.come()
        told.clear()
        assert running.call(client, "same", {"number": 1}) == [True, 1, "x"]
        assert told == ["opened", "closed"]
        asked = client.send("call", name="items", credit=1)
        running.net.run()
        client.send("cancel", id=asked)
        running.net.run()
        assert told == ["opened", "closed", "opened", "closed"]


def test_services_come_behind_all_that_the_client_says():
    class Behind(Hub):
        async def total(self, *prices: float, scale: int):
            return scale * sum(prices)

    class Before(Hub):
        async def total(self, scale: int, *prices: float):
            return scale * sum(prices)

    with hall(Behind, services={int: 10}) as running:
        assert running.call(running.come(), "Total", 1.5) == 15
    with pytest.raises(TypeError, match=r"services are named behind `\*prices`"):
        Everywire().host("", Before, {"services": {int: 10}})


class Twice(Hub):
    async def say(self):
        pass

    async def Say(self):  # noqa: N802 - what the test is about
        pass


class Unreadable(Hub):
    async def take(self, what: object):
        pass


class Selfless(Hub):
    async def take(text: str):  # noqa: N805 - what the test is about
        pass


class Empty(Hub):
    async def take():
        pass


class Unknown(Hub):
    async def take(self, what: "Missing"):  # noqa: F821 - what the test is about
        pass


class Plain(Hub):
    def count(self):
        yield 1


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        (Plain, r"Plain\.count: a stream is an async generator: write `async def`"),
        (Twice, "both called 'Say'"),
        (Unreadable, "`what`: data cannot be read as object.* a service: services={Type: …}"),
        (Selfless, "Selfless.take: a hub's method has `self` in front"),
        (Empty, "Empty.take: a hub's method has `self` in front"),
        (Unknown, "a hint is not known"),
    ],
)
def test_a_method_that_could_never_be_called_is_told_where_the_hub_is_declared(hub: Any, said: str):
    with pytest.raises(TypeError, match=said):
        Everywire().host("", hub, {})


class Out(BaseModel):
    name: str


class Row(Out):
    password: str


class Rows(Hub):
    async def one(self) -> Out:
        return Row(name="ann", password="hash")

    async def all(self) -> AsyncIterator[Out]:
        yield Row(name="ann", password="hash")


@pytest.mark.parametrize("name", ["One", "All"])
def test_a_result_has_what_the_type_has_that_it_is_declared_with(name):
    with hall(Rows) as made:
        client = made.come()
        if name == "One":
            assert made.call(client, name) == {"name": "ann"}
        else:
            client.send("call", name=name, credit=9)
            made.net.run()
            assert [each["data"] for each in client.events("item")] == [{"name": "ann"}]
