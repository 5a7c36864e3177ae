"""How far a node is in the order of all publications, and where subscriptions began in it."""

import pytest

from everywire.hub.channels.ordering import Aside, Begun, Ordering
from everywire.messages import Position, Publication, Raw


def news(order, era="e"):
    return Publication("c", Raw(b"1"), 1, None, order=order, era=era)


def at(number):
    ordering = Ordering()
    ordering.take(news(number))
    return ordering


@pytest.mark.parametrize(
    ("told", "missed"),
    [(0, 10), (9, 10), (10, 10), (12, 10), (14, 10), (15, 15), (20, 20)],
)
def test_what_others_were_told_before_a_subscription_was_says_nothing_of_it(told, missed):
    assert Begun("e", 10, 14).missed(told) == missed


def test_what_is_told_ahead_of_the_node_is_not_missed():
    assert [Begun("e", 15, 12).missed(told) for told in (12, 13, 16)] == [15, 15, 16]


def test_of_one_that_began_anew_only_who_was_told_something_after_that_has_missed_nothing_else():
    begun = Begun("e", 10, 14, anew=True)
    assert [begun.missed(told) for told in (0, 14, 15)] == [None, None, 15]
    assert Begun("e", 14, 10, anew=True).missed(12) is None


def test_who_is_told_what_it_missed_shows_so_by_any_later_number():
    begun = Begun("e", 10, 14)
    assert begun.again(12) == Begun("e", 10, 12)
    assert begun.again(14) == begun
    assert begun.again(20) == begun


def test_what_comes_in_its_turn_is_told_with_its_order():
    ordering = Ordering()
    assert [ordering.take(news(n)).order for n in (3, 7, 7, 9)] == [3, 7, 7, 9]
    assert (ordering.era, ordering.number) == ("e", 9)
    assert ordering.take(news(1, "f")).order == 1
    assert (ordering.era, ordering.number) == ("f", 1)


def test_what_comes_late_has_none_and_changes_nothing():
    ordering = at(9)
    assert (ordering.take(news(8)).order, ordering.number) == (0, 9)
    assert ordering.take(news(0, "")).order == 0


def test_nothing_has_an_order_while_a_channel_is_repaired():
    ordering = at(1)
    ordering.broken()
    ordering.broken()
    ordering.repaired()
    assert (ordering.sure, ordering.take(news(2)).order, ordering.number) == (False, 0, 2)
    ordering.repaired()
    assert (ordering.sure, ordering.take(news(3)).order) == (True, 3)


def test_nothing_has_an_order_from_a_gap_until_all_channels_were_looked_at_since_the_last():
    ordering = at(1)
    ordering.gap()
    looked = ordering.gaps
    ordering.gap()
    ordering.mended(looked)
    assert (ordering.gaping, ordering.take(news(2)).order) == (True, 0)
    ordering.mended(ordering.gaps)
    ordering.mended(looked)
    assert (ordering.gaping, ordering.take(news(3)).order) == (False, 3)


def test_who_was_told_something_while_a_subscription_was_held_may_lack_what_was_kept_for_it():
    held = Begun("e", 10, 14, held=True)
    assert [held.missed(told) for told in (0, 12, 14, 15)] == [10, 10, 10, None]
    assert [Begun("e", 10, 0, held=True).missed(told) for told in (0, 10, 11)] == [10, 10, None]


def test_a_subscription_begins_where_its_channel_was_read():
    assert Ordering().begun(Position("e", 5)) == Begun("e", 5, 0)
    assert at(9).begun(Position("e", 5), anew=True) == Begun("e", 5, 9, anew=True)
    assert at(9).begun(Position("another", 5)) is None
    assert at(9).begun(None) is None


def test_channels_that_are_held_have_everything_up_to_where_the_node_is():
    ordering = at(9)
    assert [ordering.reaches(Position("e", number)) for number in (5, 12)] == [9, 12]
    assert ordering.reaches(Position("another", 5)) == 5
    ordering.gap()
    assert ordering.reaches(Position("e", 5)) == 5


def test_where_a_node_is_that_has_heard_nothing_yet():
    ordering = Ordering()
    assert ordering.here == Position("", 0)
    ordering.begun(Position("e", 5))
    assert ordering.here == Position("e", 5)
    ordering.begun(Position("e", 9))
    assert ordering.here == Position("e", 5)  # of the news up to there some may be on their way
    ordering.take(news(6))
    assert ordering.here == Position("e", 6)


def test_where_a_node_is_that_may_have_lost_something_cannot_be_said():
    ordering = at(9)
    ordering.gap()
    assert ordering.here is None
    ordering.mended(ordering.gaps)
    assert ordering.here == Position("e", 9)


@pytest.mark.parametrize(
    ("told", "count", "missed"),
    [
        (Position("e", 5), 2, False),  # that was the last
        (Position("e", 5), 1, True),
        (Position("e", 5), 0, True),  # a publication just before it, or after: nobody knows
        (Position("e", 6), 0, False),
        (Position("e", 6), 1, False),
        (Position("another", 6), 0, True),
        (Position("", 0), 0, True),
        (Position("", 0), 2, False),
    ],
)
def test_what_a_client_was_told_by_itself_is_missed_unless_it_was_told_something_since(told, count, missed):
    assert Aside(2, "e", 5).missed(told, count) is missed


def test_what_was_told_before_any_order_was_known_is_not_missed_by_who_knows_one():
    first = Ordering().aside(None)
    assert (first, first.missed(Position("e", 1), 0), first.missed(Position("", 0), 0)) == (
        Aside(1, "", 0),
        False,
        True,
    )
    assert at(9).aside(first) == Aside(2, "e", 9)
