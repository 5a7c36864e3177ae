"""ASGI applications as a command: found, served, ended, reloaded, replaced, and refused."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from tests.certificates import client_context, written
from tests.cli.commands import started

APP = """
import asyncio, os, pathlib
held = asyncio.Event()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        pathlib.Path(f"up-{os.getpid()}").touch()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        pathlib.Path(f"down-{os.getpid()}").touch()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": str(os.getpid())})
        await receive()
        held.set()
    else:
        if scope["path"] == "/held":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"begun,", "more_body": True})
            await held.wait()
            await send({"type": "http.response.body", "body": b"ended"})
            return
        body = f"WORD {scope['client'][0]} {scope['scheme']} {os.getpid()}".encode()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})
"""
LISTEN = ("--host", "127.0.0.1", "--port", "0")
PATIENCE = 30


async def asked(port: int, path: str = "/", **headers: str) -> str:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{port}{path}", headers=headers)).text


async def heard(socket: websockets.ClientConnection) -> int:
    await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(APP.replace("WORD", "old"))
    return tmp_path


def marks(folder: Path, word: str) -> set[int]:
    return {int(path.name.partition("-")[2]) for path in folder.glob(f"{word}-*")}


async def test_it_is_served_and_ended_well(folder):
    options = ("--access-log", "--log", "json", "--trusted-proxies", "127.0.0.1")
    async with started("run", "shop", *LISTEN, *options, cwd=folder) as run:
        found = await run.says(r"shop is at http://127\.0\.0\.1:(\d+)  \(")
        port = int(found[1])
        said = await asked(port, "/a?b=c", **{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
        assert said == f"old 203.0.113.9 https {run.process.pid}"
        line = json.loads((await run.says(r"\{.*\}\n"))[0])
        assert (line["logger"], line["path"], line["status"]) == ("everywire.access", "/a?b=...", 200)
        async with websockets.connect(f"ws://127.0.0.1:{port}/") as socket:
            assert await socket.recv() == str(run.process.pid)
            code = asyncio.ensure_future(heard(socket))
            assert await run.end() == 0
            assert await code == 1001
    assert marks(folder, "up") == marks(folder, "down") == {run.process.pid}


BAD = {
    "raises": "async def app(scope, receive, send): raise ValueError('broken')\n",
    "failed": "async def app(s, r, send):\n await r()\n await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n",
    "wsgi": "def app(environ, start_response): return []\n",
    "imports": "import json\nx = json.loads('{')\n",
}


@pytest.mark.parametrize(
    ("target", "options", "code", "said"),
    [
        pytest.param("raises", ("--lifespan", "on"), 3, "Error: the application does not start: ValueError: broken\n", marks=pytest.mark.slow),
        ("failed", (), 3, "Error: the application does not start: no database\n"),
        pytest.param("failed", ("--workers", "1"), 3, "Error: the application does not start: no database\n", marks=pytest.mark.slow),
        ("wsgi", (), 2, "Error: wsgi:app is a WSGI application"),
        ("imports", (), 1, "Error: imports fails:\n"),
        ("shop", ("--trusted-proxies", "here"), 2, "'here' does not appear to be an IPv4 or IPv6 network"),
        pytest.param("shop", ("--root-path", "shop"), 2, "root_path begins with a slash", marks=pytest.mark.slow),
        ("ours", ("--lifespan", "off"), 2, "--lifespan is for ASGI applications of others: an Everywire() has no lifespan"),
    ],
)  # fmt: skip
async def test_what_cannot_be_served_says_why(folder, target, options, code, said):
    for name, text in BAD.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "ours.py").write_text("import everywire\napp = everywire.Everywire()\n")
    async with started("run", target, *LISTEN, *options, cwd=folder) as run:
        assert await run.exit() == code
    assert said in run.said


@pytest.mark.slow
async def test_one_that_hangs_at_its_end_is_named(folder):
    (folder / "hangs.py").write_text(
        APP.replace('pathlib.Path(f"down-{os.getpid()}").touch()', "await asyncio.Event().wait()")
    )
    async with started("run", "hangs:app", *LISTEN, "--grace", "1", cwd=folder) as run:
        await run.port()
        assert await run.end() == 0
    assert f"hangs:app hangs at shutdown in {folder}/hangs.py, line 11, app" in run.said


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("--workers", "1", "--finish", "1", "--drain", "1")])
async def test_one_that_takes_no_cancelling_is_ended_all_the_same(folder, workers):
    stubborn = """
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    pass
"""
    (folder / "stubborn.py").write_text(APP.replace("            await held.wait()\n", stubborn))
    async with started("run", "stubborn:app", *LISTEN, "--grace", "1", *workers, cwd=folder) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", await run.port())
        writer.write(b"GET /held HTTP/1.1\r\nHost: here\r\n\r\n")
        await reader.readuntil(b"begun,")
        assert await run.end() == (0 if workers else 1)
        writer.close()
    assert "requests that are cut off: 1 in " in run.said
    assert ("the application does not end; it is ended" in run.said) == (not workers)


@pytest.mark.slow
async def test_a_change_is_served_on_the_same_port(folder):
    async with started("run", "shop", "--reload", "--trusted-proxies", "127.0.0.1", *LISTEN, cwd=folder) as run:
        port = await run.port()
        assert (await asked(port, **{"X-Forwarded-Proto": "https"})).startswith("old 127.0.0.1 https")
        (folder / "shop.py").write_text(APP.replace("WORD", "a newer one"))
        assert await run.port() == port
        assert (await asked(port)).startswith("a newer one ")
        assert await run.end() == 0
    assert marks(folder, "up") == marks(folder, "down")
    assert len(marks(folder, "up")) == 2


@pytest.mark.slow
async def test_workers_are_replaced_without_refusing_anybody_and_what_is_under_way_ends_well(folder):
    """A response that is streamed comes to its end on the old worker; WebSockets are told to come back; lifespans end last."""
    async with started("run", "shop", "--workers", "2", *LISTEN, cwd=folder) as run:
        port = await run.port()
        first = marks(folder, "up")
        assert len(first) == 2
        sockets: dict[int, Any] = {}
        while len(sockets) < 2:
            socket = await websockets.connect(f"ws://127.0.0.1:{port}/")
            sockets.setdefault(int(await socket.recv()), socket)
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            async with client.stream("GET", f"http://127.0.0.1:{port}/held") as answer:
                body = answer.aiter_text()
                assert await anext(body) == "begun,"
                run.process.send_signal(signal.SIGHUP)
                codes = [await heard(socket) for socket in sockets.values()]
                assert set(codes) == {1012}
                assert await anext(body) == "ended"
        await run.says("replaced 2 workers")
        assert marks(folder, "down") == first
        assert int((await asked(port)).split()[-1]) in marks(folder, "up") - first
        assert await run.end() == 0
    assert marks(folder, "down") == marks(folder, "up")
    assert len(marks(folder, "up")) == 4


@pytest.mark.slow
async def test_a_worker_that_is_killed_is_started_again(folder):
    async with started("run", "shop", "--workers", "1", *LISTEN, cwd=folder) as run:
        port = await run.port()
        (pid,) = marks(folder, "up")
        os.kill(pid, signal.SIGKILL)
        await run.says("is ready")
        assert int((await asked(port)).split()[-1]) != pid
        assert await run.end() == 0


@pytest.mark.slow
async def test_it_is_served_over_tls_by_http_2(folder):
    certificate, key, _ = written(folder)
    options = ("--certfile", str(certificate), "--keyfile", str(key))
    async with started("run", "shop", *LISTEN, *options, cwd=folder) as run:
        port = int((await run.says(r"https://127\.0\.0\.1:(\d+)"))[1])
        async with httpx.AsyncClient(verify=client_context(), http2=True, trust_env=False) as client:
            answer = await client.get(f"https://127.0.0.1:{port}/")
        assert (answer.http_version, answer.text) == ("HTTP/2", f"old 127.0.0.1 https {run.process.pid}")
        assert await run.end() == 0


@pytest.mark.slow
async def test_a_unix_socket_will_do(folder):
    (folder / "plain.py").write_text(APP.replace("{scope['client'][0]}", "{scope['client']}"))
    async with started("run", "plain", "--unix", "shop.sock", cwd=folder) as run:
        await run.says("plain is at unix:shop.sock")
        transport = httpx.AsyncHTTPTransport(uds=str(folder / "shop.sock"))
        async with httpx.AsyncClient(transport=transport) as client:
            assert (await client.get("http://here/")).text == f"WORD None http {run.process.pid}"
        assert await run.end() == 0
    assert not (folder / "shop.sock").exists()
