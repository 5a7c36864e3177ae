"""Clients of the small language of `agreeing`, under virtual time."""

import asyncio
import contextlib
from inspect import isawaitable

from everywire.app import Everywire
from everywire.dialects.base import Carry, Open
from everywire.engine.inbox import READY
from everywire.http.request import Headers, Request
from everywire.testing import Net
from everywire.transports import websocket


@contextlib.contextmanager
def agreeing(monkeypatch, dialect, app=None):
    """Run an application that speaks it; what is written to a WebSocket is in `Socket.sent`."""
    monkeypatch.setattr(websocket, "post", lambda wire, data: wire.sent.append(data))
    monkeypatch.setattr(websocket, "broadcast", lambda wires, data: [wire.sent.append(data) for wire in wires])
    app = app or Everywire()
    app.channel("room", history=5)
    app.speak(lambda heartbeat: dialect)
    with Net(app) as net:
        net.publish = lambda channel, data: (app.publish(channel, data), net.run())
        yield net


class Socket:
    """As much of a WebSocket as the gateway looks at."""

    below = None

    def __init__(self, net, request):
        self.net, self.request, self.sent, self.ended = net, request, [], None

    def drain(self):
        return READY

    def close(self, code=1000, reason=""):
        self.ended = self.ended or code

    def say(self, *said):
        for each in said:
            self.net.gateway.received(self, each)
            self.net.run()

    def said(self):
        return "".join(self.sent)

    def lose(self, code=1006):
        self.net.gateway.closed(self, code)


class Client:
    """Asks by requests and by WebSockets."""

    upgrading = (("Upgrade", "websocket"), ("Host", "here"))

    def __init__(self, net, *fields, negotiate=True, token=None):
        self.net, self.fields, self.token, self.id = net, fields, token, None
        if negotiate:
            self.id = self.ask("POST", path="/hub/negotiate").body.decode()

    def request(self, method, body=b"", headers=(), path="/hub"):
        query = "&".join(f"{name}={value}" for name, value in (("line", self.id), ("token", self.token)) if value)
        mark = "&" if "?" in path else "?"
        return Request(method, f"{path}{mark}{query}", Headers([*headers, *self.fields]), body=body)

    def begin(self, method, body=b"", headers=(), path="/hub"):
        """Ask; give a task, or the answer that is there at once."""
        answer = self.net.gateway.accept(self.request(method, body, (("Host", "here"), *headers), path))
        return asyncio.ensure_future(answer, loop=self.net.loop) if isawaitable(answer) else answer

    def ask(self, method, body=b"", headers=(), path="/hub"):
        """Ask; give what was answered within a moment."""
        answer = self.begin(method, body, headers, path)
        self.net.run()
        if isinstance(answer, asyncio.Task):
            assert answer.done(), "the answer takes time"
            answer = answer.result()
        return answer

    def upgrade(self):
        """Give what becomes of a WebSocket for the line: an intent, or an answer."""
        answer = self.net.gateway.accept(self.request("GET", headers=self.upgrading))
        if isawaitable(answer):
            task = asyncio.ensure_future(answer, loop=self.net.loop)
            self.net.run()
            answer = task.result()
        return answer

    def opening(self):
        """Give a WebSocket for the line, of which the gateway does not know yet."""
        answer = self.upgrade()
        assert answer is None or isinstance(answer, Open | Carry), answer
        return Socket(self.net, self.request("GET", headers=self.upgrading))

    def carry(self, *said):
        """Give one on which this was said."""
        socket = self.opening()
        self.net.gateway.opened(socket)
        socket.say(*said)
        return socket
