"""What every broker has to do; a test module of a broker subclasses `BrokerContract` and says how one is made."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from everywire.brokers.base import Broker, Draft, Query, Receipt, Retention
from everywire.messages import Member, Position, Publication, Raw

T = TypeVar("T")

KEEP = Retention(size=5, age=60.0, window=30.0)
ANN, BEN = Member("s1", "ann"), Member("s2", "ben")


def draft(number: int, key: str | None = None) -> Draft:
    return Draft(Raw(b"%d" % number), number, ANN, key)


def numbers(publications: Any) -> list[int]:
    return [int(bytes(each.data)) for each in publications]


class BrokerContract:
    """The suite. `loop` runs coroutines; `wait(seconds)` lets time pass as the broker sees it."""

    loop: asyncio.AbstractEventLoop

    def make(self) -> Broker:
        raise NotImplementedError

    def wait(self, seconds: float) -> None:
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @pytest.fixture(autouse=True)
    def _set_up(self) -> Iterator[None]:
        self.broker = self.make()
        self.news: list[Any] = []
        self.broker.listen(self.news.append)
        yield
        self.run(self.broker.close())

    def publish(self, number: int, key: str | None = None, channel: str = "c") -> Receipt:
        return self.run(self.broker.publish(channel, draft(number, key), KEEP))

    def read(self, since: Position | None = None, **query: Any) -> Any:
        return self.run(self.broker.read("c", Query(since, **query), KEEP))

    def position(self) -> Position:
        position: Position = self.read(limit=0).position
        return position

    def test_a_log_begins_at_offset_0_and_keeps_its_epoch(self):
        assert self.position().offset == 0
        assert self.position() == self.position()

    def test_offsets_count_from_1(self):
        epoch = self.position().epoch
        assert [self.publish(n).position for n in (1, 2)] == [Position(epoch, 1), Position(epoch, 2)]

    def test_channels_have_logs_of_their_own(self):
        first, other = self.publish(1).position, self.publish(1, channel="d").position
        assert first is not None
        assert other is not None
        assert (first.offset, other.offset) == (1, 1)
        assert first.epoch != other.epoch

    def test_what_is_watched_is_delivered_in_order_with_its_position(self):
        self.run(self.broker.watch("c"))
        receipts = [self.publish(n) for n in (1, 2, 3)]
        assert numbers(self.news) == [1, 2, 3]
        assert [each.position for each in self.news] == [receipt.position for receipt in receipts]
        assert self.news[0].unordered() == Publication("c", Raw(b"1"), 1, receipts[0].position, ANN)

    def test_what_is_not_watched_is_not_delivered(self):
        self.run(self.broker.watch("d"))
        self.publish(1)
        self.run(self.broker.watch("c"))
        self.run(self.broker.watch("c"))
        self.run(self.broker.unwatch("c"))
        self.publish(2)
        assert self.news == []

    def test_an_ephemeral_publication_is_delivered_and_not_kept(self):
        self.run(self.broker.watch("c"))
        before = self.position()
        assert self.run(self.broker.publish("c", draft(1), None)).position is None
        assert [each.position for each in self.news] == [None]
        assert (self.position(), self.read().publications) == (before, ())

    def test_an_ephemeral_publication_says_whether_anybody_watches_its_channel(self):
        assert self.run(self.broker.publish("c", draft(1), None)).heard is False
        for name in ("c", "*"):
            self.run(self.broker.watch(name))
            assert self.run(self.broker.publish("c", draft(1), None)).heard is True
            self.run(self.broker.unwatch(name))
        assert self.run(self.broker.publish("c", draft(1), None)).heard is False

    def test_what_is_not_kept_is_counted(self):
        for n in (1, 2):
            receipt = self.run(self.broker.publish("c", draft(n), Retention(size=0)))
            assert receipt.position is not None
            assert receipt.position.offset == n
        assert self.run(self.broker.read("c", Query(), Retention(size=0))).publications == ()

    def test_a_key_is_forgotten_when_enough_newer_ones_came(self):
        few = Retention(size=5, keys=2)
        for n in (1, 2, 3):
            self.run(self.broker.publish("c", draft(n, str(n)), few))
        assert self.run(self.broker.publish("c", draft(3, "3"), few)).repeated
        assert not self.run(self.broker.publish("c", draft(1, "1"), few)).repeated

    def test_history_is_bounded_by_size(self):
        for n in range(1, 8):
            self.publish(n)
        assert numbers(self.read().publications) == [3, 4, 5, 6, 7]

    def test_history_is_bounded_by_age(self):
        self.publish(1)
        self.wait(40)
        self.publish(2)
        self.wait(30)
        assert numbers(self.read().publications) == [2]

    def test_offsets_go_on_after_history_expired(self):
        self.publish(1)
        self.wait(61)
        position = self.publish(2).position
        assert position is not None
        assert position.offset == 2

    def test_history_from_either_end(self):
        for n in range(1, 6):
            self.publish(n)
        since = Position(self.position().epoch, 2)
        assert numbers(self.read(limit=2).publications) == [1, 2]
        assert numbers(self.read(limit=2, reverse=True).publications) == [5, 4]
        assert numbers(self.read(since, limit=2).publications) == [3, 4]
        assert numbers(self.read(since, reverse=True).publications) == [5, 4, 3]
        assert self.read(limit=0).publications == ()

    def test_history_before_a_position(self):
        for n in range(1, 8):
            self.publish(n)
        epoch = self.position().epoch
        before = Position(epoch, 6)
        assert numbers(self.read(before=before).publications) == [3, 4, 5]
        assert numbers(self.read(before=before, limit=2, reverse=True).publications) == [5, 4]
        assert numbers(self.read(Position(epoch, 3), before=before, reverse=True).publications) == [5, 4]
        assert numbers(self.read(Position(epoch, 3), before=before).publications) == [4, 5]
        for edge in (0, 2, 3):
            assert self.read(before=Position(epoch, edge)).publications == ()
            assert self.read(before=Position(epoch, edge), reverse=True).publications == ()
        assert self.read(Position(epoch, 6), before=before).publications == ()
        assert self.read(Position(epoch, 9), before=before, reverse=True).publications == ()
        assert numbers(self.read(before=Position(epoch, 99), limit=1, reverse=True).publications) == [7]
        assert numbers(self.read(before=Position("another", 4), limit=1, reverse=True).publications) == [7]

    @pytest.mark.parametrize(
        ("offset", "missed", "whole"),
        [
            (7, [], True),
            (6, [7], True),
            (2, [3, 4, 5, 6, 7], True),
            (1, [3, 4, 5, 6, 7], False),
            (0, [3, 4, 5, 6, 7], False),
            (8, [], False),
            (2**53, [], False),
        ],
    )
    def test_a_position_is_answered_wholly_or_not_called_whole(self, offset, missed, whole):
        for n in range(1, 8):
            self.publish(n)
        stretch = self.read(Position(self.position().epoch, offset))
        assert (numbers(stretch.publications), stretch.whole) == (missed, whole)

    def test_a_position_of_another_epoch_is_never_whole(self):
        self.publish(1)
        stretch = self.read(Position("another", 1))
        assert (numbers(stretch.publications), stretch.whole) == ([1], False)

    def test_the_start_of_an_untouched_log_is_whole(self):
        assert self.read(self.position()).whole

    def test_what_expired_is_not_whole_but_the_end_is(self):
        start = self.position()
        self.publish(1)
        self.wait(61)
        assert not self.read(start).whole
        assert self.read(self.position()).whole

    def test_the_same_key_is_the_same_publication(self):
        self.run(self.broker.watch("c"))
        first = self.publish(1, "k")
        self.publish(2)
        again = self.publish(1, "k")
        assert (again.position, again.repeated) == (first.position, True)
        assert numbers(self.news) == [1, 2]

    def test_a_key_counts_in_its_channel_and_its_window_alone(self):
        self.publish(1, "k")
        assert not self.publish(1, "k", channel="d").repeated
        self.wait(31)
        assert not self.publish(2, "k").repeated

    def test_a_key_outlives_the_publication_it_stands_for(self):
        first = self.publish(1, "k")
        for n in range(2, 9):
            self.publish(n)
        assert self.publish(1, "k").position == first.position

    # The order over all channels.

    def order(self) -> Position:
        order: Position = self.read(limit=0).order
        return order

    def since(self, order: Position, channel: str = "c", **query: Any) -> tuple[list[int], bool]:
        """Give what is kept with a greater order, and whether that is whole."""
        stretch = self.run(self.broker.read(channel, Query(since_order=order, **query), KEEP))
        return numbers(stretch.publications), stretch.whole

    def test_publications_of_all_channels_are_counted_together_and_come_in_that_order(self):
        for channel in "cd":
            self.run(self.broker.watch(channel))
        before = self.order()
        for n, channel in enumerate("cddxc", 1):
            self.publish(n, channel=channel)
        assert [each.order - before.offset for each in self.news] == [1, 2, 3, 5]
        assert {each.era for each in self.news} == {before.epoch}
        assert self.order() == Position(before.epoch, before.offset + 5)
        assert [each.order for each in self.read().publications] == [self.news[0].order, self.news[3].order]

    def test_what_is_repeated_or_ephemeral_is_not_counted_and_has_the_number_of_the_one_before(self):
        self.run(self.broker.watch("c"))
        self.publish(1, "k")
        order = self.order()
        self.publish(1, "k")
        self.run(self.broker.publish("c", draft(2), None))
        assert (self.news[1].order, self.news[1].era) == (order.offset, order.epoch)
        assert self.order() == order

    def test_a_channel_gives_what_came_after_an_order_whichever_channel_that_was_in(self):
        start = self.order()
        for n, channel in enumerate("cdcdc", 1):
            self.publish(n, channel=channel)
        at = [Position(start.epoch, start.offset + n) for n in range(6)]
        assert [self.since(order) for order in at] == [
            ([1, 3, 5], True),
            ([3, 5], True),
            ([3, 5], True),
            ([5], True),
            ([5], True),
            ([], True),
        ]
        assert self.since(at[1], "d") == ([2, 4], True)
        assert self.since(at[1], "never published to") == ([], True)
        assert self.since(at[0], limit=2) == ([1, 3], True)
        assert self.since(at[1], reverse=True) == ([5, 3], True)
        assert self.since(at[1], limit=0) == ([], True)

    def test_an_order_is_answered_wholly_or_not_called_whole(self):
        start = self.order()
        at = [Position(start.epoch, start.offset + n) for n in range(10)]
        self.publish(0, channel="d")
        for n in range(1, 8):
            self.publish(n)
        assert self.since(at[2]) == ([3, 4, 5, 6, 7], False)
        assert self.since(at[3]) == ([3, 4, 5, 6, 7], True)
        assert self.since(at[1], "d") == ([], True)
        assert self.since(at[9]) == ([], False)
        assert self.since(Position("another", at[5].offset)) == ([3, 4, 5, 6, 7], False)

    def test_what_expired_is_not_whole_by_order_either(self):
        start = self.order()
        self.publish(1)
        after = self.order()
        self.wait(61)
        self.publish(2)
        assert not self.since(start)[1]
        assert self.since(after) == ([2], True)

    def test_what_is_not_kept_is_missed_by_order(self):
        start = self.order()
        self.run(self.broker.publish("c", draft(1), Retention(size=0)))
        assert self.since(start) == ([], False)
        assert self.since(self.order()) == ([], True)

    def test_a_position_and_an_order_both_have_to_be_answered(self):
        start, order = self.position(), self.order()
        self.publish(1)
        later = self.order()
        self.publish(2)
        both = self.read(start, since_order=later)
        assert (numbers(both.publications), both.whole) == ([2], True)
        assert not self.read(Position("another", 1), since_order=order).whole
