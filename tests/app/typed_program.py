"""What an application writes, with every public name; the types are checked strictly, by the test beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from fastapi import Depends, FastAPI

from everywire import (
    JWT,
    Caller,
    Change,
    CloseCode,
    ConnectionClosedError,
    Deflate,
    Everywire,
    Headers,
    Identity,
    Limits,
    Member,
    Options,
    Refused,
    Request,
    Response,
    Server,
    WebSocket,
    basic_auth,
    broadcast,
    connect,
    hosting,
    lifespan,
    serve,
)
from everywire.brokers.base import Receipt
from everywire.fastapi import CurrentCaller, router
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings


@dataclass
class Order:
    item: str
    count: int = 1


app = Everywire(settings=Settings(linger=5), secret="s" * 32)
app.channel("news:{name}", history=100, presence=True, data=Order)
key = JWT(keys={"": "k" * 32}, algorithms=["HS256"])


async def shelf() -> dict[str, int]:
    return {"tea": 3}


@app.on_connect
def come(connecting: Connecting) -> Identity:
    if connecting.token is None:
        raise Refused("who are you?", 101)
    return Identity(connecting.token, limits=Limits())


@app.on("order")
async def order(caller: Caller, order: Order) -> int:
    assert_type(await caller.publish("news:shop", order), Receipt)
    return order.count


@app.on("left", inline=True)
def left(item: str, shelf: Annotated[dict[str, int], Depends(shelf)], caller: CurrentCaller) -> int:
    return shelf.get(item, len(caller.session))


@app.on("count")
async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


@app.on_join("news:{name}")
async def joined(change: Change) -> None:
    assert_type(change.member, Member | None)


@app.route("/hello")
def hello(request: Request) -> Response:
    headers: Headers = request.headers
    return Response(200, headers.get("user-agent") or "")


# A decorator gives what it was given.
come_in: Callable[[Connecting], Identity] = come
counted: Callable[[int], AsyncIterator[int]] = count
answered: Callable[[str, dict[str, int], Caller], int] = left
api = FastAPI(lifespan=lifespan(app))
api.include_router(router(app))


async def echo(websocket: WebSocket) -> None:
    async for message in websocket:
        assert_type(message, str | bytes)
        await websocket.send(message)
    broadcast([websocket], "bye")


async def main() -> None:
    assert_type(await app.publish("news:shop", Order("tea")), Receipt)
    asked: Callable[[Request], Any] = basic_auth("shop", {"ada": "s3cret"})
    async with serve(echo, "localhost", process_request=asked, compression=Deflate()) as server:
        assert_type(server, Server)
        assert_type(server.options, Options)
        async with connect(f"ws://localhost:{server.port}") as websocket:
            try:
                assert_type(await websocket.recv(), str | bytes)
                assert_type(await websocket.ping(), float)
            except ConnectionClosedError as error:
                assert_type(error.code == CloseCode.GOING_AWAY, bool)
    running: AbstractAsyncContextManager[Server] = hosting(app)
    coroutine: Awaitable[int] = order(None, Order("tea"))  # type: ignore[arg-type]  # a caller is needed
    async with running:
        await coroutine
