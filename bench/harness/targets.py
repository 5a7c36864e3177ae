"""What everywire aims at, as ratios to other figures of the same run, and whether it was reached."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, replace

from harness import scenarios
from harness.measure import Outcome

Figures = dict[str, dict[str, Outcome]]


@dataclass(frozen=True)
class Target:
    """`server` in `scenario` must stay within `limit`: × the other figure, or absolute, or more than the other."""

    scenario: str
    server: str
    limit: float
    other: tuple[str, str] | None = None
    difference: bool = False
    over: str = ""  # the ratio is divided by the same two servers' ratio in this scenario: growth against growth

    def describe(self) -> str:
        """The limit in words."""
        if self.other is None:
            return f"≤ {self.limit:g} B"
        place = self.other[1] if self.other[0] == self.scenario else f"{self.other[1]} in {self.other[0]}"
        if self.over:
            return f"growth from {self.over} ≤ {self.limit:g} × that of {place}"
        return f"≤ {self.limit:g} B more than {place}" if self.difference else f"≤ {self.limit:g} × {place}"

    def measured(self, figures: Figures) -> float | None:
        """The ratio, difference or figure that `limit` bounds; None when something was not measured.

        Servers of one scenario are compared round by round (their runs follow each other, so a noisy minute hits both),
        and the median over the rounds counts. Figures of two scenarios are compared by their medians.
        """
        own = figures.get(self.scenario, {}).get(self.server)
        if own is None or self.other is None:
            return own.median("figure") if own else None
        other = figures.get(self.other[0], {}).get(self.other[1])
        if other is None:
            return None
        ratio = self._compared(own, other)
        before = replace(self, scenario=self.over, other=(self.over, self.other[1]), over="") if self.over else None
        smaller = before.measured(figures) if before else 1.0
        return ratio / smaller if ratio is not None and smaller else None

    def _compared(self, own: Outcome, other: Outcome) -> float | None:
        if self.other and self.other[0] == self.scenario and not self.difference:
            mine, theirs = own.by_round(), other.by_round()
            ratios = [mine[number] / theirs[number] for number in mine.keys() & theirs.keys() if theirs[number]]
            return statistics.median(ratios) if ratios else None
        mine_median, their_median = own.median("figure"), other.median("figure")
        if mine_median is None or not their_median:
            return None
        return mine_median - their_median if self.difference else mine_median / their_median


def _coroutine_limit() -> float:
    """Waking a coroutine from outside its task is cheaper where the interpreter lets us (3.12)."""
    return 1.20 if sys.version_info >= (3, 12) else 1.35


def _against(scenario: str, **limits: float) -> list[Target]:
    return [Target(scenario, "everywire", limit, (scenario, name)) for name, limit in limits.items()]


def _hub(scenario: str, limits: dict[str, float]) -> list[Target]:
    return [Target(scenario, "hub", limit, (scenario, name)) for name, limit in limits.items()]


def _socketio(scenario: str, node: float, python: float) -> list[Target]:
    limits = {"socketio-node": node, "socketio-python": python}
    return [Target(scenario, "socketio", limit, (scenario, name)) for name, limit in limits.items()]


def _as_native(scenario: str, server: str, other: str = "native") -> Target:
    """What a dialect may cost on top of the native one, for the same messages to as many."""
    return Target(scenario, server, 1.3, (scenario, other))


TARGETS: tuple[Target, ...] = (
    *_against("echo", picows=0.75, websockets=0.35, floor=1.15),
    Target("echo", "everywire-async", _coroutine_limit(), ("echo", "everywire")),
    *_against("echo-tls", picows=1.0),
    Target("idle-tls", "everywire", 25_000),
    *_against("echo-16", picows=0.20),
    *_against("fan", picows=0.85, floor=1.05),
    *_against("fan-16", picows=0.15),
    Target("idle", "everywire", 1024),
    Target("idle", "everywire-async", 2560),
    *_against("churn", picows=0.30),
    *_against("echo-64k", picows=0.75),
    *_against("fan-1k-deflate", **{"everywire-broadcast": 1.3}),
    Target("idle-deflate", "everywire", 256, ("idle", "everywire"), difference=True),
    *_against("fan-5000", floor=1.1),
    *_hub("hub", {"everywire-broadcast": 1.3, "socketio-node": 0.25, "socketio-python": 0.10, "channels": 0.02}),
    Target("hub", "hub-msgpack", 1.3, ("hub", "everywire-broadcast")),
    *_hub("hub-9000", {"everywire-broadcast": 1.3}),
    Target("hub-9000", "hub", 1.1, ("hub-9000", "floor-broadcast"), over="hub"),
    *_hub("hub-16", {"everywire-broadcast": 1.3, "socketio-node": 0.25}),
    Target("hub-64", "hub", 1.0, ("hub-16", "hub")),
    Target("hub-10", "hub-crowded", 1.1, ("hub-10", "hub")),
    Target("subscribed", "hub", 4096, ("subscribed", "everywire-idle"), difference=True),
    Target("subscribed", "hub-presence", 4096, ("subscribed", "everywire-idle"), difference=True),
    *_socketio("ack", 0.5, 0.10),
    *_socketio("ack-16", 0.5, 0.10),
    *_socketio("room", 0.5, 0.10),
    *_socketio("room-16", 0.5, 0.10),
    Target("sessions", "socketio", 4096),
    *_socketio("sessions", 0.25, 0.10),
    *(_as_native(scenario, "signalr") for scenario in ("group", "group-16")),
    *(_as_native(scenario, "signalr-msgpack", "native-msgpack") for scenario in ("group", "group-16")),
    *(_as_native(scenario, "sockjs") for scenario in ("everybody", "everybody-16")),
    *(Target(scenario, "sockjs", 0.5, (scenario, "sockjs-node")) for scenario in ("back", "back-16")),
    *(Target(scenario, "host", 1.5, (scenario, "uvicorn-httptools")) for scenario in ("http", "http-10k", "upload")),
    *(
        Target(f"asgi{size}{window}", server, 0.5, (f"asgi{size}{window}", "uvicorn-sansio"))
        for server in ("host", "dropin")
        for size in ("", "-4k")
        for window in ("", "-16")
    ),
    Target("echo", "everywire-portable", 1.0, ("echo", "websockets-asyncio")),
    Target("echo", "everywire-portable-uvloop", 1.0, ("echo", "websockets")),
)


@dataclass(frozen=True)
class Verdict:
    """One target and how it came out; `passed` is None when it was not measured."""

    target: Target
    value: float | None

    @property
    def passed(self) -> bool | None:
        return None if self.value is None else self.value <= self.target.limit


def judge(figures: Figures) -> list[Verdict]:
    """The targets of the parts of the benchmark that were measured, and how they came out."""
    parts = {scenarios.BY_NAME[name].part for name in figures}
    wanted = [target for target in TARGETS if scenarios.BY_NAME[target.scenario].part in parts]
    return [Verdict(target, target.measured(figures)) for target in wanted]
