"""What the functional tests of SignalR's JavaScript client want of a server, by everywire's hubs.

    python conformance/signalr/server.py --engine native [--certificate FILE]

Prints one JSON line, `{"port": …, "pid": …}`, when it listens; logs to standard error; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent))

import jwt
from echo import EchoDialect
from suite import HOME

from everywire import Everywire, Request, Response
from everywire.dialects.signalr import Redirect
from everywire.servers.jwt import JWT
from everywire.signalr import Hub, HubContext

SECRET = "a secret of the functional tests' server alone"
TOKEN_LIFE = 5  # seconds
WORKER = HOME / "node_modules" / "@microsoft" / "signalr" / "dist" / "webworker" / "signalr.js"
NAMES = {"websocket": "WebSockets", "sse": "ServerSentEvents", "polling": "LongPolling"}


class InvalidOperationException(Exception):
    """As .NET calls what some of the tests expect to be raised."""


@dataclass
class ComplexObject:
    """Some of everything."""

    String: str
    IntArray: list[int]
    ByteArray: bytes
    Guid: UUID
    DateTime: datetime


class TestHub(Hub):
    """What nearly all of the tests call."""

    def __init__(self, context: HubContext) -> None:
        """`context` outlives the call."""
        self.outside = context

    async def echo(self, message: str | None) -> str | None:
        """Give back what it is given."""
        return message

    async def get_caller_connection_id(self) -> str:
        """Say who calls."""
        return self.context.connection_id

    async def get_num_redirects(self) -> int:
        """Say what the address says of how often the client was sent elsewhere."""
        return int(self.context.request.params["numRedirects"][0])

    async def throw_exception(self, message: str) -> None:
        """Fail."""
        raise InvalidOperationException(message)

    async def invoke_with_string(self, message: str) -> None:
        """Call the client back."""
        await self.clients.client(self.context.connection_id).send("Message", message)

    async def send_custom_object(self, custom: dict[str, Any]) -> None:
        """Call the client back with what it is given."""
        await self.clients.client(self.context.connection_id).send("CustomObject", custom)

    async def stream(self) -> AsyncIterator[str]:
        """Give three items."""
        for letter in "abc":
            yield letter

    async def infinite_stream(self) -> AsyncIterator[str]:
        """Give nothing, until that is given up."""
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            await self.outside.clients.client(self.context.connection_id).send("StreamCanceled")

    async def empty_stream(self) -> AsyncIterator[int]:
        """Give nothing."""
        for number in ():
            yield number

    async def stream_throw_exception(self, message: str) -> AsyncIterator[str]:
        """Fail before the first item."""
        raise InvalidOperationException(message)
        yield ""

    async def streaming_concat(self, stream: AsyncIterator[str]) -> str:
        """Give all that the client streams as one."""
        return "".join([item async for item in stream])

    async def get_active_transport_name(self) -> str:
        """Say by what the client is connected."""
        return NAMES[self.context.transport or ""]

    async def echo_complex_object(self, value: ComplexObject) -> ComplexObject:
        """Give back what it is given, read and written."""
        return value

    async def send_complex_object(self) -> ComplexObject:
        """Give something of everything."""
        guid, time = UUID("00010203-0405-0607-0706-050403020100"), datetime(2000, 1, 1, tzinfo=UTC)
        return ComplexObject("hello world", [1, 2, 3], b"\1\2\3", guid, time)

    async def get_content_type_header(self) -> str | None:
        """Say what the last message over HTTP was said to be."""
        return CONTENT_TYPES.get(self.context.request.params["id"][0])

    async def get_header(self, name: str) -> str | None:
        """Give a header of the request that carries the connection."""
        found: str | None = self.context.request.headers.get(name)
        return found

    async def get_cookie(self, name: str) -> str | None:
        """Give a cookie of that request."""
        found: str | None = self.context.request.cookies.get(name)
        return found


class UncreatableHub(Hub):
    """One that cannot be made."""

    def __init__(self) -> None:
        """Fail in the words of a service provider."""
        raise InvalidOperationException(
            "Unable to resolve service for type 'System.Object' while attempting to activate 'FunctionalTests.UncreatableHub'."
        )


class AuthorizedHub(Hub):
    """One for who shows a token."""

    async def echo(self, message: str) -> str:
        """Give back what it is given."""
        return message


CONTENT_TYPES: dict[str, str | None] = {}  # of the last POST on a line


class Application(Everywire):
    """The hubs, and what the tests want of the server around them: cookies, redirects, a source of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.redirects = 0
        self.auth = JWT(key=SECRET, anonymous=True)
        self.signalr("/testhub", TestHub, detailed_errors=True)
        self.signalr(
            "/testhub-nowebsockets", TestHub, detailed_errors=True, transports=("ServerSentEvents", "LongPolling")
        )
        self.signalr("/uncreatable", UncreatableHub, detailed_errors=True)
        self.signalr("/authorizedhub", AuthorizedHub, authorize=True)
        self.signalr("/redirect", redirect=self.elsewhere)
        self.speak(lambda beat: EchoDialect("/echo"))
        self.on("echo-back", inline=True)(lambda data: data)

    def elsewhere(self, request: Request) -> Redirect:
        """Send a client on, another time."""
        self.redirects += 1
        return Redirect(f"{request.params['baseUrl'][0]}/testhub?numRedirects={self.redirects}")

    def answer(self, request: Request) -> Any:
        """Answer as the application does, with what the tests want beside that."""
        if request.method == "POST" and "id" in request.params:
            CONTENT_TYPES[request.params["id"][0]] = request.headers.get("content-type")
        if request.path.startswith("/echoredirect"):
            return redirected(request)
        if request.path == "/generateJwtToken":
            return Response(200, token(), crossing(request))
        if request.path == "/lib/signalr-webworker/signalr.js":
            return Response(200, WORKER.read_bytes(), [("Content-Type", "text/javascript"), *crossing(request)])
        answer = super().answer(request)
        return with_cookies(answer, request) if request.path.endswith("/negotiate") else answer


def redirected(request: Request) -> Response:
    """Send a request for /echoredirect on to /echo, by an absolute address."""
    if request.method == "OPTIONS":
        return Response(204, headers=crossing(request))
    scheme, host = "https" if request.secure else "http", request.headers.get("host")
    target = request.target.replace("/echoredirect", "/echo", 1)
    return Response(307, headers=[("Location", f"{scheme}://{host}{target}"), *crossing(request)])


def crossing(request: Request) -> list[tuple[str, str]]:
    """Give what lets the page that asks read the answer: whatever page it is, which only a test may do."""
    origin = request.headers.get("origin")
    if origin is None:
        return []
    asked = request.headers.get("access-control-request-headers") or "*"
    fields = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
    return [*fields, ("Access-Control-Allow-Headers", asked), ("Access-Control-Allow-Methods", "GET, POST, DELETE")]


def with_cookies(answer: Any, request: Request) -> Any:
    """Give an answer, or what comes to one, with the cookies that the tests ask for later."""
    if isinstance(answer, Awaitable):
        return waited(answer, request)
    if not isinstance(answer, Response):
        return answer
    more = "; SameSite=None; Secure" if request.secure else ""
    said = ("testCookie=testValue", "testCookie2=testValue2", "expiredCookie=x; Expires=Thu, 01 Jan 2015 00:00:00 GMT")
    cookies = [("Set-Cookie", f"{each}; Path=/{more}") for each in said]
    return Response(answer.status, answer.body, [*answer.headers, *cookies])


async def waited(answer: Awaitable[Any], request: Request) -> Any:
    """Give the same once it is there."""
    return with_cookies(await answer, request)


def token() -> str:
    """Mint a token for the authorized hub."""
    return jwt.encode({"sub": "testuser", "exp": time.time() + TOKEN_LIFE}, SECRET)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("native", "portable"), default="portable")
    parser.add_argument("--certificate", help="a PEM file with key and certificate: serve https")
    return parser.parse_args()


async def main() -> None:
    """Serve until standard input ends."""
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    context = None
    if options.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    pages = [re.compile(r"https?://127\.0\.0\.1:[0-9]+"), None]
    async with Application().serving(engine=options.engine, ssl=context, origins=pages) as server:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
