"""How far this node is in the order of all publications, and where subscriptions began in it.

Some clients remember one number for all their channels: the order of the last publication that they were told. It means "I have
everything up to there" only if that is so at the moment of telling: where it is not, publications are told without an order.
"""

from __future__ import annotations

import msgspec

from everywire.messages import Position, Publication

__all__ = ["Aside", "Begun", "Ordering"]


class Aside(msgspec.Struct, array_like=True, frozen=True):
    """What a client was told by itself, in no channel: how many times, and where in the order of all publications the last of that came.

    `more`: it is being told, and only its node knows how much that is.
    """

    count: int
    era: str
    number: int
    more: bool = False

    def missed(self, told: Position, count: int) -> bool:
        """Say whether a client may have missed some of it that has everything up to `told` in its channels.

        `count` is 0 unless what it was told last was told to it by itself: how many times that was, then.
        """
        later = self.era in ("", told.epoch) and told.offset > self.number
        return self.more or (count < self.count and not later)


class Begun(msgspec.Struct, array_like=True, frozen=True):
    """Where a subscription began: what is after `since`, in `era`, is for it.

    `heard`: what its client was told in other channels up to there says nothing of this one, of which it was told later. `anew`: it had
    begun before, and the channel moved; what is lost by that is not missed only by who was told something after it. `held`: it was about to
    begin; who was told something in other channels since may lack what was kept for it meanwhile.
    """

    era: str
    since: int
    heard: int
    anew: bool = False
    held: bool = False

    def missed(self, told: int) -> int | None:
        """Give after which number a client has missed what came, that has everything up to `told`; None where that is lost."""
        later = told > max(self.heard, self.since)
        if self.held if later else self.anew:
            return None
        return self.since if told <= self.heard else max(told, self.since)

    def again(self, told: int) -> Begun:
        """Give what holds after such a client was told what it missed: numbers after `told` say that it was."""
        return self if told > self.heard else Begun(self.era, self.since, told, self.anew)


class Ordering:
    """Where this node is, by the latest news.

    Invariants: `era` and `number` are those of the latest publication that the broker brought with an order, or of what was read before it
    brought any; `_repairs` counts the channels that are being repaired, `_gaps` the gaps, and `_mended` is how many of them there were when
    all channels were last found complete.
    """

    __slots__ = ("_gaps", "_mended", "_repairs", "era", "number")

    def __init__(self) -> None:
        self.era = ""
        self.number = 0
        self._repairs = 0
        self._gaps = 0
        self._mended = 0

    @property
    def sure(self) -> bool:
        """Say whether all channels here have everything up to `number`."""
        return not self._repairs and self._gaps == self._mended

    @property
    def here(self) -> Position | None:
        """Up to where all channels here have everything, of an empty era before anything was brought or read; None where that is in doubt."""
        return Position(self.era, self.number) if self.sure else None

    @property
    def gaping(self) -> bool:
        """Say whether any channel may lack something, which has yet to be looked for."""
        return self._gaps != self._mended

    def take(self, news: Publication) -> Publication:
        """Take notice of what the broker brings, and give it as it may be told now."""
        if not news.order:
            return news
        late = news.era == self.era and news.order < self.number
        if not late:
            self.era, self.number = news.era, news.order
        return news.unordered() if late or not self.sure else news

    def begun(self, read: Position | None, *, anew: bool = False) -> Begun | None:
        """Give where a subscription begins, or begins anew, whose channel was read when `read` was the order, and that hears from now on."""
        if read is None or self.era not in ("", read.epoch):
            return None
        heard = self.number
        if not self.era:  # nothing was brought that would come before it
            self.era, self.number = read.epoch, read.offset
        return Begun(read.epoch, read.offset, heard, anew)

    def reaches(self, read: Position) -> int:
        """Give up to which number everything is here, of channels that are held since before they were read at `read` or later."""
        return max(read.offset, self.number) if self.sure and self.era == read.epoch else read.offset

    def aside(self, before: Aside | None) -> Aside:
        """Count what is told to a client by itself now, after what it was told `before`."""
        return Aside(before.count + 1 if before is not None else 1, self.era, self.number)

    # What puts it in doubt.

    def broken(self) -> None:
        """Take notice that a channel is being repaired."""
        self._repairs += 1

    def repaired(self) -> None:
        """Take notice that it is not any more."""
        self._repairs -= 1

    def gap(self) -> None:
        """Take notice that any channel may lack something."""
        self._gaps += 1

    @property
    def gaps(self) -> int:
        """How many there were: what is looked at from now on is found as it is after them."""
        return self._gaps

    def mended(self, gaps: int) -> None:
        """Take notice that all channels were looked at after so many gaps, and what lacks something is being repaired."""
        self._mended = max(self._mended, gaps)
