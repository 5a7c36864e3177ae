"""A gateway under virtual time, asked by requests that no server carries."""

import asyncio
import json
from inspect import isawaitable
from types import SimpleNamespace

from tests.transports.outlets import Sink

from everywire.http.request import Headers, Request
from everywire.http.streamed import Streamed
from everywire.testing import Net

CONNECT = {"type": "connect", "id": 1}


class Facts:
    """A connection from `address`."""

    def __init__(self, address):
        self.address = address

    def extra(self, name):
        return (self.address, 4711) if name == "peername" else None


class Place:
    """Asks `net`'s gateway; an answer that takes time is a task until it is there."""

    def __init__(self, net: Net):
        self.net = net
        self.gateway = net.gateway

    def begin(self, method, target, body=b"", address="192.0.2.7", **headers):
        """Ask; give a task, or the answer that is there at once."""
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        said = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, f"/everywire/{target}", Headers([("Host", "here"), *fields]), body=said)
        request.facts = Facts(address)
        answer = self.gateway.accept(request)
        return asyncio.ensure_future(answer, loop=self.net.loop) if isawaitable(answer) else answer

    def ask(self, *request, **headers):
        """Ask; give what was answered within a moment."""
        answer = self.begin(*request, **headers)
        if isinstance(answer, asyncio.Task):
            self.net.run()
            assert answer.done(), "the answer takes time"
            answer = answer.result()
        return seen(answer)

    def open(self, *commands, **headers):
        """Open a line; give its path."""
        answer = self.ask("POST", "lines", [CONNECT, *commands], **headers)
        assert answer.status == 201
        return "lines/" + answer.json["line"]

    def poll(self, line, after=0, wait=0):
        """Give the events of a short poll."""
        return self.ask("GET", f"{line}/poll?after={after}&wait={wait}").json


def seen(answer):
    """Give an answer as a client sees it: status, headers, body, json; and the outlet where it is streamed, with what was written so far."""
    made = SimpleNamespace(status=answer.status, headers=answer.headers, sink=None, json=None)
    if isinstance(answer, Streamed):
        made.sink = Sink()
        made.sink.producer = answer.start(made.sink)
        return made
    made.body = answer.body
    if answer.headers.get("content-type") == "application/json":
        made.json = json.loads(answer.body)
    return made


def lines(sink):
    """The messages of an NDJSON body."""
    return [json.loads(line) for line in sink.body.splitlines()]


def events(sink):
    """The events of an event stream: (name, data, id)."""
    found = []
    for block in sink.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields.get("event"), json.loads(fields["data"]), fields.get("id")))
    return found


def kinds(messages):
    return [message["type"] for message in messages]
