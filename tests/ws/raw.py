"""Frames written and read by hand, apart from the product's own code; and the lowest storey as a recorder."""

from everywire.ws.link import Link

FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = bytes.fromhex("37fa213d")  # RFC 6455 5.7


def xor(data, key=KEY):
    return bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


def masked(first, payload=b"", key=KEY, length=None):
    """One frame of a client; `length` lies about the payload's."""
    size = len(payload) if length is None else length
    return bytes([first]) + _size(size, 0x80) + key + xor(payload, key)


def plain(first, payload=b"", length=None):
    """One frame of a server."""
    return bytes([first]) + _size(len(payload) if length is None else length, 0) + payload


def _size(size, mask):
    if size < 126:
        return bytes([mask | size])
    if size < 1 << 16:
        return bytes([mask | 126]) + size.to_bytes(2, "big")
    return bytes([mask | 127]) + size.to_bytes(8, "big")


def read(data):
    """Cut whole frames, of either role, into (first byte, unmasked payload), and what is left over."""
    frames = []
    while len(data) >= 2:
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        key = b""
        if data[1] & 0x80:
            key, start = data[start : start + 4], start + 4
        if len(data) < start + size:
            break
        payload = data[start : start + size]
        frames.append((data[0], xor(payload, key) if key else payload))
        data = data[start + size :]
    return frames, data


def close(code, reason=b"", *, role=plain):
    """A close frame."""
    return role(FIN | CLOSE, code.to_bytes(2, "big") + reason)


class Pipe(Link):
    """The lowest storey: keeps what is written; `backlog` pretends that so many bytes have not left yet."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.calls = []
        self.backlog = 0

    def write(self, data):
        assert type(data) is bytes
        self.written += data

    def finish(self):
        self.calls.append("finish")

    def leave(self):
        self.calls.append("leave")

    def abort(self):
        self.calls.append("abort")

    def discard(self):
        self.calls.append("discard")

    def wake(self):
        self.calls.append("wake")

    def reading(self, on):
        self.calls.append("read" if on else "stop reading")

    def queued(self):
        return self.backlog

    def extra(self, name):
        return {"peername": ("peer", 1), "sockname": ("here", 2)}.get(name)

    def frames(self):
        """Give the frames written since the last call."""
        found, rest = read(self.written)
        assert rest == b""
        self.written = b""
        return found
