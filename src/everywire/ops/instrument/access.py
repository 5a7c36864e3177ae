"""Who is let in to look: by a key, by a login, or because he was let in a while ago."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.codes import Code
from everywire.hub.continuity.proofs import Proof, Signer
from everywire.hub.world import settled
from everywire.ops.instrument.options import Check, Instrument

if TYPE_CHECKING:
    from everywire.hub.hooks import Connecting
    from everywire.hub.hub import Hub

__all__ = ["Access", "by_key", "by_login"]

_PURPOSE: Final = "everywire: admin ui"


def by_key(keys: Sequence[str]) -> Check:
    """Let in who shows one of `keys` as his password, with any name, or as a token; raises `ValueError` where there is none."""
    wanted = [key.encode() for key in keys]
    if not wanted:
        raise ValueError("there is no key")

    def check(shown: Mapping[str, Any]) -> bool:
        given = [_bytes(shown.get(name)) for name in ("password", "token")]
        return True in [hmac.compare_digest(key, each) for key in wanted for each in given]  # all of them, in any case

    return check


def by_login(logins: Sequence[Mapping[str, str]]) -> Check:
    """Let in who shows all fields of one of `logins`, `username` and `password` for instance; raises `ValueError` for one that anybody shows."""
    if not logins:
        raise ValueError("there is no login")
    for login in logins:
        values: list[object] = [*login.values()]
        if not values or not all(isinstance(value, str) and value for value in values):
            raise ValueError("a login is {'username': …, 'password': …}: texts, none of them empty")
    wanted = [{name: value.encode() for name, value in login.items()} for login in logins]

    def check(shown: Mapping[str, Any]) -> bool:
        return True in [_matches(login, shown) for login in wanted]

    return check


def _matches(login: Mapping[str, bytes], shown: Mapping[str, Any]) -> bool:
    return False not in [hmac.compare_digest(value, _bytes(shown.get(name))) for name, value in login.items()]


def _bytes(given: object) -> bytes:
    return given.encode("utf-8", "replace") if isinstance(given, str) else b""


class Access:
    """Lets in who shows what `Instrument.check` takes, or the id of a session that was begun that way, on any node that has the same secret.

    Where the check fails too often, for one address, its clients are told to come later, whatever they show.
    """

    def __init__(self, hub: Hub, instrument: Instrument) -> None:
        self._hub: Final = hub
        self._instrument: Final = instrument
        secrets = hub.hooks.secrets or (hub.world.new_id(),)
        self._signer: Final = Signer([f"{_PURPOSE}\n{instrument.seal}\n{secret}" for secret in secrets])

    async def coming(self, connecting: Connecting) -> Identity:
        """Let somebody in, who may do nothing that concerns channels; raises `Refused`."""
        shown = _shown(connecting)
        if not self.known(connecting):
            if not self._hub.limiting.guess(connecting.address):
                raise Refused("too many attempts from this address: come back in a minute", Code.LIMIT, temporary=True)
            if not await settled(self._hub.world, self._instrument.check(shown)):
                raise Refused("invalid credentials", Code.UNAUTHORIZED)
        return Identity(capabilities={})

    def known(self, connecting: Connecting) -> bool:
        """Say whether he shows the id of an earlier session that is not too old."""
        given = _shown(connecting).get("sessionId")
        proof = self._signer.open(given) if isinstance(given, str) else None
        return proof is not None and 0 <= self._hub.world.wall() - proof.issued < self._instrument.session_ttl * 1000

    def session(self) -> str:
        """Give the id of a session, by which it may be begun again."""
        return self._signer.sign(Proof("", None, self._hub.world.wall()))


def _shown(connecting: Connecting) -> Mapping[str, Any]:
    if connecting.auth is None:
        return {"token": connecting.token}
    shown: dict[str, Any] = msgspec.json.decode(connecting.auth, type=dict[str, Any])
    return shown
