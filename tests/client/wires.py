"""Clients on an application in memory, under virtual time, over wires that can be cut."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from everywire.app import Everywire
from everywire.client.hub import Subscription
from everywire.testing import Dialling, Net

DELAY = 0.01  # seconds that a message is on its way


async def elapse(seconds: float) -> None:
    """Let virtual time pass: that takes no time."""
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    loop.call_later(seconds, due.set_result, None)
    await due


class Wires(Dialling):
    """A network of its own."""

    def __init__(self, app: Everywire, seed: int = 0) -> None:
        super().__init__(Net(app, seed), seed, delay=DELAY)

    def __enter__(self) -> Wires:
        return self

    def __exit__(self, *_: Any) -> None:
        self.net.__exit__()


def told(wires: Wires, kind: str) -> list[dict]:
    """Every command of a kind that reached any wire."""
    said = [json.loads(text) for wire in wires.all for text in wire.said]
    return [command for command in said if command["type"] == kind]


async def data(subscription: Subscription, count: int) -> list:
    return [(await anext(subscription)).data for _ in range(count)]
