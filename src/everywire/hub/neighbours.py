"""Which other nodes there are, as far as they have answered lately."""

from __future__ import annotations

from typing import Final

from everywire.hub.world import World

__all__ = ["PATIENCE", "Neighbours"]

PATIENCE: Final = 0.5  # seconds for all nodes to answer a note
_REMEMBERED: Final = 10.0  # seconds after its last answer for which a node that says nothing counts as silent
_MOST: Final = 1_000  # nodes; what else answers is no node of ours


class Neighbours:
    """Remembers who answered a note, so that who asks all nodes need not wait for longer than these take.

    Invariants: `_heard` says when each other node answered last, `_MOST` of them at most.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._heard: dict[str, float] = {}

    def heard(self, node: str) -> bool:
        """Take notice that `node` answered; false where it is one too many."""
        if len(self._heard) >= _MOST and node not in self._heard:
            return False
        self._heard[node] = self._world.now()
        return True

    def gone(self, node: str) -> None:
        """Take notice that `node` has ended."""
        self._heard.pop(node, None)

    def known(self) -> frozenset[str]:
        """Give those that answered in the last 10 s; the others are forgotten."""
        now = self._world.now()
        self._heard = {node: heard for node, heard in self._heard.items() if now - heard < _REMEMBERED}
        return frozenset(self._heard)
