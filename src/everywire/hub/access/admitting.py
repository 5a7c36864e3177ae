"""Who somebody is: asked of the application before there is a session, or even a transport."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from everywire import messages as m
from everywire.errors import Refused
from everywire.hub.access.credentials import token
from everywire.hub.access.identity import ANONYMOUS, Identity, identity
from everywire.hub.access.lives import missed
from everywire.hub.access.permission import check_size
from everywire.hub.codes import Code
from everywire.hub.hooks import Connecting
from everywire.hub.refusing import refusal, worded
from everywire.hub.world import settled

if TYPE_CHECKING:
    from everywire.hub.attachment import Attachment
    from everywire.hub.hub import Hub

__all__ = ["Admission", "admit", "admitted", "forgo", "identify", "shown"]


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in, and what they showed for that."""

    connecting: Connecting
    identity: Identity


async def admit(hub: Hub, request: Any, command: m.Connect) -> Admission:
    """Judge a `Connect` before there is a transport; `request` is what its client sent, as it is to be remembered.

    What comes of it belongs into `Attachment.admission` of the transport, for whose `Connect` the application is not asked again, if that shows
    the same; or to `forgo`, where there is none. Raises `Refused`, also where the application fails (100, after it was logged).
    """
    try:
        check_size("info", command.info, hub.settings.max_info)
        connecting = _connecting(hub, request, command, hub.limiting.address(request))
        return Admission(connecting, await identify(hub, connecting))
    except Refused:
        raise
    except Exception as failure:
        told = refusal(hub, "Connect", command.ref, failure)
        raise Refused(told.reason, told.code, temporary=told.temporary) from failure


def forgo(hub: Hub, admission: Admission) -> None:
    """Tell the application that who was let in does not come."""
    missed(hub, admission.connecting)


async def admitted(hub: Hub, attachment: Attachment, command: m.Connect) -> Admission:
    """Judge a `Connect` that came over a transport, unless its client was let in before; raises `Refused`."""
    connecting = _connecting(hub, attachment.request, command, attachment.address)
    before, attachment.admission = attachment.admission, None
    if before is None:
        return Admission(connecting, await identify(hub, connecting))
    try:
        if _same(before.connecting, connecting) and command.name in (None, before.connecting.session):
            await hub.revoking.check(before.identity)
            return before
    except BaseException:
        forgo(hub, before)
        raise
    forgo(hub, before)
    return Admission(connecting, await identify(hub, connecting))


def _same(before: Connecting, now: Connecting) -> bool:
    """Say whether the application would be asked the same once more, but for the time."""
    if not compare_digest(_bytes(before.token), _bytes(now.token)):
        return False
    return replace(now, token=before.token, time=before.time, session=before.session, request=before.request) == before


def _bytes(token: str | None) -> bytes:
    return b"" if token is None else b"." + token.encode("utf-8", "surrogatepass")


def shown(hub: Hub, request: Any, command: m.Connect) -> str | None:
    """Give the token that a client shows, by its command or by the request that opened its transport."""
    return token(command.token, request, hub.settings.token_parameter)


def _connecting(hub: Hub, request: Any, command: m.Connect, address: str | None) -> Connecting:
    name = command.name if command.keyed or command.name not in hub.sessions else None
    return Connecting(
        shown(hub, request, command),
        request,
        command.info,
        hub.expiries.now(),
        address,
        auth=command.auth,
        space=command.space,
        session=name or hub.world.new_id(),
    )


async def identify(hub: Hub, connecting: Connecting) -> Identity:
    """Ask the application who connects, or refreshes a token; raises `Refused` where that holds no longer, too."""
    hooks = hub.hooks.of(connecting.space)
    if hub.hooks.guard is not None and connecting.space not in hub.hooks.spaces:
        hub.hooks.guard(connecting)
    if hooks.connect is None:
        return ANONYMOUS
    if connecting.token is not None and len(connecting.token) > hub.settings.max_token:
        raise Refused(f"a token has at most {hub.settings.max_token} characters", Code.UNAUTHORIZED)
    try:
        said = await settled(hub.world, hooks.connect(connecting))
    except Exception as error:
        raise worded(hub, error) from error.__cause__
    found = identity(said)
    await hub.revoking.check(found)
    return found
