"""Many cheap clients of the native wire: each follows one channel, counts what it hears, and comes back as often as it is sent away."""

import asyncio
import base64
import os
import re
from array import array
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from everywire.messages import Position
from everywire.testing import Log, Mark, Seen, passed

_PUBLICATION = re.compile(rb'"data":(\d+),"time":\d+,"offset":(\d+)')


def framed(text: bytes) -> bytes:
    """Put a text into a masked frame, by a mask that changes nothing."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + text


class One(asyncio.Protocol):
    """One client of a crowd.

    Invariants: `position` is (epoch, offset) of the last publication that it was told.
    """

    def __init__(self, crowd: "Crowd", position: tuple[str, int] | None, token: str | None = None) -> None:
        self.crowd = crowd
        self.token = token
        self.session = ""
        self.staying = True  # whether it comes back
        self.began: tuple[str, int] | None = position
        self.seen = array("q")  # offset, number, offset, number, and so on
        self.position = position
        self.live = False
        self.closes: list[int] = []
        self.errors: list[bytes] = []
        self.refused = self.holes = self.doubles = self.heard = 0
        self._data = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport | None = None

    @property
    def shown(self) -> str:
        """How it stands."""
        return f"live {self.live}, at {self.position}, upgraded {self._upgraded}, {bytes(self._data[:80])!r}, closes {self.closes}, errors {self.errors}"

    async def connect(self) -> None:
        """Connect, as often as that is refused; each refusal is counted."""
        loop = asyncio.get_running_loop()
        self._upgraded = self.live = False
        self._data.clear()
        while True:
            try:
                await loop.create_connection(lambda: self, self.crowd.host, self.crowd.port)
                return
            except OSError:
                self.refused += 1
                await passed(0.05)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self.crowd.handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.live = False
        if not self.crowd.over and self.staying:
            self.crowd.came_apart(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._upgraded:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._data.startswith(b"HTTP/1.1 101"), bytes(self._data[:100])
            del self._data[: end + 4]
            self._upgraded = True
            shown = b"" if self.token is None else b',"token":"%s"' % self.token.encode()
            self._transport.write(framed(b'{"type":"connect","id":1%s}' % shown))
            self._subscribe()
        self._read()

    def _subscribe(self) -> None:
        since = b""
        if self.position is not None:
            since = b',"since":{"epoch":"%s","offset":%d}' % (self.position[0].encode(), self.position[1])
        if self._transport is not None:
            self._transport.write(
                framed(b'{"type":"subscribe","id":2,"channel":"%s"%s}' % (self.crowd.channel.encode(), since))
            )

    def _read(self) -> None:
        data = self._data
        while len(data) >= 2:
            size, start = data[1], 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(data[2:start], "big")
            if len(data) < start + size:
                return
            kind, payload = data[0] & 15, bytes(data[start : start + size])
            del data[: start + size]
            if kind == 8:
                self.closes.append(int.from_bytes(payload[:2], "big"))
                self._transport.write(b"\x88\x82" + bytes(4) + payload[:2])
            elif kind == 1:
                self._hear(payload)

    def _hear(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"subscribed"'):
            said = msgspec.json.decode(payload)
            first = self.position
            if first is not None:
                self.holes += not said["recovered"]
                for each in said["publications"]:
                    self._count(each["offset"], each["data"])
            self.position = (said["epoch"], said["offset"])
            self.began = self.began or self.position
            self.live = True
            self.crowd.came_live(self)
        elif payload.startswith(b'{"type":"publication"'):
            number, offset = _PUBLICATION.search(payload).groups()
            self._count(int(offset), int(number))
        elif payload.startswith(b'{"type":"connected"'):
            self.session = msgspec.json.decode(payload)["session"]
        elif payload.startswith(b'{"type":"error"'):
            self.errors.append(payload)
            asyncio.get_running_loop().call_later(0.1, self._subscribe)
        elif payload.startswith(b'{"type":"ping"'):
            self._transport.write(framed(b'{"type":"pong"}'))

    def _count(self, offset: int, number: object) -> None:
        epoch, before = self.position
        self.doubles += offset <= before
        self.holes += offset > before + 1
        self.heard += 1
        self.position = (epoch, offset)
        if isinstance(number, int):
            self.seen.extend((offset, number))

    def leave(self) -> None:
        """Be gone for good, and say so."""
        self.staying = False
        if self._transport is not None:
            self._transport.write(b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big"))
            self._transport.close()

    def log(self) -> Log:
        """Give what it saw, for the checker; the messages are numbers, and all are of one publisher."""
        epoch, offset = self.began
        pairs = zip(self.seen[::2], self.seen[1::2], strict=True)
        seen = [Seen(Position(epoch, offset), "mouth", number) for offset, number in pairs]
        return Log("client", [Mark(Position(epoch, offset)), *seen])


class Crowd:
    """`count` clients of one channel; with `users`, so many users among them."""

    def __init__(
        self, address: str, channel: str, count: int, position: tuple[str, int] | None = None, users: int = 0
    ) -> None:
        parts = urlsplit(address)
        self.host, self.port, self.channel = parts.hostname, parts.port, channel
        key = base64.b64encode(os.urandom(16)).decode()
        fields = f"Host: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
        self.handshake = (
            f"GET {parts.path} HTTP/1.1\r\n{fields}\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: everywire.v1.json\r\n\r\n"
        ).encode()
        self.ones = [One(self, position, f"user{n % users}" if users else None) for n in range(count)]
        self.over = False
        self.returns: list[float] = []  # when somebody was sent away
        self.back: list[float] = []  # and when somebody who was had heard all that was missed
        self._away: set[One] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._all = asyncio.Event()
        self._left = 0

    async def connect(self, at_once: int = 100_000) -> None:
        """Connect all, so many at a time; back when all are live."""
        self._left = sum(not one.live for one in self.ones)
        self._all.clear()
        gate = asyncio.Semaphore(at_once)

        async def gated(one: One) -> None:
            async with gate:
                await one.connect()

        await asyncio.gather(*[gated(one) for one in self.ones])
        await self._all.wait()

    def came_live(self, one: One) -> None:
        """Learn of one that is live, or live again."""
        if one in self._away:
            self._away.discard(one)
            self.back.append(asyncio.get_running_loop().time())
        self._left -= 1
        if self._left <= 0:
            self._all.set()

    def came_apart(self, one: One) -> None:
        """Bring one back that was sent away."""
        loop = asyncio.get_running_loop()
        self.returns.append(loop.time())
        self._away.add(one)
        one.live = False
        task = loop.create_task(one.connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until(self, condition: Callable[[One], bool]) -> None:
        """Wait until `condition` is true of all."""
        try:
            while not all(condition(one) for one in self.ones):
                await passed(0.05)
        except asyncio.CancelledError:
            odd = [one for one in self.ones if not condition(one)]
            raise AssertionError(f"{len(odd)} are not there: {[one.shown for one in odd[:3]]}") from None

    def total(self, name: str) -> int:
        """Add up what all counted."""
        return sum(getattr(one, name) for one in self.ones)

    def end(self) -> None:
        """Leave."""
        self.over = True
        for one in self.ones:
            if one._transport is not None:
                one._transport.abort()
