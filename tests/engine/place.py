"""A listener of an engine, and storeys that keep what they learn."""

import asyncio
import contextlib
import socket

from tests.engine.peer import until

from everywire import engine as engines
from everywire.ws.link import PlainLink


class Top(PlainLink):
    """Keeps what it learns; `react(top, data)` is called with what comes."""

    def __init__(self, react=None):
        super().__init__()
        self.react = react
        self.data = b""
        self.learnt = []
        self.ends_too = True

    def feed(self, data):
        self.data += data
        if self.react is not None:
            self.react(self, data)

    def ended(self):
        self.learnt.append("ended")
        if self.ends_too:
            self.finish()

    def drained(self):
        self.learnt.append("drained")

    def settling(self):
        self.learnt.append("settling")

    def lost(self, reason):
        self.learnt.append(("lost", reason))

    def sweep(self, now):
        self.learnt.append(now)

    @property
    def over(self):
        return any(isinstance(one, tuple) for one in self.learnt)


def echo(top, data):
    top.write(data)


class Place:
    """A listener whose connections are `tops`."""

    def __init__(self, kind, react=None, fin_timeout=2.0):
        self.engine = engines.current(kind)
        self.fin_timeout = fin_timeout
        self.react = react
        self.tops = []
        self.clients = []

    async def __aenter__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.listener = await self.engine.listen(self.sock, lambda: self.make(), self.fin_timeout)
        return self

    async def __aexit__(self, *_):
        self.listener.abort()
        self.engine.close()
        for client in self.clients:
            client.close()
        await until(lambda: self.engine.count == 0)

    def make(self):
        self.tops.append(Top(self.react))
        return self.tops[-1]

    async def client(self, **buffers):
        """Give a non-blocking client socket, and the top storey of its connection."""
        sock = socket.socket()
        self.clients.append(sock)
        for option in buffers:
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), buffers[option])
        sock.setblocking(False)
        count = len(self.tops)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", self.port))
        await until(lambda: len(self.tops) > count)
        return sock, self.tops[-1]


async def receive(sock, size=1 << 16):
    return await asyncio.get_running_loop().sock_recv(sock, size)


async def receive_all(sock):
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := await receive(sock):
            data += more
    return data
