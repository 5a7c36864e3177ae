"""JSON Web Tokens (RFC 7519) as a connect hook."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.hooks import Connecting
from everywire.servers.jwks import Keys, Unknown

__all__ = ["JWT"]

_UNAUTHORIZED: Final = 101
_SHORTEST: Final = 32  # bytes of a shared secret: as many as its hash has (RFC 7518 3.2)
_SHARED = {"HS256", "HS384", "HS512"}
_SIGNED = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
_BEGINS_A_KEY = "-----BEGIN"
# The signature, audience and issuer are PyJWT's to check; times are ours, by the clock of the hub.
_CHECKED = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


@dataclass(frozen=True, kw_only=True)
class JWT:
    """Says who connects by a JSON Web Token: `app.auth = JWT(key="…")`.

    What it is checked with is one of: `key`, a shared secret of at least 32 bytes or a public key in PEM; `keys`, several of either by
    their `kid`; `jwks_url`, where the issuer publishes its keys (https). Only `algorithms` are accepted: HS256 unless given for a secret,
    RS256 and ES256 for public keys; secrets and public keys never go together. All but secrets need the extra `everywire[jwks]`.

    The claim `user_claim` is the user; `exp`, `iat` and `jti` are what they are; `info`, `channels` and `caps` ({pattern: actions}) are those of
    an `Identity`. A token has to have all claims in `require`. `audience` and `issuer`, where given, must be the token's; a token that is
    meant for an audience is refused where none is given. `leeway` (seconds) is for clocks that differ. With `cookie` a token may come in
    the cookie of that name, too. With `anonymous` who shows no token is let in as nobody.
    """

    key: str | bytes | None = field(default=None, repr=False)
    keys: Mapping[str, str | bytes] | None = field(default=None, repr=False)
    jwks_url: str | None = None
    algorithms: Sequence[str] = ()
    audience: str | Sequence[str] | None = None
    issuer: str | None = None
    leeway: float = 30.0
    require: Sequence[str] = ("exp",)
    user_claim: str = "sub"
    cookie: str | None = None
    anonymous: bool = False
    fetch: Callable[[str], bytes] | None = field(default=None, repr=False)
    _published: Keys | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        given = [each for each in (self.key, self.keys, self.jwks_url) if each is not None]
        if len(given) != 1 or not given[0]:
            raise ValueError("a JWT is checked with one of key, keys and jwks_url")
        kept = [self.key] if self.key is not None else [*(self.keys or {}).values()]
        public = {_is_public(key) for key in kept} or {True}
        if len(public) > 1:
            raise ValueError("shared secrets and public keys do not go together")
        chosen = tuple(self.algorithms) or (("RS256", "ES256") if True in public else ("HS256",))
        allowed = _SIGNED if True in public else _SHARED
        if wrong := sorted(set(chosen) - allowed):
            raise ValueError(f"not with such a key: {', '.join(wrong)}; possible are {', '.join(sorted(allowed))}")
        if False in public and any(len(_raw(key)) < _SHORTEST for key in kept):
            raise ValueError(f"a shared secret has at least {_SHORTEST} bytes")
        if True in public and not jwt.algorithms.has_crypto:
            raise ImportError("public keys need the extra: pip install 'everywire[jwks]'")
        object.__setattr__(self, "algorithms", chosen)
        if self.jwks_url is not None:
            object.__setattr__(self, "_published", Keys(self.jwks_url, fetch=self.fetch))

    def __call__(self, connecting: Connecting) -> Identity | Awaitable[Identity]:
        """Say whose the token is; raises `Refused` (101) for one that does not hold."""
        token = connecting.token
        if token is None and self.cookie is not None and connecting.request is not None:
            token = connecting.request.cookies.get(self.cookie)
        if not token:
            if self.anonymous and connecting.member is None:
                return Identity()
            raise Refused("a token is needed", _UNAUTHORIZED)
        if self._published is not None:
            return self._later(token, connecting.time, self._published)
        return self._read(token, self._kept(token), connecting.time)

    async def _later(self, token: str, now: float, published: Keys) -> Identity:
        """Check with a published key. What the token says of itself chooses among those, never where they come from."""
        kid = _header(token).get("kid")
        try:
            key = await published.find(kid if isinstance(kid, str) else None)
        except Unknown:
            raise Refused("the token is signed with an unknown key", _UNAUTHORIZED) from None
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            raise Refused("the token cannot be checked now", _UNAUTHORIZED, temporary=True) from fault
        return self._read(token, key, now)

    def _kept(self, token: str) -> Any:
        if self.key is not None:
            return self.key
        kid = _header(token).get("kid")
        found = (self.keys or {}).get(kid) if isinstance(kid, str) else None
        if found is None:
            raise Refused("the token is signed with an unknown key", _UNAUTHORIZED)
        return found

    def _read(self, token: str, key: Any, now: float) -> Identity:
        options: Any = {**_CHECKED, "require": list(self.require), "verify_aud": True}
        try:
            claims = jwt.decode(
                token, key, list(self.algorithms), options=options, audience=self.audience, issuer=self.issuer
            )
            return self._identity(claims, now)
        except (jwt.PyJWTError, TypeError, ValueError) as fault:
            # PyJWT's words, not the token's: nothing of that is repeated.
            raise Refused(f"the token does not hold: {_why(fault)}", _UNAUTHORIZED) from None

    def _identity(self, claims: dict[str, Any], now: float) -> Identity:
        expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is not None and now >= expires + self.leeway:
            raise jwt.ExpiredSignatureError("it has expired")
        if any(time is not None and time > now + self.leeway for time in (begins, issued)):
            raise jwt.ImmatureSignatureError("it is not valid yet")
        user, info, caps, channels = (claims.get(name) for name in (self.user_claim, "info", "caps", "channels"))
        if user is None and not self.anonymous:
            raise jwt.MissingRequiredClaimError(self.user_claim)
        if not isinstance(user, str | None) or user == "":
            raise ValueError(f"{self.user_claim} is no user's name")
        if not isinstance(caps, dict | None) or not isinstance(channels, list | None):
            raise ValueError("caps is an object, channels a list")
        if not all(isinstance(name, str) for name in channels or ()):
            raise ValueError("channels are names")
        token = claims.get("jti")
        return Identity(user, expires, info, caps, tuple(channels or ()), issued=issued or 0.0, token=token)


def _is_public(key: str | bytes) -> bool:
    return _raw(key).lstrip().startswith((_BEGINS_A_KEY.encode(), b"ssh-", b"ecdsa-"))


def _raw(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise Refused("the token does not hold: it is no JWT", _UNAUTHORIZED) from None


def _time(claims: dict[str, Any], name: str) -> float | None:
    """Read a time in seconds since 1970 (RFC 7519 2, NumericDate)."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is no time")
    return float(value)


_WHY: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidSignatureError: "its signature is wrong",
    jwt.InvalidAudienceError: "it is meant for somebody else",
    jwt.InvalidIssuerError: "its issuer is another",
    jwt.InvalidAlgorithmError: "its algorithm is not accepted",
}


def _why(fault: Exception) -> str:
    if isinstance(fault, jwt.MissingRequiredClaimError):
        return f"the claim {fault.claim} is missing"  # the application asks for it: its name is not the token's
    return next((said for kind, said in _WHY.items() if isinstance(fault, kind)), "it cannot be read")
