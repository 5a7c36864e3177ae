"""The Django site of the examples, in a process of its own."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "examples" / "django_chat"
SERVERS = {
    "daphne": ("-m", "daphne", "-p", "{port}", "{site}"),
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "{site}"),
    "everywire": ("-m", "everywire", "run", "--port", "{port}", "{site}"),
}


def environment(folder: Path) -> dict[str, str]:
    """What the site's processes need: where everywire is, and a database in a folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "DATABASE": str(folder / "site.sqlite3")}


def migrate(folder: Path) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=SITE, env=environment(folder), check=True)


@asynccontextmanager
async def serving(server: str, site: str, folder: Path) -> AsyncIterator[str]:
    """Have a server serve the site, and give its address, "localhost:…"."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [part.format(port=port, site=site) for part in SERVERS[server]]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=SITE, env=environment(folder))
    try:
        await _answers(f"http://localhost:{port}/", process)
        yield f"localhost:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    assert answer.status == 200, await answer.text()
                    return
            except OSError:
                assert process.returncode is None, "the server ended"
                await asyncio.sleep(0)
