"""Parameters that no client sends, by a resolver of this test's own: what the hub does with any."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.calling.handlers import Handler, HandlerOptions
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


class Clock:
    """What a handler may want."""


class Giving:
    """Gives a clock, and notes what becomes of it."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.log: list[Any] = []

    def __call__(self, signature: inspect.Signature) -> "Giving | None":
        self.names = frozenset(name for name, each in signature.parameters.items() if each.annotation is Clock)
        if "wrong" in self.names:
            raise TypeError("no clock is wrong")
        return self if self.names else None

    @asynccontextmanager
    async def given(self, asker: Any) -> AsyncIterator[dict[str, Any]]:
        self.log.append(f"for {asker.user}")
        try:
            yield dict.fromkeys(self.names, "noon")
        except KeyError as error:
            raise Refused("no such hour", 1001) from error
        finally:
            self.log.append("end")


@pytest.fixture
def giving():
    return Giving()


@pytest.fixture
def app():
    app = Everywire(settings=Settings(heartbeat=Heartbeat(every=100_000)))
    app.on_connect(lambda connecting: "ada")
    return app


def declared(app, giving, function, **options):
    app.hooks.handlers["f"] = Handler("f", function, HandlerOptions(**options), giving)
    return app.hooks.handlers["f"]


def called(net, data=None, **fields):
    client = net.connect()
    asked = client.send("call", name="f", data=data, **fields)
    net.run(1)
    return client, asked


def test_they_are_given_beside_what_the_client_sends(app, giving, net):
    async def f(a: int, clock: Clock) -> list[Any]:
        giving.log.append("f")
        return [a, clock]

    declared(app, giving, f)
    client, asked = called(net, {"a": 1, "clock": "mine"})
    assert client.answer(asked)["data"] == [1, "noon"]
    assert giving.log == ["for ada", "f", "end"]


@pytest.mark.parametrize("inline", [True, False])
def test_plain_functions_take_them_too(app, giving, net, inline):
    def f(clock: Clock, *rest: int) -> list[Any]:
        return [clock, *rest]

    handler = declared(app, giving, f, inline=inline)
    assert (handler.threaded, handler.direct) == (not inline, False)
    client, asked = called(net, 5)
    assert client.answer(asked)["data"] == ["noon", 5]


def test_they_last_as_long_as_a_stream(app, giving, net):
    async def f(clock: Clock) -> AsyncIterator[str]:
        yield clock
        await passed(5)
        yield clock

    declared(app, giving, f)
    client, _ = called(net, credit=5)
    assert giving.log == ["for ada"]
    net.run(5)
    assert [each["data"] for each in client.events("item")] == ["noon", "noon"]
    assert giving.log == ["for ada", "end"]


def test_what_is_raised_may_come_out_as_something_else(app, giving, net):
    async def f(clock: Clock) -> None:
        raise KeyError(clock)

    declared(app, giving, f)
    client, asked = called(net)
    with pytest.raises(Refusal, match="1001 no such hour"):
        client.answer(asked)


def test_who_is_lost_ends_them(app, giving, net):
    async def f(clock: Clock) -> None:
        await passed(60)

    declared(app, giving, f)
    client, _ = called(net)
    client.drop()
    net.run(1)
    assert giving.log == ["for ada", "end"]


def test_what_could_never_be_given_is_told_where_it_is_declared(app, giving):
    async def f(wrong: Clock) -> None: ...

    with pytest.raises(TypeError, match="handler of 'f': no clock is wrong"):
        declared(app, giving, f)


def test_without_any_a_handler_is_what_it_was(app, giving):
    handler = declared(app, giving, lambda a: a, inline=True)
    assert handler.resolution is None
    assert handler.direct


def test_a_server_that_ends_waits_for_what_is_done_afterwards(app):
    done = []

    async def work() -> None:
        await passed(2)
        done.append("work")

    @app.on("f")
    async def f(caller):
        caller.afterwards(work())

    with Net(app) as net:
        called(net)
        assert done == []
    assert done == ["work"]
