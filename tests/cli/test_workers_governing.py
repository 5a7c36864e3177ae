"""Users are sent away from all workers, whichever is asked."""

import asyncio
import json
import socket
import time

import jwt
import pytest
from tests.cli.commands import started

import everywire
from everywire.publisher import Publisher

KEY, ADMIN = "k" * 32, "a" * 16

APP = """
import everywire

app = everywire.Everywire()
app.channel("room:{{name}}", history=10)
app.auth = everywire.JWT(key={key!r})
app.admin(key={admin!r}, port={port})
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def token():
    return jwt.encode({"sub": "ann", "exp": time.time() + 100, "iat": time.time() - 5}, KEY, "HS256")


async def connected(address):
    """Give a WebSocket, and what its `connect` was answered."""
    ws = await everywire.connect(address, subprotocols=["everywire.v1.json"])
    await ws.send(json.dumps({"type": "connect", "id": 1, "token": token()}))
    return ws, json.loads(await ws.recv())


async def closed(ws):
    with pytest.raises(everywire.ConnectionClosed) as caught:
        while True:
            await ws.recv()
    return caught.value.code


def nodes(url):
    """Ask anew until both workers have answered; give how many clients each has."""
    found = {}
    while len(found) < 2:
        with Publisher(url, ADMIN) as asking:
            stats = asking.ask("GET", "/stats")
        found[stats["node"]] = stats["connected"]
    return [*found.values()]


async def test_a_user_is_kicked_out_of_every_worker_and_stays_revoked(tmp_path):
    port = free_port()
    (tmp_path / "live.py").write_text(APP.format(key=KEY, admin=ADMIN, port=port))
    listen = ("--host", "127.0.0.1", "--port", "0", "--workers", "2")
    async with started("run", "live:app", *listen, cwd=tmp_path) as run:
        address, url = (await run.says(r"live:app is at (ws://\S+)  \("))[1], f"http://127.0.0.1:{port}"
        clients = []
        while not clients or 0 in await asyncio.to_thread(nodes, url):
            clients.append((await connected(address))[0])
        began = time.monotonic()
        with Publisher(url, ADMIN) as admin:
            await asyncio.to_thread(admin.kick, "ann")
            assert await asyncio.gather(*map(closed, clients)) == [4404] * len(clients)
            assert time.monotonic() - began < 1
            await asyncio.to_thread(admin.revoke, "ann")
        for _ in range(8):  # whichever worker it comes to
            ws, answer = await connected(address)
            assert (answer["type"], answer["reason"]) == ("error", "the token was revoked")
            assert await closed(ws) == 4401
        assert await run.end() == 0
