"""The frameworks of Python's web on `everywire run`: a page, a body, a WebSocket, start and end."""

import asyncio
from pathlib import Path

import httpx
import pytest
import websockets
from tests.cli.commands import started

FRAMEWORKS = {
    "fastapi": """
from contextlib import asynccontextmanager
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel

class Order(BaseModel):
    count: int

@asynccontextmanager
async def lifespan(app):
    print("up", flush=True)
    yield
    print("down", flush=True)

app = FastAPI(lifespan=lifespan)

@app.get("/hello/{name}")
async def hello(name: str):
    return {"hello": name}

@app.post("/orders")
def order(order: Order):
    return {"count": order.count + 1}

@app.websocket("/ws")
async def ws(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())
""",
    "starlette": """
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

@asynccontextmanager
async def lifespan(app):
    print("up", flush=True)
    yield
    print("down", flush=True)

async def hello(request):
    return JSONResponse({"hello": request.path_params["name"]})

async def order(request):
    return JSONResponse({"count": (await request.json())["count"] + 1})

async def ws(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())

routes = [Route("/hello/{name}", hello), Route("/orders", order, methods=["POST"]), WebSocketRoute("/ws", ws)]
app = Starlette(routes=routes, lifespan=lifespan)
""",
    "litestar": """
from litestar import Litestar, get, post
from litestar.handlers import websocket_listener

@get("/hello/{name:str}")
async def hello(name: str) -> dict[str, str]:
    return {"hello": name}

@post("/orders", status_code=200)
async def order(data: dict[str, int]) -> dict[str, int]:
    return {"count": data["count"] + 1}

@websocket_listener("/ws")
async def ws(data: str) -> str:
    return data.upper()

app = Litestar(
    [hello, order, ws],
    on_startup=[lambda: print("up", flush=True)],
    on_shutdown=[lambda: print("down", flush=True)],
)
""",
    "quart": """
from quart import Quart, request, websocket

app = Quart(__name__)

@app.before_serving
async def up():
    print("up", flush=True)

@app.after_serving
async def down():
    print("down", flush=True)

@app.get("/hello/<name>")
async def hello(name):
    return {"hello": name}

@app.post("/orders")
async def order():
    return {"count": (await request.get_json())["count"] + 1}

@app.websocket("/ws")
async def ws():
    while True:
        await websocket.send((await websocket.receive()).upper())
""",
}


@pytest.mark.parametrize(
    "framework",
    ["fastapi", *(pytest.param(each, marks=pytest.mark.slow) for each in ("starlette", "litestar", "quart"))],
)
async def test_its_hello_world_runs_unchanged(tmp_path: Path, framework: str) -> None:
    pytest.importorskip(framework)
    (tmp_path / "shop.py").write_text(FRAMEWORKS[framework])
    async with started("run", "shop:app", "--host", "127.0.0.1", "--port", "0", cwd=tmp_path) as run:
        await run.says("up\n")
        port = await run.port()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            assert (await client.get("/hello/%C3%A4nn")).json() == {"hello": "änn"}
            assert (await client.post("/orders", json={"count": 1})).json() == {"count": 2}
            assert (await client.get("/none")).status_code == 404
        async with asyncio.timeout(30), websockets.connect(f"ws://127.0.0.1:{port}/ws") as socket:
            await socket.send("hello")
            assert await socket.recv() == "HELLO"
        assert await run.end() == 0
    assert "down\n" in run.said
    assert "Traceback" not in run.said
