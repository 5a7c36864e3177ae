"""Lifespan: told of start and end, in every mode, also by applications that do not know it or do it wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from everywire.servers.host.lifespan import Lifespan, StartupFailed


def telling(*said: str) -> tuple[Any, list[str]]:
    """Give an application that answers each event by the next of `said`, and what it heard."""
    heard: list[str] = []

    async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        assert scope["type"] == "lifespan"
        scope["state"]["db"] = 7
        for each in said:
            heard.append((await receive())["type"])
            await send({"type": each, "message": "no db"})

    return app, heard


COMPLETE = "lifespan.startup.complete", "lifespan.shutdown.complete"


@pytest.mark.parametrize("mode", ["auto", "on"])
async def test_an_application_is_told_of_its_start_and_its_end_and_leaves_state(mode):
    app, heard = telling(*COMPLETE)
    async with Lifespan(app, mode) as state:
        assert heard == ["lifespan.startup"]
        assert state == {"db": 7}
    assert heard == ["lifespan.startup", "lifespan.shutdown"]


async def test_nothing_is_told_where_it_is_off():
    app, heard = telling(*COMPLETE)
    async with Lifespan(app, "off") as state:
        assert state is None
    assert heard == []


@pytest.mark.parametrize("mode", ["auto", "on"])
async def test_an_application_that_says_it_cannot_start_does_not(mode):
    app, _ = telling("lifespan.startup.failed")
    with pytest.raises(StartupFailed, match="no db"):
        async with Lifespan(app, mode):
            raise AssertionError("it runs")


async def test_what_a_framework_says_by_a_traceback_is_told_without_the_frameworks_lines():
    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        raise KeyError("no such table")
        yield

    with pytest.raises(StartupFailed) as caught:
        async with Lifespan(Starlette(lifespan=life)):
            raise AssertionError("it runs")
    told = caught.value.in_words()
    assert told.startswith("the application does not start:\nTraceback")
    assert told.endswith("in life\n    raise KeyError(\"no such table\")\nKeyError: 'no such table'")
    assert "starlette" not in told


@pytest.mark.parametrize(("said", "told"), [("no db", "no db"), ("", "it does not say why")])
def test_what_an_application_said_is_one_line(said, told):
    assert StartupFailed(said).in_words() == f"the application does not start: {told}"


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("http alone")


async def dropping(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise KeyError("no such thing")


async def silent(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def talkative(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.parametrize("app", [deaf, dropping, silent, talkative])
async def test_one_that_raises_or_returns_is_served_without_unless_lifespan_is_demanded(app, caplog):
    async with Lifespan(app) as state:
        assert state is None
    with pytest.raises(StartupFailed):
        async with Lifespan(app, "on"):
            raise AssertionError("it runs")


async def test_an_error_at_the_start_is_in_the_log_but_not_that_lifespan_is_unknown(caplog):
    async with Lifespan(dropping, name="shop:app"):
        pass
    assert "shop:app raised at startup, and is served without lifespan" in caplog.text
    caplog.clear()
    async with Lifespan(deaf):
        pass
    assert caplog.text == ""


async def test_one_that_hangs_at_its_end_is_cancelled_and_the_place_is_named(caplog):
    cancelled = asyncio.Event()

    async def hangs_here() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await hangs_here()

    async with Lifespan(app, name="shop:app", patience=0.01):
        pass
    assert cancelled.is_set()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(f"shop:app hangs at shutdown in {__file__}, line ")
    assert "hangs_here: cancelled after 0.01 seconds" in record.getMessage()


async def test_what_is_said_out_of_order_is_the_applications_own_error(caplog):
    errors = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        for kind in ("lifespan.startup.complete", "http.response.start"):
            try:
                await send({"type": kind})
            except RuntimeError as error:
                errors.append(str(error))
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "a leak"})

    async with Lifespan(app, name="shop:app"):
        pass
    assert errors == [
        "Expected ASGI message nothing, but got 'lifespan.startup.complete'.",
        "Expected ASGI message nothing, but got 'http.response.start'.",
    ]
    assert "the shutdown of shop:app failed: a leak" in caplog.text


async def test_one_that_ends_early_or_raises_while_it_runs_does_no_harm(caplog):
    async def returns(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    async def raises(scope: Any, receive: Any, send: Any) -> None:
        await returns(scope, receive, send)
        await receive()
        raise OSError("disk")

    async with Lifespan(returns) as state:
        assert state == {}
    assert caplog.text == ""
    async with Lifespan(raises, name="shop:app"):
        pass
    assert "the lifespan of shop:app raised" in caplog.text


async def test_its_start_can_be_given_up():
    begun, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async def enter() -> None:
        async with Lifespan(app):
            pass

    task = asyncio.ensure_future(enter())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_there_are_three_modes():
    with pytest.raises(ValueError, match="'auto', 'on' or 'off'"):
        Lifespan(deaf, "maybe")  # type: ignore[arg-type]
