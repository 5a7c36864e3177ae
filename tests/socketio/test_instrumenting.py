"""python-socketio's `instrument`, with npm's client as the UI."""

import pytest
from tests.socketio.serving import house

from everywire import socketio
from everywire.socketio.instrumenting import instrument
from everywire.testing import Net

LOGIN = {"username": "admin", "password": "not so long"}


async def ui(home, auth=LOGIN, namespace="/admin"):
    return await home.knock(namespace, auth=auth, forceNew=True, reconnection=False)


async def until(ui, name, *like):
    while True:
        given = await ui.event(name)
        if given[: len(like)] == list(like):
            return given


async def test_rooms_are_called_as_they_are():
    sio = socketio.AsyncServer(namespaces=["/", "/chat"])
    sio.instrument(LOGIN, server_id="kettle", server_stats_interval=0.5)

    @sio.on("connect", namespace="/chat")
    async def connect(sid, environ, auth):
        await sio.enter_room(sid, "a room: with tea", namespace="/chat")

    async with house(sio) as home:
        page = await ui(home)
        await page.event("all_sockets")
        client = await home.come("/chat")
        sid = (await client.state())["sid"]
        assert (await until(page, "room_joined", "/chat"))[1:3] == ["a room: with tea", sid]  # its own it is in already
        page = await ui(home)
        [listed] = await page.event("all_sockets")
        [found] = [each for each in listed if each["id"] == sid]
        assert sorted(found["rooms"]) == sorted([sid, "a room: with tea"])
        assert (await page.event("server_stats"))[0]["serverId"] == "kettle"
        assert await page.ask_one("join", "/chat", "another", sid) == {"sockets": 1}
        await until(page, "room_joined", "/chat", "another", sid)
        assert sorted(sio.rooms(sid, "/chat")) == sorted([sid, "a room: with tea", "another"])
        assert await page.ask_one("emit", "/chat", "another", "said", 1, 2) == {"sockets": 1}
        assert await client.event("said") == [1, 2]
        await sio.emit("told", ("a", "b"), to=sid, namespace="/chat")
        assert (await until(page, "event_sent", "/chat", sid, ["told", "a", "b"]))[1] == sid
        assert await page.ask_one("leave", "/chat", "a room: with tea") == {"sockets": 1}
        await until(page, "room_left", "/chat", "a room: with tea", sid)
        assert await page.ask_one("_disconnect", "/chat", False, sid) == {"sockets": 1}
        assert (await client.next("disconnect"))["reason"] == "io server disconnect"


async def test_handlers_learn_nothing_of_uis():
    sio, heard = socketio.AsyncServer(namespaces=["/", "*"]), []
    app = socketio.ASGIApp(sio)
    sio.instrument(LOGIN)
    for event in ("connect", "disconnect", "*"):
        sio.on(event, lambda *arguments: heard.append(arguments), namespace="*")
    async with house(sio, app) as home:
        page = await ui(home)
        await page.event("config")
        await page.ask_one("join", "/", "a")
        await page.disconnect()
        await page.next("disconnect")
    assert heard == []


@pytest.mark.parametrize(
    ("auth", "shown", "in_"),
    [
        (LOGIN, LOGIN, True),
        (LOGIN, {**LOGIN, "username": "other"}, False),
        ([{"code": "a"}, LOGIN], LOGIN, True),
        (lambda shown: shown.get("name") == "Ann", {"name": "Ann"}, True),
        (lambda shown: shown.get("name") == "Ann", {"name": "Bob"}, False),
        (lambda shown: None, LOGIN, False),
    ],
)
async def test_who_is_let_in(auth, shown, in_):
    sio = socketio.AsyncServer()
    sio.instrument(auth, mode="production", read_only=True)
    async with house(sio) as home:
        page = await ui(home, shown)
        if in_:
            assert await page.event("config") == [{"supportedFeatures": ["AGGREGATED_EVENTS"]}]
        else:
            assert (await page.next("connect_error"))["message"] == "invalid credentials"


async def test_a_check_may_be_async_and_one_that_fails_lets_nobody_in():
    sio = socketio.AsyncServer()

    async def check(shown):
        if "fail" in shown:
            raise RuntimeError("no database")
        return True

    sio.instrument(check)
    async with house(sio) as home:
        assert await (await ui(home, {})).event("config")
        assert (await (await ui(home, {"fail": 1})).next("connect_error"))["message"] == "internal error"


async def test_another_namespace():
    sio = socketio.AsyncServer()
    sio.instrument(LOGIN, namespace="/look")
    async with house(sio) as home:
        assert (await (await ui(home)).next("connect_error"))["message"] == "Invalid namespace"
        assert await (await ui(home, namespace="/look")).event("config")


@pytest.mark.parametrize("auth", [None, False, {}, [], [{}], {"username": "a", "password": ""}])
def test_nobody_is_let_in_without_a_login(auth):
    with pytest.raises(ValueError):
        socketio.AsyncServer().instrument(auth)


def test_another_login_ends_the_sessions_that_were_begun():
    seals = {instrument(auth, {}).seal for auth in (LOGIN, [LOGIN, LOGIN], {**LOGIN, "password": "another"})}
    assert len(seals) == 3


@pytest.mark.parametrize("auth", [True, 1, "admin", b"admin", ["admin"]])
def test_what_is_no_login(auth):
    with pytest.raises(TypeError):
        instrument(auth, {})


def test_options_that_are_not_known():
    with pytest.raises(TypeError, match="read_only"):
        socketio.AsyncServer().instrument(LOGIN, readonly=True)


@pytest.mark.parametrize("named", ["by its options", "by a handler"])
def test_a_namespace_of_the_application_is_not_hidden(named):
    sio = socketio.AsyncServer(namespaces=["/", "/admin"] if named == "by its options" else ["/"])
    sio.instrument(LOGIN)
    app = socketio.ASGIApp(sio)
    if named == "by a handler":
        sio.on("hello", lambda sid: None, namespace="/admin")
    with pytest.raises(ValueError, match="would hide '/admin'"):
        Net(app)
