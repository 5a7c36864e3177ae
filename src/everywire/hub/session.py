"""One logical client in the hub."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from everywire.hub.identity import ANONYMOUS, Identity
from everywire.messages import Member

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.channel import Subscription

__all__ = ["Session"]


class Session:
    """A logical client: it outlives its transports.

    `id` is public and `member` is what others see of it; `secret` is known to its client alone, and
    whoever shows it continues the session. `identity` is what its latest token says.

    Invariants: `subscriptions` are keyed by channel name, and each is its channel's entry for this
    session; without an attachment all of them rest.
    """

    __slots__ = ("attachment", "capabilities", "id", "identity", "member", "secret", "subscriptions", "user")

    def __init__(self, member: Member, secret: str, identity: Identity = ANONYMOUS) -> None:
        self.id: Final = member.session
        self.user: Final = member.user
        self.member = member
        self.secret: Final = secret
        self.attachment: Attachment | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.become(identity)

    def become(self, identity: Identity) -> None:
        """Take what a newer token of the same user says."""
        self.identity = identity
        self.capabilities = identity.granted()

    def may(self, action: str, channel: str) -> bool:
        """Say whether the session's capabilities let it do `action` in `channel`; without any they forbid nothing."""
        return self.capabilities is None or self.capabilities.allow(action, channel)

    @property
    def resume(self) -> str:
        """What a client shows to continue this session."""
        return f"{self.id}.{self.secret}"

    def proven(self, resume: str) -> bool:
        """Say whether `resume` continues this session; the time taken tells nothing about the secret."""
        return hmac.compare_digest(self.resume.encode(), resume.encode())
