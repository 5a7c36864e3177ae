"""How much there is on this node, and what went through it, as a UI draws it."""

from __future__ import annotations

import os
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from everywire.dialects.socketio.packets import MAIN
from everywire.ops.instrument.looking import namespace
from everywire.ops.instrument.options import Instrument

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Counting"]


class Counting:
    """Counts from one `stats` to the next; `restart` begins anew.

    Invariants: `_before` are the hub's counters as of the last time.
    """

    def __init__(self, hub: Hub, instrument: Instrument) -> None:
        self._hub: Final = hub
        self._instrument: Final = instrument
        self._since: Final = hub.world.now()
        self._host: Final = socket.gethostname()
        self._before = self._counters()

    def restart(self) -> None:
        """Count from now on."""
        self._before = self._counters()

    def stats(self) -> dict[str, Any]:
        """Give the statistics of this node as of now, and what was counted since the last time."""
        bases = {
            attachment.bundle.base if attachment.bundle is not None else attachment: attachment.carriage
            for attachment in self._hub.attachments
        }
        spaces = Counter(
            namespace(session) for session in self._hub.sessions.values() if session.attachment is not None
        )
        return {
            "serverId": self._name(),
            "hostname": self._host,
            "pid": os.getpid(),
            "uptime": self._hub.world.now() - self._since,
            "clientsCount": len(bases),
            "pollingClientsCount": sum(carriage != "websocket" for carriage in bases.values()),
            "aggregatedEvents": self._counted(),
            "namespaces": [{"name": name, "socketsCount": spaces[name]} for name in sorted({MAIN, *spaces})],
        }

    def _name(self) -> str:
        """Name this node: with the process where there are others on the machine."""
        name = self._instrument.server_id or self._host
        return name if self._hub.broker.alone else f"{name}#{os.getpid()}"

    def _counters(self) -> dict[str, int]:
        metrics, sessions = self._hub.metrics, self._hub.sessions.values()
        return {
            "rawConnection": metrics.sessions_opened + metrics.sessions_resumed,
            "connected": sum(session.attachment is not None for session in sessions),
            "packetsIn": metrics.payloads_received,
            "packetsOut": metrics.deliveries,
            "bytesIn": metrics.bytes_received,
        }

    def _counted(self) -> list[dict[str, Any]]:
        now, before = self._counters(), self._before
        self._before = now
        grown = {name: now[name] - before[name] for name in now}
        grown["rawDisconnection"] = grown["rawConnection"] - grown.pop("connected")  # who came and is not there is gone
        second = self._hub.world.wall() // 1000 * 1000
        return [{"timestamp": second, "type": name, "count": count} for name, count in grown.items() if count > 0]
