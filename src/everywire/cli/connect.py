"""`everywire connect`: talks to any WebSocket server, by hand or in a pipe."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl as tls
import sys
from dataclasses import dataclass
from typing import Any

import click

import everywire
from everywire.cli.numbers import Finite, Whole
from everywire.cli.terminal import Keyboard, Screen, readable
from everywire.errors import ConnectionClosed, EverywireError, HandshakeError

__all__ = ["connect"]

_TOLD = 2_000  # bytes of a refusal's text that are shown
_TOLD_LINES = 20

HELP = """\
  TEXT                 send TEXT; a first slash is doubled to be sent
  /bytes HEX           send a binary message
  /ping                ask for a pong, and show how long it took
  /close [CODE [WHY]]  close; so does Ctrl-D
  /help                this"""


@dataclass(frozen=True, slots=True)
class Errand:
    """What to do when nobody types: `execute` (else stdin's lines) is sent; then `count` messages are awaited, or silence for `wait` seconds."""

    execute: tuple[str, ...]
    wait: float
    count: int | None


@click.command(short_help="Talk to any WebSocket server.")
@click.argument("uri")
@click.option("--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header to send; repeatable.")
@click.option("--subprotocol", "-s", "subprotocols", multiple=True, help="A subprotocol to offer; repeatable.")
@click.option("--origin", "-o", help="The Origin header, as a browser would send it.")
@click.option(
    "--execute", "-x", multiple=True, metavar="MESSAGE", help="Send this, print what comes, and exit; repeatable."
)
@click.option("--count", "-n", type=Whole(1), help="With -x or in a pipe: exit after so many messages.")
@click.option(
    "--wait",
    "-w",
    default=1.0,
    show_default=True,
    type=Finite(0),
    help="With -x or in a pipe: exit after so many silent seconds.",
)
@click.option("--insecure", "-k", is_flag=True, help="Do not check the server's certificate.")
@click.option("--cafile", metavar="FILE", help="PEM certificates to trust instead of the system's.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same.")
def connect(uri: str, *, no_color: bool, **given: Any) -> None:
    """Talk to the WebSocket server at URI.

    \b
    Examples:
        everywire connect ws://localhost:8000
        everywire connect wss://user:secret@example.com/live -s chat.v2 -H 'X-Room: 7'
        everywire connect localhost:9001 -x hello -n 1        for scripts
        seq 1000 | everywire connect localhost:9001 -n 1000

    On a terminal /help lists what you can type besides messages. The exit code is 1 when the connection
    fails or is closed with anything but 1000 or 1001.
    """
    errand = Errand(given.pop("execute"), given.pop("wait"), given.pop("count"))
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not errand.execute
    screen = Screen(interactive=interactive, colour=interactive and not no_color and "NO_COLOR" not in os.environ)
    address = uri if "://" in uri else f"ws://{'localhost' if uri.startswith(':') else ''}{uri}"
    try:
        options = _options(**given)
        code = asyncio.run(_talk(address, options, screen, errand))
    except (EverywireError, OSError, ValueError) as error:
        raise click.ClickException(_explain(address, error)) from None
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the thread that reads the keyboard would keep the interpreter from ending


def _options(*, headers: tuple[str, ...], insecure: bool, cafile: str | None, **options: Any) -> dict[str, Any]:
    pairs = []
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise click.UsageError(f"--header {header!r}: write 'NAME: VALUE'")
        pairs.append((name.strip(), value.strip()))
    if insecure or cafile:
        context = _trusting(cafile)
        if insecure:
            context.check_hostname, context.verify_mode = False, tls.CERT_NONE
        options["ssl"] = context
    return {"headers": pairs, "max_size": None, **options}


def _trusting(cafile: str | None) -> tls.SSLContext:
    try:
        return tls.create_default_context(cafile=cafile)
    except tls.SSLError:
        raise click.ClickException(f"--cafile: {cafile} has no PEM certificate in it") from None
    except OSError as error:
        raise click.ClickException(f"--cafile: cannot read {cafile}: {error.strerror}") from None


def _explain(address: str, error: Exception) -> str:
    """Say in one line why there is no connection; below it, what else the server said."""
    said = readable(str(error))
    match error:
        case HandshakeError(status=200):
            return f"{address} is no WebSocket: {said}"
        case HandshakeError(status=int()):
            return "\n  ".join([f"{address}: {readable(error.reason)}", *_told(error.response)])
        case HandshakeError() if address.startswith("ws://") and "closed the connection" in error.reason:
            return f"{address}: {said}; perhaps it speaks TLS: try wss{address.removeprefix('ws')}"
        case tls.SSLCertVerificationError():
            return f"{address}: the certificate is not trusted ({error.verify_message}); --insecure ignores that"
        case tls.SSLError(reason="WRONG_VERSION_NUMBER"):
            return f"{address}: no TLS here; try ws{address.removeprefix('wss')}"
        case tls.SSLError():
            return f"{address}: no TLS here ({error.reason or error})"
        case TimeoutError():
            return f"{address} does not answer"
        case OSError():
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or said
            return f"cannot connect to {address}: {why}"
        case _:
            return said


def _told(response: Any) -> list[str]:
    """Give the lines of a refusal's text, as far as a person reads on; none where that is no text."""
    if response is None or "content-encoding" in response.headers or b"\0" in response.body:
        return []
    text = readable(response.body[:_TOLD].decode("utf-8", "replace").replace("\r\n", "\n").strip())
    lines = [line for line in text.split("\n") if line.strip()]
    cut = len(response.body) > _TOLD or len(lines) > _TOLD_LINES
    return [*lines[:_TOLD_LINES], *(["…"] if cut else [])]


async def _talk(address: str, options: dict[str, Any], screen: Screen, errand: Errand) -> int:
    websocket: Any = await everywire.connect(address, **options)
    agreed = f", subprotocol {websocket.subprotocol}" if websocket.subprotocol else ""
    if screen.interactive:
        screen.status(f"connected to {address}{agreed}; /help lists the commands", "green")
    keyboard = Keyboard(screen)
    try:
        if screen.interactive:
            await _converse(websocket, screen, keyboard)
        else:
            await _carry_out(websocket, screen, keyboard, errand)
    finally:
        await websocket.close()
        keyboard.stop()
    code = int(websocket.close_code or 1006)
    if screen.interactive or code not in (1000, 1001):
        reason = f" {readable(websocket.close_reason)}" if websocket.close_reason else ""
        screen.status(f"closed: {code}{reason}", "green" if code in (1000, 1001) else "red")
    return 0 if code in (1000, 1001) else 1


# At a terminal.


async def _converse(websocket: Any, screen: Screen, keyboard: Keyboard) -> None:
    """Let a user talk until one side closes."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, keyboard.lines.put_nowait, None)
    keyboard.start()
    receiving = asyncio.ensure_future(_show(websocket, screen))
    typing = asyncio.ensure_future(_obey(websocket, screen, keyboard))
    await asyncio.wait([receiving, typing], return_when=asyncio.FIRST_COMPLETED)
    typing.cancel()
    await asyncio.wait([typing])
    if not typing.cancelled() and (error := typing.exception()) is not None and not isinstance(error, ConnectionClosed):
        raise error
    await websocket.close()
    await receiving


async def _show(websocket: Any, screen: Screen) -> None:
    try:
        async for message in websocket:
            screen.message(message)
    except ConnectionClosed:
        pass


async def _obey(websocket: Any, screen: Screen, keyboard: Keyboard) -> None:
    """Do what is typed until the end of the input."""
    while (line := await keyboard.lines.get()) is not None:
        command, _, rest = line.partition(" ")
        match command:
            case "/close":
                code, _, reason = rest.partition(" ")
                try:
                    await websocket.close(_code(code or "1000"), reason)
                except ValueError:
                    screen.status("/close takes a code, 1000 or 3000 to 4999, and a reason", "red")
                    continue
                return
            case "/ping":
                asyncio.ensure_future(_ping(websocket, screen))  # noqa: RUF006 - it ends with the connection
            case "/bytes":
                await _send_hex(websocket, screen, rest)
            case _ if command.startswith("/") and not command.startswith("//"):
                screen.status(HELP if command == "/help" else f"no such command: {command}\n{HELP}")
            case _ if line:
                await websocket.send(line.removeprefix("/") if line.startswith("//") else line)


def _code(text: str) -> int:
    """Read a code as the application may say it; raises ValueError for any other."""
    code = int(text)
    if code != 1000 and not 3000 <= code <= 4999:  # RFC 6455 7.4.2; the rest is the protocol's to say
        raise ValueError(f"{code} is not for applications")
    return code


async def _ping(websocket: Any, screen: Screen) -> None:
    try:
        screen.status(f"pong after {await websocket.ping() * 1000:.1f} ms")
    except ConnectionClosed:
        pass


async def _send_hex(websocket: Any, screen: Screen, digits: str) -> None:
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        screen.status("/bytes takes hexadecimal digits: /bytes 00 ff", "red")
    else:
        await websocket.send(data)


# In a pipe.


async def _carry_out(websocket: Any, screen: Screen, keyboard: Keyboard, errand: Errand) -> None:
    """Send what there is to send, and print what comes until it is enough."""
    said_all = asyncio.Event()
    sending = asyncio.ensure_future(_send_all(websocket, keyboard, errand, said_all))
    left = errand.count
    try:
        while left is None or left > 0:
            message = await _next(websocket, said_all, None if errand.count else errand.wait)
            screen.message(message)
            left = None if left is None else left - 1
    except (TimeoutError, ConnectionClosed):
        pass
    sending.cancel()
    await asyncio.wait([sending])


async def _next(websocket: Any, said_all: asyncio.Event, wait: float | None) -> str | bytes:
    """Give the next message; raises TimeoutError after `wait` seconds of silence once everything is said."""
    message: asyncio.Future[Any] = asyncio.ensure_future(_receive(websocket))
    said: asyncio.Future[Any] = asyncio.ensure_future(said_all.wait())
    await asyncio.wait([message, said], return_when=asyncio.FIRST_COMPLETED)
    said.cancel()
    found: str | bytes = await asyncio.wait_for(message, wait)
    return found


async def _receive(websocket: Any) -> str | bytes:
    message: str | bytes = await websocket.recv()
    return message


async def _send_all(websocket: Any, keyboard: Keyboard, errand: Errand, said_all: asyncio.Event) -> None:
    try:
        for message in errand.execute:
            await websocket.send(message)
        if not errand.execute:
            keyboard.start()
            while (line := await keyboard.lines.get()) is not None:
                await websocket.send(line)
    except ConnectionClosed:
        pass
    said_all.set()
