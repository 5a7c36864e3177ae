"""One transport with its decoder and its attachment: where payloads become commands."""

from __future__ import annotations

from everywire.dialects.base import Decoder
from everywire.errors import ProtocolError
from everywire.hub.attachment import Attachment

__all__ = ["Line"]


class Line:
    """A client's line to the hub."""

    __slots__ = ("attachment", "decoder")

    def __init__(self, attachment: Attachment, decoder: Decoder) -> None:
        self.attachment = attachment
        self.decoder = decoder

    def receive(self, data: str | bytes) -> None:
        """Take one payload; what it says is handled command by command, what it cannot say closes."""
        if not self.attachment.pay(len(data)):
            return
        try:
            for command in self.decoder.decode(data):
                self.attachment.receive(command)
        except ProtocolError as fault:
            self.attachment.close(fault.code, fault.reason)

    def lost(self, code: int) -> None:
        """Take notice that the transport is gone."""
        self.attachment.lost(code)
