"""An in-memory client that speaks the native wire as `docs/protocol.md` says."""

from __future__ import annotations

import json
from typing import Any

from everywire.errors import EverywireError
from everywire.gateway import Line
from everywire.testing.transport import MemoryTransport

__all__ = ["MemoryClient", "Refusal"]


class Refusal(EverywireError):
    """The server answered a command with an error; `data` is what else it said."""

    def __init__(self, code: int, reason: str, *, temporary: bool, data: Any = None) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.temporary = temporary
        self.data = data


class MemoryClient:
    """One client on one transport: sends commands, takes events.

    What arrives waits in the transport until it is taken, so that a test decides what was received before
    a drop. Everything is synchronous: an answer is there when `ask` returns, unless a handler waits.
    """

    def __init__(self, transport: MemoryTransport, line: Line) -> None:
        self.transport = transport
        self.line = line
        self.session = ""
        self.resume = ""
        self.resumed = False
        self.kept: list[dict[str, Any]] = []
        self._next_id = 0

    @property
    def closed(self) -> tuple[int, str] | None:
        """How the server closed the transport: (code, reason); None while it is open."""
        return self.transport.closed

    def send(self, kind: str, **fields: Any) -> int:
        """Send a command, into the void where the transport is closed; give the id it has."""
        self._next_id += 1
        said = {"type": kind, "id": self._next_id, **fields}
        if self.closed is None:
            self.line.receive(json.dumps(said))
        return self._next_id

    def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and give its answer; raises `Refusal` for an error, `LookupError` for none yet: a handler that is a coroutine begins
        only when time passes, so `send` it, `net.run()`, and take the `answer`.

        Other events that arrive meanwhile are kept for `events`.
        """
        return self.answer(self.send(kind, **fields))

    def answer(self, id: int) -> dict[str, Any]:
        """Give the answer to an earlier command."""
        self._take(len(self.transport.outbox))
        for place, event in enumerate(self.kept):
            if event.get("id") == id:
                del self.kept[place]
                if event["type"] == "error":
                    raise _refusal(event)
                return event
        raise LookupError(
            f"command {id} is not answered yet; where something waits (a coroutine, a thread, a timer), let time pass: net.run()"
        )

    def events(self, kind: str | None = None, *, most: int | None = None) -> list[dict[str, Any]]:
        """Take what has arrived, at most `most` payloads; with `kind`, give only those and drop the rest."""
        waiting = len(self.transport.outbox)
        self._take(waiting if most is None else min(most, waiting))
        taken, self.kept = self.kept, []
        return [event for event in taken if kind in (None, event["type"])]

    def _take(self, count: int) -> None:
        for _ in range(count):
            self.kept.append(json.loads(self.transport.take()))

    def connect(self, **fields: Any) -> dict[str, Any]:
        """Connect; remember the session."""
        return self.connected(self.ask("connect", **fields))

    def connected(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Remember the session of the answer to a `connect`."""
        self.session, self.resume, self.resumed = answer["session"], answer["resume"], answer["resumed"]
        return answer

    def subscribe(self, channel: str, **fields: Any) -> dict[str, Any]:
        """Subscribe to a channel."""
        return self.ask("subscribe", channel=channel, **fields)

    def publish(self, channel: str, data: Any, **fields: Any) -> dict[str, Any]:
        """Publish to a channel."""
        return self.ask("publish", channel=channel, data=data, **fields)

    def drop(self, code: int = 1006) -> None:
        """Lose the transport; what was not taken yet never arrives."""
        self.transport.close(code)
        self.transport.outbox.clear()
        self.kept.clear()
        self.line.lost(code)


def _refusal(event: dict[str, Any]) -> Refusal:
    return Refusal(event["code"], event["reason"], temporary=event["temporary"], data=event.get("data"))
