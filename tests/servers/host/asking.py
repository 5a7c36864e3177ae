"""Applications on our own server, asked over bare connections."""

import asyncio
from contextlib import asynccontextmanager

from tests.engine.peer import Peer

from everywire import serve
from everywire.http.head import HeadLimits
from everywire.servers.host.http import EXTENSIONS, HttpApp
from everywire.servers.host.scope import Facts, scope

ENDLESS = 1 << 60


def start(status=200, *headers, **more):
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data=b"", *, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


@asynccontextmanager
async def hosted(app, engine=None, ssl=None, path=None, head=16 * 1024, rate=4096, **options):
    """A server of the application `app`."""
    http = HttpApp(app, clock=lambda: 0)
    facts = Facts(extensions=EXTENSIONS)
    limits = HeadLimits(head=head, body=ENDLESS, rate=rate, next_line=False)
    options = {"host": None if path else "127.0.0.1", "path": path, "ssl": ssl, "engine": engine, **options}

    def ask(request):
        return http.answer(request, scope(request, "http", facts))

    async with serve(
        on_message=print, process_request=ask, streamed_bodies=True, head_limits=limits, **options
    ) as server:
        server.http = http
        yield server
        await http.drain(1)


def get(path="/", *lines, method="GET", version="1.1"):
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *lines, "", ""])


async def whole(peer, *, head_only=False):
    """Read one answer: status, headers, body."""
    status, headers = await peer.answer()
    if head_only or status in (204, 304) or status < 200:
        return status, headers, b""
    if "chunked" in headers.get("transfer-encoding", ""):
        return status, headers, await chunks(peer)
    return status, headers, await peer.body(headers)


async def chunks(peer):
    """Read a chunked body, its trailers left in `peer.trailers`."""
    data = b""
    while size := int(await peer.reader.readline(), 16):
        data += await peer.reader.readexactly(size)
        await peer.reader.readexactly(2)
    peer.trailers = []
    while (line := await peer.reader.readline()) != b"\r\n":
        peer.trailers.append(line.strip())
    return data


class Asked:
    """An application that does `steps(scope, receive, send)`; says when, and by what, it ended."""

    def __init__(self, steps):
        self.steps = steps
        self.ended = asyncio.Event()
        self.error = None
        self.calls = 0

    async def __call__(self, scope, receive, send):
        self.calls += 1
        try:
            await self.steps(scope, receive, send)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()


def saying(*messages):
    """An application that says `messages`."""

    async def steps(scope, receive, send):
        for message in messages:
            await send(message)

    return Asked(steps)


async def echo(scope, receive, send):
    """Say the whole body."""
    data = b""
    while True:
        event = await receive()
        data += event["body"]
        if not event["more_body"]:
            break
    await send(start(200))
    await send(body(data))


async def ask(server, text):
    """Ask once on a connection of its own; give the answer, and what came after it."""
    async with await Peer.dial(server.port) as peer:
        peer.writer.write(text.encode("latin-1"))
        return await whole(peer)
