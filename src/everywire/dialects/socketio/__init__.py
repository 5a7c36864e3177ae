"""Socket.IO as its official clients speak it: version 5 of its protocol, above version 4 of Engine.IO's."""

from everywire.dialects.socketio.dialect import SocketIODialect

__all__ = ["SocketIODialect"]
