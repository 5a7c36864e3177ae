"""What docs/coming-from/websockets.md has on its right runs, with websockets' own client, and says what the left says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.coming_from.pages import Block, left, right
from websockets.asyncio.client import connect as their_connect
from websockets.exceptions import InvalidStatus

import everywire
from everywire.servers.websocket import Server


@contextlib.asynccontextmanager
async def serving(block: Block, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Run what its `main` serves, on a port of its own."""
    ports: asyncio.Queue[int] = asyncio.Queue()
    start = Server.start

    async def started(server: Server, *arguments: object) -> None:
        await start(server, *arguments)
        ports.put_nowait(server.port)

    monkeypatch.setattr(Server, "start", started)
    main = asyncio.ensure_future(block.run(port=0)["main"]())
    try:
        yield await asyncio.wait_for(ports.get(), 10)
    finally:
        main.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await main


async def test_a_server(monkeypatch):
    async with serving(right("websockets", "A server"), monkeypatch) as port:
        async with their_connect(f"ws://127.0.0.1:{port}") as websocket:
            await websocket.send("Hello!")
            assert await websocket.recv() == "Hello!"


@pytest.mark.parametrize(
    "side", [right("websockets", "A client"), left("websockets", "A client")], ids=["our", "their"]
)
async def test_a_client(side, monkeypatch):
    async with serving(right("websockets", "A server"), monkeypatch) as port:
        assert await side.run(port=port)["main"]() == "Hello!"


async def test_who_may_come(monkeypatch):
    async with serving(right("websockets", "Who may come"), monkeypatch) as port:
        async with their_connect(f"ws://ada:s3cret@127.0.0.1:{port}") as websocket:
            assert await websocket.recv() == "Hello, ada!"
        with pytest.raises(InvalidStatus, match="401"):
            await their_connect(f"ws://127.0.0.1:{port}")


async def test_everybody_hears_it():
    async with right("websockets", "Everybody hears it").served() as port:
        url = f"ws://127.0.0.1:{port}/talk"
        client = everywire.Client(f"ws://127.0.0.1:{port}/everywire")
        async with asyncio.timeout(10), their_connect(url) as ada, their_connect(url) as bob, client:
            talk = client.subscribe("talk")
            await talk.ready()
            await ada.send("I am Ada")  # what she says waits until she is in the channel
            assert await ada.recv() == "I am Ada"
            await bob.send("I am Bob")
            assert await ada.recv() == "I am Bob"
            while await bob.recv() != "I am Bob":
                pass  # he may have heard her, too
            heard = aiter(talk)
            assert [(await anext(heard)).data for _ in range(2)] == ["I am Ada", "I am Bob"]
