"""What the client's verbs say, as the native wire has it: seconds become milliseconds, what is not wanted is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from everywire.client import given
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
    """Give a `publish` without its id. Raises TypeError and `ValueError` for what makes no sense: see `Where`."""
    _check(channel, key, where)
    to = {name: where.get(f"to_{name}") for name in ("session", "user") if where.get(f"to_{name}") is not None}
    return {
        "type": "publish",
        "channel": channel,
        "data": data,
        "key": key,
        "ephemeral": ephemeral or None,
        "exclude": list(where.get("exclude") or ()) or None,
        "to": to or None,
        "entry": where.get("entry"),
        "expect": where.get("expect"),
        "ttl": given.milliseconds("ttl", where.get("ttl"), positive=True),
        "remove": where.get("remove") or None,
    }


def _check(channel: str, key: str | None, where: Where) -> None:
    given.only("publish", where, Where.__annotations__)
    given.text("channel", channel)
    given.text("key", key, none=True)
    for name in ("to_session", "to_user", "entry"):
        given.text(name, where.get(name), none=True)
    if where.get("exclude") is not None:
        given.names("exclude", where["exclude"], "session ids")
    given.count("expect, the offset of a publication,", where.get("expect"), none=True)
    if where.get("to_session") is not None and where.get("to_user") is not None:
        raise ValueError("a publication is for to_session or for to_user, not for both")
    about = [name for name in ("expect", "ttl") if where.get(name) is not None] + ["remove"] * bool(where.get("remove"))
    if where.get("entry") is None and about:
        raise ValueError(f"{', '.join(about)}: that is about an entry, and entry= is missing")


def history(channel: str, since: Since) -> dict[str, Any]:
    """Give a `history` without its id. Raises TypeError and `ValueError` for what makes no sense."""
    given.only("history", since, Since.__annotations__)
    given.text("channel", channel)
    given.count("limit", since.get("limit"), none=True)
    given.count("from_time, in milliseconds since 1970,", since.get("from_time"), none=True)
    given.choice(since=since.get("since"))
    return {"type": "history", "channel": channel, **since, "reverse": since.get("reverse") or None}


def called(name: str, data: Any, timeout: float | None, credit: int = 0, *, streaming: bool) -> dict[str, Any]:
    """Give a `call` without its id. Raises TypeError and `ValueError` for what makes no sense."""
    given.text("name", name)
    return {
        "type": "call",
        "name": name,
        "data": data,
        "timeout": given.milliseconds("timeout", timeout),
        "credit": credit or None,
        "streaming": streaming or None,
    }
