"""Real curl against a real server."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager

import pytest

from everywire.app import Everywire

needed = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def application():
    app = Everywire()
    app.channel("room:{name}", history=100, presence=True)
    app.on_connect(lambda connecting: connecting.token)
    return app


@asynccontextmanager
async def serving(**options):
    """Serve; give what asks it: `curl(path, *arguments)`."""
    app = application()
    async with app.serving("127.0.0.1", **options) as server:
        yield Curl(server.port, "https" if "ssl" in options else "http", app)


class Curl:
    """Asks one server."""

    def __init__(self, port, scheme, app):
        self.app = app
        self.gateway = app.gateway
        self.address = f"{scheme}://127.0.0.1:{port}/everywire/"
        self.common = ["-sS", "-N", "--max-time", "20", "-k"]

    async def begin(self, path, *arguments):
        return await asyncio.create_subprocess_exec(
            *["curl", *self.common, *arguments, self.address + path],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )

    async def __call__(self, path, *arguments):
        """Give (status, body)."""
        process = await self.begin(path, "-w", "\n%{http_code}", *arguments)
        said, complaint = await process.communicate()
        assert process.returncode == 0, complaint
        body, _, status = said.decode().rpartition("\n")
        return int(status), body

    async def json(self, path, *arguments):
        status, body = await self(path, *arguments)
        assert status in (200, 201), (status, body)
        return json.loads(body)

    async def open(self, *commands):
        """Open a line; give its path."""
        said = json.dumps([{"type": "connect", "id": 1}, *commands])
        return "lines/" + (await self.json("lines", "-d", said))["line"]


async def line_of(process, found):
    """Read lines until `found(line)`; give that."""
    while line := (await process.stdout.readline()).decode():
        if found(line):
            return line
    raise AssertionError("it ended before that")
