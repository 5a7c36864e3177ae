"""A view of one node, or of several as one: counters and what there is at this moment, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from everywire.hub.hub import Hub

__all__ = ["View", "look", "total"]


class View(msgspec.Struct):
    """What is to be seen: `counters` only grow, the rest is as of now.

    `connections` are counted by how they are carried; `disconnects` and `refused` by their code, as text. `publish_counts` are the
    buckets of `everywire.metrics.Durations`, `publish_seconds` their sum. `nodes` names the nodes in it.
    """

    nodes: list[str]
    counters: dict[str, int]
    connections: dict[str, int]
    disconnects: dict[str, int]
    refused: dict[str, int]
    sessions: int = 0
    users: int = 0
    channels: int = 0
    subscriptions: int = 0
    waiting: int = 0
    publish_counts: list[int] = []
    publish_seconds: float = 0.0


def look(hub: Hub) -> View:
    """Give the view of a hub; it takes a few microseconds per connection."""
    metrics = hub.metrics
    carried = Counter(_carriage(attachment.transport) for attachment in hub.attachments)
    published = metrics.publish_seconds.snapshot()
    return View(
        nodes=[hub.node],
        counters=metrics.snapshot(),
        connections=dict(carried),
        disconnects={str(code): count for code, count in metrics.disconnects.items()},
        refused={str(code): count for code, count in metrics.refused.items()},
        sessions=len(hub.sessions),
        users=len({session.user for session in hub.sessions.values() if session.user is not None}),
        channels=len(hub.channels),
        subscriptions=sum(len(channel.subscriptions) for channel in hub.channels.values()),
        waiting=sum(len(attachment.inbox) for attachment in hub.attachments),
        publish_counts=published["counts"],
        publish_seconds=published["total"],
    )


def _carriage(transport: Any) -> str:
    """Name how a transport is carried: "websocket", "sse", …"""
    kind = getattr(transport, "kind", None)
    return kind if isinstance(kind, str) else type(transport).__name__.removesuffix("Transport").lower()


def total(views: Iterable[View]) -> View:
    """Give several nodes as one: everything is added up; a channel or user on two nodes counts twice."""
    whole = View([], {}, {}, {}, {})
    for view in views:
        whole.nodes += view.nodes
        for name in ("counters", "connections", "disconnects", "refused"):
            setattr(whole, name, dict(Counter(getattr(whole, name)) + Counter(getattr(view, name))))
        for name in ("sessions", "users", "channels", "subscriptions", "waiting", "publish_seconds"):
            setattr(whole, name, getattr(whole, name) + getattr(view, name))
        counts = whole.publish_counts or [0] * len(view.publish_counts)
        whole.publish_counts = [a + b for a, b in zip(counts, view.publish_counts, strict=True)]
    return whole
