"""What every broker has to do for keyed channels, private publications and wildcards; beside `BrokerContract`."""

from typing import Any

import pytest

from everywire.brokers.base import Broker, Draft, Query, Receipt, Retention
from everywire.errors import Refused
from everywire.messages import Audience, EntryChange, Position, Publication, Raw

KEYED = Retention(size=3, keyed=True, entries=3)
BARE = Retention(keyed=True, entries=3)
PLAIN = Retention(size=10)


class KeyedContract:
    """The suite; see `BrokerContract` for what it is run with."""

    broker: Broker
    news: list[Any]
    run: Any
    wait: Any

    def set(self, name: str, value: int = 1, **change: Any) -> Receipt:
        draft = Draft(Raw(b"%d" % value), 1000, None, change.pop("key", None), EntryChange(name, **change))
        receipt: Receipt = self.run(self.broker.publish("k", draft, KEYED))
        return receipt

    def entries(self, since: Position | None = None, **query: Any) -> Any:
        return self.run(self.broker.entries("k", Query(since, **query), KEYED))

    def named(self, since: Position | None = None, **query: Any) -> list[str | None]:
        return [each.entry for each in self.entries(since, **query).entries]

    def test_the_last_publication_of_each_entry_is_kept_by_rising_offset(self):
        for name, value in (("a", 1), ("b", 2), ("a", 3)):
            receipt = self.set(name, value)
        snapshot = self.entries()
        assert snapshot.position == receipt.position
        assert snapshot.order == Position(snapshot.entries[1].era, snapshot.entries[1].order)
        assert not snapshot.whole
        assert tuple(each.unordered() for each in snapshot.entries) == (
            Publication("k", Raw(b"2"), 1000, Position(receipt.position.epoch, 2), entry="b"),
            Publication("k", Raw(b"3"), 1000, Position(receipt.position.epoch, 3), entry="a"),
        )

    def test_a_removed_entry_is_gone_and_told(self):
        self.run(self.broker.watch("k"))
        self.set("a")
        self.set("a", remove=True)
        assert self.entries().entries == ()
        assert [(each.entry, each.removed) for each in self.news] == [("a", False), ("a", True)]

    def test_entries_that_changed_since_a_position(self):
        positions = [self.set(name).position for name in ("a", "b", "c")]
        self.set("a", 2)
        self.set("b", remove=True)
        snapshot = self.entries(positions[1])
        assert snapshot.whole
        assert [(each.entry, each.removed) for each in snapshot.entries] == [("c", False), ("a", False), ("b", True)]
        assert self.named(positions[2]) == ["a", "b"]

    def test_entries_page_by_page(self):
        positions = [self.set(name).position for name in ("a", "b", "c")]
        begun = positions[2]
        assert self.named(limit=1) == ["a"]
        self.set("a", remove=True)
        assert self.named(begun, after=1, limit=1) == ["b"]
        assert self.named(begun, after=2) == ["c", "a"]
        assert self.named(begun, after=4) == []

    def test_what_was_removed_before_the_reading_began_is_not_in_a_later_page(self):
        self.set("a", remove=True)
        begun = self.set("b").position
        assert self.named(begun, after=0) == ["b"]

    @pytest.mark.parametrize("since", [Position("another", 1), "beyond"])
    def test_a_position_that_cannot_be_known_is_answered_by_all(self, since):
        at = self.set("a").position
        snapshot = self.entries(Position(at.epoch, 9) if since == "beyond" else since, after=5)
        assert ([each.entry for each in snapshot.entries], snapshot.whole) == (["a"], False)

    def test_removed_entries_are_remembered_in_bounds(self):
        begun = self.set("kept").position
        for number in range(4):
            self.set(f"gone {number}", remove=True)
        snapshot = self.entries(begun)
        assert ([each.entry for each in snapshot.entries], snapshot.whole) == (["kept"], False)
        assert self.entries(Position(begun.epoch, 2)).whole

    def test_compare_and_set(self):
        first = self.set("a", 1, expect=0).position
        refused = self.set("a", 2, expect=0)
        assert (refused.conflict, refused.position) == (True, first)
        assert self.set("a", 2, expect=1).position == Position(first.epoch, 2)
        assert self.set("b", expect=1) == Receipt(Position(first.epoch, 0), conflict=True)
        assert [bytes(each.data) for each in self.entries().entries] == [b"2"]

    def test_what_was_refused_is_refused_when_it_is_said_again(self):
        first = self.set("a", 1, expect=0).position
        assert self.set("b", 1, expect=1, key="k").conflict
        self.set("b", 2)
        assert self.set("a", 2, expect=2, key="l").conflict
        self.set("a", remove=True)
        assert self.set("a", 2, expect=0, key="l").position == Position(first.epoch, 4)
        again = self.set("a", 2, expect=2, key="l")
        assert (again.position, again.repeated) == (Position(first.epoch, 4), True)
        assert self.set("b", 1, expect=1, key="k").conflict

    def test_a_key_outdoes_a_comparison(self):
        first = self.set("a", 1, expect=0, key="k")
        again = self.set("a", 1, expect=0, key="k")
        assert (again.position, again.repeated, again.conflict) == (first.position, True, False)

    def test_an_entry_is_over_after_its_time(self):
        self.run(self.broker.watch("k"))
        self.set("a", ttl=10.0)
        self.set("b", ttl=10.0)
        self.wait(5)
        self.set("b", ttl=10.0)
        self.wait(6)
        assert self.named() == ["b"]
        assert (self.news[-1].entry, self.news[-1].removed, self.news[-1].time) == ("a", True, 11_000)
        assert self.set("a", expect=0).conflict is False

    def test_a_channel_has_a_time_for_its_entries(self):
        timed = Retention(keyed=True, entry_age=5.0)
        for name, ttl in (("a", None), ("b", 0.0), ("c", 20.0)):
            draft = Draft(Raw(b"1"), 1, entry=EntryChange(name, ttl=ttl))
            self.run(self.broker.publish("k", draft, timed))
        self.wait(6)
        assert self.named() == ["b", "c"]

    def test_the_number_of_entries_is_bounded(self):
        for name in "abc":
            self.set(name)
        with pytest.raises(Refused):
            self.set("d")
        self.set("a", 2)
        self.set("b", remove=True)
        self.set("d")

    def test_entries_need_no_history(self):
        draft = Draft(Raw(b"1"), 1, entry=EntryChange("a"))
        self.run(self.broker.publish("k", draft, BARE))
        assert self.run(self.broker.read("k", Query(), BARE)).publications == ()
        assert len(self.run(self.broker.entries("k", Query(), BARE)).entries) == 1

    def test_whom_a_publication_is_for_is_kept_with_it(self):
        self.run(self.broker.watch("c"))
        audience = Audience(("s1",), None, "ann")
        self.run(self.broker.publish("c", Draft(Raw(b"1"), 1, audience=audience), PLAIN))
        self.run(self.broker.publish("c", Draft(Raw(b"2"), 1, audience=audience), None))
        (kept,) = self.run(self.broker.read("c", Query(), PLAIN)).publications
        assert [each.audience for each in (kept, *self.news)] == [audience] * 3

    def test_history_from_a_time_on(self):
        for number, time in enumerate((10, 20, 15, 30), 1):
            self.run(self.broker.publish("c", Draft(Raw(b"%d" % number), time), PLAIN))

        def read(**query: Any) -> list[int]:
            return [
                int(bytes(each.data)) for each in self.run(self.broker.read("c", Query(**query), PLAIN)).publications
            ]

        assert read(from_time=0) == [1, 2, 3, 4]
        assert read(from_time=16) == [2, 3, 4]
        assert read(from_time=16, limit=1) == [2]
        assert read(from_time=16, reverse=True) == [4, 3, 2]
        assert read(from_time=31) == []

    def test_channels_that_a_name_matches_are_watched(self):
        def publish(*channels: str) -> list[str]:
            self.news.clear()
            for channel in channels:
                self.run(self.broker.publish(channel, Draft(Raw(b"1"), 1), PLAIN))
            return [each.channel for each in self.news]

        self.run(self.broker.watch("score:*"))
        self.run(self.broker.watch("score:1"))
        assert publish("score:1", "score:2", "score:1:2", "other:1") == ["score:1", "score:2"]
        self.run(self.broker.unwatch("score:*"))
        assert publish("score:1", "score:2") == ["score:1"]

    def test_where_logs_end(self):
        end = self.set("a").position
        assert self.run(self.broker.ends(["k", "never", "k"])) == (end, None, end)
        assert self.run(self.broker.ends([])) == ()
