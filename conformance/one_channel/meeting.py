"""The meeting: all clients in one channel of one application, and what is wrong with what they heard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from conformance.one_channel.clients import HERE, OURS, Client, Curl, Heard, Node, Page, Python, Remote
from conformance.one_channel.families import Family

from everywire import Everywire
from everywire.brokers.base import Query
from everywire.http.request import Response

__all__ = ["Machines", "Outcome", "Spoken", "application", "meet"]

CHANNEL = "room:everybody"
SUM = (20, 22)


@dataclass(slots=True)
class Spoken:
    """What one client was told: by the channel, of its history, of who is there, and by the handler; `transport` is how it came."""

    transport: str = ""
    heard: Heard = field(default_factory=list)
    history: Heard = field(default_factory=list)
    presence: dict[str, str] = field(default_factory=dict)
    total: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of a meeting of `families`, of whom each published `count` times; `log` is the channel's own."""

    families: Sequence[Family]
    count: int
    log: Heard
    spoken: dict[str, Spoken]
    seconds: float

    def passed(self, publisher: str, listener: str) -> int:
        """How many of the publisher's numbers the listener heard in their order, from the first on."""
        numbers = [n for who, n in self.spoken[listener].heard if who == publisher]
        return next((at for at, n in enumerate(numbers) if n != at + 1), len(numbers))

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it has to be, a line each."""
        names = [family.who for family in self.families]
        missing = sorted({(who, n) for who in names for n in range(1, self.count + 1)} - {*self.log})
        found = [f"the log is without {missing}"] if missing else []
        pairs = ((one, other) for one in names for other in names if self.passed(one, other) != self.count)
        found += [f"{other} did not hear all of {one} in order" for one, other in pairs]
        return found + [fault for family in self.families for fault in self._of(family)]

    def _of(self, listener: Family) -> list[str]:
        name, spoken = listener.who, self.spoken[listener.who]
        known = {family.who: family.dialect for family in self.families}
        judged = {
            f"was carried by {spoken.transport}": spoken.transport == listener.transport,
            "heard another order than the log's": spoken.heard == self.log,
            "was told another history than the log": spoken.history == self.log,
            f"was told of other members: {spoken.presence}": spoken.presence == known,
            f"was answered {spoken.total}": spoken.total == sum(SUM),
        }
        return [f"{name} {fault}" for fault, right in judged.items() if not right]


@dataclass(frozen=True, slots=True)
class Machines:
    """The programs that clients need: Node, the folder with npm's packages, and a browser of Playwright's if any of them are in a page."""

    node: Path
    packages: Path
    browser: Any = None


def application(packages: Path) -> Everywire:
    """One application for all of them: a kind of channel, a handler, and who says so is who it is."""
    app = Everywire()
    app.socketio()
    app.signalr("/hub")
    app.sockjs("/sockjs", client_url="/npm/sockjs-client/dist/sockjs.min.js")
    app.channel("room:{name}", history=10_000, presence=True)
    app.on_connect(lambda connecting: connecting.token)

    @app.on("add")
    def add(one: int, other: int) -> int:
        return one + other

    @app.route("/")
    def page(_: object) -> Response:
        return Response(200, (HERE / "page.html").read_bytes(), [("Content-Type", "text/html; charset=utf-8")])

    app.static("/npm", packages / "node_modules")
    app.static("/everywire-js", OURS)
    app.static("/one-channel", HERE)
    return app


async def meet(families: Sequence[Family], machines: Machines, count: int, patience: float = 60) -> Outcome:
    """Have them all in one channel, each publishing `count` times while all others do; gives what became of it."""
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        app = application(machines.packages)
        server = await stack.enter_async_context(app.serving("127.0.0.1"))
        url = f"http://127.0.0.1:{server.port}"
        clients = await stack.enter_async_context(_clients(families, machines, url))
        spoken: dict[str, Spoken] = {}
        async with asyncio.timeout(patience):
            for who, client in clients.items():
                spoken[who] = Spoken(await client.open())
                stack.push_async_callback(client.close)
        async with asyncio.timeout(patience):
            await asyncio.gather(*(client.publish(count) for client in clients.values()))
        total = count * len(families)
        async with asyncio.timeout(2 * patience):
            await asyncio.gather(*(_ask(client, spoken[who], total, patience) for who, client in clients.items()))
        log = await _log(app)
    return Outcome(families, count, log, spoken, time.monotonic() - began)


async def _log(app: Everywire) -> Heard:
    """Give the channel's log as the broker has it."""
    stretch = await app.hub.broker.read(CHANNEL, Query(), app.hub.place(CHANNEL).kind.retention)
    said = [msgspec.json.decode(each.data) for each in stretch.publications]
    return [(each["who"], each["n"]) for each in said]


async def _ask(client: Client, spoken: Spoken, total: int, patience: float) -> None:
    spoken.heard = await client.heard(total, patience)
    spoken.history = await client.history()
    spoken.presence = await client.presence()
    spoken.total = await client.add(*SUM)


@contextlib.asynccontextmanager
async def _clients(families: Sequence[Family], machines: Machines, url: str) -> AsyncIterator[dict[str, Client]]:
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(Node.running(machines.node, machines.packages))
        made: dict[str, Client] = {}
        for family in families:
            match family.home:
                case "python":
                    made[family.who] = Python(family, url, CHANNEL)
                case "curl":
                    made[family.who] = Curl(family, url, CHANNEL)
                case "page":
                    page = await stack.enter_async_context(_page(machines.browser, url))
                    made[family.who] = Remote(family, page, url, CHANNEL)
                case _:
                    made[family.who] = Remote(family, node, url, CHANNEL)
        yield made


@contextlib.asynccontextmanager
async def _page(browser: Any, url: str) -> AsyncIterator[Page]:
    """Open a page in a context of its own: those of one context share six connections to a server."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_function("Boolean(window.obey)")
    yield Page(page)
    await context.close()
