"""Delivery policies: what a channel allows, and what a subscriber is given of what it asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from everywire.errors import Refused
from everywire.hub.codes import Code
from everywire.messages import Policy, PolicyKind

__all__ = ["Bounds"]

# (below, steps of): intervals in seconds are rounded up to these, so that many subscribers share few timers.
_STEPS = ((0.1, 0.01), (1.0, 0.05), (math.inf, 0.5))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What subscribers of a channel may ask for: kinds of policies, intervals in seconds, publications that wait."""

    kinds: frozenset[PolicyKind] = frozenset(get_args(PolicyKind))
    least_interval: float = 0.0
    most_interval: float = 60.0
    most_size: int = 256

    def settle(self, asked: Policy) -> Policy:
        """Give the policy that holds where `asked` is asked for; raises `Refused` for a kind that is not allowed."""
        if asked.kind not in self.kinds:
            raise Refused(f"no {asked.kind} here", Code.NOT_AVAILABLE)
        match asked.kind:
            case "reliable":
                return Policy()
            case "drop_oldest":
                return Policy("drop_oldest", 0.0, max(1, min(asked.size, self.most_size)))
            case kind:
                wanted = min(max(asked.interval, self.least_interval), self.most_interval)
                step = next(step for below, step in _STEPS if wanted < below)
                return Policy(kind, math.ceil(round(wanted / step, 6)) * step)
