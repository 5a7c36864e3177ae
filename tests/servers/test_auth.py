"""Basic and bearer authentication: who passes, who is asked again, and what the handler learns."""

from base64 import b64encode

import pytest

import everywire
from everywire.errors import HandshakeError
from everywire.http.request import Headers, Request
from everywire.servers.auth import all_of, any_of, basic_auth, bearer_auth


def asking(*authorization: str, target: str = "/") -> Request:
    return Request("GET", target, Headers([("Authorization", value) for value in authorization]))


def basic(pair: str) -> str:
    return "Basic " + b64encode(pair.encode()).decode()


PASSWORDS = basic_auth("the chat", {"ada": "s3cret:é", "empty": ""})


@pytest.mark.parametrize(
    ("pair", "user"),
    [("ada:s3cret:é", "ada"), ("empty:", "empty")],
)
def test_a_right_password_passes(pair, user):
    request = asking(basic(pair))
    assert PASSWORDS(request) is None
    assert request.user == user


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("Basic",),
        ("Basic !!!",),
        ("Basic " + b64encode(b"\xff:\xff").decode(),),
        ("Basic " + b64encode(b"no colon").decode(),),
        (basic("ada:wrong"),),
        (basic("nobody:"),),
        (basic("nobody:x"),),
        ("Bearer " + b64encode(b"ada:s3cret").decode(),),
        (basic("ada:s3cret:é"), basic("ada:s3cret:é")),
    ],
)
def test_everybody_else_is_asked(values):
    request = asking(*values)
    answer = PASSWORDS(request)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="the chat", charset="UTF-8"'
    assert request.user is None


def test_a_function_may_name_the_user():
    hook = basic_auth("x", lambda user, password: {"id": 7} if password == "p" else None)
    request = asking(basic("ada:p"))
    assert hook(request) is None
    assert request.user == {"id": 7}
    assert hook(asking(basic("ada:q"))).status == 401


async def test_a_check_may_be_a_coroutine_function():
    async def check(token: str) -> str | None:
        return token.removeprefix("user-") if token.startswith("user-") else None

    hook = bearer_auth(check)
    request = asking("bearer user-ada")
    assert await hook(request) is None
    assert request.user == "ada"
    refused = await hook(asking("Bearer nobody"))
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="everywire", error="invalid_token"'


def test_a_token_may_come_in_the_query_where_that_is_allowed():
    def check(token: str) -> bool:
        return token == "t1"

    allowed, header_only = bearer_auth(check, parameter="token"), bearer_auth(check)
    request = asking(target="/chat?token=t1")
    assert header_only(request).status == 401
    assert allowed(request) is None
    assert request.user == "t1"
    assert allowed(asking(target="/chat?token=")).status == 401


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\r\nb", "ü"])
def test_a_realm_cannot_break_the_header(realm):
    with pytest.raises(ValueError, match="realm"):
        basic_auth(realm, {})


async def test_hooks_are_joined():
    either = any_of(PASSWORDS, bearer_auth(lambda token: token == "t1"))
    assert await either(asking(basic("empty:"))) is None
    assert await either(asking("Bearer t1")) is None
    refused = await either(asking())
    assert refused.status == 401
    assert [value.split()[0] for value in refused.headers.get_all("WWW-Authenticate")] == ["Basic", "Bearer"]

    both = all_of(lambda request: everywire.Response(404) if request.path != "/chat" else None, PASSWORDS)
    assert (await both(asking(basic("empty:")))).status == 404
    assert (await both(asking(target="/chat"))).status == 401
    assert await both(asking(basic("empty:"), target="/chat")) is None


async def test_a_server_lets_in_whom_it_knows():
    async def tell(ws: everywire.WebSocket) -> None:
        await ws.send(str(ws.request.user))

    hook = any_of(PASSWORDS, bearer_auth(lambda token: token == "t1" and "robot"))
    async with everywire.serve(tell, "127.0.0.1", 0, process_request=hook) as server:
        address = f"127.0.0.1:{server.port}"
        async with everywire.connect(f"ws://ada:s3cret%3A%C3%A9@{address}") as ws:
            assert await ws.recv() == "ada"
        async with everywire.connect(f"ws://{address}", headers={"Authorization": "Bearer t1"}) as ws:
            assert await ws.recv() == "robot"
        with pytest.raises(HandshakeError) as refused:
            await everywire.connect(f"ws://{address}")
        assert refused.value.status == 401
