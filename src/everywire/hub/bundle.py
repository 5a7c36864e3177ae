"""Several sessions on one transport, each with an attachment of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final

from everywire.hub.attachment import Attachment
from everywire.hub.codes import Close
from everywire.payloads import Carrier, Codec, Part, Payload, Transport

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Bundle", "Strand"]


class Strand:
    """One session's share of a transport: written to as the whole is, closed by itself where its language has a word for that."""

    __slots__ = ("_bundle", "attachment")

    attachment: Attachment

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    @property
    def carrier(self) -> Carrier:
        """The whole's."""
        return self._bundle.base.transport.carrier

    @property
    def wire(self) -> Any:
        """The whole's."""
        return self._bundle.base.transport.wire

    @property
    def crowded(self) -> bool:
        """Whether there is no room in the whole."""
        return self._bundle.base.transport.crowded

    def send(self, payloads: Sequence[Payload]) -> None:
        """Queue `payloads`."""
        self._bundle.base.transport.send(payloads)

    def drain(self) -> Awaitable[None]:
        """Await room in the whole."""
        return self._bundle.base.transport.drain()

    def close(self, code: int, reason: str = "") -> None:
        """Say that this session is over; where its client is to come back, the whole is closed."""
        self._bundle.close(self.attachment, code, reason)


class Bundle:
    """The attachments that share a transport, by the codec that their clients read.

    `base` speaks for the transport itself: its heart beats, its bytes are counted, and when it is lost all are.

    Invariants: `_strands` holds the open ones; `base` stands in the hub's `attachments` while it is open and there are none.
    """

    def __init__(self, hub: Hub, base: Attachment, part: Part, most: int) -> None:
        self._hub: Final = hub
        self._part: Final = part
        self._most: Final = most
        self._strands: tuple[Attachment, ...] = ()  # nearly always one, for which a dictionary would take 220 bytes
        self._connected = False
        self.base: Final = base
        base.bundle = self
        hub.heartbeats.add(base)

    def strand(self, codec: Codec) -> Attachment | None:
        """Give the attachment whose client reads `codec`, a new one where there is none; None where there are too many."""
        for attachment in self._strands:
            if attachment.codec is codec:
                return attachment
        return self._begin(codec) if len(self._strands) < self._most else None

    def _begin(self, codec: Codec) -> Attachment:
        strand = Strand(self)
        attachment = strand.attachment = self._hub.attach(strand, codec, self.base.request, self)
        self._hub.attachments.pop(self.base, None)
        self._strands += (attachment,)
        return attachment

    @property
    def sessions(self) -> list[Session]:
        """The sessions that have begun on it."""
        return [each.session for each in self._strands if each.session is not None]

    def connected(self) -> None:
        """Take notice that one of them has a session."""
        self._hub.unconnected.discard(self.base)
        if not self._connected:
            self._connected = True
            self._hub.limiting.gate.connected(self.base.address)

    def parted(self, attachment: Attachment, code: int) -> None:
        """Take notice that one of them, or the transport itself, is gone, lost with `code`; its sessions may come back, unless they left themselves."""
        if attachment is self.base:
            self._hub.limiting.gate.left(self.base.address, connected=self._connected)
            for strand in self._strands:
                strand.lost(code if code != Close.NORMAL else Close.ABNORMAL)
            return
        self._strands = tuple(each for each in self._strands if each is not attachment)
        if self.base.open and not self._strands:
            self._hub.attachments[self.base] = None
            self._hub.unconnected.add(self.base)  # who has no session is not to stay

    def close(self, attachment: Attachment, code: int, reason: str) -> None:
        """Word the end of one of them, or close the transport; its client's own wish needs no word."""
        if code == Close.NORMAL:
            return
        payloads = self._part(attachment.codec, code, reason)
        if payloads is None:
            self.base.close(code, reason)
        elif attachment.session is not None and self.base.open:  # who was refused has been told so
            self.base.transport.send(payloads)

    def move(self, transport: Transport) -> None:
        """Be carried by another transport from now on; nothing is told between the two."""
        subscriptions = [
            each
            for strand in self._strands
            if strand.session is not None
            for each in strand.session.subscriptions.values()
        ]
        live = [each for each in subscriptions if each.channel.mute(each)]
        self.base.transport = transport
        for each in live:
            each.channel.unmute(each)
        if (watcher := self._hub.watcher) is not None:
            for session in self.sessions:
                watcher.moved(session)
