"""A process that does as a test tells it, in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import AsyncIterator
from typing import Any, Self

LONGEST_LINE = 1 << 24


class Failed(Exception):
    """What was asked of the process ended in this error there."""


class Told:
    """Such a process: one object with an `id` to a line goes in, and each is answered by one with that `id`.

    Invariants: `_answers` holds what was asked and is not answered; after the end of the process nothing waits for it.
    """

    patience = 500.0  # seconds for one answer; an everyday test is given less by pytest

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, *command: str, **environment: str) -> AsyncIterator[Self]:
        """Run `command`; killed by its own process id at the end."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            limit=LONGEST_LINE,
        )
        told = cls(process)
        try:
            yield told
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await told._reading

    async def ask(self, do: str, **said: Any) -> dict[str, Any]:
        """Have something done; gives the answer. Raises `Failed`."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, **said}).encode() + b"\n")
        async with asyncio.timeout(self.patience):
            given = await answer
        if "error" in given:
            raise Failed(given["error"])
        return given

    def hear(self, said: dict[str, Any]) -> None:
        """Take what the process says: the answer to what was asked."""
        answer = self._answers.pop(said.pop("id"))
        if not answer.done():
            answer.set_result(said)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.hear(json.loads(line))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(RuntimeError("the process has ended"))
