"""SignalR as its official clients speak it: its hub protocol as JSON and as MessagePack, above its three transports."""

from everywire.dialects.signalr.dialect import SignalRDialect
from everywire.dialects.signalr.negotiating import Redirect

__all__ = ["Redirect", "SignalRDialect"]
