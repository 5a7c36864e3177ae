"""Every dialect, by every form in which it is carried: a client of it on one hub, whose payloads are written by hand."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import msgspec
from tests.transports.outlets import Sink

from everywire.http.request import Headers, Request
from everywire.testing import Net
from everywire.testing.transport import MemoryTransport

__all__ = ["TONGUES", "Binary", "Json", "Packed", "Tongue", "pack"]

CHANNEL = "room:a"
UPGRADE = (("Upgrade", "websocket"), ("Connection", "Upgrade"))

pack = msgspec.msgpack.encode


class Json(str):
    """Data as JSON text."""

    __slots__ = ()


class Packed(bytes):
    """Data as a MessagePack document."""

    __slots__ = ()


class Binary(Packed):
    """The same, with something binary in it."""

    __slots__ = ()


Data = Json | Packed


def _sized(message: bytes) -> bytes:
    """Put its length before a message: seven bits to a byte, the lowest first."""
    length, head = len(message), bytearray()
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes((*head, length)) + message


class Tongue:
    """A client of one dialect; `heard` gives what it was told since it was asked last, exactly as it was carried.

    `dialect` is what others see of it; `says` are the kinds of data that it can say.
    """

    dialect = "native"
    says: tuple[type, ...] = (Json,)

    def __init__(self, net: Net) -> None:
        self.net = net

    def open(self, *, listening: bool = True) -> None:
        """Connect, and subscribe if `listening`."""
        raise NotImplementedError

    def publish(self, data: Data) -> list[str | bytes]:
        """Say it in the channel; gives the answer."""
        raise NotImplementedError

    def heard(self) -> list[str | bytes]:
        raise NotImplementedError

    def ask(self, method: str, target: str, body: bytes | str = b"", **headers: str) -> Any:
        """Send a request; gives the answer, or a task while there is none."""
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        said = body.encode() if isinstance(body, str) else body
        request = Request(method, target, Headers([("Host", "here"), *fields]), body=said)
        answer = self.net.gateway.accept(request)
        if not isawaitable(answer):
            return answer
        task = asyncio.ensure_future(answer, loop=self.net.loop)
        self.net.run()
        return task.result() if task.done() else task


class Socket(Tongue):
    """Over a WebSocket at `path` with this `subprotocol`; `hello` is said at first, the last of it to subscribe."""

    path = "/everywire"
    subprotocol = ""
    hello: tuple[str | bytes, ...] = ()

    def open(self, *, listening: bool = True) -> None:
        offered = (("Sec-WebSocket-Protocol", self.subprotocol),) if self.subprotocol else ()
        self.transport = MemoryTransport()
        self.line = self.net.gateway.open(self.transport, Request("GET", self.path, Headers([*UPGRADE, *offered])))
        assert self.line is not None
        for said in self.hello if listening else self.hello[:-1]:
            self.say(said)

    def say(self, *payloads: str | bytes) -> list[str | bytes]:
        """Say what is one message; gives what was told then."""
        for payload in payloads:
            self.line.receive(payload)
        self.net.run()
        return self.heard()

    def heard(self) -> list[str | bytes]:
        told = [*self.transport.outbox]
        self.transport.outbox.clear()
        return told if self.transport.closed is None else [*told, f"closed {self.transport.closed[0]}"]


class NativeJson(Socket):
    subprotocol = "everywire.v1.json"
    hello = ('{"type":"connect","id":1}', '{"type":"subscribe","id":2,"channel":"room:a"}')

    def publish(self, data: Data) -> list[str | bytes]:
        return self.say(f'{{"type":"publish","id":9,"channel":"room:a","data":{data}}}')


class NativePacked(Socket):
    says = (Packed, Binary)
    subprotocol = "everywire.v1.msgpack"
    hello = (pack({"type": "connect", "id": 1}), pack({"type": "subscribe", "id": 2, "channel": CHANNEL}))

    def publish(self, data: Data) -> list[str | bytes]:
        assert isinstance(data, bytes)
        return self.say(b"\x84\xa4type\xa7publish\xa2id\x09\xa7channel\xa6room:a\xa4data" + data)


def streamed(net: Any, sink: Sink) -> list[str | bytes]:
    """What has come by a stream since it was asked last."""
    net.run()
    told = sink.body
    sink.pieces.clear()
    return [told] if told else []


class NativeEvents(Tongue):
    """Server-sent events, and a POST."""

    def open(self, *, listening: bool = True) -> None:
        if not listening:
            return
        answer = self.ask("GET", "/everywire/sse?channel=room:a")
        self.sink = Sink()
        answer.start(self.sink)
        self.net.run()
        self.heard()

    def publish(self, data: Data) -> list[str | bytes]:
        answer = self.ask("POST", "/everywire/publish", f'{{"channel":"room:a","data":{data}}}')
        return [f"{answer.status} ".encode() + answer.body]

    def heard(self) -> list[str | bytes]:
        return streamed(self.net, self.sink)


class SocketIOText(Socket):
    dialect = "socketio"
    says = (Json, Binary)
    path = "/socket.io/?EIO=4&transport=websocket"
    hello = ("40", '421["everywire:subscribe",{"channel":"room:a"}]')

    def publish(self, data: Data) -> list[str | bytes]:
        if isinstance(data, Json):
            return self.say(f'429["everywire:publish",{{"channel":"room:a","data":{data}}}]')
        attachments: list[bytes] = []
        said = msgspec.json.encode(_detached(msgspec.msgpack.decode(data), attachments)).decode()
        head = f"45{len(attachments)}-9" if attachments else "429"
        return self.say(f'{head}["everywire:publish",{{"channel":"room:a","data":{said}}}]', *attachments)


class SocketIOPacked(Socket):
    dialect = "socketio"
    says = (Packed, Binary)
    path = "/socket.io/?EIO=4&transport=websocket"
    hello = (
        pack({"type": 0, "nsp": "/"}),
        pack({"type": 2, "nsp": "/", "id": 1, "data": ["everywire:subscribe", {"channel": CHANNEL}]}),
    )

    def publish(self, data: Data) -> list[str | bytes]:
        assert isinstance(data, bytes)
        said = b"\x92\xb1everywire:publish\x82\xa7channel\xa6room:a\xa4data" + data
        return self.say(b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x09\xa4data" + said)


class SocketIOPolls(SocketIOText):
    """Long polls; a body at a time."""

    def open(self, *, listening: bool = True) -> None:
        answer = self.ask("GET", "/socket.io/?EIO=4&transport=polling")
        self.url = f"/socket.io/?EIO=4&transport=polling&sid={msgspec.json.decode(answer.body[1:])['sid']}"
        self.polling = self.ask("GET", self.url)
        for said in self.hello if listening else self.hello[:-1]:
            self.say(said)

    def say(self, *payloads: str | bytes) -> list[str | bytes]:
        body = "\x1e".join(_in_poll(payload) for payload in payloads)
        assert self.ask("POST", self.url, body, content_type="text/plain").status == 200
        return self.heard()

    def heard(self) -> list[str | bytes]:
        self.net.run()
        if not self.polling.done():
            return []
        told = self.polling.result().body
        self.polling = self.ask("GET", self.url)
        return [told]


def _in_poll(payload: str | bytes) -> str:
    return payload if isinstance(payload, str) else "b" + msgspec.json.encode(payload).decode().strip('"')


class SignalRJson(Socket):
    dialect = "signalr"
    path = "/hub"
    hello = (
        '{"protocol":"json","version":1}\x1e',
        '{"type":1,"invocationId":"1","target":"everywire:subscribe","arguments":[{"channel":"room:a"}]}\x1e',
    )

    def publish(self, data: Data) -> list[str | bytes]:
        return self.say(
            f'{{"type":1,"invocationId":"9","target":"everywire:publish","arguments":[{{"channel":"room:a","data":{data}}}]}}\x1e'
        )


class SignalRPacked(Socket):
    dialect = "signalr"
    says = (Packed, Binary)
    path = "/hub"
    hello = (
        '{"protocol":"messagepack","version":1}\x1e',
        _sized(pack([1, {}, "1", "everywire:subscribe", [{"channel": CHANNEL}]])),
    )

    def publish(self, data: Data) -> list[str | bytes]:
        assert isinstance(data, bytes)
        said = b"\x91\x82\xa7channel\xa6room:a\xa4data" + data
        return self.say(_sized(b"\x96\x01\x80\xa19\xb1everywire:publish" + said + b"\x90"))


class SignalREvents(SignalRJson):
    """Server-sent events, and POSTs."""

    def open(self, *, listening: bool = True) -> None:
        answer = self.ask("POST", "/hub/negotiate?negotiateVersion=1")
        self.url = f"/hub?id={msgspec.json.decode(answer.body)['connectionToken']}"
        self.sink = Sink()
        self.ask("GET", self.url, accept="text/event-stream").start(self.sink)
        for said in self.hello if listening else self.hello[:-1]:
            self.say(said)

    def say(self, *payloads: str | bytes) -> list[str | bytes]:
        assert (
            self.ask(
                "POST", self.url, b"".join(each.encode() if isinstance(each, str) else each for each in payloads)
            ).status
            == 200
        )
        return self.heard()

    def heard(self) -> list[str | bytes]:
        return streamed(self.net, self.sink)


class SignalRPolls(SignalREvents):
    """Long polls; a body at a time."""

    says = (Packed, Binary)
    hello = SignalRPacked.hello
    publish = SignalRPacked.publish

    def open(self, *, listening: bool = True) -> None:
        answer = self.ask("POST", "/hub/negotiate?negotiateVersion=1")
        self.url = f"/hub?id={msgspec.json.decode(answer.body)['connectionToken']}"
        assert self.ask("GET", self.url).body == b""
        self.polling = self.ask("GET", self.url)
        for said in self.hello if listening else self.hello[:-1]:
            self.say(said)

    def heard(self) -> list[str | bytes]:
        self.net.run()
        if not self.polling.done():
            return []
        told = self.polling.result().body
        self.polling = self.ask("GET", self.url)
        return [told]


def _detached(value: Any, attachments: list[bytes]) -> Any:
    match value:
        case bytes():
            attachments.append(value)
            return {"_placeholder": True, "num": len(attachments) - 1}
        case dict():
            return {key: _detached(each, attachments) for key, each in value.items()}
        case list():
            return [_detached(each, attachments) for each in value]
        case _:
            return value


class SockJSRaw(NativeJson):
    """A WebSocket at SockJS's own place, without its framing."""

    path = "/sockjs/websocket"
    subprotocol = ""


class SockJSWebSocket(SockJSRaw):
    dialect = "sockjs"
    path = "/sockjs/000/websocket1/websocket"

    def say(self, *payloads: str | bytes) -> list[str | bytes]:
        return super().say(json.dumps(payloads))


class SockJSStream(SockJSWebSocket):
    """A transport of SockJS that streams: `way` is its place, `send` that of what is said."""

    way = "xhr_streaming"
    method = "POST"
    send = "xhr_send"
    numbers = itertools.count()

    def open(self, *, listening: bool = True) -> None:
        self.url = f"/sockjs/000/stream{next(self.numbers)}"
        self.listen()
        for said in self.hello if listening else self.hello[:-1]:
            self.say(said)

    def listen(self) -> None:
        self.sink = Sink()
        self.ask(self.method, f"{self.url}/{self.way}").start(self.sink)
        self.heard()

    def say(self, *payloads: str | bytes) -> list[str | bytes]:
        assert self.ask("POST", f"{self.url}/{self.send}", json.dumps(payloads), content_type="text/plain").status < 300
        return self.heard()

    def heard(self) -> list[str | bytes]:
        return streamed(self.net, self.sink)


class SockJSEvents(SockJSStream):
    way, method = "eventsource", "GET"


class SockJSPage(SockJSStream):
    way, method = "htmlfile?c=parent.cb", "GET"


class SockJSPolls(SockJSStream):
    """A transport of SockJS that asks time and again."""

    way = "xhr"

    def listen(self) -> None:
        assert not isinstance(self.ask(self.method, f"{self.url}/{self.way}"), asyncio.Task)
        self.polling = self.ask(self.method, f"{self.url}/{self.way}")

    def heard(self) -> list[str | bytes]:
        self.net.run()
        if not self.polling.done():
            return []
        told = self.polling.result().body
        self.polling = self.ask(self.method, f"{self.url}/{self.way}")
        return [told]


class SockJSScripts(SockJSPolls):
    way, method, send = "jsonp?c=parent.cb", "GET", "jsonp_send"


class Text(Socket):
    """Plain texts: whoever reads them says nothing in channels, and is subscribed by the application."""

    dialect = "text"
    says = ()
    path = "/text"

    def open(self, *, listening: bool = True) -> None:
        super().open()
        self.net.run()
        (session,) = [each.id for each in self.net.app.hub.sessions.values() if each.member.dialect == "text"]
        self.net.loop.run_until_complete(self.net.app.subscribe(CHANNEL, session=session))
        self.net.run()


TONGUES: dict[str, Callable[[Net], Tongue]] = {
    "native json": NativeJson,
    "native msgpack": NativePacked,
    "native events": NativeEvents,
    "text": Text,
    "socketio text": SocketIOText,
    "socketio msgpack": SocketIOPacked,
    "socketio polls": SocketIOPolls,
    "signalr json": SignalRJson,
    "signalr msgpack": SignalRPacked,
    "signalr events": SignalREvents,
    "signalr polls": SignalRPolls,
    "sockjs raw": SockJSRaw,
    "sockjs websocket": SockJSWebSocket,
    "sockjs xhr-streaming": SockJSStream,
    "sockjs eventsource": SockJSEvents,
    "sockjs htmlfile": SockJSPage,
    "sockjs xhr-polling": SockJSPolls,
    "sockjs jsonp-polling": SockJSScripts,
}
