"""A scripted server: tests see each command and tell each event themselves. Time is virtual."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

from everywire.client.hub import Client


class Script:
    """A `Dial` whose connections are one script: `said` are the commands, `tell` says an event."""

    def __init__(self, **welcome: Any) -> None:
        self.said: list[dict] = []
        self.welcome = welcome
        self.connections = 0

    async def dial(self, heard: Any, down: Any) -> Script:
        self._heard, self._down = heard, down
        self.connections += 1
        return self

    def send(self, message: str | bytes) -> None:
        command = json.loads(message)
        self.said.append(command)
        if command["type"] == "connect":
            known = {"session": "s", "user": None, "resume": "r", "resumed": self.connections > 1}
            beat = {"heartbeat": {"every": 25000, "patience": 10000}}
            self.tell(type="connected", id=command["id"], **{**known, **beat, **self.welcome})

    def tell(self, **event: Any) -> None:
        asyncio.get_running_loop().call_soon(self._heard, json.dumps(event))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._down(code, reason)

    def abort(self) -> None:
        self._down(1006, "")

    def cut(self, code: int = 1006) -> None:
        self._down(code, "")

    def client(self, **options: Any) -> Client:
        return Client("ws://script", dial=self.dial, dice=Random(1), **options)

    def last(self, kind: str) -> dict:
        """The latest command of a kind."""
        return [command for command in self.said if command["type"] == kind][-1]

    def all(self, kind: str) -> list[dict]:
        return [command for command in self.said if command["type"] == kind]


async def settle() -> None:
    """Let everything happen that takes no time."""
    for _ in range(10):
        await asyncio.sleep(0)
