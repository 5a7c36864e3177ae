"""No upgrade needs sticky sessions either: polls, posts and the WebSocket of one line each come to another of four workers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.middlemen import proxies
from tests.middlemen.test_balancer import apart

import everywire
from everywire import engine as engines
from everywire.client.websocket import WebSocket
from everywire.errors import ConnectionClosed, HandshakeError

APP = """
import os
import everywire
from everywire.http.request import Response
from tests.gateway.several import Several

app = everywire.Everywire()
app.channel("room", history=10)
app.speak(lambda heartbeat: Several())


@app.route("/pid")
def pid(request):
    return Response(200, str(os.getpid()))
"""
CLIENTS = 200

pytestmark = pytest.mark.anyio


class Client:
    """Asks by one request after another, each on a connection of its own, then by a WebSocket; `heard` is what it was told of the room."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name = port, name
        self.line = ""
        self.heard: list[str] = []
        self.socket: WebSocket | None = None

    async def ask(self, method: str, *said: str, path: str = "/several") -> str:
        query = f"?line={self.line}" if self.line else ""
        body = "|".join(f"{self.name} {each}" for each in said)
        head = f"{method} {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{head}{body}".encode())
        status, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        assert status.startswith("HTTP/1.1 200 "), (status, body)
        return body

    async def poll(self) -> list[str]:
        """Fetch what there is; gives what is not of the room."""
        return [each for each in (await self.ask("GET")).split("|") if not self.keep(each)]

    def keep(self, said: str) -> bool:
        name, _, number = said.partition(":")
        if name == self.name and number.isdecimal():
            self.heard.append(number)
            return True
        return False

    async def begin(self) -> None:
        self.line = await self.ask("POST")
        await self.ask("POST", "connect", "in room")
        told: list[str] = []
        while f"{self.name}:in room" not in told:
            told += await self.poll()

    async def dial(self) -> WebSocket:
        return await everywire.connect(f"ws://127.0.0.1:{self.port}/several?line={self.line}")

    async def move(self) -> None:
        """Go on by a WebSocket, as Engine.IO's clients do: probe, wait until no request is left, commit."""
        poll = asyncio.ensure_future(self.poll())
        self.socket = await self.dial()
        await self.socket.send("probe")
        assert await self.socket.recv() == "probed"
        while "nudge" not in await poll:
            poll = asyncio.ensure_future(self.poll())
        await self.socket.send("commit")

    async def listen(self, count: int) -> None:
        assert self.socket is not None
        while len(self.heard) < count:
            assert self.keep(str(await self.socket.recv()))


@pytest.mark.parametrize(
    "engine", [engines.available()[0], pytest.param("portable", marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
async def test_lines_are_opened_polled_posted_to_and_upgraded_at_any_worker(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERYWIRE_ENGINE", engine)
    async with apart(tmp_path, APP) as ports:
        with proxies.balancer(ports, tmp_path) as port:
            clients = [Client(port, f"c{n}") for n in range(CLIENTS)]
            await asyncio.gather(*[each.begin() for each in clients])
            await asyncio.gather(*[each.ask("POST", f"say room {n}0") for n, each in enumerate(clients, 1)])
            await asyncio.gather(*[converse(each, n) for n, each in enumerate(clients, 1)])
            await asyncio.gather(*[each.listen(3 * CLIENTS) for each in clients])
            for each in clients:
                assert each.socket is not None
                await each.socket.close()
    said = Counter(f"{n}{k}" for n in range(1, CLIENTS + 1) for k in range(3))
    assert [each.name for each in clients if Counter(each.heard) != said] == []
    logged = (tmp_path / "workers.out").read_text().splitlines()
    assert [line for line in logged if "running the portable engine" not in line] == []


async def converse(client: Client, number: int) -> None:
    """Say something just before the WebSocket, and on it."""
    await client.ask("POST", f"say room {number}1")
    await client.move()
    assert client.socket is not None
    await client.socket.send(f"{client.name} say room {number}2")


async def test_of_many_websockets_for_one_line_on_all_workers_one_gets_it(tmp_path: Path) -> None:
    async with apart(tmp_path, APP) as ports:
        clients = [Client(port, "a") for port in ports]
        await clients[0].begin()
        for each in clients[1:]:
            each.line = clients[0].line
        sockets = await asyncio.gather(*[each.dial() for each in clients])
        await asyncio.gather(*[each.send("probe") for each in sockets])
        told = await asyncio.gather(*[each.recv() for each in sockets], return_exceptions=True)
        assert told.count("probed") == 1
        assert [each.code for each in told if isinstance(each, ConnectionClosed)] == [1008] * (len(ports) - 1)
        winner = sockets[told.index("probed")]
        await winner.send("commit")
        await winner.send("a say room 1")
        assert await winner.recv() == "a:1"
        late = Client(ports[1], "a")
        late.line = clients[0].line
        async with await late.dial() as beaten:
            with pytest.raises(ConnectionClosed, match="1008"):
                await beaten.recv()
        for late.line in ("nobody.x", "../landing.x", "x" * 300, clients[0].line.partition(".")[0]):
            with pytest.raises(HandshakeError) as refused:
                await late.dial()
            assert refused.value.status == 404
        await winner.close()


async def test_no_byte_goes_by_the_worker_that_got_the_handshake(tmp_path: Path) -> None:
    async with apart(tmp_path, APP) as ports:
        client = Client(ports[0], "a")
        await client.begin()
        client.port = ports[1]
        await client.move()
        await kill(ports[1])
        assert client.socket is not None
        for n in range(10):
            await client.socket.send(f"a say room {n}")
        await client.listen(10)
        assert client.heard == [str(n) for n in range(10)]
        await client.socket.close()


async def test_the_line_of_a_killed_worker_is_nobodys(tmp_path: Path) -> None:
    async with apart(tmp_path, APP) as ports:
        client = Client(ports[0], "a")
        await client.begin()
        await kill(ports[0])
        client.port = ports[1]
        with pytest.raises(HandshakeError) as refused:
            await client.dial()
        assert refused.value.status == 404


async def kill(port: int) -> None:
    """Kill the worker behind `port`, and wait until it is gone."""
    number = int(await Client(port, "").ask("GET", path="/pid"))
    handle = os.pidfd_open(number)
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, gone.set)
    os.kill(number, signal.SIGKILL)
    await gone.wait()
    loop.remove_reader(handle)
    os.close(handle)
