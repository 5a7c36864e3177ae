"""A process that talks as a test tells it: one JSON object to a line comes in, each is answered by one; `talker.mjs` does the same in Node.

{"id": 1, "do": "meet", "who": "ada", "url": …, "channel": …, "file": …} makes a client, which publishes once and waits until it hears that;
"say" publishes so many numbers, "hear" waits until an offset was heard, "over" for a transport, "leave" writes the log.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import everywire
from everywire.client import ladder, lifetime, line
from everywire.testing import Log, Published, Witness, passed, save

UNDER_WAY = 50


class Talker:
    """One client under its name, until it leaves."""

    def __init__(self, who: str, url: str, channel: str, file: str, **options: Any) -> None:
        connect = {"proxy": options.pop("proxy", None)}
        if authority := options.pop("authority", None):
            connect["ssl"] = ssl.create_default_context(cafile=authority)
        self.who, self.file = who, Path(file)
        self.changes: list[str] = []
        self.published: list[Published] = []
        self.began = time.monotonic()
        self.client = everywire.Client(url, connect=connect, on_state=self._change, **options)
        self.witness = Witness(self.client, who, channel)
        self.channel = channel
        self.said = 0

    def _change(self, change: everywire.Change) -> None:
        self.changes.append(change.state.value)

    @property
    def stand(self) -> dict[str, Any]:
        """How it stands."""
        return {
            "transport": self.client.transport,
            "known": ladder._memory.get(self.client.url),
            "connected": self.changes.count("connected"),
        }

    @property
    def offset(self) -> int:
        """Where it is in the channel."""
        position = self.witness.subscription.position
        return position.offset if position is not None else 0

    async def meet(self) -> dict[str, Any]:
        """Connect, publish, and hear that; `first` is how many seconds that took."""
        await self.client.connect()
        connected = time.monotonic() - self.began
        await self.witness.ready()
        await self.say(1)
        await self.hear(self.published[0].position.offset)
        return {"first": time.monotonic() - self.began, "welcome": connected}

    async def say(self, count: int) -> dict[str, Any]:
        """Publish so many numbers, and wait until all are acknowledged."""
        gate = asyncio.Semaphore(UNDER_WAY)
        await asyncio.gather(*[self._say(number, gate) for number in range(self.said, self.said + count)])
        return {}

    async def _say(self, number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            self.said += 1
            position = await self.client.publish(self.channel, {"sender": self.who, "number": number})
        assert position is not None
        self.published.append(Published(position, self.who, number))

    async def hear(self, offset: int) -> dict[str, Any]:
        """Wait until the publication at `offset` was heard."""
        while self.offset < offset:
            await passed(0.005)
        return {}

    async def over(self, transport: str) -> dict[str, Any]:
        """Wait until this transport carries the connection."""
        while self.client.transport != transport:
            await passed(0.005)
        return {}

    async def show(self) -> dict[str, Any]:
        """Say how it stands."""
        return {}

    async def leave(self) -> dict[str, Any]:
        """Write everything down, and go."""
        self.witness.settle()
        save(self.file, Log(self.who, self.witness.log.entries), self.published)
        await self.client.close()
        return {}


def hurry() -> None:
    """Let better transports be tried after a moment, where an application's clients wait for minutes."""
    lifetime._CLIMB = (0.5, 0.5)
    line._BETTER = (0.5, 0.5)


async def obey(talkers: dict[str, Talker], said: dict[str, Any]) -> None:
    """Do one thing, and answer."""
    number, do = said.pop("id"), said.pop("do")
    try:
        if do == "meet":
            talkers[said["who"]] = Talker(**said)
            said = {"who": said["who"]}
        talker = talkers[said.pop("who")]
        answer = {**await getattr(talker, do)(**said), **talker.stand}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps({"id": number, **answer}), flush=True)


async def main() -> None:
    """Obey until nothing more is said."""
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    talkers: dict[str, Talker] = {}
    tasks = set()
    while text := await reader.readline():
        said = json.loads(text)
        if said["do"] == "hurry":
            hurry()
            print(json.dumps({"id": said["id"]}), flush=True)
        else:
            tasks.add(asyncio.create_task(obey(talkers, said)))


if __name__ == "__main__":
    asyncio.run(main())
