"""Sending users away, everywhere: kicked out, out of one channel, or with a token that holds no longer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from everywire.errors import Refused, sendable
from everywire.hub.access.identity import Identity
from everywire.hub.access.tallies import Tallies
from everywire.hub.codes import Close, Code
from everywire.hub.continuity.proofs import Proof

if TYPE_CHECKING:
    from everywire.hub.hub import Hub
    from everywire.hub.session import Session

__all__ = ["Revoking", "Told"]

_LATELY: Final = 10_000  # revocations that a node remembers by itself


class _Kick(msgspec.Struct):
    code: int
    reason: str
    user: str | None = None
    session: str | None = None
    at: float = 0.0
    tally: int = 0


class _Removal(msgspec.Struct):
    channel: str
    user: str | None = None
    reason: str = ""
    session: str | None = None
    tally: int = 0


class Told(msgspec.Struct, frozen=True):
    """What goes with a revocation: why clients are sent away, as they are told, and the number of the tally that its nodes answer to."""

    reason: str = "the token was revoked"
    tally: int = 0


class _Revocation(msgspec.Struct):
    name: str
    before: float
    tally: int = 0
    reason: str = Told().reason


class Revoking:
    """Tells every node whom to send away, and keeps at the broker which tokens, and which secrets of sessions, hold no longer.

    What is told to all nodes reaches sessions that are there. The record, put first, keeps out those that come later; and who was let
    past the record, but is not a session yet when the note comes, is met by `_lately`. A note with a number of `tallies` is answered by
    how many sessions it concerned.

    Invariants: `_lately` holds the latest revocations and kicks that this node heard of, by the names of their records.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.tallies: Final = Tallies(hub.world, hub.broker, hub.notes, hub.node)
        self._lately: OrderedDict[str, float] = OrderedDict()
        hub.notes.add("kick", _Kick, self._kicked)
        hub.notes.add("remove", _Removal, self._removed)
        hub.notes.add("revoke", _Revocation, self._revoked)

    async def kick(self, user: str | None, session: str | None, code: int, reason: str, *, tally: int = 0) -> None:
        """End all sessions of `user`, or `session`, closing with `code`; secrets that were given out until now bring none of them back."""
        if (user is None) == (session is None):
            raise TypeError("kick a user or a session")
        if not sendable(code):
            raise ValueError(f"{code} is no close code that can be sent")
        hub, name = self._hub, _kicked_user(user) if user is not None else _kicked_session(session or "")
        at = hub.expiries.now()
        # The record of a session whose node died lasts as long: it is what a secret would bring back.
        await hub.broker.put(name, msgspec.msgpack.encode(at), hub.records.longest)
        await hub.notes.tell("kick", _Kick(code, reason, user, session, at, tally))

    async def remove(
        self, user: str | None, channel: str, reason: str = "", session: str | None = None, *, tally: int = 0
    ) -> None:
        """End the subscriptions of `user`, or of one `session`, to `channel`."""
        if (user is None) == (session is None):
            raise TypeError("unsubscribe a user or a session")
        await self._hub.notes.tell("remove", _Removal(channel, user, reason, session, tally))

    async def revoke(
        self,
        user: str | None,
        token: str | None,
        before: float | None,
        lasting: float | None,
        *,
        told: Told = Told(),  # noqa: B008  which nobody can change
    ) -> None:
        """Let the tokens of `user` issued before `before` (seconds since 1970; now, if None), or the one with the id `token`, hold no longer.

        The record of it lasts for `lasting` seconds, `Settings.revocation` unless given: as long as such tokens would have lived.
        """
        if (user is None) == (token is None):
            raise TypeError("revoke a user's tokens or one token")
        hub = self._hub
        name = _of_user(user) if user is not None else _of_token(token or "")
        wanted = before if before is not None and user is not None else hub.expiries.now()
        ttl = hub.settings.revocation if lasting is None else lasting
        await hub.broker.put(name, msgspec.msgpack.encode(wanted), ttl)
        await hub.notes.tell("revoke", _Revocation(name, wanted, told.tally, told.reason))

    async def check(self, identity: Identity) -> None:
        """Raise `Refused` where `identity` comes of a revoked token; whoever does not say when it was issued, or which, is not looked for."""
        records = {name: await self._record(name) for name in _names(identity)}
        for name, before in records.items():
            if _holds(identity, name, before) and _holds(identity, name, self._lately.get(name)):
                continue
            raise Refused("the token was revoked", Code.UNAUTHORIZED)

    async def banned(self, proof: Proof) -> bool:
        """Say whether the session that `proof` would continue was kicked out after that was given."""
        for name in _kicks(proof):
            before = await self._record(name)
            if before is not None and proof.issued <= round(before * 1000):
                return True
        return False

    def banned_lately(self, proof: Proof) -> bool:
        """Say the same as far as this node has heard, which may be news to who asked `banned` a moment ago."""
        return any(proof.issued <= round(self._lately.get(name, -1.0) * 1000) for name in _kicks(proof))

    async def _record(self, name: str) -> float | None:
        record = await self._hub.broker.get(name)
        try:
            return msgspec.msgpack.decode(record, type=float) if record is not None else None
        except msgspec.DecodeError:
            return float("inf")  # something was revoked, and nobody can tell what

    def expel(self, session: Session, code: int, reason: str) -> None:
        """End a session of this node, closing with `code`."""
        if session.attachment is not None:
            session.attachment.close(code, _sayable(reason))
        if session.id in self._hub.sessions:  # else it has ended with its attachment
            self._hub.end(session)  # or its secret would bring it back

    # What notes lead to.

    def _kicked(self, kick: _Kick, node: str) -> None:
        if not sendable(kick.code):
            raise ValueError(f"no close code: {kick.code}")
        self._remember(
            _kicked_user(kick.user) if kick.user is not None else _kicked_session(kick.session or ""), kick.at
        )
        found = self._hub.addressed(kick.user, kick.session)
        for session in found:
            self.expel(session, kick.code, kick.reason)
        self.tallies.acted(node, kick.tally, len(found))

    def _removed(self, removal: _Removal, node: str) -> None:
        reached = 0
        for session in self._hub.addressed(removal.user, removal.session):
            reached += self._hub.enrolling.leave(session, removal.channel, removal.reason)
        self.tallies.acted(node, removal.tally, reached)

    def _revoked(self, revocation: _Revocation, node: str) -> None:
        name = revocation.name
        self._remember(name, revocation.before)
        concerned = [
            session
            for session in self._hub.sessions.values()
            if name in _names(session.identity) and not _holds(session.identity, name, revocation.before)
        ]
        for session in concerned:
            self.expel(session, Close.UNAUTHORIZED, revocation.reason)
        self.tallies.acted(node, revocation.tally, len(concerned))

    def _remember(self, name: str, before: float) -> None:
        self._lately[name] = max(before, self._lately.pop(name, 0.0))
        if len(self._lately) > _LATELY:
            self._lately.popitem(last=False)


def _sayable(reason: str) -> str:
    """Give `reason` without halves of characters; a close frame has as much of it as there is room for, a message all."""
    return reason.encode("utf-8", "replace").decode()


def _of_user(user: str) -> str:
    return f"revoked:user:{user}"


def _of_token(token: str) -> str:
    return f"revoked:token:{token}"


def _kicked_user(user: str) -> str:
    return f"kicked:user:{user}"


def _kicked_session(session: str) -> str:
    return f"kicked:session:{session}"


def _kicks(proof: Proof) -> list[str]:
    """Name the records that could tell that the session of `proof` was kicked out."""
    return [_kicked_session(proof.session), *([_kicked_user(proof.user)] if proof.user is not None else [])]


def _names(identity: Identity) -> list[str]:
    """Name the records that could tell of the token that `identity` comes of."""
    names = []
    if identity.user is not None and identity.issued is not None:
        names.append(_of_user(identity.user))
    if identity.token is not None:
        names.append(_of_token(identity.token))
    return names


def _holds(identity: Identity, name: str, before: float | None) -> bool:
    """Say whether the token stands the revocation called `name`; one that was issued in the same second as that does not."""
    if before is None:
        return True
    of_user = identity.user is not None and name == _of_user(identity.user)
    return of_user and identity.issued is not None and identity.issued >= before
