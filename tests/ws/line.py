"""A connection between a recorder and a pipe, with a clock that a test sets."""

from tests.ws.raw import CLOSE, FIN, TEXT, Pipe, close, masked, plain

from everywire.ws.connection import Connection, Manner
from everywire.ws.frames import Limits


class Clock:
    """Tells the time that a test sets."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Recorded(Connection):
    """Keeps what it delivers; `answer` is called with each message."""

    def __init__(self, client, manner, compressor=None, inflation=None):
        super().__init__(client, manner, compressor, inflation)
        self.happened = []
        self.answer = None

    def deliver(self, message):
        self.happened.append(message)
        if self.answer is not None:
            self.answer(message)

    def ponged(self, data):
        self.happened.append(("pong", data))

    def finished(self, reason):
        self.happened.append(("finished", reason))


class Line:
    """A connection of one role on a pipe; `send` writes to it in the peer's role."""

    def __init__(self, client, *, compressor=None, inflation=None, **times):
        self.clock = Clock()
        self.manner = Manner(Limits(), self.clock, lambda: 0x12345678)
        for name, value in times.items():
            setattr(self.manner, name, value)
        self.frame = plain if client else masked
        self.pipe = Pipe()
        self.connection = Recorded(client, self.manner, compressor, inflation)
        self.pipe.put(self.connection)
        self.end = "finish" if client else "leave"

    def send(self, *frames):
        self.pipe.feed(b"".join(self.frame(*frame) for frame in frames))

    def close(self, code, reason=b""):
        self.pipe.feed(close(code, reason, role=self.frame))

    def sweep(self, seconds):
        """Let `seconds` pass, then look after the timeouts."""
        self.clock.now += seconds
        self.pipe.sweep(self.clock.now)

    @property
    def frames(self):
        return self.pipe.frames()


HELLO = (FIN | TEXT, b"hello")


def code_of(code, reason=b""):
    """A close frame as `frames` gives it."""
    return (FIN | CLOSE, code.to_bytes(2, "big") + reason)
