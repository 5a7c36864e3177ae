"""What the client's verbs say, as the native wire has it: seconds become milliseconds, what is not wanted is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from everywire.client.wire import Position

__all__ = ["Since", "Where", "called", "history", "publish"]


class Where(TypedDict, total=False):
    """Whom a publication is for, and what it does to a keyed channel.

    exclude: sessions that are not told. to_session, to_user: nobody else is told. entry: the one that it sets, or with `remove` deletes; ttl: seconds
    after which that is gone; expect: compare-and-set, the offset of the publication that set the entry last, 0 for "there is none".
    """

    exclude: Sequence[str]
    to_session: str
    to_user: str
    entry: str
    expect: int
    ttl: float
    remove: bool


class Since(TypedDict, total=False):
    """Which part of a history: at most `limit`, after `since`, published at `from_time` (milliseconds since 1970) or later, the latest first if `reverse`."""

    limit: int | None
    since: Position | None
    reverse: bool
    from_time: int | None


def publish(channel: str, data: Any, key: str | None, where: Where, *, ephemeral: bool) -> dict[str, Any]:
    """Give a `publish` without its id."""
    to = {name: where.get(f"to_{name}") for name in ("session", "user") if where.get(f"to_{name}") is not None}
    ttl = where.get("ttl")
    return {
        "type": "publish",
        "channel": channel,
        "data": data,
        "key": key,
        "ephemeral": ephemeral or None,
        "exclude": list(where.get("exclude", ())) or None,
        "to": to or None,
        "entry": where.get("entry"),
        "expect": where.get("expect"),
        "ttl": None if ttl is None else round(ttl * 1000),
        "remove": where.get("remove") or None,
    }


def history(channel: str, since: Since) -> dict[str, Any]:
    """Give a `history` without its id."""
    return {"type": "history", "channel": channel, **since, "reverse": since.get("reverse") or None}


def called(name: str, data: Any, timeout: float | None, credit: int = 0, *, streaming: bool) -> dict[str, Any]:
    """Give a `call` without its id."""
    return {
        "type": "call",
        "name": name,
        "data": data,
        "timeout": None if timeout is None else round(timeout * 1000),
        "credit": credit or None,
        "streaming": streaming or None,
    }
