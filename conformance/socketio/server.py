"""What the Socket.IO suite wants of a server, by everywire.

python conformance/socketio/server.py --engine native --settings '{"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1000000}'
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
from app_server import arguments, beating, meet

from everywire import Caller, Everywire
from everywire.dialects.socketio import SocketIODialect
from everywire.hub.hooks import Connecting

NAMESPACES = ("/", "/custom")


def offer(app: Everywire, max_payload: int) -> None:
    """Have Socket.IO met as the suite expects it: without recovery, or the answer to a CONNECT would have a `pid`."""
    known = NAMESPACES.__contains__
    app.speak(lambda heartbeat: SocketIODialect("/socket.io", heartbeat, known, max_payload, recoverable=False))


def application(settings: dict[str, Any]) -> Everywire:
    """Greets each session with what it has shown, and says back what it is told."""
    app = beating(settings)
    offer(app, settings["max_payload"])

    @app.on_connected
    def greet(caller: Caller, connecting: Connecting) -> None:
        caller.tell("auth", msgspec.json.decode(connecting.auth) if connecting.auth is not None else {})

    @app.on("message", inline=True)
    def message(caller: Caller, *arguments: Any) -> None:
        caller.tell("message-back", *arguments)

    @app.on("message-with-ack", inline=True)
    def message_with_ack(*arguments: Any) -> Any:
        return {"event": None, "args": arguments}

    return app


if __name__ == "__main__":
    given = arguments(__doc__)
    asyncio.run(meet(application(given.settings), given.engine))
