"""A view in the format that Prometheus reads; the library `prometheus_client` writes it (the extra `metrics`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from everywire.builds import VERSION
from everywire.hub.codes import Close
from everywire.metrics import Durations
from everywire.ops.view import View

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Our counters, by the name and the words that operators know.
_COUNTERS = {
    "payloads_received": ("messages_received", "Messages received from clients"),
    "bytes_received": ("bytes_received", "Bytes of messages received from clients"),
    "commands": ("commands", "Commands handled"),
    "deliveries": ("messages_sent", "Publications told to subscribers"),
    "publications": ("publications", "Publications made on this node"),
    "repeats": ("publications_repeated", "Publications that were there already under their key"),
    "evictions": ("logs_evicted", "Logs forgotten because the memory budget was used up"),
    "sessions_opened": ("sessions_opened", "Sessions begun"),
    "sessions_resumed": ("sessions_resumed", "Sessions continued over another transport"),
    "limited": ("limited", "What a limit held back: commands, connections, clients closed for it"),
    "repairs": ("repairs", "Channels whose lost news were read from the log"),
    "losses": ("losses", "Channels whose subscribers were told that publications are lost"),
    "changes_dropped": ("changes_dropped", "Comings and goings dropped because their hook kept failing"),
    "occurrences_dropped": ("occurrences_dropped", "Comings and goings dropped because too many waited for a hook"),
    "forwards": (
        "relay_forwards",
        "Requests passed on, and connections handed over, to the node that holds their line",
    ),
    "broker_links": ("broker_links_opened", "Links made to the broker, the first of each node included"),
    "notes_malformed": ("notes_malformed", "Notes from other nodes that could not be read"),
}
_SLOW = str(int(Close.SLOW))
_CODES = {str(int(code)) for code in (*Close, *range(1000, 1016))}
_GAUGES = {
    "sessions": "Sessions, lingering ones included",
    "users": "Users with a session",
    "channels": "Channels with a subscriber",
    "subscriptions": "Subscriptions",
    "commands_waiting": "Commands that wait for an earlier one of their session",
    "send_queue_bytes": "Bytes that wait for clients to take them",
    "changes_pending": "Comings and goings that hooks are learning of",
    "broker_links": "Nodes whose broker is within reach",
    "nodes": "Nodes in this view",
    "nodes_silent": "Nodes that did not answer in time, and are left out",
}
# Where a gauge is not called as in the view.
_OURS = {
    "commands_waiting": "waiting",
    "send_queue_bytes": "queued",
    "changes_pending": "changes",
    "broker_links": "linked",
    "nodes_silent": "silent",
}


class _Collector:
    """Gives `view` as the families that the library writes."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Any]:
        """Give all families, in a stable order; no label has values without bound."""
        from prometheus_client import core

        view = self._view
        for name, (ours, words) in _COUNTERS.items():
            yield core.CounterMetricFamily(f"everywire_{ours}", words, value=view.counters.get(name, 0))
        slow = view.disconnects.get(_SLOW, 0)
        yield core.CounterMetricFamily(
            "everywire_slow_closes", "Clients closed because they read too slowly", value=slow
        )
        for name, words in _GAUGES.items():
            value = len(view.nodes) if name == "nodes" else getattr(view, _OURS.get(name, name))
            yield core.GaugeMetricFamily(f"everywire_{name}", words, value=value)
        yield from self._labelled()
        yield _durations(view)
        yield core.InfoMetricFamily("everywire_build", "The running release", value={"version": VERSION})

    def _labelled(self) -> Iterator[Any]:
        from prometheus_client import core

        view = self._view
        yield _by_label(
            core.GaugeMetricFamily, "everywire_connections", "Open connections", "transport", view.connections
        )
        disconnects = "Connections that ended, by close code"
        yield _by_label(
            core.CounterMetricFamily, "everywire_disconnects", disconnects, "code", _bounded(view.disconnects)
        )
        yield _by_label(core.CounterMetricFamily, "everywire_refusals", "Commands refused", "code", view.refused)
        recoveries = {
            "recovered": view.counters.get("recoveries", 0),
            "failed": view.counters.get("recoveries_failed", 0),
        }
        yield _by_label(core.CounterMetricFamily, "everywire_recoveries", "Recoveries asked for", "result", recoveries)
        dropped = "Publications that subscribers were not told, because of their policy"
        yield _by_label(core.CounterMetricFamily, "everywire_messages_dropped", dropped, "policy", view.dropped)


def _bounded(disconnects: Mapping[str, int]) -> dict[str, int]:
    """Give the codes that mean something here; a client closes with any of thousands."""
    known: dict[str, int] = {}
    for code, count in disconnects.items():
        label = code if code in _CODES else "other"
        known[label] = known.get(label, 0) + count
    return known


def _by_label(family: Any, name: str, words: str, label: str, values: Mapping[str, int]) -> Any:
    made = family(name, words, labels=[label])
    for value in sorted(values):
        made.add_metric([value], values[value])
    return made


def _durations(view: View) -> Any:
    from prometheus_client import core

    made = core.HistogramMetricFamily("everywire_publish_duration_seconds", "From a publish to its place in the log")
    below, buckets = 0, []
    counts = view.publish_counts or [0] * (len(Durations.bounds) + 1)
    for bound, count in zip((*Durations.bounds, float("inf")), counts, strict=True):
        below += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), below))
    made.add_metric([], buckets, view.publish_seconds)
    return made


def exposition(view: View) -> bytes:
    """Write `view` as text; raises `ImportError` where the extra `metrics` is not installed."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(view))
    return generate_latest(registry)
