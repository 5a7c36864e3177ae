"""How many lines are open, by where they come from."""

from __future__ import annotations

from collections import Counter

from everywire.gateway.exchange import Exchange
from everywire.http.request import Response
from everywire.hub.codes import Close, Code

__all__ = ["Crowd"]


class Crowd:
    """Counts lines by address; lets in no more than `most` of one, and nobody once `over` is set."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()
        self.over = False

    def enter(self, exchange: Exchange, address: str | None) -> Response | None:
        """Count one more of `address`, unless the answer given back says why not; who entered has to `leave` once."""
        if self.over:
            denial = exchange.denial(503, Close.GOING_AWAY, "the server is going away")
            return exchange.reply(denial, (("Connection", "close"),))
        if address is None:
            return None
        if self._counts[address] >= self._most:
            return exchange.deny(429, Code.LIMIT, "too many lines are open from this address")
        self._counts[address] += 1
        return None

    def leave(self, address: str | None) -> None:
        """Count one less."""
        if address is None:
            return
        self._counts[address] -= 1
        if self._counts[address] <= 0:
            del self._counts[address]
