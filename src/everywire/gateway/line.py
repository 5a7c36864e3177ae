"""One transport with its decoder and its attachment: where payloads become commands."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeAlias

from everywire.dialects.base import Decoder, Open, OpenLine, Within
from everywire.errors import ProtocolError
from everywire.hub.attachment import Attachment
from everywire.hub.bundle import Bundle
from everywire.hub.codes import Close
from everywire.hub.hub import Hub
from everywire.messages import Command, Leave, Malformed
from everywire.payloads import Codec, Part, Transport

__all__ = ["BundledLine", "Line", "Rest", "begin"]

Rest: TypeAlias = Coroutine[Any, Any, None] | None
"""Reads the rest of a payload, once there is room for it; None where there is no rest."""

_MOST = 64  # sessions on one transport


class Line:
    """A client's line to the hub."""

    __slots__ = ("attachment", "decoder")

    def __init__(self, attachment: Attachment, decoder: Decoder) -> None:
        self.attachment = attachment
        self.decoder = decoder

    def receive(self, data: str | bytes) -> Rest:
        """Take one payload; what it says is handled command by command, what it cannot say closes. Gives how the rest of it is read, if that has to wait."""
        if not self.attachment.pay(len(data)):
            return None
        try:
            commands: Iterator[Command] = self.decoder.decode(data)  # type: ignore[assignment]  # of a language without `part`
            for command in commands:
                self.attachment.receive(command)
        except ProtocolError as fault:
            self.attachment.close(fault.code, fault.reason)
        return None

    def lost(self, code: int) -> None:
        """Take notice that the transport is gone."""
        self.attachment.lost(code)


class BundledLine(Line):
    """The line of several sessions, which the decoder tells apart."""

    __slots__ = ("_hub", "bundle")

    def __init__(self, hub: Hub, attachment: Attachment, decoder: Decoder, part: Part) -> None:
        super().__init__(attachment, decoder)
        self._hub: Final = hub
        self.bundle: Final = Bundle(hub, attachment, part, _MOST)

    def receive(self, data: str | bytes) -> Rest:
        """Take one payload; what it cannot say closes the transport, with all sessions."""
        base = self.bundle.base
        if not (base.open and base.pay(len(data))):
            return None
        base.heard = self._hub.heartbeats.now
        try:
            for said in self.decoder.decode(data):
                if isinstance(said, Within):
                    self._receive(said.codec, said.command)
                elif isinstance(said, Leave):  # the transport is given up; sessions that did not say so may come back
                    base.close(Close.NORMAL, "")
                # All that a pong says is that it was heard.
        except ProtocolError as fault:
            base.close(fault.code, fault.reason)
        return None

    def _receive(self, codec: Codec, command: Command) -> None:
        base = self.bundle.base
        if not base.open:
            return
        attachment = self.bundle.strand(codec)
        if attachment is None:
            base.close(Close.POLICY, "too many sessions on one connection")
            return
        attachment.receive(command)
        if isinstance(command, Malformed) and attachment.session is None:
            attachment.lost(Close.NORMAL)


def begin(hub: Hub, transport: Transport, request: object, intent: Open | OpenLine) -> Line:
    """Make a transport a client's, as `intent` says."""
    attachment = hub.attach(transport, intent.codec, request, heartbeat=intent.heartbeat)
    if intent.part is None:
        return Line(attachment, intent.decoder)
    return BundledLine(hub, attachment, intent.decoder, intent.part)
