"""Spans of OpenTelemetry for what clients ask for (the extra `otel`); the application's own SDK sends them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from everywire import messages as m
from everywire.builds import VERSION

__all__ = ["OpenTelemetry"]

_SILENT = (m.Ping, m.Pong, m.Credit, m.Item, m.End, m.Malformed)
_NOTHING: AbstractContextManager[object] = nullcontext()


class OpenTelemetry:
    """Begins a span for each command that does something: "call NAME", "publish", "subscribe", …

    The kind of a span is SERVER; its attributes are `messaging.system`, `messaging.operation.name`, and the channel as
    `messaging.destination.name`. Calls carry their name as `rpc.method`. Data is never recorded.
    """

    def __init__(self, provider: Any = None) -> None:
        """Use `provider`, or the one that the process has set; raises `ImportError` where OpenTelemetry is not installed."""
        from opentelemetry import trace

        self._server = trace.SpanKind.SERVER
        self._tracer = trace.get_tracer("everywire", VERSION, provider)

    def span(self, command: m.Command) -> AbstractContextManager[object]:
        """Begin a span for `command`; none for the small talk of a connection."""
        if isinstance(command, _SILENT):
            return _NOTHING
        operation = type(command).__name__.lower()
        attributes = {"messaging.system": "everywire", "messaging.operation.name": operation}
        name = operation
        match command:
            case m.Call(name=called):
                name, attributes["rpc.method"] = f"call {called}"[:128], called[:128]
            case _ if (channel := getattr(command, "channel", None)) is not None:
                attributes["messaging.destination.name"] = channel[:255]
        return self._tracer.start_as_current_span(name, kind=self._server, attributes=attributes)
