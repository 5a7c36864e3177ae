"""One transport in the hub: what came over it in order, and what goes back."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, Protocol

from everywire import messages as m
from everywire.errors import CloseCode
from everywire.hub.codes import Close
from everywire.messages import Command, Event, Heartbeat
from everywire.payloads import Codec, Transport

if TYPE_CHECKING:
    from everywire.hub.access.admitting import Admission
    from everywire.hub.bundle import Bundle
    from everywire.hub.calling.running import Calls
    from everywire.hub.heartbeat import Heartbeats
    from everywire.hub.session import Session

__all__ = ["Attachment", "Authority"]

# What a call under way may be waiting for, and would wait for ever behind it; and what must not be late: a newer token.
_PRESSING: Final[frozenset[type]] = frozenset(
    {m.Call, m.Item, m.End, m.Credit, m.Cancel, m.Answer, m.Decline, m.Pong, m.Malformed, m.Refresh}
)

# What is closed for something that a client did, and ought to be seen by who runs the server: once, since nothing more is heard then.
_ITS_FAULT: Final = frozenset(
    {CloseCode.PROTOCOL_ERROR, Close.POLICY, Close.BAD_MESSAGE, Close.UNAUTHORIZED, Close.REFUSED}
)

_USUAL: Final = Heartbeat()

_log = logging.getLogger("everywire.hub")


class Authority(Protocol):
    """The hub, as an attachment sees it."""

    @property
    def heartbeats(self) -> Heartbeats:
        """Whose time is as exact as what was heard has to be told by."""

    def work(self, attachment: Attachment) -> Awaitable[None]:
        """Handle what waits in the attachment's inbox, one command after the other."""

    def afford(self, attachment: Attachment, command: Command) -> bool:
        """Say whether an attachment that has used up its commands may have another one handled; tell it if not."""

    def afford_bytes(self, attachment: Attachment) -> bool:
        """Say whether one that has used up its bytes may go on; close it if not."""

    def at_once(self, attachment: Attachment, command: Command) -> bool:
        """Deal with a command that must not wait for earlier ones; false where it waits its turn nevertheless."""

    def overrun(self, attachment: Attachment) -> None:
        """Deal with an attachment that has too many commands waiting."""

    def lost(self, attachment: Attachment, code: int) -> None:
        """Part the attachment from its session; `code` is how its transport closed."""


class Attachment:
    """A transport, the codec its client reads, and the session it speaks for once it is connected.

    A session may see several attachments in its life, one at a time. Commands are handled in order per
    attachment; an answer goes to the attachment that asked, or nowhere if that is gone.

    Invariants: `busy` is true exactly while a worker is on the inbox; `calls` is there from the first call on; after `open` became false nothing
    is sent and nothing is handled any more; `bundle` is what shares its transport with others. `left` commands and `left_bytes` bytes may come at
    once, as it was at `since` and `since_bytes`.
    """

    __slots__ = (
        "_hub",
        "_limit",
        "address",
        "admission",
        "alone",
        "bundle",
        "busy",
        "calls",
        "codec",
        "heard",
        "heartbeat",
        "inbox",
        "left",
        "left_bytes",
        "open",
        "refreshing",
        "request",
        "session",
        "since",
        "since_bytes",
        "transport",
        "unseen",
    )

    def __init__(self, hub: Authority, transport: Transport, codec: Codec, request: Any, limit: int) -> None:
        self._hub: Final = hub
        self._limit: Final = limit
        self.transport = transport
        self.codec = codec
        self.request = request
        self.heartbeat = _USUAL
        self.address: str | None = None  # where the client is, if that is known
        self.admission: Admission | None = None  # as whom its client was let in before it was there, until it connects
        self.refreshing = False  # a newer token is looked at
        self.bundle: Bundle | None = None
        self.alone = False  # its client is one HTTP request, and hears what that asks for and nothing else
        self.unseen = False  # it takes no part in who is there
        self.session: Session | None = None
        self.inbox: list[Command] = []  # a deque costs 600 bytes, and this is short
        self.calls: Calls | None = None
        self.busy = False
        self.open = True
        self.heard = self.since = self.since_bytes = 0.0
        self.left = self.left_bytes = math.inf

    @property
    def whole(self) -> Attachment:
        """The attachment of the transport itself: another than this where several share it."""
        return self if self.bundle is None else self.bundle.base

    @property
    def carriage(self) -> str:
        """How its client is connected: "websocket", "sse", …"""
        transport: Any = self.whole.transport
        kind = getattr(transport, "kind", None)
        return kind if isinstance(kind, str) else type(transport).__name__.removesuffix("Transport").lower()

    def receive(self, command: Command) -> None:
        """Take a command that came over the transport; it is handled at once unless an earlier one is."""
        if not self.open:
            return
        if self.bundle is None:  # else its base was
            self.heard = self._hub.heartbeats.now
        self.left -= 1.0
        if self.left < 0.0 and not self._hub.afford(self, command):
            return
        if type(command) in _PRESSING and self._hub.at_once(self, command):
            return
        if self.busy and len(self.inbox) >= self._limit:
            self._hub.overrun(self)
            return
        self.inbox.append(command)
        if not self.busy:
            self._hub.work(self)

    def pay(self, size: int) -> bool:
        """Count `size` bytes that came, and say whether they may be looked at."""
        self.left_bytes -= size
        return self.left_bytes >= 0.0 or self._hub.afford_bytes(self)

    def tell(self, event: Event) -> None:
        """Say `event` to the client."""
        if self.open:
            self.transport.send(self.codec.encode(event))

    def close(self, code: int, reason: str) -> None:
        """Close the transport; its session is parted from it at once, not when the peer agrees."""
        if self.open:
            if code in _ITS_FAULT:
                told = {"code": int(code)} | ({"address": self.address} if self.address is not None else {})
                quoted = ascii(reason)
                _log.info("closing a transport: %s", quoted[1 : len(quoted) - 1], extra=told)
            self.goodbye(code, reason)
            self._hub.lost(self, code)

    def goodbye(self, code: int, reason: str) -> None:
        """Tell the client why, then close the transport; also of an attachment that the hub has forgotten already."""
        self.transport.send(self.codec.encode(m.Closing(int(code), reason)))
        self.transport.close(code, reason)

    def lost(self, code: int) -> None:
        """Take notice that the transport is gone, closed with `code` (1006 without a close frame)."""
        if self.open:
            self._hub.lost(self, code)
