"""The chat that `everywire demo` serves: a complete application, meant to be read.

The page is plain HTML, CSS and the JavaScript client; it talks to the channels that are declared here.
"""

from __future__ import annotations

from pathlib import Path

from everywire.app import Everywire
from everywire.hub.settings import Settings

__all__ = ["app", "chat"]

PAGE = Path(__file__).parent / "_static" / "chat"
DAY = 24 * 60 * 60.0


def chat(settings: Settings | None = None) -> Everywire:
    """Make the chat application, with other limits and times than the usual ones if `settings` are given."""
    made = Everywire(settings=settings)

    # Each room is a channel. Its log keeps the latest 200 messages, so that who joins can read back and who
    # was cut off is told exactly what was missed; presence tells everybody in the room who comes and goes.
    # "Ada is typing" goes the same way, but the page publishes it as ephemeral: it is told and forgotten.
    made.channel("room:{name}", history=200, ttl=7 * DAY, presence=True)

    # Whoever opens a room tells its name here; the history of this channel is the list of rooms.
    made.channel("rooms", history=100, ttl=7 * DAY)

    # Nobody logs in: a name is what its bearer says (see `Everywire.on_connect` for an application where it
    # matters), so the page shows whatever it is told as text, never as HTML.
    made.static("/", PAGE)
    return made


app = chat()
