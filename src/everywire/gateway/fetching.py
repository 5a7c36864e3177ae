"""Requests that fetch what a line has to say: polls and streams, of payloads with numbers or without."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

from everywire.dialects.base import Hear, Reply
from everywire.errors import CloseCode
from everywire.gateway.exchange import Exchange
from everywire.gateway.relay import Answer
from everywire.http.streamed import Outlet, Producer
from everywire.hub.codes import Close, Code
from everywire.transports.http import OutOfStep

if TYPE_CHECKING:
    from everywire.gateway.lines import HttpLine, Lines

__all__ = ["Fetching"]


class Fetching:
    """Answers such requests, for lines that are held here."""

    def __init__(self, lines: Lines) -> None:
        self._lines: Final = lines

    def hear(self, exchange: Exchange, line: HttpLine, intent: Hear) -> Answer | Awaitable[Answer]:
        """Give what waits on `line`, or comes."""
        transport = line.transport
        if intent.after is None:
            return self._hear_once(exchange, line, intent)
        try:
            transport.acknowledge(intent.after)
        except OutOfStep as fault:
            if transport.closed is not None:
                return exchange.deny(410, *transport.closed)
            line.line.attachment.close(fault.code, fault.reason)
            return exchange.deny(409, fault.code, fault.reason)
        if transport.emptied and transport.closed is not None:
            return exchange.deny(410, *transport.closed)
        if not intent.form.one_shot:
            return exchange.stream(intent.form.content_type, lambda outlet: self._stream(line, intent, outlet))
        if transport.emptied and intent.wait > 0:
            turn = transport.displace()
            self._lines.rest(line)  # its client may be gone before the poll begins to run
            return self._poll(exchange, line, intent, turn)
        payloads = transport.fetch()
        self._lines.rest(line)  # that may have ended a stream, with which nobody else asks for anything
        return exchange.whole(intent.form.content_type, intent.form.pack(payloads))

    def _stream(self, line: HttpLine, intent: Hear, outlet: Outlet) -> Producer:
        hearing = line.transport.stream(outlet, intent.form, lossy=intent.after is None)
        if line.transport.heard:
            line.quiet.discard(line)
        return hearing

    async def _poll(self, exchange: Exchange, line: HttpLine, intent: Hear, turn: int) -> Answer:
        line.quiet.discard(line)
        try:
            payloads = await line.transport.poll(intent.wait, turn)
        finally:
            self._lines.rest(line)
        if not payloads and line.transport.closed is not None:
            return exchange.deny(410, *line.transport.closed)
        return exchange.whole(intent.form.content_type, intent.form.pack(payloads))

    def _hear_once(self, exchange: Exchange, line: HttpLine, intent: Hear) -> Answer | Awaitable[Answer]:
        """Give what waits, for good: whoever loses the answer has lost the line."""
        over = line.transport.closed
        if over is not None and (line.transport.emptied or over[0] in (Close.NO_ANSWER, Close.ABNORMAL)):
            if intent.opens is not None:
                return exchange.farewell(intent.form, *over)
            return exchange.deny(410, *over)
        if line.fetching and intent.displaced is None:
            return self._occupied(exchange, line, intent)
        line.fetching = True  # not only once that begins to run: another request may come before
        if not intent.form.one_shot:
            self._lines.rest(line)  # its client may be gone before the body begins
            return exchange.stream(intent.form.content_type, lambda outlet: self._stream(line, intent, outlet))
        return self._give(exchange, line, intent, line.transport.displace())

    def _occupied(self, exchange: Exchange, line: HttpLine, intent: Hear) -> Answer | Awaitable[Answer]:
        """Answer a second request for payloads that are gone once given."""
        if isinstance(intent.occupied, Reply):
            return exchange.reply(intent.occupied)
        if intent.occupied is not None:
            return self._soon(exchange, line, intent, intent.occupied)
        line.line.attachment.close(CloseCode.PROTOCOL_ERROR, "two requests fetch payloads at once")
        return exchange.deny(400, Code.BAD_REQUEST, "two requests fetch payloads at once")

    async def _soon(self, exchange: Exchange, line: HttpLine, intent: Hear, occupied: tuple[int, str]) -> Answer:
        await line.soon()
        if line.fetching and line.transport.closed is None:
            return exchange.farewell(intent.form, *occupied)
        answer = self._hear_once(exchange, line, intent)
        return await answer if isinstance(answer, Awaitable) else answer

    async def _give(self, exchange: Exchange, line: HttpLine, intent: Hear, turn: int) -> Answer:
        transport = line.transport
        line.quiet.discard(line)
        try:
            payloads = await transport.poll(intent.wait, turn)
        except BaseException:
            if intent.displaced is None:
                line.line.attachment.close(Close.ABNORMAL, "its client is gone")
            raise
        finally:
            displaced = intent.displaced if transport.turn != turn else None
            if displaced is None:
                line.free()
            self._lines.rest(line)
        if displaced is not None:
            return exchange.reply(displaced)
        if not payloads and transport.closed is not None and intent.opens is not None:
            return exchange.farewell(intent.form, *transport.closed)
        if not line.moved:
            transport.acknowledge(transport.last)
            if transport.closed is not None and intent.opens is None:
                goodbye = intent.form.goodbye(*transport.closed).decode()
                if not (payloads or goodbye):
                    return exchange.deny(410, *transport.closed)
                payloads += [goodbye] if goodbye else []
        body = intent.form.pack(payloads)
        return exchange.whole(
            intent.form.content_type, body, self._lines.settings.compress if intent.form.compressed else None
        )
