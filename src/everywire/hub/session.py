"""One logical client in the hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from everywire.hub.access.identity import ANONYMOUS, Identity
from everywire.messages import Member, Position, Publication

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.channels.channel import Subscription
    from everywire.hub.channels.ordering import Aside
    from everywire.hub.continuity.acknowledging import Acknowledgement

__all__ = ["Session"]


class Session:
    """A logical client: it outlives its transports.

    `id` is public and `member` is what others see of it. `identity` is what its latest token says. `enrolled` are the channels that the
    server subscribes it to, whenever it is continued. `since` is when this node had it begin or go on, in milliseconds since 1970; it only
    ever grows, from node to node. `continued`: it went on here, so that another node may believe that it has it. `unseen`: it takes no
    part in who is there. `space` is which of its client's sessions it is. `told`: its client knows it; until then nobody can continue it.
    `known`: of one that a key names, its client has shown that it knows it; until then its key begins another one.
    `lasting`: its client has a way to continue it.
    `lost` is the code that its last attachment was lost with, None as long as none was.
    `again` begins a subscription again whose channel began anew, in place of a client that asks for none: it remembers one order for all its
    channels. `aside` is what such a client was told beside these; `acknowledged` what it has, where the hub remembers that for it.

    Invariants: `subscriptions` are keyed by channel name, and each is its channel's entry for this
    session; without an attachment all of them rest.
    """

    __slots__ = (
        "acknowledged",
        "again",
        "aside",
        "attachment",
        "capabilities",
        "continued",
        "enrolled",
        "id",
        "identity",
        "known",
        "lasting",
        "lost",
        "member",
        "since",
        "space",
        "subscriptions",
        "told",
        "unseen",
        "user",
    )

    def __init__(self, member: Member, identity: Identity = ANONYMOUS, space: str = "") -> None:
        self.id: Final = member.session
        self.user: Final = member.user
        self.member = member
        self.space: Final = space
        self.attachment: Attachment | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.enrolled: tuple[str, ...] = ()
        self.since = 0
        self.continued = False
        self.unseen = False
        self.told = False
        self.known = True
        self.lasting = True
        self.lost: int | None = None
        self.aside: Aside | None = None
        self.acknowledged: Acknowledgement | None = None
        self.again: Callable[[Session, str, Position | None], None] | None = None
        self.become(identity)

    @property
    def lasts(self) -> bool:
        """Say whether the session outlives its transport."""
        return self.told and self.lasting

    @property
    def ordered(self) -> bool:
        """Say whether its client remembers one order for all its channels, and has all of them renewed as it comes back."""
        return self.again is not None

    def hears(self, news: Publication) -> bool:
        """Say whether a publication of a channel where it listens is for it.

        Where it came into a channel of `outside` after that was published, it was not told it there.
        """
        audience = news.audience
        if audience is None:
            return True
        return audience.has(self.id, self.user) and not any(self._heard_of(name, news) for name in audience.outside)

    def _heard_of(self, channel: str, news: Publication) -> bool:
        subscription = self.subscriptions.get(channel)
        if subscription is None:
            return False
        begun = subscription.begun
        return begun is None or not news.order or begun.era != news.era or begun.since < news.order

    def become(self, identity: Identity) -> None:
        """Take what a newer token of the same user says."""
        self.identity = identity
        self.capabilities = identity.granted()

    def may(self, action: str, channel: str) -> bool:
        """Say whether the session's capabilities let it do `action` in `channel`; without any they forbid nothing."""
        return self.capabilities is None or self.capabilities.allow(action, channel)

    def dismiss(self, channel: str) -> None:
        """Have the server subscribe it to `channel` no longer."""
        if channel in self.enrolled:
            self.enrolled = tuple(each for each in self.enrolled if each != channel)
