"""Node's own HTTP/2 client on the real server."""

import asyncio
import json
import ssl
import subprocess
from pathlib import Path

import trustme

import everywire
from everywire.http.request import Request, Response

SCRIPT = Path(__file__).with_name("h2_client.mjs")
PAGE = bytes(1_000_000)


async def echo(ws: everywire.WebSocket) -> None:
    """Send everything back."""
    async for message in ws:
        await ws.send(message)


def plain(request: Request) -> Response | None:
    """Answer what is no WebSocket."""
    if request.path == "/page":
        return Response(200, PAGE)
    return Response(200, b"x" * (len(request.body) // 1000)) if request.path == "/size" else None


async def test_node(node: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with everywire.serve(echo, "127.0.0.1", 0, ssl=context, process_request=plain) as server:
        address = f"https://127.0.0.1:{server.port}"
        run = await asyncio.create_subprocess_exec(
            node, SCRIPT, address, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await run.communicate()
    assert json.loads(output) == {
        "connect": True,
        "page": [200, len(PAGE)],
        "upload": [200, 500],
        "socket": [200, "\x81\x05hello", "\x88\x02\x03\xe8", 0],
    }
