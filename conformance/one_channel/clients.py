"""The clients as the meeting sees them: all have the same few words, wherever they run."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from conformance.one_channel.families import Family

import everywire

__all__ = ["Client", "Curl", "Node", "Page", "Python", "Remote"]

HERE = Path(__file__).resolve().parent
OURS = Path(everywire.__file__).parent / "_static"

Heard = list[tuple[str, int]]
"""Who published which number, in the order in which it was heard."""


class Client(Protocol):
    """One client in the channel."""

    async def open(self) -> str:
        """Connect and subscribe; gives by what transport."""

    async def publish(self, count: int) -> None:
        """Publish the numbers from 1 to `count`, one after the other."""

    async def heard(self, count: int, patience: float) -> Heard:
        """Wait until so many publications were heard, or for `patience` seconds; gives all that there are."""

    async def history(self) -> Heard:
        """Give what the channel keeps."""

    async def presence(self) -> dict[str, str]:
        """Give who is there: the dialect of each by its user."""

    async def add(self, one: int, other: int) -> int:
        """Call a handler of the application."""

    async def close(self) -> None:
        """Leave."""


class Host(Protocol):
    """A place where JavaScript clients run."""

    async def ask(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done there; gives the answer."""


class Node:
    """A process of Node with clients in it.

    Invariants: `_answers` holds what was asked and is not answered yet.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, program: Path, packages: Path) -> AsyncIterator[Node]:
        """Run it; it is gone when the block ends."""
        command = [str(program), str(HERE / "node.mjs"), str(packages), str(OURS)]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
        node = cls(process)
        try:
            yield node
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await node._reading

    async def ask(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done there; raises `RuntimeError` where that fails."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, **said}).encode() + b"\n")
        given = await answer
        if "error" in given:
            raise RuntimeError(given["error"])
        return given

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            self._answers.pop(said["id"]).set_result(said)
        for answer in self._answers.values():
            answer.set_exception(RuntimeError("the process of Node has ended"))


class Page:
    """A page of a browser with clients in it; `page` is Playwright's."""

    def __init__(self, page: Any) -> None:
        self._page = page

    async def ask(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done there."""
        given: dict[str, Any] = await self._page.evaluate("said => obey(said)", dict(said))
        return given


class Remote:
    """A client in JavaScript."""

    def __init__(self, family: Family, host: Host, url: str, channel: str) -> None:
        self._host = host
        self._who = family.who
        self._opening = {"kind": family.kind, "options": dict(family.options), "url": url, "channel": channel}

    async def _ask(self, do: str, **said: Any) -> dict[str, Any]:
        return await self._host.ask({"do": do, "who": self._who, **said})

    async def open(self) -> str:
        given = await self._ask("open", **self._opening)
        return given.get("transport") or "websocket"

    async def publish(self, count: int) -> None:
        await self._ask("publish", count=count)

    async def heard(self, count: int, patience: float) -> Heard:
        given = await self._ask("until", count=count, patience=patience)
        return [(who, n) for who, n in given["heard"]]

    async def history(self) -> Heard:
        return [(who, n) for who, n in (await self._ask("history"))["heard"]]

    async def presence(self) -> dict[str, str]:
        members: dict[str, str] = (await self._ask("presence"))["members"]
        return members

    async def add(self, one: int, other: int) -> int:
        total: int = (await self._ask("add", one=one, other=other))["sum"]
        return total

    async def close(self) -> None:
        await self._ask("close")


class Python:
    """Our own client, in this process."""

    def __init__(self, family: Family, url: str, channel: str) -> None:
        address = f"{url.replace('http', 'ws', 1)}/everywire"
        options: dict[str, Any] = dict(family.options)
        self._who = family.who
        self._channel = channel
        self._client = everywire.Client(address, token=family.who, **options)
        self._heard: Heard = []
        self._news = asyncio.Event()

    def _hear(self, publication: everywire.Publication[Any]) -> None:
        self._heard.append(_said(publication.data))
        self._news.set()

    async def open(self) -> str:
        await self._client.connect()
        await self._client.subscribe(self._channel, on_publication=self._hear).ready()
        return str(self._client.transport)

    async def publish(self, count: int) -> None:
        for n in range(1, count + 1):
            await self._client.publish(self._channel, {"who": self._who, "n": n})

    async def heard(self, count: int, patience: float) -> Heard:
        await _until(self._heard, count, self._news, patience)
        return self._heard

    async def history(self) -> Heard:
        return [_said(each.data) for each in (await self._client.history(self._channel)).publications]

    async def presence(self) -> dict[str, str]:
        return {str(each.user): each.dialect for each in await self._client.presence(self._channel)}

    async def add(self, one: int, other: int) -> int:
        return await self._client.call("add", {"one": one, "other": other}, type=int)

    async def close(self) -> None:
        await self._client.close()


class Curl:
    """curl: it hears server-sent events, and says everything else by a request each."""

    def __init__(self, family: Family, url: str, channel: str) -> None:
        self._url = f"{url}/everywire"
        self._channel = channel
        self._who = family.who
        self._heard: Heard = []
        self._news = asyncio.Event()
        self._subscribed = asyncio.Event()

    def _command(self, path: str, *arguments: str) -> list[str]:
        return ["curl", "-sSN", "-H", f"Authorization: Bearer {self._who}", *arguments, f"{self._url}/{path}"]

    async def _ask(self, path: str, said: Any = None) -> Any:
        command = self._command(path, *(("-d", json.dumps(said)) if said is not None else ()))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        answer, _ = await process.communicate()
        return json.loads(answer)

    async def open(self) -> str:
        command = self._command(f"sse?channel={self._channel}&presence=1")
        self._process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=1 << 24)
        self._reading = asyncio.ensure_future(self._read())
        await self._subscribed.wait()
        return "sse"

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.startswith(b"event: subscribed"):
                self._subscribed.set()
            elif line.startswith(b"data: ") and (said := json.loads(line[6:]))["type"] == "publication":
                self._heard.append(_said(said["data"]))
                self._news.set()

    async def publish(self, count: int) -> None:
        for n in range(1, count + 1):
            await self._ask("publish", {"channel": self._channel, "data": {"who": self._who, "n": n}})

    async def heard(self, count: int, patience: float) -> Heard:
        await _until(self._heard, count, self._news, patience)
        return self._heard

    async def history(self) -> Heard:
        heard: Heard = []
        page = await self._ask(f"history?channel={self._channel}")
        while page["publications"]:
            heard += [_said(each["data"]) for each in page["publications"]]
            since = f"{page['epoch']}:{page['publications'][-1]['offset']}"
            page = await self._ask(f"history?channel={self._channel}&since={since}")
        return heard

    async def presence(self) -> dict[str, str]:
        members = (await self._ask(f"presence?channel={self._channel}"))["members"]
        return {each["user"]: each.get("dialect", "native") for each in members}

    async def add(self, one: int, other: int) -> int:
        total: int = (await self._ask("call/add", {"one": one, "other": other}))["data"]
        return total

    async def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
        await self._reading


def _said(data: dict[str, Any]) -> tuple[str, int]:
    return data["who"], data["n"]


async def _until(heard: Heard, count: int, news: asyncio.Event, patience: float) -> None:
    """Wait until so much was heard, of which there are `news` each time, or for `patience` seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while len(heard) < count:
                news.clear()
                await news.wait()
