"""What the SockJS suite wants of a server, by everywire: four services, of which three say back what they are told.

python conformance/sockjs/server.py --engine native --settings '{"response_limit": 4096}'
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app_server import arguments, meet

from everywire import Caller, Everywire
from everywire.gateway import HttpSettings
from everywire.hub.hooks import Connecting

CLOSING = "/close"
ANYBODY = (re.compile(".*"), None)  # as the reference has it: the suite asks as a page of "test", too


def application(settings: dict[str, Any]) -> Everywire:
    """Says back each message, but to who connects to `/close`."""
    app = Everywire(http=HttpSettings(origins=ANYBODY))
    services: dict[str, dict[str, Any]] = {
        "/echo": {},
        "/disabled_websocket_echo": {"websocket": False},
        "/cookie_needed_echo": {"cookie": True},
        CLOSING: {},
    }
    for path, options in services.items():
        app.sockjs(path, speaks="text", **settings, **options)

    @app.on("message", inline=True)
    def echo(data: str) -> str:
        return data

    @app.on_connected
    async def leave(caller: Caller, _: Connecting) -> None:
        if caller.request.path.startswith(f"{CLOSING}/"):
            await app.kick(session=caller.session, code=3000, reason="Go away!")

    return app


if __name__ == "__main__":
    given = arguments(__doc__)
    asyncio.run(meet(application(given.settings), given.engine))
