"""Services: made for one call or once, closed afterwards, and nonsense told where it is written."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest

from everywire.signalr.services import Scope, Services, singleton


class Settings:
    pass


class Database:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.closed = False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *failure):
        self.closed = True


class Clock(Protocol):
    def now(self) -> int: ...


class RealClock:
    def now(self):
        return 7


async def test_an_object_is_the_same_for_all():
    settings, clock = Settings(), RealClock()
    services = Services({Settings: settings, Clock: clock})
    async with Scope(services) as scope:
        assert await scope.get(Settings) is settings
        assert await scope.get(Clock) is clock


async def test_what_a_class_makes_is_for_one_call_which_closes_it():
    settings = Settings()
    services = Services({Settings: settings, Database: Database})
    async with Scope(services) as scope:
        database = await scope.get(Database)
        assert await scope.get(Database) is database
        assert database.settings is settings
        assert not database.closed
    assert database.closed
    async with Scope(services) as scope:
        assert await scope.get(Database) is not database


async def test_factories_may_be_functions_of_any_kind():
    ended = []

    def plain() -> int:
        return 1

    async def later() -> str:
        return "later"

    @asynccontextmanager
    async def during():
        yield 2.5
        ended.append("during")

    async def given():
        yield b"given"
        ended.append("given")

    services = Services({int: plain, str: later, float: during, bytes: given})
    async with Scope(services) as scope:
        assert [await scope.get(kind) for kind in (int, str, float, bytes)] == [1, "later", 2.5, b"given"]
        assert ended == []
    assert ended == ["given", "during"]


async def test_who_fails_is_seen_by_what_closes():
    seen = []

    @asynccontextmanager
    async def transaction():
        try:
            yield 1
        except ValueError as error:
            seen.append(str(error))
            raise

    with pytest.raises(ValueError, match="in the call"):
        async with Scope(Services({int: transaction})) as scope:
            await scope.get(int)
            raise ValueError("in the call")
    assert seen == ["in the call"]


async def test_a_singleton_is_made_once_for_all_and_closed_at_the_end():
    made = []

    async def opened(settings: Settings):
        await asyncio.sleep(0)
        made.append(Database(settings))
        return made[-1]

    services = Services({Settings: singleton(Settings), Database: singleton(opened)})

    async def wanted():
        async with Scope(services) as scope:
            return await scope.get(Database)

    assert await asyncio.gather(wanted(), wanted()) == [made[0], made[0]]
    assert len(made) == 1
    assert not made[0].closed
    await services.close()
    assert made[0].closed


async def test_a_singleton_that_could_not_be_made_is_tried_again():
    tries = []

    async def opened():
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise OSError("not there yet")
        return 1

    services = Services({int: singleton(opened)})

    async def wanted():
        async with Scope(services) as scope:
            return await scope.get(int)

    failed, given = await asyncio.gather(wanted(), wanted(), return_exceptions=True)
    assert isinstance(failed, OSError)
    assert given == 1


async def test_what_is_being_made_as_the_application_ends_fails_by_its_own_error():
    ended = asyncio.Event()

    async def opened() -> int:
        await ended.wait()
        raise OSError("not there any more")

    services = Services({int: singleton(opened)})

    async def wanted():
        async with Scope(services) as scope:
            return await scope.get(int)

    waiting = asyncio.ensure_future(wanted())
    await asyncio.sleep(0)
    await services.close()
    ended.set()
    with pytest.raises(OSError, match="not there any more"):
        await waiting


@dataclass
class Left:
    right: "Right"


@dataclass
class Right:
    left: Left


def needs_left(left: Left) -> Right:
    return Right(left)


def needs_right(right: Right) -> Left:
    return Left(right)


def of_a_call(settings: Settings) -> int:
    return 1


def without_hint(what):
    return 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({Settings: 5}, "the service Settings is an object of that type, or what makes one, not 5"),
        (
            {Database: Database},
            "the service Database: the parameter 'settings' is a Settings, of which there is no service: services={Settings: …}",
        ),
        ({int: without_hint}, "the service int: the parameter 'what' has no hint that says which service it is"),
        ({"Settings": Settings()}, "services are found by type: services={Settings: …}, not {'Settings': …}"),
        ({Right: needs_left, Left: needs_right}, "services need each other: Right needs Left needs Right"),
        (
            {Settings: Settings, int: singleton(of_a_call)},
            "the singleton int needs Settings, which is made for one call",
        ),
    ],
)
def test_what_makes_no_sense_is_told_where_it_is_declared(given, said):
    with pytest.raises(TypeError) as told:
        Services(given)
    assert str(told.value) == said


async def test_what_has_a_default_need_not_be_a_service():
    def made(size: int = 3) -> str:
        return "x" * size

    async with Scope(Services({str: made})) as scope:
        assert await scope.get(str) == "xxx"
