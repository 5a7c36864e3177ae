"""Signals that end a server."""

import asyncio
import signal

import pytest

from everywire.servers.asgi import Signals


@pytest.fixture
def heard():
    """What a server heard, which has handlers of its own."""
    heard = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda number, frame: heard.append(number))
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


async def until(there):
    async with asyncio.timeout(5):
        while not there():
            await asyncio.sleep(0)


async def test_the_server_hears_once_the_clients_are_gone(heard):
    gone, leaving = asyncio.Event(), []

    async def leave():
        leaving.append(1)
        await gone.wait()

    signals = Signals(leave)
    signals.begin()
    signal.raise_signal(signal.SIGTERM)
    await until(lambda: leaving)
    assert heard == []
    gone.set()
    await until(lambda: heard)
    assert (heard, leaving) == ([signal.SIGTERM], [1])
    signals.end()


async def test_the_second_signal_goes_through(heard):
    signals = Signals(asyncio.Event().wait)
    signals.begin()
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    await until(lambda: heard)
    assert heard == [signal.SIGINT]
    signals.end()


async def test_at_its_end_all_is_as_it_was(heard):
    before = signal.getsignal(signal.SIGTERM)
    signals = Signals(asyncio.Event().wait)
    signals.begin()
    ours = signal.getsignal(signal.SIGTERM)
    later = Signals(asyncio.Event().wait)
    later.begin()
    signals.end()
    assert signal.getsignal(signal.SIGTERM) != before  # the later one calls it on
    ours(signal.SIGTERM, None)
    assert heard == [signal.SIGTERM]
    later.end()
    assert signal.getsignal(signal.SIGTERM) == ours


def test_without_a_server_that_hears_nothing_is_done():
    async def within():
        before = signal.getsignal(signal.SIGINT)
        signals = Signals(asyncio.Event().wait)
        signals.begin()
        assert signal.getsignal(signal.SIGINT) is before  # that of asyncio.run
        signals.end()

    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(within())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_other_threads_hear_no_signals(heard):
    before = signal.getsignal(signal.SIGTERM)

    async def elsewhere():
        signals = Signals(asyncio.Event().wait)
        signals.begin()
        signals.end()

    await asyncio.to_thread(lambda: asyncio.run(elsewhere()))
    assert signal.getsignal(signal.SIGTERM) is before
