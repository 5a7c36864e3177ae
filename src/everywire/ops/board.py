"""What `everywire top` shows: one view, and how it differs from the one before, as lines of text."""

from __future__ import annotations

from everywire.metrics import Durations
from everywire.ops.view import View

__all__ = ["board"]

_RATES = {
    "commands": "commands",
    "payloads_received": "messages in",
    "deliveries": "messages out",
    "publications": "publications",
    "recoveries": "recoveries",
    "recoveries_failed": "recoveries failed",
    "refusals": "refusals",
    "repairs": "repairs",
    "losses": "losses",
    "sessions_opened": "sessions begun",
    "sessions_resumed": "sessions resumed",
}


def board(now: View, before: View | None, seconds: float, width: int = 80) -> list[str]:
    """Give the lines; `before` was `seconds` earlier, None at the first look."""
    nodes = f"{len(now.nodes)} node{'' if len(now.nodes) == 1 else 's'}"
    nodes += f", {now.silent} silent" if now.silent else ""
    nodes += f", {cut} without a broker" if (cut := len(now.nodes) - now.linked) > 0 else ""
    carried = ", ".join(f"{count:,} {kind}" for kind, count in sorted(now.connections.items())) or "none"
    lines = [
        f"everywire · {nodes}",
        "",
        f"connections    {sum(now.connections.values()):>12,}   {carried}",
        f"sessions       {now.sessions:>12,}   of {now.users:,} users",
        f"channels       {now.channels:>12,}   {now.subscriptions:,} subscriptions",
        f"waiting        {now.waiting:>12,}   commands, {now.queued:,} bytes to be sent",
        f"publish        {_quantiles(now, before)}",
        "",
        f"{'':<18}{'total':>15}{'per second':>14}",
    ]
    lines += [_rate(name, words, now, before, seconds) for name, words in _RATES.items()]
    labelled = {"closed with": now.disconnects, "refused with": now.refused, "left out by": now.dropped}
    for title, codes in labelled.items():
        if codes:
            lines += ["", f"{title}  " + "  ".join(f"{code}: {count:,}" for code, count in sorted(codes.items()))]
    return [line[:width] for line in lines]


def _rate(name: str, words: str, now: View, before: View | None, seconds: float) -> str:
    total = now.counters.get(name, 0)
    line = f"{words:<18}{total:>15,}"
    if before is None or seconds <= 0:
        return line
    # A node that ended took its counters with it: that is no negative rate.
    return line + f"{max(0, total - before.counters.get(name, 0)) / seconds:>14,.1f}"


def _quantiles(now: View, before: View | None) -> str:
    """Give the median and the 99th percentile since the last look, as far as buckets tell."""
    earlier = before.publish_counts if before is not None else []
    counts = [max(0, count - past) for count, past in zip(now.publish_counts, earlier, strict=False)]
    counts = counts if earlier else now.publish_counts
    if not sum(counts):
        return f"{'-':>12}"
    return f"{'':>12}   p50 {_quantile(counts, 0.5)}, p99 {_quantile(counts, 0.99)}"


def _quantile(counts: list[int], share: float) -> str:
    left = share * sum(counts)
    for bound, count in zip(Durations.bounds, counts, strict=False):
        left -= count
        if left <= 0:
            return f"≤ {bound * 1000:g} ms"
    return f"> {Durations.bounds[-1]:g} s"
