"""Commands as real processes: started, read line by line, ended by their own process id."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

PATIENCE = 60


class Command:
    """A running `everywire …`; `said` is everything that it printed so far, stderr included."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until it prints what `pattern` matches."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while not (found := re.search(pattern, self.said)):
                line = await self.process.stdout.readline()
                assert line, f"it ended without saying {pattern!r}: {self.said}"
                self.said += line.decode()
        self.said = self.said[found.end() :]
        return found

    async def port(self) -> int:
        """Wait until it serves."""
        return int((await self.says(r"://[\w.]+:(\d+)"))[1])

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; give the exit code."""
        self.process.send_signal(number)
        return await self.exit()

    async def exit(self) -> int:
        """Wait for the end; give the exit code."""
        async with asyncio.timeout(PATIENCE):
            out, _ = await self.process.communicate()
        self.said += out.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def started(*arguments: str, cwd: Path | None = None, **environment: str) -> AsyncIterator[Command]:
    """Run `everywire` with `arguments`; it is killed at the end if it still lives."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EVERYWIRE_RUN")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "everywire",
        *arguments,
        cwd=cwd,
        env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
