"""The quick benchmark: an echo on this machine, with nothing but this package. `everywire bench` runs it.

The load generator here is Python, so it is slower than the server that it measures: the figure to read is the server's CPU
time per message. The real benchmark, with peers and a load generator in C, is bench/ in the repository.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

import everywire
from everywire.engine import available

__all__ = ["main"]

MASK = b"\x37\xfa\x21\x3d"
KEY, ACCEPTED = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3
WARM_UP = 0.3  # seconds
HEADER = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@dataclass(frozen=True)
class Load:
    """What is asked of the server: `window` messages of `size` bytes on each connection at a time."""

    connections: int
    size: int
    window: int
    seconds: float


def _head(size: int, *, masked: bool) -> bytes:
    """The header of a text frame, without the mask."""
    bit = 0x80 if masked else 0
    if size < 126:
        return bytes((0x81, bit | size))
    if size < 65536:
        return bytes((0x81, bit | 126)) + size.to_bytes(2, "big")
    return bytes((0x81, bit | 127)) + size.to_bytes(8, "big")


class _Connection:
    """One client that sends a burst, checks that it comes back, and sends it again."""

    def __init__(self, port: int, load: Load) -> None:
        payload = (b"everywire " * (load.size // 10 + 1))[: load.size]
        masked = bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))
        self._burst = (_head(load.size, masked=True) + MASK + masked) * load.window
        self._expected = (_head(load.size, masked=False) + payload) * load.window
        self._window = load.window
        self._received = bytearray()
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upgrade()

    def _upgrade(self) -> None:
        self.socket.sendall(f"{HEADER}Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.socket.recv(4096)
            if not piece:
                raise ConnectionError("the server closed the connection during the handshake")
            answer += piece
        if ACCEPTED not in answer:
            raise ConnectionError(f"the server refused the upgrade: {answer[:80]!r}")

    def send(self) -> None:
        """Sends the next burst."""
        self.socket.sendall(self._burst)

    def receive(self) -> int:
        """Reads what is there; when the burst is complete, sends the next. Returns the messages that came back."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._received += piece
        if len(self._received) < len(self._expected):
            return 0
        if self._received != self._expected:
            raise ConnectionError("what came back is not what was sent")
        self._received.clear()
        self.send()
        return self._window


class _Server:
    """The echo server in a process of its own."""

    def __init__(self, engine: str | None) -> None:
        command = [sys.executable, "-m", "everywire.bench", "--serve", *(["--engine", engine] if engine else [])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            port, self.engine = self._line().split()
        except ConnectionError:
            self.stop()
            raise
        self.port = int(port)

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ConnectionError("the server did not start")
        return line

    def cpu(self) -> float:
        """CPU seconds that the server has used."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def stop(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def _drive(selector: selectors.BaseSelector, seconds: float) -> tuple[int, float]:
    """Keeps all connections busy; the messages that came back, and the time it took."""
    began = now = time.perf_counter()
    messages = 0
    while now - began < seconds:
        for key, _ in selector.select(0.1):
            messages += key.data.receive()
        now = time.perf_counter()
    return messages, now - began


@dataclass(frozen=True)
class _Result:
    messages: int
    seconds: float
    server_cpu: float
    own_cpu: float


def _measure(server: _Server, load: Load) -> _Result:
    connections = [_Connection(server.port, load) for _ in range(load.connections)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send()
        _drive(selector, WARM_UP)
        server_before, own_before = server.cpu(), time.process_time()
        messages, seconds = _drive(selector, load.seconds)
        result = _Result(messages, seconds, server.cpu() - server_before, time.process_time() - own_before)
    for connection in connections:
        connection.socket.close()
    return result


def _introduce(server: _Server) -> None:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    click.echo(f"everywire {everywire.__version__}, {server.engine} engine, {python}, {platform.system()}")
    click.echo(
        "The quick benchmark: its load generator is Python and slower than the server, so read the CPU time, not the rate."
    )
    click.echo(
        "The real one, with peers, broadcast, memory and a load generator in C, is `make bench` in the repository.\n"
    )


def _tell(load: Load, result: _Result) -> None:
    each = f"{result.server_cpu / result.messages * 1e6:.1f} µs" if result.messages else "no"
    busy = f"server {result.server_cpu / result.seconds:.0%} busy, load generator {result.own_cpu / result.seconds:.0%}"
    click.echo(f"{load.connections} connections, {load.size} bytes, {load.window} in flight on each:")
    click.echo(f"  {each} of server CPU per message")
    click.echo(f"  {result.messages / result.seconds:,.0f} messages a second ({busy})")


async def _serve(engine: str | None) -> None:
    """The server's side: an echo that says its CPU time for each line on standard input, and ends with it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def answer() -> None:
        for _ in sys.stdin:
            click.echo(str(time.process_time()))
        loop.call_soon_threadsafe(ended.set)

    def echo(ws: everywire.WebSocket, message: str | bytes) -> None:
        ws.send(message)

    async with everywire.serve(on_message=echo, host="127.0.0.1", port=0, compression=None, engine=engine) as server:
        click.echo(f"{server.port} {engine or available()[0]}")
        threading.Thread(target=answer, daemon=True).start()
        await ended.wait()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="everywire bench", description="A quick echo benchmark on this machine.")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--size", type=int, default=32, help="bytes per message")
    parser.add_argument("--window", type=int, default=1, help="messages in flight on each connection")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--engine", choices=["native", "portable"])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when the server did wrong."""
    given = _arguments(argv)
    if given.serve:
        asyncio.run(_serve(given.engine))
        return 0
    load = Load(max(1, given.connections), max(1, given.size), max(1, given.window), given.seconds)
    try:
        server = _Server(given.engine)
        try:
            _introduce(server)
            _tell(load, _measure(server, load))
        finally:
            server.stop()
    except OSError as error:
        click.echo(f"everywire bench: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
