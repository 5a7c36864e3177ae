"""What an application does with many sessions at once, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable
from typing import Unpack

from everywire.hub.crowds.choice import Whom, chosen
from everywire.hub.crowds.listing import Listing
from everywire.hub.hub import Hub
from everywire.hub.threads import started

__all__ = ["Gathering"]


class Gathering:
    """The part of an application that is about many sessions. All nodes are asked, and what is given back says how many did not answer.

    Whoever is meant is said by the words of `Whom`; any thread may ask. A node that does not answer within `Settings.round_deadline` seconds
    is waited for no longer; it may do nevertheless what it was told. Everything raises `EverywireError` before the start, and whatever the
    broker raises where nobody can be asked.
    """

    @property
    @abstractmethod
    def hub(self) -> Hub:
        """The running hub; raises `EverywireError` before the start."""

    def sessions(self, **whom: Unpack[Whom]) -> Awaitable[Listing]:
        """Give the sessions that are meant, all of them where nothing is said: `(await app.sessions(channels="room:tea")).sessions`.

        Each is a `Listed`. At most `Settings.max_gathered` are given, and `max_gathered_bytes`; the listing says whether there are more.
        """
        hub, choice = self.hub, chosen(whom, all_=True)
        return started(hub.world, lambda: hub.crowds.listing.gather(choice))
