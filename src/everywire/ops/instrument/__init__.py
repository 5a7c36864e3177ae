"""Serving npm's Admin UI: what it is told of all nodes, and what it has them do."""

from everywire.ops.instrument.access import by_key, by_login
from everywire.ops.instrument.desk import Desk
from everywire.ops.instrument.options import Channels, Check, Instrument, Names

__all__ = ["Channels", "Check", "Desk", "Instrument", "Names", "by_key", "by_login"]
