"""How many connections one address may have."""

from __future__ import annotations

from everywire.hub.settings import Settings

__all__ = ["Gate"]


class _Count:
    __slots__ = ("total", "unconnected")

    def __init__(self) -> None:
        self.total = 0
        self.unconnected = 0


class Gate:
    """Counts the transports of each address, and among them those without a session.

    An address that is not known (None) is not counted: nor is this machine, where a proxy may be whom nobody has said to trust.

    Invariants: `_counts` has exactly the addresses that have a transport.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._counts: dict[str, _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def refuses(self, address: str | None) -> str | None:
        """Say why `address` gets no further transport for now; None where it does."""
        count = self._counts.get(address) if address is not None else None
        if count is None:
            return None
        if count.total >= self._settings.max_address_connections:
            return "too many connections from this address"
        if count.unconnected >= self._settings.max_address_unconnected:
            return "too many connections from this address are not connected yet"
        return None

    def entered(self, address: str | None) -> None:
        """Count a transport, without a session yet."""
        if address is not None:
            count = self._counts.get(address)
            if count is None:
                count = self._counts[address] = _Count()
            count.total += 1
            count.unconnected += 1

    def connected(self, address: str | None) -> None:
        """Take notice that one of them has a session."""
        if address is not None:
            self._counts[address].unconnected -= 1

    def left(self, address: str | None, *, connected: bool) -> None:
        """Take notice that one is gone, `connected` or not."""
        if address is None:
            return
        count = self._counts[address]
        count.total -= 1
        count.unconnected -= not connected
        if count.total == 0:
            del self._counts[address]
