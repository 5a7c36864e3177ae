"""Secrets never come into a log: whatever goes wrong, at whatever level."""

import asyncio
import json
import logging
from base64 import urlsafe_b64encode

import jwt
import pytest

import everywire
from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.messages import Connect, Connected, Heartbeat, Raw, Refresh

CANARY = "canary0canary"
KEY = "k" * 32
ADMIN = f"{CANARY}-admin-key"


@pytest.fixture
async def app(caplog):
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    app = Everywire(settings=Settings(token_parameter="token"))
    app.channel("room:{name}", history=5)
    app.auth = everywire.JWT(key=KEY, cookie="session")
    app.admin(key=ADMIN, port=0)

    @app.route("/broken")
    def broken(request):
        raise OSError("the disk is full")

    async with app.serving(port=0) as server:
        app.port = server.port
        yield app


def made(**claims):
    return jwt.encode({"sub": "ann", "exp": 1 << 40, "jti": CANARY} | claims, KEY, "HS256")


def offered(token):
    return "everywire.token." + urlsafe_b64encode(token.encode()).decode().rstrip("=")


async def asked(port, head, body=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = f"Host: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    writer.write(
        f"{head[0]} HTTP/1.1\r\n{fields}{''.join(f'{field}' + chr(13) + chr(10) for field in head[1:])}\r\n".encode()
        + body
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def spoken(app, *commands, query="", protocols=("everywire.v1.json",), headers=()):
    """Say `commands` over a WebSocket and give what is answered until it is closed or all have one answer."""
    heard = []
    try:
        async with everywire.connect(
            f"ws://127.0.0.1:{app.port}/everywire{query}", subprotocols=protocols, headers=headers
        ) as ws:
            for command in commands:
                await ws.send(command if isinstance(command, str) else json.dumps(command))
                heard.append(await ws.recv())
    except everywire.ConnectionClosed as end:
        heard.append(end.reason)
    return heard


async def test_no_token_comes_into_a_log(app, caplog):
    good, wrong = made(), made(exp=5)
    torn = good[:-3] + CANARY
    for token in (good, wrong, torn, CANARY):
        connect = {"type": "connect", "id": 1}
        bearer = [("Authorization", f"Bearer {token}")]
        answers = [
            await spoken(app, {**connect, "token": token}, {"type": "refresh", "id": 2, "token": wrong}),
            await spoken(app, connect, headers=bearer),
            await spoken(app, connect, protocols=("everywire.v1.json", offered(token))),
            await spoken(app, connect, query=f"?token={token}"),
            await spoken(app, {**connect, "token": [token]}),
            await spoken(app, {**connect, "token": token, "resume": CANARY}),
            await spoken(app, f'{{"type": "connect", "token": "{token}"'),
            await asked(app.port, [f"GET /everywire?token={token}"]),
            await asked(app.port, [f"GET /broken?token={token}", f"Authorization: Bearer {token}"]),
            await asked(app.port, [f"GET /nowhere?access_token={token}", f"Cookie: session={token}"]),
            await asked(app.port, [f"GET /everywire/lines/{CANARY}/stream?after=0"]),
            await asked(app.port, [f"GET /everywire/sse?channel=room:1&channel={CANARY}&token={wrong}"]),
            await asked(app.port, ["POST /everywire/lines"], json.dumps({**connect, "token": wrong}).encode()),
            await asked(app.port, ["POST /everywire/publish", f"Authorization: Bearer {wrong}"], b"{"),
            await asked(app.port, [f"GET /everywire?token={token}", "Upgrade: websocket", "Origin: http://evil"]),
            await asked(app.administration[0].port, ["GET /stats", f"Authorization: Bearer {token}"]),
            await asked(app.administration[0].port, ["GET /nowhere?x=1", f"Authorization: Bearer {ADMIN}"]),
        ]
        said = str([answer for answer in answers if isinstance(answer, list) and "connected" not in str(answer)])
        assert token not in said
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "the disk is full" in logged
    for secret in (CANARY, good, wrong, ADMIN):
        assert secret not in logged
        assert urlsafe_b64encode(secret.encode()).decode().rstrip("=") not in logged


@pytest.mark.parametrize(
    "message",
    [
        Connect(1, token=CANARY, resume=CANARY, auth=Raw(b'{"token":"' + CANARY.encode() + b'"}')),
        Refresh(1, CANARY),
        Connected(1, "s", None, CANARY, False, Heartbeat()),
    ],
)
def test_no_message_shows_its_secret(message):
    assert CANARY not in repr(message)
    assert CANARY not in f"{[message]}"


def test_what_shows_nothing_hides_nothing():
    assert (
        repr(Connect(1))
        == "Connect(ref=1, token=None, info=None, resume=None, auth=None, space='', caught_up=None, lasting=True, name=None, keyed=False)"
    )
