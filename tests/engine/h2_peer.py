"""An HTTP/2 client, the h2 library, on a trunk of ours: bytes are carried by hand, time is told."""

from types import SimpleNamespace

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from tests.ws.raw import Pipe

from everywire.http.head import HeadLimits

GET = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "here")]
SOCKET = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "https"),
    (":path", "/"),
    (":authority", "here"),
    ("sec-websocket-version", "13"),
]


class Site:
    """Answers by the function `answer(request)`."""

    def __init__(self, answer=None, **limits):
        self.limits = HeadLimits(**limits)
        self.open_timeout = 10
        self.idle_timeout = 60
        self.streamed_bodies = False
        self.links = set()
        self.requests = []
        self.answer_one = answer

    def answer(self, request, engine):
        self.requests.append(request)
        return self.answer_one(request)

    def joined(self, link):
        self.links.add(link)

    def left(self, link):
        self.links.discard(link)


class Engine(SimpleNamespace):
    """A clock and a loop."""

    def __init__(self, loop=None):
        super().__init__(loop=loop, now=1000.0)

    def clock(self):
        return self.now


class Peer:
    """The client's end: `conn` speaks, `turn` carries bytes both ways until there are none and gives what the client heard."""

    def __init__(self, link, **settings):
        self.link = link
        self.pipe = Pipe()
        self.pipe.put(link)
        self.conn = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self.conn.local_settings.update(settings)
        self.conn.initiate_connection()
        self.bodies = {}
        self.number = -1

    def turn(self):
        heard = []
        while True:
            self.link.settling()
            data, self.pipe.written = self.pipe.written, b""
            if data:
                heard += self.conn.receive_data(data)
            said = self.conn.data_to_send()
            if said:
                self.link.feed(said)
            elif not data:
                return self.sorted(heard)

    def sorted(self, heard):
        """Collect the bodies; give the other events."""
        for event in heard:
            if isinstance(event, events.DataReceived):
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
        return [event for event in heard if not isinstance(event, events.DataReceived)]

    def request(self, fields=GET, *, end=True):
        """Open a stream, without a turn."""
        self.number += 2
        self.conn.send_headers(self.number, fields, end_stream=end)
        return self.number

    def ask(self, fields=GET, body=b""):
        """Ask and give (status, fields, body)."""
        number = self.request(fields, end=not body)
        if body:
            self.conn.send_data(number, body, end_stream=True)
        heard = self.turn()
        (head,) = [event for event in heard if isinstance(event, events.ResponseReceived)]
        named = dict(head.headers)
        return int(named.pop(":status")), named, self.bodies.pop(number, b"")


def of(kind, heard):
    """The events of one kind."""
    return [event for event in heard if isinstance(event, kind)]
