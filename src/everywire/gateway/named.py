"""Lines that their clients have named: begun by the first request that fetches payloads, found on whatever node they are."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from everywire.dialects.base import Deliver, Hear, Leave, OpenLine, Renew
from everywire.gateway.exchange import Exchange
from everywire.gateway.relay import Answer
from everywire.http.request import Response
from everywire.hub.codes import Code
from everywire.hub.deadlines import Deadlines

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Named", "by_name"]

_KEPT = 60.0  # seconds for which the broker knows where a line is
_AGAIN = 20.0  # seconds after which it is told so again
_LATER = ("Retry-After", "10")
_log = logging.getLogger("everywire.gateway")


def by_name(intent: Deliver | Hear | Leave | Renew) -> bool:
    """Say whether the line that a request wants something of was named by its client."""
    return intent.named if isinstance(intent, Deliver) else _opening(intent) is not None


class Named:
    """Carries out requests for lines by their names.

    The node that holds one says so at the broker, under a name that does not give away the line's; nobody else could use those lines.

    Invariants: `_said` holds the names that this node has said to hold, while it does.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines: Final = lines
        self._said: Deadlines[str] = Deadlines(lines.hub.world, _AGAIN, self._say_again)

    @property
    def _shared(self) -> bool:
        """Whether there are other nodes, which requests can be passed on to."""
        return self._lines.relay is not None and not self._lines.hub.broker.alone

    def carry(self, exchange: Exchange, intent: Deliver | Hear | Leave | Renew) -> Answer | Awaitable[Answer]:
        """Do what a request wants of a line, wherever that is."""
        line = self._lines.get(intent.line)
        if line is not None:
            return self._lines.held(exchange, line, intent)
        if self._shared:
            return self._seek(exchange, intent)
        begun = self._absent(exchange, intent)
        return begun if isinstance(begun, Response) else self._first(exchange, begun, intent)

    async def _seek(self, exchange: Exchange, intent: Deliver | Hear | Leave | Renew) -> Answer:
        hub, relay = self._lines.hub, self._lines.relay
        try:
            record = await hub.broker.get(_key(intent.line))
        except Exception:
            _log.exception("the broker does not say where a line is")
            return exchange.deny(503, Code.NOT_AVAILABLE, "lines cannot be found at the moment")
        node = hub.node if record is None else record.decode()
        if node != hub.node and relay is not None and relay.takes(node):
            hub.metrics.forwards += 1
            wait = intent.wait if isinstance(intent, Hear) else 0.0
            return await relay.forward(node, exchange.request, once=True, wait=wait)
        line = self._lines.get(intent.line)  # another request may have been quicker
        if line is not None:
            return await _done(self._lines.held(exchange, line, intent))
        begun = self._absent(exchange, intent)
        if isinstance(begun, Response):
            return begun
        # First of all, or a client that is gone while the broker is told would leave a line that is greeted, but has not begun.
        answer = self._first(exchange, begun, intent)
        self._said.add(intent.line)
        await self._say(intent.line)
        return await _done(answer)

    def _absent(self, exchange: Exchange, intent: Deliver | Hear | Leave | Renew) -> HttpLine | Response:
        """Begin the line, if a request for payloads asks for it."""
        opens = _opening(intent)
        if opens is None:
            return self._lines.unknown(exchange, self._lines.hub.node)
        if (reason := self._lines.hub.crowded(exchange.request)) is not None:
            return exchange.reply(intent.denial(429, Code.LIMIT, reason), [_LATER])
        return self._lines.begin(exchange, opens, intent.line)

    def _first(
        self, exchange: Exchange, line: HttpLine, intent: Deliver | Hear | Leave | Renew
    ) -> Answer | Awaitable[Answer]:
        """Answer the request that began the line: by its greeting alone where that is all that an answer has room for."""
        opens, transport = _opening(intent), line.transport
        assert isinstance(intent, Hear)
        assert opens is not None
        answer: Answer | None = None
        if intent.form.one_shot:
            answer = exchange.whole(intent.form.content_type, intent.form.pack(transport.fetch()))
            transport.acknowledge(transport.last)
        if opens.begins is not None:
            line.line.attachment.receive(opens.begins)
        return answer if answer is not None else self._lines.held(exchange, line, intent)

    # What the broker knows

    def release(self, name: str) -> None:
        """Hold a line no longer, if it was a named one."""
        if name in self._said:
            self._said.discard(name)
            self._lines.hub.world.start(_tried(self._unsay(name)))

    async def _unsay(self, name: str) -> None:
        """Have the broker forget that this node holds a line; another may have begun one of that name in the same moment."""
        hub = self._lines.hub
        if await hub.broker.get(_key(name)) == hub.node.encode():
            await hub.broker.drop(_key(name))

    def _say_again(self, name: str) -> None:
        self._said.add(name)
        self._lines.hub.world.start(self._say(name))

    async def _say(self, name: str) -> None:
        hub = self._lines.hub
        await _tried(hub.broker.put(_key(name), hub.node.encode(), _KEPT))

    def stop(self) -> None:
        """Stop the timer."""
        self._said.close()


def _opening(intent: Deliver | Hear | Leave | Renew) -> OpenLine | None:
    return intent.opens if isinstance(intent, Hear) else None


def _key(name: str) -> str:
    return f"line:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


async def _done(answer: Answer | Awaitable[Answer]) -> Answer:
    return await answer if isinstance(answer, Awaitable) else answer


async def _tried(asked: Coroutine[Any, Any, None]) -> None:
    """Ask the broker, and leave it where that fails: the line is then found by who happens to ask here."""
    try:
        await asked
    except Exception:
        _log.exception("the broker does not learn where a line is")
