"""The router under uvicorn: real clients, dependencies before them, and FastAPI's own routes beside."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel
from starlette.exceptions import WebSocketException
from tests.dialects.socketio.client import Clients
from tests.fastapi.serving import served

from everywire import Client, Everywire, HandshakeError, Refused, connect
from everywire.fastapi import router

pytestmark = pytest.mark.anyio


class User(BaseModel):
    username: str
    role: str = "guest"


class Item(BaseModel):
    name: str
    price: float


scheme = OAuth2PasswordBearer("login")


async def current_user(token: Annotated[str, Depends(scheme)]) -> User:
    """As in FastAPI's tutorial."""
    if not token.startswith("token-of-"):
        raise HTTPException(401, "invalid credentials", {"WWW-Authenticate": "Bearer"})
    return User(username=token.removeprefix("token-of-"))


def thread() -> Iterator[int]:
    """A plain dependency."""
    yield threading.get_ident()


class Doors:
    """What dependencies of the router saw."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def __call__(self, request: Request, room: str, shut: str | None = None) -> AsyncIterator[None]:
        if shut == "websocket":
            raise WebSocketException(1008, "shut by a close code")
        if shut is not None:
            raise HTTPException(int(shut), "shut", {"X-Door": room})
        self.log.append(f"in {room} {request.method}")
        yield
        self.log.append(f"out {room}")


class House:
    """An application of FastAPI, with ours among its routes."""

    def __init__(self) -> None:
        self.rt = rt = Everywire()
        rt.channel("room:{name}", history=10)
        rt.socketio()
        rt.on("me")(self.me)
        rt.on("where")(self.where)
        rt.on("blocking")(self.blocking)
        self.loop = threading.get_ident()
        self.doors = Doors()
        self.api = api = FastAPI()
        api.add_middleware(GZipMiddleware, minimum_size=1)
        api.add_middleware(
            CORSMiddleware, allow_origins=["https://page.example"], allow_methods=["*"], allow_headers=["*"]
        )
        api.middleware("http")(self.timed)
        api.get("/items/{number}")(self.item)
        api.post("/say/{name}")(self.say)
        api.post("/say/{name}/later")(self.say_later)
        api.post("/say/{name}/aside")(self.say_aside)
        rooms = APIRouter(prefix="/rooms/{room}")
        rooms.include_router(router(rt, prefix="/rt", dependencies=[Depends(self.doors)], user=current_user))
        api.include_router(rooms)
        api.get("/rooms/{room}/rt/own")(self.own)

    async def timed(self, request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["X-Timed"] = "yes"
        return response

    async def me(self, user: Annotated[User, Depends(current_user)]) -> User:
        return user

    async def where(
        self, room: Annotated[str, Depends(lambda room: room)], agent: Annotated[str, Header(alias="user-agent")] = ""
    ):
        return room

    def blocking(
        self, data: str, thread: Annotated[int, Depends(thread)], user: Annotated[User, Depends(current_user)]
    ) -> list[Any]:
        return [data, thread != self.loop, threading.get_ident() != self.loop, user.username]

    async def item(self, number: int, q: str | None = None) -> Item:
        return Item(name=f"item {number}", price=1.5)

    async def say(self, name: str, item: Item) -> dict[str, int]:
        receipt = await self.rt.publish(f"room:{name}", item)
        return {"offset": receipt.position.offset}

    async def say_later(self, name: str, item: Item, tasks: BackgroundTasks) -> None:
        tasks.add_task(self.say, name, item)

    def say_aside(self, name: str, item: Item) -> dict[str, int]:
        return {"offset": self.rt.publish(f"room:{name}", item).result(5).position.offset}

    async def own(self) -> str:
        return "FastAPI's own"


@pytest.fixture(scope="module")
async def house():
    made = House()
    async with served(made.api) as place:
        made.place = place
        made.url = f"ws://{place}/rooms/tea/rt/everywire"
        yield made


@pytest.fixture(scope="module")
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize("transport", ["websocket", "stream", "sse", "poll"])
async def test_our_client_comes_by_every_transport(house, transport):
    async with Client(house.url, token="token-of-ada", transports=[transport]) as ada:
        assert await ada.call("me") == {"username": "ada", "role": "guest"}
        room = ada.subscribe(f"room:{transport}")
        await room.ready()
        await ada.publish(f"room:{transport}", "hello")
        assert (await anext(room)).data == "hello"
        assert ada.transport == transport


async def test_the_object_that_says_who_it_is_is_there_for_handlers(house):
    async with Client(house.url, token="token-of-grace") as grace:
        assert await grace.call("me") == {"username": "grace", "role": "guest"}
        [listed] = (await house.rt.sessions(user="grace")).sessions
        assert listed.user == "grace"


async def test_plain_functions_run_in_threads(house):
    async with Client(house.url, token="token-of-ada") as ada:
        assert await ada.call("blocking", "hello") == ["hello", True, True, "ada"]


async def test_who_is_nobody_is_turned_away(house):
    for token in ("stolen", None):
        with pytest.raises(Refused, match=r"invalid credentials|Not authenticated") as no:
            async with Client(house.url, token=token):
                pass
        assert no.value.code == 101


async def test_what_a_dependency_raises_answers_a_websocket(house):
    with pytest.raises(HandshakeError) as denied:
        async with connect(f"{house.url}?shut=418"):
            pass
    response = denied.value.response
    assert (response.status, response.headers["x-door"]) == (418, "tea")
    assert b"shut" in response.body
    with pytest.raises(HandshakeError) as denied:
        async with connect(f"{house.url}?shut=websocket"):
            pass
    assert denied.value.response.status == 403


async def test_what_a_dependency_raises_answers_a_request(house, http):
    async with http.post(f"http://{house.place}/rooms/tea/rt/everywire/stream?shut=402") as response:
        assert (response.status, await response.json()) == (402, {"detail": "shut"})
        assert response.headers["x-door"] == "tea"
        assert response.headers["x-timed"] == "yes"
    async with http.post(f"http://{house.place}/rooms/tea/rt/everywire/stream?shut=websocket") as response:
        assert (response.status, await response.json()) == (403, {"detail": "shut by a close code"})


async def test_a_dependency_of_a_websocket_lasts_as_long_as_that(house):
    house.doors.log.clear()
    async with Client(house.url.replace("tea", "hall"), token="token-of-ada", transports=["websocket"]) as ada:
        assert await ada.call("where") == "hall"
        assert house.doors.log == ["in hall GET"]
    async with asyncio.timeout(5):
        while "out hall" not in house.doors.log:
            await asyncio.sleep(0)


async def test_npms_client_of_socketio_comes_in(house):
    async with Clients.started() as clients:
        for ways in (["polling"], ["websocket"], ["polling", "websocket"]):
            ada = await clients.connect(
                f"http://{house.place}/",
                path="/rooms/tea/rt/socket.io",
                forceNew=True,
                transports=ways,
                auth={"token": "token-of-ada"},
            )
            await ada.next("connect")
            assert await ada.ask("me") == [{"username": "ada", "role": "guest"}]
            await ada.disconnect()
        eve = await clients.connect(f"http://{house.place}/", path="/rooms/tea/rt/socket.io", forceNew=True)
        assert (await eve.next("connect_error"))["message"] == "Not authenticated"
        await eve.disconnect()


@pytest.mark.parametrize("way", ["say/tea", "say/tea/later", "say/tea/aside"])
async def test_routes_publish(house, http, way):
    async with Client(house.url, token="token-of-ada") as ada:
        room = ada.subscribe("room:tea")
        await room.ready()
        async with http.post(f"http://{house.place}/{way}", json={"name": "cake", "price": 2}) as response:
            assert response.status == 200
        assert (await anext(room)).data == {"name": "cake", "price": 2.0}


async def test_routes_of_fastapi_stay_as_they_are(house, http):
    plain = FastAPI()
    for path, route, method in (
        ("/items/{number}", house.item, plain.get),
        ("/say/{name}", house.say, plain.post),
        ("/say/{name}/later", house.say_later, plain.post),
        ("/say/{name}/aside", house.say_aside, plain.post),
        ("/rooms/{room}/rt/own", house.own, plain.get),
    ):
        method(path)(route)
    async with http.get(f"http://{house.place}/openapi.json") as response:
        assert await response.json() == plain.openapi()
    async with http.get(f"http://{house.place}/items/7", headers={"Accept-Encoding": "gzip"}) as response:
        assert await response.json() == {"name": "item 7", "price": 1.5}
        assert (response.headers["content-encoding"], response.headers["x-timed"]) == ("gzip", "yes")
    async with http.get(f"http://{house.place}/items/seven") as response:
        assert response.status == 422
    async with http.get(f"http://{house.place}/rooms/tea/rt/own") as response:
        assert await response.json() == "FastAPI's own"
    for path in ("/nothing", "/rooms/tea/rt/nothing", "/rooms/tea/rt/healthz", "/rooms/tea/everywire"):
        async with http.get(f"http://{house.place}{path}") as response:
            assert (response.status, await response.json()) == (404, {"detail": "Not Found"})


async def test_pages_of_other_origins_ask_first(house, http):
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in ("/items/1", "/rooms/tea/rt/everywire/stream?shut=401"):
        async with http.options(f"http://{house.place}{path}", headers=asked) as response:
            assert response.status == 200
            assert response.headers.getall("access-control-allow-origin") == ["https://page.example"]


async def test_events_are_not_kept_back_by_compression(house, http):
    said = {"Authorization": "Bearer token-of-ada", "Accept-Encoding": "gzip"}
    address = f"http://{house.place}/rooms/tea/rt/everywire/sse?channel=room:events"
    async with asyncio.timeout(5), http.get(address, headers=said) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        await house.rt.publish("room:events", "hello")
        while b"hello" not in await response.content.readline():
            pass
