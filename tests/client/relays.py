"""Tiny proxies for tests, an HTTP server with canned answers, and a server that forgets its manners."""

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager


@asynccontextmanager
async def listening(serve, **options):
    """Run `serve(reader, writer)` for each connection; gives the port."""
    tasks = set()

    async def handle(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            # OSError: the peer's socket may be gone by the time it is shut down. Cancelled is how all of these end.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@asynccontextmanager
async def answering(*answers):
    """An HTTP server: each connection gets the next of `answers` (the last one again and again). Gives the port and the requests."""
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        writer.write(answers[min(len(asked), len(answers)) - 1].encode("latin-1"))

    async with listening(serve) as port:
        yield port, asked


@asynccontextmanager
async def staying(answer):
    """An HTTP server that keeps the connection open after `answer`. Gives the port."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode("latin-1"))
        await reader.read()

    async with listening(serve) as port:
        yield port


def redirect(status, location):
    """An answer that leads elsewhere."""
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"


def fields(request):
    """The header fields of a request, with names in lower case."""
    lines = request.split("\r\n")[1:-2]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


async def _pass(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _relay(reader, writer, host, port):
    there = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(_pass(reader, there[1]), _pass(there[0], writer))
    finally:
        there[1].close()


@asynccontextmanager
async def http_proxy(status="200 OK"):
    """An HTTP proxy that knows CONNECT. Gives the port and the requests."""
    asked = []

    async def serve(reader, writer):
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(request)
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        port = request.split()[1].rpartition(":")[2]
        if status.startswith("200"):
            await _relay(reader, writer, "127.0.0.1", int(port))

    async with listening(serve) as port:
        yield port, asked


@asynccontextmanager
async def socks5_proxy(reply=0):
    """A SOCKS5 proxy (RFC 1928) without authentication. Gives the port and the (kind of address, host, port) asked for."""
    asked = []

    async def serve(reader, writer):
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        raw = await reader.readexactly(size)
        host = raw.decode() if kind == 3 else socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, raw)
        port = int.from_bytes(await reader.readexactly(2), "big")
        asked.append((kind, host, port))
        writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            await _relay(reader, writer, "127.0.0.1", port)

    async with listening(serve) as port:
        yield port, asked
