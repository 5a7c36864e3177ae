"""Lines under the fuzzer: in whatever order requests come, each is answered, messages keep their numbers, and in the end nothing is left.

An input is a list of steps of three bytes: what is done, and two that say how.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from inspect import isawaitable
from typing import Any

import atheris

with atheris.instrument_imports(include=["everywire.gateway", "everywire.transports", "everywire.dialects"]):
    from everywire.app import Everywire
    from everywire.gateway import HttpSettings

from everywire.http.request import Headers, Request
from everywire.http.streamed import Streamed
from everywire.hub.settings import Settings
from everywire.testing import Net
from everywire.transports.http import LineLimits
from fuzz import judge

MANY = 500  # inputs that one application lives through
STATUSES = {200, 201, 204, 400, 401, 403, 404, 405, 409, 410, 413, 429, 500, 503}
PAGES = ({}, {"Origin": "https://here"}, {"Origin": "https://evil"}, {"Origin": "https://listed"}, {"Cookie": "a=b"})
BODIES = (
    b"",
    b'{"type":"connect","id":1}',
    b'[{"type":"connect","id":1},{"type":"subscribe","id":2,"channel":"room"}]',
    b'{"type":"publish","id":3,"channel":"room","data":"%b"}' % (b"x" * 60),
    b'{"type":"publish","id":3,"channel":"room","data":"%b"}' % (b"x" * 900),
    b'{"type":"unsubscribe","id":4,"channel":"room"}',
    b'{"type":"ping","id":5}',
    b'{"type":"leave"}',
    b"[]",
    b"{",
    b'{"type":"nothing"}',
    b"\xff",
)
WAYS = ("poll", "poll", "stream", "sse", "other")


class Outlet:
    """A client that reads what it is sent, or not."""

    def __init__(self) -> None:
        self.body = b""
        self.backlog = 0
        self.over = False
        self.producer: Any = None

    def write(self, data: bytes) -> None:
        """Keep it."""
        if self.over:
            raise judge.Finding("something is written after the end")
        self.body += data

    def queued(self) -> int:
        """What has not left, as the input has it."""
        return self.backlog

    def push(self) -> None:
        """Nothing leaves."""

    def crowd(self, low: int) -> None:
        """Be asked for `drained`."""

    def end(self) -> None:
        """End."""
        self.over = True

    abort = end


class Ours(logging.Handler):
    """Keeps the last error that is said to be ours."""

    found: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.found = f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''!r}"


class Place:
    """An application that lives through many inputs, and what the present one has of it."""

    def __init__(self) -> None:
        limits = LineLimits(write_high=512, write_limit=2048, keep=256)
        app = Everywire(
            http=HttpSettings(
                limits=limits, max_lines=3, patience=0.2, origins=["https://here", "https://listed", None]
            ),
            settings=Settings(linger=1.0, connect_deadline=1.0),
        )
        app.channel("room", history=5)
        self.net = Net(app)
        self.used = 0
        self.begin()

    def begin(self) -> None:
        """Have nothing."""
        self.lines: list[str] = []
        self.told: dict[tuple[str, int], Any] = {}
        self.waiting: list[tuple[asyncio.Future[Any], str, int]] = []
        self.outlets: list[tuple[Outlet, str, int]] = []

    def ask(self, method: str, target: str, body: bytes, how: int, hears: tuple[str, int] = ("", 0)) -> None:
        """Ask, and see what is answered, now or later; `hears` is the line that messages are asked of, and after which."""
        line, after = hears
        fields = [("Host", "here"), *PAGES[how % len(PAGES)].items()]
        request = Request(method, f"/everywire/{target}", Headers(fields), body=body)
        request.facts = self
        answer: Any = self.net.gateway.accept(request)
        if isawaitable(answer):
            self.waiting.append((asyncio.ensure_future(answer, loop=self.net.loop), line, after))
        else:
            self.see(answer, line, after)

    def extra(self, name: str) -> Any:
        """Tell where requests come from."""
        return ("192.0.2.7", 1) if name == "peername" else None

    def see(self, answer: Any, line: str, after: int) -> None:
        """Look at an answer; None is for others to give."""
        if answer is None:
            return
        if answer.status not in STATUSES:
            raise judge.Finding(f"{answer!r}")
        if isinstance(answer, Streamed):
            outlet = Outlet()
            self.outlets.append((outlet, line, after))
            outlet.producer = answer.start(outlet)
        elif answer.status == 201:
            self.lines.append(json.loads(answer.body)["line"])
        elif answer.status == 200 and line:
            self.count(line, after, json.loads(answer.body))

    def count(self, line: str, after: int, messages: list[Any]) -> None:
        """Compare messages with those that had their numbers before."""
        for number, message in enumerate(messages, after + 1):
            if message.get("type") != "close" and self.told.setdefault((line, number), message) != message:
                raise judge.Finding(f"message {number} of a line was {self.told[line, number]}, and is {message}")

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and look at what was answered meanwhile."""
        await asyncio.sleep(seconds)
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if each[0].done():
                if not each[0].cancelled():
                    self.see(each[0].result(), *each[1:])
            else:
                self.waiting.append(each)

    async def step(self, what: int, one: int, two: int) -> None:
        """Do what three bytes say."""
        line = self.lines[one % len(self.lines)] if self.lines else "a.b"
        match what % 8:
            case 0:
                self.ask("POST", "lines", BODIES[one % len(BODIES)], two)
            case 1 | 2:
                self.ask("POST", f"lines/{line}?seq={one >> 4}", BODIES[two % len(BODIES)], two >> 6)
            case 3 | 4:
                wait, after = (0, 5, 30_000)[two % 3], two >> 4
                way = f"{WAYS[what // 8 % 5]}?after={after}&wait={wait}"
                self.ask("GET", f"lines/{line}/{way}", b"", two >> 2 & 3, (line, after))
            case 5:
                await self.pass_time((0.0, 0.001, 0.1, 0.3, 0.9, 1.5)[one % 6])
            case 6:
                self.client(one, two)
            case _:
                self.other(one, two)

    def client(self, one: int, two: int) -> None:
        """Have the client of a response read, or go; or give up a request."""
        if one & 1 and self.waiting:
            self.waiting[two % len(self.waiting)][0].cancel()
        elif self.outlets:
            outlet = self.outlets[two % len(self.outlets)][0]
            if one & 2:
                outlet.backlog = (one >> 2) * 64
            elif not outlet.over:
                outlet.backlog = 0
                outlet.producer.drained()
            if one & 8 and not outlet.over:
                outlet.over = True
                outlet.producer.gone()

    def other(self, one: int, two: int) -> None:
        """Ask for something that is no line's."""
        targets = (
            "publish",
            "sse?channel=room",
            "history?channel=room",
            "presence?channel=room",
            "lines/a.b",
            "sse?channel=none",
        )
        line = self.lines[0] if self.lines else "a.b"
        method = ("GET", "POST", "DELETE", "OPTIONS", "HEAD")[two % 5]
        target = (*targets, f"lines/{line}")[one % 7]
        self.ask(method, target, b'{"channel":"room","data":1}', one >> 4)

    async def end(self) -> None:
        """Let every client go, and everything be forgotten."""
        for outlet, line, after in self.outlets:
            if line and not outlet.body.startswith(b":") and b"data:" not in outlet.body:
                self.count(line, after, [json.loads(each) for each in outlet.body.splitlines()])
            if not outlet.over:
                outlet.over = True
                outlet.producer.gone()
        for future, _, _ in self.waiting:
            future.cancel()
        await asyncio.sleep(5)
        left = len(self.net.gateway.lines)
        counts = dict(self.net.gateway._crowd._counts)
        if left or counts:
            raise judge.Finding(f"{left} lines are left, and counted are {counts}")
        self.begin()
        self.used += 1


OURS = Ours(logging.ERROR)
for name in ("everywire", "asyncio"):
    logging.getLogger(name).addHandler(OURS)
    logging.getLogger(name).propagate = False
place: list[Place] = []


async def live(here: Place, data: bytes) -> None:
    """Do the steps, then end."""
    for at in range(0, min(len(data), 96) - 2, 3):
        await here.step(*data[at : at + 3])
    await here.pass_time(0)
    await here.end()


def one_input(data: bytes) -> None:
    """Try one input; any exception is a finding."""
    if not place or place[0].used >= MANY:
        place[:] = [Place()]
    place[0].net.loop.run_until_complete(live(place[0], data))
    if OURS.found is not None:
        found, OURS.found = OURS.found, None
        raise judge.Finding(found)


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
