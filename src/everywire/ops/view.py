"""A view of one node, or of several as one: counters and what there is at this moment, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from everywire.hub.hub import Hub

__all__ = ["View", "linked", "look", "total"]


_ADDED: Final = "sessions users channels subscriptions waiting queued changes linked silent".split()


class View(msgspec.Struct):
    """What is to be seen: `counters` only grow, the rest is as of now.

    `connections` are counted by how they are carried; `disconnects` and `refused` by their code, as text. `publish_counts` are the
    buckets of `everywire.metrics.Durations`, `publish_seconds` their sum. `nodes` names the nodes in it, `silent` counts those that did
    not answer, and `linked` those whose broker is within reach. `queued` are bytes that wait for slow clients, `dropped` publications
    that a policy left out, by its kind, `changes` comings and goings that hooks are learning of.
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
    queued: int = 0
    changes: int = 0
    linked: int = 0
    silent: int = 0
    dropped: dict[str, int] = {}


def look(hub: Hub) -> View:
    """Give the view of a hub; it takes a few microseconds per connection."""
    metrics = hub.metrics
    wholes = {attachment.whole for attachment in hub.attachments}
    carried = Counter(attachment.carriage for attachment in wholes)
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
        queued=sum(getattr(attachment.transport, "queued", 0) for attachment in wholes),
        changes=hub.changes.pending,
        linked=int(linked(hub)),
        dropped=dict(metrics.dropped),
        publish_counts=published["counts"],
        publish_seconds=published["total"],
    )


def linked(hub: Hub) -> bool:
    """Say whether the broker is within reach, as far as is known without asking it."""
    return bool(getattr(hub.broker, "linked", True))


def total(views: Iterable[View]) -> View:
    """Give several nodes as one: everything is added up; a channel or user on two nodes counts twice."""
    whole = View([], {}, {}, {}, {})
    for view in views:
        whole.nodes += view.nodes
        for name in ("counters", "connections", "disconnects", "refused", "dropped"):
            setattr(whole, name, _sum(getattr(whole, name), getattr(view, name)))
        for name in _ADDED:
            setattr(whole, name, getattr(whole, name) + getattr(view, name))
        # Of another number of buckets are those of another release: they mean something else.
        if not whole.publish_counts or len(whole.publish_counts) == len(view.publish_counts):
            counts = whole.publish_counts or [0] * len(view.publish_counts)
            whole.publish_counts = [a + b for a, b in zip(counts, view.publish_counts, strict=True)]
            whole.publish_seconds += view.publish_seconds
    return whole


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
