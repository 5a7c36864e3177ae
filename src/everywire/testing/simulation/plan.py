"""What a simulated run consists of, drawn from its seed: a plan, and the steps that are played."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Plan", "Step", "draw"]

Step: TypeAlias = tuple[Any, ...]
"""One thing that happens. Clients, nodes and channels are numbers, taken modulo how many there are:

("publish", client, channel, count), ("wait", seconds), ("cut", client), ("freeze", client): a half-open connection,
("forget", client): it comes back as somebody new, ("crowd", client, factor): it reads slowly, ("kill", node), ("drain", node),
("unlink", node): its link to the broker breaks, ("deafen", node): so that nobody learns of it, ("stall", seconds): the broker stands still,
("lose",): it dies with all that it knew, ("flush", channel): it loses one log, ("slow", factor): the network takes that many times as long.
"""

_WEIGHTS = {
    "publish": 24,
    "wait": 18,
    "cut": 4,
    "freeze": 2,
    "forget": 1,
    "crowd": 2,
    "kill": 2,
    "drain": 1,
    "unlink": 2,
    "deafen": 1,
    "stall": 1,
    "lose": 1,
    "flush": 1,
    "slow": 1,
}
_WAITS = (0.0, 0.003, 0.02, 0.1, 0.5, 2.0)
_CHANNELS = (
    ("room:0",),
    ("room:0",),
    ("desk:0",),
    ("map:0",),
    ("room:0", "map:0"),
    ("room:0", "desk:0"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is; `weights` say how often each thing happens, `private` and `paced` how often a publication has an audience, and a
    client a policy."""

    nodes: int = 2
    clients: int = 3
    channels: tuple[str, ...] = ("room:0",)
    steps: int = 40
    history: int = 12
    ttl: float = 8.0
    page: int = 1000
    crowd: int = 64
    private: float = 0.0
    paced: float = 0.0
    weights: Mapping[str, int] = field(default_factory=lambda: _WEIGHTS)

    @classmethod
    def drawn(cls, seed: int) -> Plan:
        """Give the plan of a seed: most runs are ordinary, some are lopsided."""
        dice = random.Random(~seed)
        return cls(
            nodes=dice.choice((1, 2, 2, 3)),
            clients=dice.choice((2, 3, 3, 4)),
            steps=dice.choice((20, 30, 40, 50)),
            history=dice.choice((3, 12, 12, 40)),
            ttl=dice.choice((2.0, 8.0, 60.0)),
            page=dice.choice((2, 5, 1000, 1000)),
            channels=dice.choice(_CHANNELS),
            crowd=dice.choice((1, 4, 64)),
            private=dice.choice((0.0, 0.0, 0.3)),
            paced=dice.choice((0.0, 0.0, 0.4)),
        )


def draw(seed: int, plan: Plan) -> list[Step]:
    """Draw the steps of a seed."""
    dice = random.Random(seed * 2 + 1)
    kinds = dice.choices([*plan.weights], [*plan.weights.values()], k=plan.steps)
    return [_step(kind, plan, dice) for kind in kinds]


def _step(kind: str, plan: Plan, dice: random.Random) -> Step:
    match kind:
        case "publish":
            return (
                kind,
                dice.randrange(plan.clients),
                dice.randrange(len(plan.channels)),
                dice.choice((1, 1, 2, 5)),
            )
        case "wait":
            return kind, dice.choice(_WAITS)
        case "cut" | "freeze" | "forget":
            return kind, dice.randrange(plan.clients)
        case "crowd":
            return kind, dice.randrange(plan.clients), dice.choice((1.0, 20.0, 50.0))
        case "kill" | "drain" | "unlink" | "deafen":
            return kind, dice.randrange(plan.nodes)
        case "stall":
            return kind, dice.choice((0.3, 0.9, 2.0))
        case "flush":
            return kind, dice.randrange(len(plan.channels))
        case "slow":
            return kind, dice.choice((1.0, 1.0, 20.0))
        case _:
            return (kind,)
