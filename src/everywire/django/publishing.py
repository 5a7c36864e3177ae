"""Publishing from Django: from views, signals, commands and tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial
from typing import Any, TypeVar, Unpack

from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation

from everywire.app.speaking import PublishOptions
from everywire.brokers.base import Receipt
from everywire.django.process import publisher
from everywire.django.settings import chosen
from everywire.hub.threads import Elsewhere

__all__ = ["apublish", "elsewhere", "publish", "waited"]

T = TypeVar("T")
_log = logging.getLogger("everywire.django")


def publish(
    channel: str,
    data: Any = None,
    *,
    timeout: float | None = None,
    wait: bool = True,
    **options: Unpack[PublishOptions],
) -> Receipt | None:
    """Publish `data` to `channel` in the server's own name, from any plain code, and give its place in the log; `options` are those of `Everywire.publish`.

    It waits `timeout` seconds for that (EVERYWIRE["PUBLISH_TIMEOUT"], 5, unless given) and raises `TimeoutError` then: it may or may not be published.
    Without `wait` it comes back at once, with None. Raises what `Everywire.publish` raises, and `SynchronousOnlyOperation` in an event loop.
    """
    given = _limit(timeout)
    _check_plain()
    publishing = elsewhere(publisher().publish(channel, data, **options))
    if wait:
        return waited(publishing, given, f"a publication in {channel!r}")
    publishing.watch(partial(_complain, channel))
    return None


def _complain(channel: str, fault: BaseException | None) -> None:
    if fault is not None:
        _log.error("a publication in %r, which nobody waits for, failed: %s", channel, fault)


async def apublish(
    channel: str, data: Any = None, *, timeout: float | None = None, **options: Unpack[PublishOptions]
) -> Receipt:
    """Publish as `publish` does, in a coroutine, whatever loop runs it: gives the place in the log, and raises the same."""
    given = _limit(timeout)
    app = await sync_to_async(publisher, thread_sensitive=False)()
    try:
        return await asyncio.wait_for(_settled(app.publish(channel, data, **options)), given)
    except TimeoutError:
        raise TimeoutError(_unknown(f"a publication in {channel!r}", given)) from None


async def _settled(publishing: Any) -> Receipt:
    receipt: Receipt = await publishing
    return receipt


def elsewhere(work: Awaitable[T]) -> Elsewhere[T]:
    """Give work of another thread's loop as what it is; code that is called in the hub's own thread cannot wait for it."""
    if not isinstance(work, Elsewhere):
        raise SynchronousOnlyOperation("this is the thread of the hub's own event loop")
    return work


def waited(work: Elsewhere[T], timeout: float, what: str) -> T:
    """Wait for it; raises `TimeoutError`, which says that nobody knows."""
    try:
        return work.result(timeout)
    except TimeoutError:
        raise TimeoutError(_unknown(what, timeout)) from None


def _unknown(what: str, timeout: float) -> str:
    return f"nothing was heard of {what} for {timeout:g} s: it may have been published, or be yet"


def _limit(timeout: float | None) -> float:
    return chosen().publish_timeout if timeout is None else timeout


def _check_plain() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SynchronousOnlyOperation("publish would have an event loop wait: await apublish(…) there")
