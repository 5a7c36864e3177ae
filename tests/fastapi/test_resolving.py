"""What FastAPI gives for the parameters of handlers: solved by its own machinery for each call, and closed behind it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    WebSocket,
    WebSocketException,
)
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from everywire.app import Everywire
from everywire.hub.access.identity import Identity
from everywire.hub.calling.callers import Caller
from everywire.hub.hooks import Connecting
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal, passed


@pytest.fixture
def app():
    return Everywire(settings=Settings(heartbeat=Heartbeat(every=100_000)))


@pytest.fixture
def net(app):
    with Net(app) as net:
        yield net
        net.run(200)


class Database:
    """A resource that remembers what became of it."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def session(self) -> AsyncIterator[str]:
        self.log.append("open")
        try:
            yield "session"
            self.log.append("commit")
        except BaseException as error:
            self.log.append(f"rollback: {type(error).__name__}")
            raise
        finally:
            self.log.append("close")


@pytest.fixture
def database():
    return Database()


class Message(BaseModel):
    room: str
    text: str = Field(max_length=5)


async def tenant(request: Request) -> str:
    return "of " + request.query_params.get("tenant", "nobody")


Tenant = Annotated[str, Depends(tenant)]


def ask(net, client, kind, **fields):
    """What a client is answered once the application has had its time."""
    asked = client.send(kind, **fields)
    net.run(0.5)
    return client.answer(asked)


def connect(net, **fields):
    client = net.client()
    ask(net, client, "connect", **fields)
    return client


def call(net, name, data=None):
    return ask(net, connect(net), "call", name=name, data=data)["data"]


def refused(code, why=""):
    return pytest.raises(Refusal, match=f"^{code} .*{why}")


def test_a_handler_takes_dependencies_beside_what_its_client_sends(app, net, database):
    @app.on("say")
    async def say(
        caller: Caller, message: Message, db: Annotated[str, Depends(database.session)], whose: Tenant
    ) -> Any:
        database.log.append("handler")
        return [caller.user, message.text, db, whose]

    assert call(net, "say", {"room": "tea", "text": "hi"}) == [None, "hi", "session", "of nobody"]
    assert database.log == ["open", "handler", "commit", "close"]


def test_the_default_may_say_it_too(app, net):
    async def double(number: int = Query(default=7)) -> int:
        return number * 2

    @app.on("count")
    async def count(a: int, b=Depends(double)):  # noqa: B008 - FastAPI's older way of writing
        return a + b

    assert call(net, "count", {"a": 1}) == 15


def test_arguments_in_their_order_have_dependencies_in_front(app, net):
    @app.on("list")
    async def listed(whose: Tenant, *arguments: int):
        return [whose, *arguments]

    assert call(net, "list", 3) == ["of nobody", 3]


def test_a_dependency_is_solved_once_in_a_call_and_again_in_the_next(app, net):
    asked = []

    async def number() -> int:
        asked.append(1)
        return len(asked)

    async def next_one(first: Annotated[int, Depends(number)]) -> int:
        return first + 10

    @app.on("both")
    async def both(a: Annotated[int, Depends(number)], b: Annotated[int, Depends(next_one)]):
        return [a, b]

    assert call(net, "both") == [1, 11]
    assert call(net, "both") == [2, 12]


def test_what_a_handler_raises_reaches_its_dependencies(app, net, database):
    @app.on("fail")
    async def fail(db: Annotated[str, Depends(database.session)]):
        raise HTTPException(404, "no such message")

    with refused(1404, "no such message"):
        call(net, "fail")
    assert database.log == ["open", "rollback: HTTPException", "close"]


class Record(BaseModel):
    """Something of a database, which forgets what it has once its session is over."""

    text: str


async def opened() -> AsyncIterator[Record]:
    record = Record(text="tea")
    yield record
    record.__dict__.clear()


@pytest.mark.parametrize("within", [lambda record: record, lambda record: {"note": [record]}])
def test_a_result_is_encoded_before_dependencies_are_closed(app, net, within):
    @app.on("note")
    async def note(record: Annotated[Record, Depends(opened)]):
        return within(record)

    assert call(net, "note") == within({"text": "tea"})


def test_a_result_that_cannot_be_said_is_not_committed(app, net, database):
    @app.on("note")
    async def note(db: Annotated[str, Depends(database.session)]):
        return object()

    with refused(100):
        call(net, "note")
    assert database.log == ["open", "rollback: TypeError", "close"]


async def forgiving() -> AsyncIterator[int]:
    """A dependency that forgets to raise again."""
    with contextlib.suppress(Exception):
        yield 1


def test_what_a_dependency_does_not_raise_again_is_an_error(app, net, caplog):
    @app.on("fail")
    async def fail(it: Annotated[int, Depends(forgiving)]):
        raise HTTPException(404, "no such message")

    with refused(100, "internal error"):
        call(net, "fail")
    assert "did not raise it again" in caplog.text


def test_nobody_comes_in_because_a_dependency_forgives(app, net):
    @app.on_connect
    async def who(connecting: Connecting, it: Annotated[int, Depends(forgiving)]) -> str | None:
        raise HTTPException(403, "go away")

    with refused(100, "internal error"):
        connect(net)


def test_an_answer_is_told_when_everything_is_closed(app, net):
    async def unlucky() -> AsyncIterator[int]:
        yield 1
        raise HTTPException(409, "somebody was faster")

    @app.on("set")
    async def change(db: Annotated[int, Depends(unlucky)]):
        return "done"

    with refused(111, "somebody was faster"):
        call(net, "set")


def test_a_stream_has_its_dependencies_to_its_end(app, net, database):
    @app.on("count")
    async def count(to: int, db: Annotated[str, Depends(database.session)]) -> AsyncIterator[int]:
        for number in range(to):
            yield number
        database.log.append("end")

    client = connect(net)
    client.send("call", name="count", data={"to": 2}, credit=10)
    net.run(1)
    assert [each["data"] for each in client.events("item")] == [0, 1]
    assert database.log == ["open", "end", "commit", "close"]


def test_a_cancelled_call_closes_its_dependencies(app, net, database):
    @app.on("slow")
    async def slow(db: Annotated[str, Depends(database.session)]):
        await passed(10)

    client = connect(net)
    client.send("call", name="slow")
    net.run(1)
    assert database.log == ["open"]
    client.drop()
    net.run(1)
    assert database.log == ["open", "rollback: CancelledError", "close"]


def test_the_request_that_began_the_connection_is_what_dependencies_see(app, net):
    async def of_request(request: Request) -> str:
        return request.url.path

    async def of_websocket(websocket: WebSocket, connection: HTTPConnection) -> bool:
        return websocket is connection and "upgrade" in websocket.headers

    @app.on("seen")
    async def look(
        request: Request,
        path: Annotated[str, Depends(of_request)],
        upgraded: Annotated[bool, Depends(of_websocket)],
        agent: Annotated[str, Header(alias="user-agent")] = "nobody",
        lang: Annotated[str, Cookie()] = "en",
    ):
        return [request.method, path, upgraded, agent, lang]

    assert call(net, "seen") == ["GET", "/everywire", True, "nobody", "en"]


def test_what_a_dependency_misses_is_told_with_its_place(app, net):
    @app.on("say")
    async def say(data: str, token: Annotated[int, Header()]): ...

    with refused(107, "Field required - at `header.token`"):
        call(net, "say", "hello")


def test_tasks_for_the_background_begin_behind_the_answer(app, net):
    done = []

    async def later(what: str) -> None:
        done.append(f"begin {what}")
        await passed(1)
        done.append(f"end {what}")

    @app.on("order")
    async def order(data: str, tasks: BackgroundTasks):
        tasks.add_task(later, data)
        done.append("answered")
        return "yours"

    client = connect(net)
    assert ask(net, client, "call", name="order", data="tea")["data"] == "yours"
    client.drop()
    net.run(2)
    assert done == ["answered", "begin tea", "end tea"]


def test_a_task_that_fails_is_logged(app, net, caplog):
    async def broken() -> None:
        raise ValueError("no printer")

    @app.on("print")
    async def printed(tasks: BackgroundTasks):
        tasks.add_task(broken)

    call(net, "print")
    net.run(1)
    assert "no printer" in caplog.text


def test_security_has_its_scopes(app, net):
    async def user(scopes: SecurityScopes) -> str:
        return scopes.scope_str

    @app.on("who")
    async def who(user: Annotated[str, Security(user, scopes=["read", "write"])]):
        return user

    assert call(net, "who") == "read write"


def test_the_token_that_a_client_shows_is_its_authorization(app):
    scheme = OAuth2PasswordBearer("login")

    async def user(token: Annotated[str, Depends(scheme)]) -> str:
        if token != "ada's":
            raise HTTPException(401, "who are you?")
        return "ada"

    @app.on_connect
    async def admit(connecting, user: Annotated[str, Depends(user)]):
        return Identity(user, info={"name": user})

    @app.on("who")
    async def who(caller):
        return [caller.user, caller.info]

    with Net(app) as net:
        ada = connect(net, token="ada's")
        assert ask(net, ada, "call", name="who")["data"] == ["ada", {"name": "ada"}]
        with refused(101, "who are you"):
            connect(net, token="grace's")
        with refused(101, "Not authenticated"):
            connect(net)


def test_rules_take_dependencies(app, net, database):
    async def allowed(access, db: Annotated[str, Depends(database.session)]):
        if access.channel == "room:hall":
            raise HTTPException(403, "the hall is closed")
        return db == "session"

    app.channel("room:{name}", may_publish=allowed)

    @app.channel("news").allow("subscribe")
    async def reads(access, whose: Tenant):
        return whose != "of nobody"

    client = connect(net)
    ask(net, client, "publish", channel="room:tea", data=1)
    with refused(103, "the hall is closed"):
        ask(net, client, "publish", channel="room:hall", data=1)
    with refused(103, "permission denied"):
        ask(net, client, "subscribe", channel="news")
    assert database.log == ["open", "commit", "close", "open", "rollback: HTTPException", "close"]


def test_hooks_of_sessions_take_dependencies(app, net, database):
    log = database.log

    @app.on_connected
    async def connected(caller, connecting, db: Annotated[str, Depends(database.session)]):
        log.append("connected")

    @app.on_disconnected
    async def disconnected(caller, db: Annotated[str, Depends(database.session)]):
        log.append("disconnected")

    connect(net).send("leave")
    net.run(1)
    assert log == ["open", "connected", "commit", "close", "open", "disconnected", "commit", "close"]


def test_a_websocket_exception_is_a_no(app, net):
    async def policed() -> None:
        raise WebSocketException(1008, "not today")

    async def busy(websocket: WebSocket) -> None:
        await websocket.close(1013, "later")

    app.on("one")(_takes(policed))
    app.on("two")(_takes(busy))
    with refused(103, "not today"):
        call(net, "one")
    with refused(108, "later"):
        call(net, "two")


def _takes(dependency):
    async def handler(it: Annotated[Any, Depends(dependency)]): ...

    return handler


def test_a_dependency_neither_accepts_nor_sends(app, net, caplog):
    async def hasty(websocket: WebSocket) -> None:
        await websocket.accept()

    async def chatty(websocket: WebSocket) -> None:
        await websocket.send_text("hello")

    app.on("one")(_takes(hasty))
    app.on("two")(_takes(chatty))
    for name in ("one", "two"):
        with refused(100, "internal error"):
            call(net, name)
    assert "does not accept" in caplog.text
    assert "sends nothing" in caplog.text


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        (Annotated[str, Body()], "`it` is a body"),
        (Annotated[str, Depends(lambda item: item)], None),
        (Response, "`it`: an answer to a call is no response"),
    ],
)
def test_what_no_call_has_is_refused_where_it_is_declared(app, parameter, why):
    async def handler(it): ...

    handler.__annotations__["it"] = parameter
    if why is None:
        app.on("f")(handler)
        return
    with pytest.raises(TypeError, match=f"handler of 'f': {why}"):
        app.on("f")(handler)


def test_the_body_of_a_dependency_is_named_with_it(app):
    async def parsed(message: Message) -> Message:
        return message

    with pytest.raises(TypeError, match="`message` of the dependency parsed is a body, and a call has none"):
        app.on("f")(_takes(parsed))
    with pytest.raises(TypeError, match=r"@app\.on_connect: `message` of the dependency"):

        @app.on_connect
        async def connect(connecting, it: Annotated[Any, Depends(parsed)]): ...


def test_a_type_that_fastapi_does_not_know_is_refused_as_ever(app):
    class Connection: ...

    with pytest.raises(TypeError, match="cannot be read as Connection"):

        @app.on("f")
        async def f(a: int, b: Connection, c: Tenant): ...
