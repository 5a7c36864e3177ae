"""All that is asked of many sessions at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everywire.hub.crowds.asking import Asker
from everywire.hub.crowds.listing import Lister
from everywire.hub.crowds.rounds import Rounds
from everywire.hub.crowds.ruling import Ruler

if TYPE_CHECKING:
    from everywire.hub.hub import Hub

__all__ = ["Crowds"]


class Crowds:
    """Asks all nodes about their sessions, and answers for this one's."""

    def __init__(self, hub: Hub) -> None:
        self.rounds: Final = Rounds(hub)
        self.listing: Final = Lister(hub, self.rounds)
        self.ruling: Final = Ruler(hub, self.rounds)
        self.asking: Final = Asker(hub, self.rounds)
