"""Socket.IO as its official clients speak it: `docs/dialects/socketio.md` in code."""

from everywire.dialects.socketio.dialect import SocketIODialect

__all__ = ["SocketIODialect"]
