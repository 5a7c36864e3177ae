"""How much everybody may use: commands, bytes, publications, subscriptions, connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.errors import Refused
from everywire.http.forwarded import client_address, networks
from everywire.http.request import Request
from everywire.hub.access.gate import Gate
from everywire.hub.access.identity import Identity, Limits
from everywire.hub.access.rates import Buckets, Rate
from everywire.hub.channels.pages import Cutter
from everywire.hub.codes import Close, Code
from everywire.messages import Cancel, Command, Credit, End, Item, Pong, Refusal

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Limiting"]

_NONE: Final = Limits()


class Limiting:
    """Keeps the settings' limits on one node, and what identities say instead.

    An attachment counts down by itself; only when nothing is left is the hub asked, which sees how long that took: so counting costs next to
    nothing, and up to two bursts may come at once. Who goes on then is refused, into debt, and closed when the debt is another burst.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._settings = hub.settings
        self.gate: Final = Gate(hub.settings)
        self.pages: Final = Cutter(hub.settings)
        self._trusted = networks(hub.settings.trusted_proxies)
        self._publishes = Buckets(hub.world.now)
        self._subscribes = Buckets(hub.world.now)
        self._guesses = Buckets(hub.world.now)

    def address(self, request: object) -> str | None:
        """Give where the client of `request` is, if that is to be counted."""
        return client_address(request, self._trusted) if isinstance(request, Request) else None

    def begin(self, attachment: Attachment) -> None:
        """Fill the attachment's allowances, as its session's identity has them if it has a session."""
        commands, received = self._rates(attachment)
        now = self._hub.world.now()
        if commands is not None:
            attachment.left, attachment.since = commands.burst, now
        if received is not None:
            attachment.left_bytes, attachment.since_bytes = received.burst, now

    def _rates(self, attachment: Attachment) -> tuple[Rate | None, Rate | None]:
        limits, settings = _limits(attachment.session), self._settings
        return _faster(settings.commands, limits.commands), _faster(settings.received, limits.bytes)

    def afford(self, attachment: Attachment, command: Command) -> bool:
        """Say whether a further command may be handled; tell the client if not."""
        rate, _ = self._rates(attachment)
        if rate is None:
            return True
        now = self._hub.world.now()
        attachment.left = rate.refilled(attachment.left, now - attachment.since)
        attachment.since = now
        if attachment.left >= 0.0:
            return True
        if attachment.left < -rate.burst:
            self._hub.metrics.limited += 1
            attachment.close(Close.POLICY, "too many commands")
            return False
        ref = getattr(command, "ref", None)
        if ref is None:  # it has no answer, and nothing would come of leaving it out
            return isinstance(command, Pong) or attachment.session is not None
        if isinstance(command, End | Credit | Cancel):
            return True  # nor of these, and what they are about would hang
        self._hub.metrics.limited += 1
        if isinstance(command, Item) and attachment.calls is not None and ref in attachment.calls.running:
            attachment.calls.running[ref].refuse("too many commands", Code.LIMIT)  # a stream has no hole
        else:
            attachment.tell(Refusal(ref, Code.LIMIT, "too many commands", temporary=True))
        return False

    def afford_bytes(self, attachment: Attachment) -> bool:
        """Say whether what came may be looked at; close if not."""
        _, rate = self._rates(attachment)
        if rate is None:
            return True
        now = self._hub.world.now()
        attachment.left_bytes = rate.refilled(attachment.left_bytes, now - attachment.since_bytes)
        attachment.since_bytes = now
        if attachment.left_bytes >= 0.0:
            return True
        self._hub.metrics.limited += 1
        attachment.close(Close.POLICY, "too many bytes")
        return False

    def publish(self, session: Session) -> None:
        """Count a publication of the session's user; raises `Refused` for one too many."""
        rate = _faster(self._settings.publishes, _limits(session).publishes)
        name = f"u{session.user}" if session.user is not None else f"s{session.id}"
        if rate is not None and not self._publishes.take(name, rate):
            raise self._refused("too many publications")

    def subscribe(self, session: Session) -> None:
        """Count a subscription; raises `Refused` for one too many."""
        rate = self._settings.subscribes
        if rate is not None and not self._subscribes.take(session.id, rate):
            raise self._refused("too many subscriptions in short time")

    def guess(self, address: str | None) -> bool:
        """Count a secret from `address` that is none; false where that tries too often, and is to be turned away."""
        rate = self._settings.guesses
        if rate is None or address is None or self._guesses.take(address, rate):
            return True
        self._hub.metrics.limited += 1
        return False

    def user(self, identity: Identity) -> None:
        """Raise `Refused` where the user has as many connections as one may have."""
        if identity.user is None:
            return
        connected = sum(session.attachment is not None for session in self._hub.of_user(identity.user))
        if connected >= self._settings.max_user_sessions:
            raise self._refused("too many connections of this user")

    def channels(self, session: Session) -> int:
        """Give how many subscriptions the session may have."""
        said = _limits(session).channels
        return self._settings.max_channels if said is None else said

    def _refused(self, reason: str) -> Refused:
        self._hub.metrics.limited += 1
        return Refused(reason, Code.LIMIT, temporary=True)


def _limits(session: Session | None) -> Limits:
    return session.identity.limits or _NONE if session is not None else _NONE


def _faster(rate: Rate | None, per_second: float | None) -> Rate | None:
    if rate is None:
        return Rate(per_second, 10.0 * max(per_second, 0.1)) if per_second is not None else None
    return rate.faster(per_second)
