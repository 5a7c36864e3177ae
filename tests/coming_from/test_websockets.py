"""What docs/coming-from/websockets.md has on its right runs, with websockets' own client, and says what the left says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.coming_from.pages import Block, left, right
from tests.middlemen.proxies import free_port
from websockets.asyncio.client import connect as their_connect
from websockets.exceptions import InvalidStatus

import everywire


@contextlib.asynccontextmanager
async def serving(block: Block) -> AsyncIterator[int]:
    """Run what its `main` serves, on a port of its own."""
    told: asyncio.Queue[None] = asyncio.Queue()
    port = free_port()
    names = block.run(port=port)
    serve = names["serve"]

    @contextlib.asynccontextmanager
    async def entered(*arguments: object, **options: object) -> AsyncIterator[object]:
        async with serve(*arguments, **options) as server:
            told.put_nowait(None)
            yield server

    names["serve"] = entered
    main = asyncio.ensure_future(names["main"]())
    try:
        await asyncio.wait_for(told.get(), 10)
        yield port
    finally:
        main.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await main


@pytest.mark.parametrize(
    "side", [right("websockets", "A server"), left("websockets", "A server")], ids=["our", "their"]
)
async def test_a_server(side):
    async with serving(side) as port:
        async with their_connect(f"ws://127.0.0.1:{port}") as websocket:
            await websocket.send("Hello!")
            assert await websocket.recv() == "Hello!"


@pytest.mark.parametrize(
    "side", [right("websockets", "A client"), left("websockets", "A client")], ids=["our", "their"]
)
async def test_a_client(side):
    async with serving(right("websockets", "A server")) as port:
        assert await side.run(port=port)["main"]() == "Hello!"


@pytest.mark.parametrize(
    "side", [right("websockets", "Who may come"), left("websockets", "Who may come")], ids=["our", "their"]
)
async def test_who_may_come(side):
    async with serving(side) as port:
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


async def test_everybody_hears_it_of_theirs():
    async with serving(left("websockets", "Everybody hears it")) as port:
        url = f"ws://127.0.0.1:{port}"
        async with asyncio.timeout(10), their_connect(url) as ada, their_connect(url) as bob:
            await bob.send("I am Bob")
            assert await bob.recv() == "I am Bob"
            await ada.send("I am Ada")
            assert await bob.recv() == "I am Ada"
