"""Starlette without FastAPI: what its middleware found out is there where a client connects, and in handlers."""

import contextlib
import json

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import everywire
from everywire import Everywire


class ByHeader(AuthenticationBackend):
    """Whoever the header says."""

    async def authenticate(self, conn):
        name = conn.headers.get("x-user")
        return (AuthCredentials(["authenticated"]), SimpleUser(name)) if name else None


@pytest.fixture
def client():
    rt = Everywire()
    rt.channel("news")

    @rt.on_connect
    async def connect(connecting):
        user = connecting.request.scope["user"]
        if user.display_name == "eve":
            raise HTTPException(403, "not you")
        return user.display_name if user.is_authenticated else None

    @rt.on("cart")
    async def cart(caller):
        return caller.scope["session"]

    async def fill(request):
        request.session["cart"] = ["tea"]
        return JSONResponse((await rt.publish("news", "somebody buys")).position.offset)

    app = Starlette(
        routes=[Route("/fill", fill), Mount("/rt", rt)],
        middleware=[
            Middleware(SessionMiddleware, secret_key="secret of the test"),
            Middleware(AuthenticationMiddleware, backend=ByHeader()),
        ],
        lifespan=everywire.lifespan(rt),
    )
    with TestClient(app) as client:
        yield client


@contextlib.contextmanager
def connected(client, **headers):
    with client.websocket_connect("/rt/everywire", ["everywire.v1.json"], headers=headers) as websocket:
        websocket.send_text(json.dumps({"type": "connect", "id": 1}))
        yield websocket, websocket.receive_json()


def test_users_come_by_its_authentication(client):
    with connected(client, **{"x-user": "ada"}) as (_, said):
        assert said["user"] == "ada"
    with connected(client) as (_, said):
        assert (said["type"], said["user"]) == ("connected", None)
    with connected(client, **{"x-user": "eve"}) as (_, said):
        assert (said["type"], said["code"], said["reason"]) == ("error", 103, "not you")


def test_sessions_come_by_its_cookies(client):
    assert client.get("/fill").status_code == 200
    with connected(client, origin="http://testserver") as (websocket, _):
        websocket.send_text(json.dumps({"type": "call", "id": 2, "name": "cart"}))
        assert websocket.receive_json()["data"] == {"cart": ["tea"]}
