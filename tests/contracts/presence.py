"""What every broker has to do about presence and records; subclassed beside `BrokerContract`, which sets it up."""

from typing import Any

from everywire.brokers.base import Broker, Note, Occurrence, Seat
from everywire.messages import Joined, Left, Member

ANN, BEN = Member("s1", "ann"), Member("s2", "ben")
ANN_TOO, NOBODY = Member("s3", "ann"), Member("s4")


def told(occurrences: Any) -> list[tuple[str, str, str | None]]:
    """Occurrences without their numbers."""
    return [(each.channel, each.kind, each.member and each.member.session) for each in occurrences]


class PresenceContract:
    """The suite of presence; `run` and `wait` as in `BrokerContract`."""

    broker: Broker
    news: list[Any]
    run: Any
    wait: Any

    def enter(self, member: Member, holder: str = "n", lease: float = 30, channel: str = "c", **seat: Any) -> str:
        term: str = self.run(self.broker.enter(channel, Seat(member, holder, **seat), lease))
        return term

    def exit(self, member: Member, holder: str = "n", channel: str = "c") -> None:
        self.run(self.broker.exit(channel, member.session, holder))

    def watch(self, channel: str = "c") -> None:
        self.run(self.broker.watch(channel))

    def members(self) -> tuple[Member, ...]:
        members: tuple[Member, ...] = self.run(self.broker.members("c"))
        return members

    def renew(self, holder: str = "n", lease: float = 30) -> str:
        term: str = self.run(self.broker.renew(holder, lease))
        return term

    def claim(self, holder: str = "n", most: int = 10, lease: float = 30) -> tuple[Occurrence, ...]:
        taken: tuple[Occurrence, ...] = self.run(self.broker.claim(holder, most, lease))
        return taken

    def done(self, occurrence: Occurrence, holder: str = "n") -> None:
        self.run(self.broker.done(holder, occurrence.channel, occurrence.sequence))

    def drain(self, holder: str = "n") -> list[Occurrence]:
        """Learn of everything, in order."""
        learnt: list[Occurrence] = []
        while taken := self.claim(holder):
            for each in taken:
                learnt.append(each)
                self.done(each, holder)
        return learnt

    def test_members_come_and_go_and_are_told(self):
        self.watch()
        for member in (ANN, BEN, ANN):
            self.enter(member)
        assert self.members() == (ANN, BEN)
        self.exit(ANN)
        self.exit(ANN)
        assert self.members() == (BEN,)
        assert self.news == [Joined("c", ANN), Joined("c", BEN), Left("c", ANN)]

    def test_places_are_counted(self):
        assert self.run(self.broker.count("c")) == (0, 0)
        for member in (ANN, BEN, ANN_TOO, NOBODY):
            self.enter(member)
        assert self.run(self.broker.count("c")) == (4, 2)

    def test_a_holder_keeps_its_places_by_its_lease_and_nobody_elses(self):
        self.watch()
        self.enter(ANN, "one")
        self.enter(BEN, "two")
        self.wait(20)
        self.renew("two")
        self.wait(9)
        assert self.members() == (ANN, BEN)
        self.wait(2)
        assert self.news[2:] == [Left("c", ANN)]
        assert self.members() == (BEN,)

    def test_a_lease_that_is_over_is_noticed_without_anybody_asking(self):
        self.watch()
        self.enter(ANN, lease=5)
        self.wait(5.5)
        assert self.news == [Joined("c", ANN), Left("c", ANN)]

    def test_entering_prolongs_the_lease_of_all_that_the_holder_has(self):
        self.enter(ANN)
        self.wait(20)
        self.enter(BEN)
        self.wait(20)
        assert self.members() == (ANN, BEN)

    def test_a_term_lasts_as_long_as_its_lease_is_renewed(self):
        first = self.enter(ANN, lease=5)
        self.wait(4)
        assert self.renew(lease=5) == first
        self.wait(4)
        assert self.enter(BEN, lease=5) == first
        self.wait(6)
        again = self.enter(BEN, lease=5)
        assert again != first
        assert self.renew(lease=5) == again
        assert self.members() == (BEN,)

    def test_another_holder_takes_a_place_over_unnoticed(self):
        self.watch()
        self.enter(ANN, "one")
        self.enter(ANN, "two")
        self.exit(ANN, "one")
        assert self.members() == (ANN,)
        assert self.news == [Joined("c", ANN)]

    def test_a_former_holder_has_no_say(self):
        self.watch()
        self.enter(ANN, "one", 5)
        self.enter(ANN, "two", 30)
        self.wait(6)
        self.renew("one")
        self.exit(ANN, "one")
        self.wait(20)
        assert self.members() == (ANN,)
        self.wait(20)
        assert self.members() == ()
        assert self.news == [Joined("c", ANN), Left("c", ANN)]

    def test_a_user_joins_with_the_first_session_and_leaves_with_the_last(self):
        self.watch()
        for member in (ANN, ANN_TOO, BEN):
            self.enter(member, users=True)
        assert self.members() == (Member("s1", "ann", tabs=2), BEN)
        assert self.run(self.broker.count("c")) == (3, 2)
        self.exit(ANN)
        assert self.members() == (ANN, BEN)
        self.exit(ANN_TOO)
        assert self.news == [Joined("c", ANN), Joined("c", BEN), Left("c", ANN)]

    def test_who_has_no_user_is_a_member_by_itself(self):
        for member in (NOBODY, Member("s5"), Member("s6", "s4")):
            self.enter(member, users=True)
        assert [member.session for member in self.members()] == ["s4", "s5", "s6"]

    def test_a_users_sessions_may_be_held_by_several_nodes(self):
        self.watch()
        self.enter(ANN, "one", 5, users=True)
        self.enter(ANN_TOO, "two", 30, users=True)
        self.wait(6)
        assert self.members() == (ANN,)
        self.enter(ANN, "two", users=True)
        assert self.members() == (Member("s1", "ann", tabs=2),)
        assert self.news == [Joined("c", ANN)]

    def test_a_leave_is_told_after_the_grace_alone(self):
        self.watch()
        self.enter(ANN, grace=3)
        self.exit(ANN)
        self.wait(2.9)
        assert self.members() == (ANN,)
        assert self.news == [Joined("c", ANN)]
        self.wait(0.2)
        assert self.news == [Joined("c", ANN), Left("c", ANN)]
        assert self.members() == ()

    def test_who_returns_within_the_grace_was_never_away(self):
        self.watch()
        for _ in range(3):
            self.enter(ANN, grace=3)
            self.exit(ANN)
            self.wait(2)
        self.enter(ANN, "another", grace=3)
        self.wait(10)
        assert self.members() == (ANN,)
        assert self.news == [Joined("c", ANN)]

    def test_a_user_may_return_as_another_session(self):
        self.watch()
        self.enter(ANN, users=True, grace=3)
        self.exit(ANN)
        self.wait(2)
        self.enter(ANN_TOO, users=True, grace=3)
        self.wait(5)
        assert self.members() == (ANN,)
        assert self.news == [Joined("c", ANN)]

    def test_the_grace_begins_when_the_lease_ends(self):
        self.watch()
        self.enter(ANN, lease=5, grace=3)
        self.wait(7.5)
        assert self.members() == (ANN,)
        self.wait(1)
        assert self.news == [Joined("c", ANN), Left("c", ANN)]

    def test_comings_and_goings_are_kept_in_order_until_they_are_done(self):
        self.enter(ANN, told=True)
        self.enter(BEN, told=True)
        self.exit(ANN)
        self.exit(BEN)
        learnt = self.drain()
        assert told(learnt) == [
            ("c", "occupied", None),
            ("c", "join", "s1"),
            ("c", "join", "s2"),
            ("c", "leave", "s1"),
            ("c", "leave", "s2"),
            ("c", "vacated", None),
        ]
        numbers = [each.sequence for each in learnt]
        assert numbers == sorted(set(numbers))
        assert self.claim() == ()

    def test_numbers_go_on_in_a_channel_that_was_empty(self):
        self.enter(ANN, told=True)
        self.exit(ANN)
        before = [each.sequence for each in self.drain()]
        self.enter(ANN, told=True)
        assert min(each.sequence for each in self.drain()) > max(before)

    def test_what_nobody_wants_to_learn_is_not_kept(self):
        self.enter(ANN)
        assert self.claim() == ()

    def test_one_occurrence_of_a_channel_is_given_out_at_a_time(self):
        for channel in ("c", "d", "e"):
            self.enter(ANN, channel=channel, told=True)
        first = self.claim(most=2)
        assert told(first) == [("c", "occupied", None), ("d", "occupied", None)]
        assert told(self.claim("other")) == [("e", "occupied", None)]
        assert self.claim("other") == ()
        self.done(first[0])
        assert told(self.claim("other")) == [("c", "join", "s1")]

    def test_what_is_not_done_is_given_to_another_when_the_lease_ends(self):
        self.enter(ANN, "keeper", 300, told=True)
        (taken,) = self.claim("one", lease=5)
        self.wait(4)
        assert self.claim("two") == ()
        self.renew("one", 5)
        self.wait(4)
        assert self.claim("two") == ()
        self.wait(2)
        assert self.claim("two") == (taken,)
        self.done(taken, "one")  # too late: it is not its any more
        assert self.claim("one") == ()
        self.done(taken, "two")
        assert told(self.claim("one")) == [("c", "join", "s1")]

    def test_a_takeover_or_a_return_is_nothing_to_learn(self):
        self.enter(ANN, "one", told=True, grace=3)
        self.enter(ANN, "two", told=True, grace=3)
        self.exit(ANN, "two")
        self.enter(ANN, "two", told=True, grace=3)
        assert [each.kind for each in self.drain("two")] == ["occupied", "join"]

    def test_records_are_kept_for_their_time(self):
        for name, ttl in (("a", 10), ("b", 30), ("a", 30)):
            self.run(self.broker.put(name, f"{name} for {ttl}".encode(), ttl))
        self.run(self.broker.put("c", b"short", 10))
        self.wait(11)
        found = [self.run(self.broker.get(name)) for name in ("a", "b", "c", "d")]
        assert found == [b"a for 30", b"b for 30", None, None]
        self.run(self.broker.drop("a"))
        self.run(self.broker.drop("a"))
        assert self.run(self.broker.get("a")) is None

    def test_every_node_hears_a_note(self):
        told = self.run(self.broker.tell(b"hello"))
        assert (told, self.news) == (1, [Note(b"hello")])
