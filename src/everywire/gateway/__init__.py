"""Carries out what dialects want: the one place that knows transports, dialects and the hub at once."""

from everywire.gateway.gateway import Gateway
from everywire.gateway.line import Line
from everywire.gateway.relay import Answer, Relay
from everywire.gateway.settings import HttpSettings

__all__ = ["Answer", "Gateway", "HttpSettings", "Line", "Relay"]
