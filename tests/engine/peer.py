"""A client made of asyncio's own streams and frames written by hand: slow, strict, and apart from the product."""

import asyncio
import contextlib
import logging
import socket
from contextlib import asynccontextmanager

from tests.ws.raw import CLOSE, FIN, masked, read

from everywire import serve

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = (
    f"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
)


class Peer:
    """One connection. `frame()` gives the next frame as (first byte, payload), None at the end."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.frames = []
        self.rest = b""

    @classmethod
    async def dial(cls, port, *, ssl=None, receive_buffer=None):
        """Connect to `port` on the loopback."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        name = "localhost" if ssl is not None else None
        streams = await asyncio.open_connection(sock=sock, ssl=ssl, server_hostname=name, limit=4096)
        return cls(*streams)

    @classmethod
    async def open(cls, port, headers="", **options):
        """Connect and upgrade."""
        peer = await cls.dial(port, **options)
        status, _ = await peer.ask(f"GET / HTTP/1.1\r\n{UPGRADE}{headers}\r\n")
        assert status == 101
        return peer

    @classmethod
    async def open_later(cls, port):
        """Connect and ask for an upgrade; `answer` gives what comes of it."""
        peer = await cls.dial(port)
        peer.writer.write(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        return peer

    async def ask(self, text):
        """Send a request; give the status and head of the answer, with names in lower case."""
        self.writer.write(text.encode("latin-1"))
        return await self.answer()

    async def answer(self):
        """Read the head of an answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")[1:-2]
        return int(head.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    async def body(self, headers):
        """Read the body that `headers` speak of."""
        return await self.reader.readexactly(int(headers["content-length"]))

    def send(self, first, payload=b""):
        """Send one masked frame."""
        self.writer.write(masked(first, payload))

    def close(self, code=1000):
        """Send a close frame."""
        self.send(FIN | CLOSE, code.to_bytes(2, "big"))

    async def frame(self):
        """Read one frame."""
        while not self.frames:
            data = await self.reader.read(1 << 16)
            if not data:
                return None
            self.frames, self.rest = read(self.rest + data)
        return self.frames.pop(0)

    async def ended(self):
        """Read everything up to the end; give it."""
        data = self.rest
        with contextlib.suppress(ConnectionError):
            while more := await self.reader.read(1 << 16):
                data += more
        return data

    async def leave(self):
        """Close at once."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.leave()


async def until(condition, patience=20.0):
    """Let the loop run until `condition()` is true."""
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0)


def code(number, reason=b""):
    """A close frame, as a peer reads it."""
    return (FIN | CLOSE, number.to_bytes(2, "big") + reason)


def loud(caplog):
    """The log records that somebody should look at; not the remark that the portable engine runs."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING and record.name != "everywire"]


@asynccontextmanager
async def opened(engine, handler=None, headers="", **options):
    """A server with one client: gives (the server's WebSocket, the client)."""
    websockets = []

    async def wait(ws):
        await ws.wait_closed()

    async def handle(ws):
        websockets.append(ws)
        await (handler or wait)(ws)

    if "on_message" in options:
        options["on_open"] = websockets.append
        arguments = options
    else:
        arguments = {"handler": handle, **options}
    arguments.setdefault("close_timeout", 1)
    async with (
        serve(host="127.0.0.1", engine=engine, **arguments) as server,
        await Peer.open(server.port, headers) as peer,
    ):
        await until(lambda: websockets)
        yield websockets[0], peer
