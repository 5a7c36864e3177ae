"""What an application does with many sessions at once, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Iterable
from typing import Any, Unpack

from everywire.hub.access.tallies import Reached
from everywire.hub.calling.asking import Question
from everywire.hub.crowds.asking import Answers
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

    def subscribe_all(self, channel: str | Iterable[str], /, **whom: Unpack[Whom]) -> Awaitable[Reached]:
        """Subscribe the sessions that are meant to `channel`, or to several, without asking rules: as `subscribe` does for one.

        Once it is awaited, what is published there reaches them. Gives how many are in all of these now, or will be when their clients are
        back; who is in too many channels is not.
        Raises `Refused` for a name that no kind of channel has.
        """
        hub, choice, named = self.hub, chosen(whom), _names(channel)
        return started(hub.world, lambda: hub.crowds.ruling.enter(choice, named))

    def unsubscribe_all(
        self, channel: str | Iterable[str], /, reason: str = "", **whom: Unpack[Whom]
    ) -> Awaitable[Reached]:
        """End their subscriptions to `channel`, or to several, whoever began them; gives how many were in one of these.

        The clients are told `reason`, and may subscribe again where they are allowed to.
        """
        hub, choice, named = self.hub, chosen(whom), _names(channel)
        return started(hub.world, lambda: hub.crowds.ruling.leave(choice, named, reason))

    def kick_all(self, *, code: int = 4404, reason: str = "", **whom: Unpack[Whom]) -> Awaitable[Reached]:
        """End the sessions that are meant, as `kick` does for those of a user; gives how many these were.

        Only sessions that are there are ended: one of a node that died may still be brought back by its secret, which `kick` prevents.
        """
        hub, choice = self.hub, chosen(whom)
        return started(hub.world, lambda: hub.crowds.ruling.kick(choice, code, reason))

    def call_all(
        self, name: str, data: Any = None, *, timeout: float | None = None, returns: Any = Any, **whom: Unpack[Whom]
    ) -> Awaitable[Answers]:
        """Call the handler `name` of the clients of the sessions that are meant, and give what they answer, read as `returns`.

        Comes back once all have answered or are lost, after `timeout` seconds otherwise (`Settings.answer_deadline`), and a second more where
        a node is connected and silent. Raises `Refused` where these would be more than `Settings.max_gathered` sessions.
        """
        hub, choice, question = self.hub, chosen(whom), Question(name, data, timeout, returns)
        return started(hub.world, lambda: hub.crowds.asking.ask(choice, question))


def _names(channel: str | Iterable[str]) -> tuple[str, ...]:
    return (channel,) if isinstance(channel, str) else tuple(dict.fromkeys(channel))
