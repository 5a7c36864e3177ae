"""The keys that an issuer of tokens publishes (RFC 7517), fetched in a thread of their own."""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from everywire.errors import EverywireError

__all__ = ["Keys", "Unknown"]

_log = logging.getLogger("everywire.auth")

_LARGEST: Final = 1 << 20  # bytes of a set of keys
_PATIENCE: Final = 5.0  # seconds for one fetch
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Unknown(EverywireError):
    """The issuer publishes no such key."""


class Keys:
    """The keys at one `url`, kept by their `kid` for `keep` seconds.

    A set older than that is fetched anew; so is one that lacks a key, but not within `pause` seconds of the last fetch: a stranger may
    name as many keys as he likes. While the issuer does not answer, what is kept goes on holding. `fetch(url)` runs in a thread.

    Invariants: one fetch at a time; `_kept` is whole sets only, all from this `url`.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
        keep: float = 3600.0,
        pause: float = 60.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise ValueError(f"keys are fetched over https, not from {url}")
        self._url = url
        self._fetch = fetch or _fetch
        self._clock = clock
        self._keep, self._pause = keep, pause
        self._kept: dict[str | None, Any] = {}
        self._fetched: float | None = None  # when, successfully
        self._tried: float | None = None
        self._fault: Exception | None = None
        self._fetching: asyncio.Future[None] | None = None

    async def find(self, kid: str | None) -> Any:
        """Give the key called `kid`, or the only one where a token names none.

        Raises `Unknown` where it was looked for just now; anything else where that cannot be said: why they cannot be fetched, for instance.
        """
        now, looked = self._clock(), False
        stale = self._fetched is None or now - self._fetched >= self._keep
        if (stale or self._chosen(kid) is None) and (self._fetching is not None or self._may_fetch(now)):
            await self._refetched()
            looked = True
        found = self._chosen(kid)
        if found is not None:
            return found
        if self._fault is not None:
            raise self._fault
        if not looked:
            raise LookupError("no such key was there a moment ago")
        raise Unknown("no such key")

    def _chosen(self, kid: str | None) -> Any:
        if kid is None and len(self._kept) == 1:
            return next(iter(self._kept.values()))
        return self._kept.get(kid)

    def _may_fetch(self, now: float) -> bool:
        return self._tried is None or now - self._tried >= self._pause

    async def _refetched(self) -> None:
        """Wait for the fetch that is under way, or begin one; whoever waits may give up without ending it for the others."""
        if self._fetching is None:
            self._tried = self._clock()
            self._fetching = asyncio.ensure_future(self._fetch_once())
        await asyncio.shield(self._fetching)

    async def _fetch_once(self) -> None:
        try:
            self._kept = _read(await asyncio.to_thread(self._fetch, self._url))
            self._fetched, self._fault = self._clock(), None
        except Exception as fault:
            _log.warning("the keys at %s cannot be fetched: %s", self._url, fault)
            self._fault = fault
        finally:
            self._fetching = None


def _read(text: bytes) -> dict[str | None, Any]:
    """Read a set of keys; those that sign nothing, or that nobody here can use, are passed over."""
    if len(text) > _LARGEST:
        raise ValueError(f"a set of keys has at most {_LARGEST} bytes")
    return {
        key.key_id: key
        for key in jwt.PyJWKSet.from_json(text.decode()).keys
        if key.public_key_use in (None, "sig") and key.key_type != "oct"  # a secret that is published is none
    }


class _Nowhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what was configured is what is asked."""

    def redirect_request(self, *_: Any) -> None:
        """Have the redirect be an error."""


def _fetch(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "everywire"})
    try:
        with urllib.request.build_opener(_Nowhere).open(request, timeout=_PATIENCE) as answer:
            text: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise OSError(f"the answer is {refusal.code} {refusal.reason!a}") from None
    return text
