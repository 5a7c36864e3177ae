"""The secrets that continue sessions: signed, so that any node can tell its own application's from all others."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec

__all__ = ["Proof", "Signer"]

_MAX = 2_048  # characters of a secret; one of ours has fewer unless a user's name is very long

_write = msgspec.msgpack.Encoder().encode


class Proof(msgspec.Struct, frozen=True, array_like=True):
    """What a secret says: whose `session` it continues, and when it was `issued` (milliseconds since 1970)."""

    session: str
    user: str | None
    issued: int


_read = msgspec.msgpack.Decoder(Proof).decode


class Signer:
    """Signs and checks secrets: `key.body.mac`, the last two in base64 for URLs, signed by HMAC-SHA256.

    The first of `secrets` signs; all of them check, so that one can be replaced: put the newer one first, and take the older one away
    when what it signed has expired. `key` names the secret that signed, and says nothing about it.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a secret is needed to sign with, and none is empty")
        keys = [hmac.digest(secret.encode(), b"everywire: resume secrets, 1", hashlib.sha256) for secret in secrets]
        named = [(hashlib.sha256(b"name of " + key).hexdigest()[:8], key) for key in keys]
        self._keys = dict(reversed(named))
        self._name, self._key = named[0]

    def sign(self, proof: Proof) -> str:
        """Give the secret that says `proof`."""
        said = f"{self._name}.{_text(_write(proof))}"
        return f"{said}.{_text(_mac(self._key, said))}"

    def open(self, secret: str) -> Proof | None:
        """Give what `secret` says; None where none of ours signed it. The time taken tells nothing about a right one."""
        if len(secret) > _MAX or not secret.isascii():
            return None
        said, _, shown = secret.rpartition(".")
        name, _, body = said.partition(".")
        key = self._keys.get(name)
        if key is None or not hmac.compare_digest(_text(_mac(key, said)), shown):
            return None
        try:
            return _read(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (msgspec.DecodeError, ValueError):  # signed by us, in another release
            return None

    def guessed(self, secret: str) -> bool:
        """Say whether `secret`, which does not open, names a key that is ours: not one of before a restart, but somebody trying."""
        return secret.partition(".")[0] in self._keys


def _mac(key: bytes, said: str) -> bytes:
    return hmac.digest(key, said.encode(), hashlib.sha256)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
