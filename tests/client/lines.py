"""Lines on an application in memory, under virtual time: what a server does with HTTP requests, and what networks do to them."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from everywire.client.address import parse
from everywire.client.http import Ask, Broken
from everywire.client.ladder import Ladder, Memory
from everywire.dialects.native import SUBPROTOCOL
from everywire.errors import HandshakeError
from everywire.http.request import Headers, Request, Response
from everywire.testing import Net
from everywire.testing.transport import CARRIER

DELAY = 0.01


async def elapse(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    loop.call_later(seconds, due.set_result, None)
    await due


class ServerLine:
    """The server's end of a line: a transport whose messages wait until they are asked for."""

    carrier = CARRIER

    def __init__(self, net: Net) -> None:
        self.messages: list[str] = []
        self.seq = 0
        self.closed: tuple[int, str] | None = None
        self.news = asyncio.Event()
        self.hearer = 0
        asked = [("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", SUBPROTOCOL)]
        self.line: Any = net.gateway.open(self, Request("GET", net.app.path, Headers(asked)))

    @property
    def wire(self) -> Any:
        return self

    def send(self, payloads: Any) -> None:
        self.messages.extend(payload.data for payload in payloads)
        self.news.set()

    async def drain(self) -> None:
        pass

    def close(self, code: int, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.news.set()
            asyncio.get_running_loop().call_soon(self.line.lost, code)


class Network:
    """Makes `Web`s. What is wrong on the way: `refusing` (a status for opening lines), `buffered` (kinds of streams that a proxy keeps back), `unfit`
    (kinds that are answered 405), `losing` (so many answers to POSTs get lost), `down` (nothing goes through), `cutting` (streams end after each message).
    """

    def __init__(self, net: Net) -> None:
        self.net = net
        self.lines: dict[str, ServerLine] = {}
        self.asked: list[str] = []
        self.refusing: int | None = None
        self.buffered: set[str] = set()
        self.unfit: set[str] = set()
        self.losing = 0
        self.down = False
        self.cutting = False
        self.upgrading: Exception | None = HandshakeError("no upgrade", 400)
        self.sockets = 0

    def web(self) -> Web:
        return Web(self)

    def ladder(self, *transports: str) -> Ladder:
        ladder = Ladder("ws://in.memory/everywire", transports or ("websocket", *KINDS), self.upgrade, self.web)
        ladder.memory = Memory(self.net.loop.time)
        return ladder

    async def upgrade(self, heard: Any, down: Any) -> Any:
        await elapse(DELAY)
        if self.upgrading is not None:
            raise self.upgrading
        self.sockets += 1
        return await self.socket(heard, down)

    socket: Any = None


KINDS = ("stream", "sse", "poll", "interval")


class Web:
    """One client's HTTP."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.address = parse("ws://server/everywire")

    def target(self, below: str, **params: Any) -> str:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        return f"/everywire/{below}" + (f"?{query}" if query else "")

    def close(self) -> None:
        pass

    async def _travel(self) -> None:
        await elapse(DELAY)
        if self.network.down:
            raise Broken("the network is down")

    async def ask(self, ask: Ask, patience: float) -> Response:
        async with asyncio.timeout(patience):
            self.network.asked.append(f"{ask.method} {ask.target}")
            await self._travel()
            response = await self._answer(ask)
            if ask.method == "POST" and "seq" in ask.target and self.network.losing > 0:
                self.network.losing -= 1
                raise Broken("the answer got lost")
            await self._travel()
            return response

    async def _answer(self, ask: Ask) -> Response:
        path, _, query = ask.target.removeprefix("/everywire/lines").partition("?")
        params = {name: int(values[0]) for name, values in parse_qs(query).items()}
        network = self.network
        if not path:
            if network.refusing is not None:
                return Response(network.refusing)
            name = f"node.{len(network.lines)}"
            network.lines[name] = ServerLine(network.net)
            return Response(201, json.dumps({"line": name}))
        name, _, kind = path.removeprefix("/").partition("/")
        line = network.lines.get(name)
        if line is None:
            return Response(404)
        if line.closed is not None and len(line.messages) <= params.get("after", 0):
            return Response(410, json.dumps({"code": line.closed[0], "reason": line.closed[1]}))
        match ask.method, kind:
            case "POST", _:
                return self._say(line, params["seq"], ask.body)
            case "DELETE", _:
                line.close(1000)
                return Response(204)
            case _, "poll":
                return await self._poll(line, params)
            case _:
                return await self._stream(line, kind, params["after"], ask)

    def _say(self, line: ServerLine, seq: int, body: bytes) -> Response:
        if seq == line.seq + 1:
            line.seq = seq
            line.line.receive(body.decode())
        return Response(204 if seq <= line.seq else 409)

    async def _poll(self, line: ServerLine, params: dict[str, int]) -> Response:
        if "poll" in self.network.buffered and params["wait"]:
            await elapse(5)
            return Response(504)
        await self._wait(line, params["after"], params["wait"] / 1000)
        return Response(200, f"[{','.join(line.messages[params['after'] :])}]")

    async def _wait(self, line: ServerLine, after: int, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                while len(line.messages) <= after and line.closed is None:
                    line.news.clear()
                    await line.news.wait()
        except TimeoutError:
            pass

    async def stream(self, ask: Ask) -> Response:
        self.network.asked.append(f"{ask.method} {ask.target}")
        await self._travel()
        return await self._answer(ask)

    async def _stream(self, line: ServerLine, kind: str, after: int, ask: Ask) -> Response:
        if kind in self.network.unfit:
            return Response(405)
        line.hearer += 1
        mine = line.hearer
        while line.hearer == mine:
            await self._wait(line, after, 1e9)
            await self._travel()
            if kind in self.network.buffered:
                await asyncio.Event().wait()
            if len(line.messages) > after:
                self._hear(ask, kind, line.messages[after])
                after += 1
                if self.network.cutting:
                    break
            elif line.closed is not None:
                code, reason = line.closed
                self._hear(ask, kind, json.dumps({"type": "close", "code": code, "reason": reason}))
                break
        return Response(200)

    def _hear(self, ask: Ask, kind: str, message: str) -> None:
        said = f"{message}\n" if kind == "stream" else f": comment\r\ndata: {message}\r\n\r\n"
        data = said.encode()
        ask.hear(data[:5])
        ask.hear(data[5:])
