"""Servers for ASGI, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

__all__ = ["HOSTS", "Hosted", "hosted"]

ROOT = Path(__file__).parents[3]
APP = "tests.servers.asgi.everything"
# How each is told of the application, a port, and a socket that it is to listen on.
HOSTS = {
    "uvicorn": ("-m", "uvicorn", "{app}", "--port", "{port}", "--log-level", "warning"),
    "hypercorn": ("-m", "hypercorn", "{app}", "-b", "127.0.0.1:{port}", "--graceful-timeout", "1"),
    "daphne": ("-m", "daphne", "-p", "{port}", "{app}"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "{port}", "{app}"),
}


class Hosted:
    """A server that runs."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}"

    async def end(self) -> int:
        """Tell it to end, and wait for that."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)


@contextlib.asynccontextmanager
async def hosted(
    host: str, app: str = "app", *options: str, check: str = "/healthz", **environ: str
) -> AsyncIterator[Hosted]:
    """Run a server with an application of `everything`; made by a function if its name ends with ()."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [part.format(app=f"{APP}:{app}", port=port) for part in HOSTS[host]]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), str(ROOT / "tools")])
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, *options, cwd=ROOT, process_group=0, env={**os.environ, "PYTHONPATH": path, **environ}
    )
    try:
        found = Hosted(process, port)
        await _answers(found, found.url + check)
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with its workers, which would go on by themselves
        await process.wait()


async def _answers(found: Hosted, url: str) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url):
                    return
            except OSError:
                assert found.process.returncode is None, "the server ended"
                await asyncio.sleep(0)
