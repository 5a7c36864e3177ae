"""Where a running supervisor is asked to replace its workers, and says what comes of it: a Unix socket in its folder."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec

from everywire.servers import listening

__all__ = ["OVER", "Asked", "Door", "Outcome", "Progress", "ask", "prefix"]

_DOOR = "door"
OVER = "the server is ending"

Tell: TypeAlias = Callable[[str], None]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """What has been done so far."""

    text: str


class Outcome(msgspec.Struct, frozen=True, tag="outcome"):
    """How it ended; `whole` says that every worker was replaced."""

    text: str
    whole: bool


Asked: TypeAlias = Progress | Outcome
_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode


class Replacing(Protocol):
    """The supervisor, as those at its door see it; `watchers` are told of each step."""

    watchers: set[Tell]

    def reload(self) -> Awaitable[Outcome]:
        """Replace every worker."""


class Door:
    """Answers whoever connects by replacing the workers: lines of JSON, the last of which is an `Outcome`.

    The folder that it is in decides who may ask.
    """

    def __init__(self, supervisor: Replacing) -> None:
        self._supervisor: Final = supervisor
        self._server: asyncio.Server | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def open(self, folder: str) -> None:
        """Answer from now on."""
        self._server = await asyncio.start_unix_server(self._come, sock=listening.unix(str(Path(folder) / _DOOR)))

    async def close(self) -> None:
        """Answer nobody new, and wait for the answers to those who wait; what they wait for is over then."""
        if self._server is not None:
            self._server.close()
        if self._answers:
            await asyncio.wait([*self._answers], timeout=1)

    async def _come(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answers.add(task)
        try:
            await self._answer(writer)
        finally:
            self._answers.discard(task)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        def tell(text: str) -> None:
            writer.write(_encode(Progress(text)) + b"\n")

        self._supervisor.watchers.add(tell)
        try:
            outcome = await asyncio.shield(self._supervisor.reload())
        except asyncio.CancelledError:
            outcome = Outcome(OVER, whole=False)
        finally:
            self._supervisor.watchers.discard(tell)
        writer.write(_encode(outcome) + b"\n")


def prefix(pid: int) -> str:
    """Give how the name of that supervisor's folder begins."""
    return f"everywire-{pid}-"


def ask(pid: int) -> Iterator[Asked] | None:
    """Have the workers of the supervisor with that process id replaced, and give what it says, the outcome last; None where it has no door here.

    Without an outcome it ended meanwhile.
    """
    for folder in Path(tempfile.gettempdir()).glob(prefix(pid) + "*"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if folder.stat().st_uid in _owners(pid):  # anybody may make one of that name
                sock.connect(str(folder / _DOOR))
                return _said(sock)
        except OSError:  # what a supervisor left there that was killed
            pass
        sock.close()
    return None


def _owners(pid: int) -> set[int]:
    try:
        return {os.stat(f"/proc/{pid}").st_uid}
    except OSError:
        return {os.getuid()}


def _said(sock: socket.socket) -> Iterator[Asked]:
    with sock, sock.makefile("rb") as lines:
        for line in lines:
            yield _decode(line)
