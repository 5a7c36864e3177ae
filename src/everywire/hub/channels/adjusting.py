"""A subscriber wants to be told in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.channels.channel import State, Wants
from everywire.hub.codes import Code
from everywire.hub.kinds import Place

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["adjust", "wanted"]


def wanted(place: Place, policy: m.Policy | None, *, delta: bool) -> Wants | None:
    """Give how a subscriber is told that asks for this; None for the plain way. Raises `Refused` for what is not to be had."""
    settled = place.kind.bounds.settle(policy) if policy is not None else m.Policy()
    if place.wild and settled.kind != "reliable":
        raise Refused("channels with wildcards are told everything", Code.NOT_AVAILABLE)
    wants = Wants(settled, delta)
    return None if wants == Wants() else wants


def adjust(hub: Hub, session: Session, command: m.Adjust) -> m.Event:
    """Answer an `Adjust`."""
    subscription = session.subscriptions.get(command.channel)
    if subscription is None:
        raise Refused("not subscribed", Code.NOT_SUBSCRIBED)
    channel = subscription.channel
    delta = subscription.wants is not None and subscription.wants.delta
    wants = wanted(channel.place, command.policy, delta=delta)
    if wants is not None:
        subscription.begun = None  # what it is not told on purpose it would be told as missed
    if subscription.state is State.LIVE:
        channel.relist(subscription, wants)
    else:
        subscription.wants = wants
    return m.Adjusted(command.ref, command.channel, (wants or Wants()).policy)
