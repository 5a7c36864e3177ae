"""What the Socket.IO suite wants of a server, by everywire.

python conformance/socketio/server.py --engine native --settings '{"ping_interval": 0.3, "ping_timeout": 0.2, "max_payload": 1000000}'
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app_server import arguments, beating, meet

from everywire import Caller, Everywire
from everywire.dialects.socketio import SocketIODialect
from everywire.hub.channels.changes import Change
from everywire.hub.hooks import Connecting

NAMESPACES = ("/", "/custom")


def offer(app: Everywire, max_payload: int) -> None:
    """Have Socket.IO met as the suite expects it: without recovery, or the answer to a CONNECT would have a `pid`."""
    known = NAMESPACES.__contains__
    app.speak(lambda heartbeat: SocketIODialect("/socket.io", heartbeat, known, max_payload, recoverable=False))


def application(settings: dict[str, Any]) -> Everywire:
    """Every session is a user of its own, and told by the personal channel."""
    app, shown = beating(settings), dict[str, Any]()
    offer(app, settings["max_payload"])
    app.personal(presence=True)

    @app.on_connect
    def who(connecting: Connecting) -> str:
        shown[connecting.session] = {} if connecting.auth is None else msgspec.json.decode(connecting.auth)
        return connecting.session

    @app.on_join("user:{user}")
    def joined(change: Change) -> None:
        user = change.params["user"]
        app.publish_to(user, {"event": "auth", "args": [shown.pop(user)]})

    @app.on("message", inline=True)
    def message(caller: Caller, data: Any) -> None:
        assert caller.user is not None
        app.publish_to(caller.user, {"event": "message-back", "args": several(data)})

    @app.on("message-with-ack", inline=True)
    def message_with_ack(data: Any) -> Any:
        return {"event": None, "args": several(data)}

    return app


def several(data: Any) -> list[Any]:
    """The arguments of a message: one is given as it is."""
    return data if isinstance(data, list) else [data]


if __name__ == "__main__":
    given = arguments(__doc__)
    asyncio.run(meet(application(given.settings), given.engine))
