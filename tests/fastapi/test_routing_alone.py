"""The router in a test client: overrides, life, what is refused where it is written, and servers that can say less than uvicorn."""

import contextlib
import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, WebSocket, WebSocketException
from fastapi.security import OAuth2PasswordBearer
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect
from tests.servers.asgi.hosting import Host, websocket_scope

import everywire
from everywire import Everywire, EverywireError, Identity, Refused
from everywire.dialects.native import SUBPROTOCOL
from everywire.fastapi import CurrentCaller, CurrentConnecting, router

scheme = OAuth2PasswordBearer("login")


class User(BaseModel):
    id: int
    name: str


USERS = {"1": User(id=1, name="ada"), "2": User(id=2, name="grace")}


async def current_user(token: Annotated[str, Depends(scheme)]) -> User:
    if token not in USERS:
        raise HTTPException(401, "who are you?")
    return USERS[token]


async def settings() -> dict[str, Any]:
    return {"name": "production"}


Settings = Annotated[dict[str, Any], Depends(settings)]


def application(**options: Any) -> tuple[Everywire, FastAPI]:
    rt = Everywire()
    rt.channel("room:{name}", history=10)

    @rt.on("me")
    async def me(user: Annotated[User, Depends(current_user)], settings: Settings) -> list[Any]:
        return [user, settings]

    api = FastAPI()
    api.include_router(router(rt, **options))
    return rt, api


class Line:
    """A client on a WebSocket of the test client."""

    def __init__(self, websocket: Any) -> None:
        self.websocket = websocket
        self.number = 0

    def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.number += 1
        self.websocket.send_text(json.dumps({"type": kind, "id": self.number, **fields}))
        while (said := json.loads(self.websocket.receive_text())).get("id") != self.number:
            pass
        return said


@contextlib.contextmanager
def line(client: TestClient, path: str = "/everywire", **fields: Any) -> Iterator[Line]:
    with client.websocket_connect(path, subprotocols=[SUBPROTOCOL]) as websocket:
        made = Line(websocket)
        made.connected = made.ask("connect", **fields)
        yield made


def test_a_user_with_an_id():
    _, api = application(user=current_user)
    with TestClient(api) as client, line(client, token="1") as ada:
        assert ada.connected["user"] == "1"
        assert ada.ask("call", name="me")["data"] == [{"id": 1, "name": "ada"}, {"name": "production"}]


def test_a_user_by_another_name():
    _, api = application(user=current_user, user_name=lambda user: user.name)
    with TestClient(api) as client, line(client, token="2") as grace:
        assert grace.connected["user"] == "grace"


def test_the_token_may_come_with_the_request():
    _, api = application(user=current_user, dependencies=[Depends(current_user)])
    with TestClient(api, headers={"Authorization": "Bearer 1"}) as client, line(client) as ada:
        assert ada.connected["user"] == "1"


@pytest.mark.parametrize(
    ("given", "user"),
    [(None, None), ("ada", "ada"), (Identity("ada", info={"x": 1}), "ada"), ({"id": 7}, "7"), ({"username": "a"}, "a")],
)
def test_what_may_be_a_user(given, user):
    async def dependency() -> Any:
        return given

    rt, api = application(user=dependency)

    @rt.on("who")
    async def who(it: Annotated[Any, Depends(dependency)]) -> bool:
        return it is given

    with TestClient(api) as client, line(client) as somebody:
        assert somebody.connected.get("user") == user
        assert somebody.ask("call", name="who")["data"] is True


def test_what_is_no_user(caplog):
    async def dependency() -> Any:
        return 5.5

    _, api = application(user=dependency)
    with TestClient(api) as client, line(client) as nobody:
        assert (nobody.connected["type"], nobody.connected["code"]) == ("error", 100)
    assert "a user is a name, an Identity or an object with an `id` or `username`, not float" in caplog.text


def test_overrides_are_those_of_the_application():
    async def tested() -> User:
        return User(id=9, name="tester")

    async def open_door() -> None: ...

    async def door() -> None:
        raise HTTPException(403, "shut")

    _, api = application(user=current_user, dependencies=[Depends(door)])
    api.dependency_overrides = {
        current_user: tested,
        settings: lambda: {"name": "test"},
        door: open_door,
    }
    with TestClient(api) as client:
        with line(client) as somebody:
            assert somebody.connected["user"] == "9"
            assert somebody.ask("call", name="me")["data"] == [{"id": 9, "name": "tester"}, {"name": "test"}]
        api.dependency_overrides = {}
        with pytest.raises(WebSocketDenialResponse) as denied, line(client):
            pass
        assert denied.value.status_code == 403


def test_the_user_is_asked_once_in_a_session_and_again_where_that_is_wanted():
    asked = []

    async def user(connecting: CurrentConnecting) -> str:
        asked.append(connecting.session)
        return "ada"

    async def fresh(caller: CurrentCaller) -> list[Any]:
        return [caller.user, len(asked)]

    rt, api = application(user=user)

    @rt.on("twice")
    async def twice(it: Annotated[str, Depends(user)], now: Annotated[list[Any], Depends(fresh)]) -> list[Any]:
        return [it, now]

    @rt.on("again")
    async def again(it: Annotated[str, Depends(user, use_cache=False)]) -> str:
        return it

    with TestClient(api) as client, line(client) as ada:
        for _ in range(2):
            assert ada.ask("call", name="twice")["data"] == ["ada", ["ada", 1]]
        assert ada.ask("call", name="again")["code"] == 100  # there is no Connecting in a call
        assert len(asked) == 1


def test_a_newer_token_brings_a_newer_user():
    tokens = {"old": User(id=1, name="ada"), "new": User(id=1, name="Ada L.")}

    async def user(token: Annotated[str, Depends(scheme)]) -> User:
        return tokens[token]

    rt, api = application(user=user)

    @rt.on("name")
    async def name(it: Annotated[User, Depends(user)]) -> str:
        return it.name

    with TestClient(api) as client, line(client, token="old") as ada:
        assert ada.ask("call", name="name")["data"] == "ada"
        assert ada.ask("refresh", token="new")["type"] == "refreshed"
        assert ada.ask("call", name="name")["data"] == "Ada L."


def test_rules_know_the_user_too():
    rt, api = application(user=current_user)

    async def named(access: Any, user: Annotated[User, Depends(current_user)]) -> bool:
        return access.channel == f"room:{user.name}"

    rt.hooks.kinds.with_pattern("room:{name}").allow("publish")(named)
    with TestClient(api) as client, line(client, token="1") as ada:
        assert ada.ask("publish", channel="room:ada", data=1)["type"] == "published"
        assert ada.ask("publish", channel="room:grace", data=1)["code"] == 103


@pytest.mark.parametrize("root", ["", "/api"])
def test_it_may_stand_below_a_root(root):
    rt, inner = application()
    inner.get("/items/{number}", name="item")(settings)

    @rt.on("links")
    async def links(request: Request) -> list[str]:
        return [str(request.url_for("item", number=1)), request.url.path]

    api = FastAPI()
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner.router, prefix="/inner")
    api.include_router(outer)
    for path in ("", root):  # a proxy takes it off, or leaves it
        with TestClient(api, root_path=root) as client, line(client, f"{path}/outer/inner/everywire") as ada:
            assert ada.ask("call", name="links")["data"] == [
                f"http://testserver{root}/outer/inner/items/1",
                f"{path}/outer/inner/everywire",
            ]


def test_dependencies_come_from_whatever_includes_it():
    async def door() -> None:
        raise HTTPException(403, "shut")

    one, two = FastAPI(dependencies=[Depends(door)]), FastAPI()
    one.include_router(router(Everywire()))
    two.include_router(router(Everywire()), prefix="/rt", dependencies=[Depends(door)])
    for api, path in ((one, "/everywire"), (two, "/rt/everywire")):
        with TestClient(api) as client:
            with pytest.raises(WebSocketDenialResponse) as denied, line(client, path):
                pass
            assert denied.value.status_code == 403
            assert client.post(f"{path}/stream").status_code == 403


def test_handlers_have_dependencies_in_a_mounted_application_too():
    rt, _ = application()
    rt.on_connect(lambda connecting: "ada")

    @rt.on("where")
    async def where(request: Request, settings: Settings) -> list[str]:
        return [settings["name"], request.url.path, request.app.title]

    api = FastAPI(title="host")
    api.dependency_overrides[settings] = lambda: {"name": "test"}
    api.mount("/rt", rt)
    with TestClient(api) as client, line(client, "/rt/everywire") as ada:
        assert ada.ask("call", name="where")["data"] == ["test", "/rt/everywire", "host"]
        assert ada.ask("call", name="me")["reason"] == "Not authenticated"


def test_it_starts_and_ends_with_fastapi():
    rt, api = application()
    with pytest.raises(EverywireError, match=r"not running.*lifespan\(rt, also=.*with TestClient"):
        rt.publish("room:tea", 1)
    for _ in range(2):
        with TestClient(api):
            assert rt.hub is not None
        with pytest.raises(EverywireError):
            rt.hub  # noqa: B018


def test_a_lifespan_of_ones_own_may_publish_from_beginning_to_end():
    told = []
    rt = Everywire()
    rt.channel("news", history=10)

    @contextlib.asynccontextmanager
    async def own(api):
        told.append((await rt.publish("news", "we are open")).position.offset)
        yield {"own": True}
        told.append((await rt.publish("news", "good night")).position.offset)

    api = FastAPI(lifespan=everywire.lifespan(rt, also=own))
    api.include_router(router(rt))
    with TestClient(api) as client, line(client):
        assert told == [1]
    assert told == [1, 2]


def test_without_a_lifespan_it_starts_with_its_first_client():
    _, api = application(user=current_user)
    client = TestClient(api)
    for _ in range(2):
        with line(client, token="1") as ada:
            assert ada.connected["user"] == "1"


def test_what_a_client_sends_is_checked_by_pydantic():
    rt, api = application()

    class Price(BaseModel):
        amount: float
        currency: str

    class Order(BaseModel):
        item: str
        prices: list[Price]

    @rt.on("order")
    async def order(order: Order, settings: Settings) -> Order:
        return order

    rt.channel("orders", data=Order)
    with TestClient(api) as client, line(client) as ada:
        fine = {"item": "tea", "prices": [{"amount": 1.5, "currency": "EUR"}]}
        assert ada.ask("call", name="order", data=fine)["data"] == fine
        wrong = {"item": "tea", "prices": [{"amount": "much", "currency": "EUR"}, {}]}
        for said in (
            ada.ask("call", name="order", data=wrong),
            ada.ask("publish", channel="orders", data=wrong),
        ):
            assert said["code"] == 107
            assert [each["path"] for each in said["data"]["errors"]] == [
                "$.prices[0].amount",
                "$.prices[1].amount",
                "$.prices[1].currency",
            ]


def test_a_handler_without_dependencies_says_no_by_an_http_exception():
    rt, api = application()

    @rt.on("gone")
    async def gone():
        raise HTTPException(410, {"since": "May"})

    with TestClient(api) as client, line(client) as ada:
        said = ada.ask("call", name="gone")
        assert (said["code"], said["reason"]) == (1410, "Gone")
        assert said["data"] == {"status": 410, "detail": {"since": "May"}}


def test_a_connect_hook_says_no_by_an_http_exception():
    rt, api = application()

    @rt.on_connect
    async def closed(connecting):
        raise HTTPException(503, "closed for tonight")

    with TestClient(api) as client, line(client) as ada:
        assert (ada.connected["reason"], ada.connected["temporary"]) == ("closed for tonight", True)
        with pytest.raises(WebSocketDisconnect) as over:
            ada.websocket.receive_text()
        assert over.value.code == 1013


def test_applications_say_what_becomes_of_a_websocket_exception():
    async def door(websocket: WebSocket) -> None:
        await websocket.close(4444, "shut")

    _, api = application(dependencies=[Depends(door)])
    with TestClient(api) as client:
        with pytest.raises(WebSocketDisconnect) as over, line(client):
            pass
        assert (over.value.code, over.value.reason) == (4444, "shut")
        refused = client.post("/everywire/stream")
        assert (refused.status_code, refused.json()) == (403, {"detail": "shut"})

    _, api = application(dependencies=[Depends(door)])

    @api.exception_handler(WebSocketException)
    async def mine(websocket, error):
        await websocket.close(4001, "mine")

    with TestClient(api) as client, pytest.raises(WebSocketDisconnect) as over, line(client):
        pass
    assert over.value.code == 4001


@pytest.mark.anyio
async def test_a_server_that_can_deny_by_a_close_alone_does_that():
    async def door() -> None:
        raise HTTPException(402, "pay first")

    _, api = application(dependencies=[Depends(door)])
    host = Host(api, websocket_scope("/everywire", SUBPROTOCOL))
    host.tell("websocket.connect")
    assert await host.hear() == {"type": "websocket.close", "code": 1008, "reason": ""}
    await host.over()
    host = Host(api, websocket_scope("/everywire", SUBPROTOCOL, extensions={"websocket.http.response": {}}))
    assert await host.hear() == {
        "type": "websocket.http.response.start",
        "status": 402,
        "headers": [(b"content-length", b"22"), (b"content-type", b"application/json")],
    }
    assert (await host.hear())["body"] == b'{"detail":"pay first"}'
    await host.over()


@pytest.mark.parametrize(
    ("no", "status"),
    [(Refused("who are you?", 101), 401), (Refused("no", 1234), 403), (Refused("later", temporary=True), 503)],
)
def test_a_router_s_dependencies_may_say_no_in_our_words(no, status):
    def denied() -> None:
        raise no

    api = FastAPI()
    api.include_router(router(Everywire(), prefix="/rt", dependencies=[Depends(denied)]))
    with TestClient(api) as client:
        answer = client.post("/rt/everywire/lines")
        assert (answer.status_code, answer.json()) == (status, {"detail": no.reason})
        with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/rt/everywire"):
            pass
        assert caught.value.status_code == status


def test_a_router_s_dependencies_need_no_body():
    async def parsed(user: User) -> None: ...

    async def marked(it: Annotated[str, Body()]) -> None: ...

    for dependency in (parsed, marked):
        with pytest.raises(TypeError, match="is a body"):
            router(Everywire(), dependencies=[Depends(dependency)])
        with pytest.raises(TypeError, match="is a body"):
            router(Everywire(), user=dependency)


def test_one_thing_says_who_connects():
    rt = Everywire()
    router(rt, user=current_user)
    with pytest.raises(ValueError, match="says who connects already"):
        router(rt, user=current_user)
    with pytest.raises(TypeError, match="user_name tells the name of what `user` gives"):
        router(Everywire(), user_name=str)


def test_paths_are_those_of_the_application():
    rt, api = application()
    rt.signalr("/chat")

    @rt.route("/about")
    def about(request):
        return everywire.Response(200, "about everywire")

    with TestClient(api) as client:
        assert client.post("/chat/negotiate?negotiateVersion=1").json()["connectionId"]
        assert client.get("/about").text == "about everywire"
        for path in ("/chatter", "/readyz", "/"):
            assert client.get(path).json() == {"detail": "Not Found"}
