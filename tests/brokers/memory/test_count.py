"""The count of all publications: eras, and what it answers for."""

from itertools import count

from everywire.brokers.memory.count import Count
from everywire.messages import Position


def counted(number):
    eras = count()
    found = Count(lambda: f"e{next(eras)}")
    for _ in range(number):
        found.next()
    return found


def test_it_counts_from_1_in_one_era():
    found = counted(0)
    assert found.position == Position("e0", 0)
    assert [found.next(), found.next()] == [1, 2]
    assert found.position == Position("e0", 2)


def test_it_begins_once_for_what_is_not_counted():
    found = counted(0)
    for _ in range(2):
        found.begin()
        assert found.number == 1
    assert found.next() == 2
    found.begin()
    assert found.number == 2


def test_it_answers_from_what_a_log_has_lost_to_where_it_is():
    found = counted(5)
    assert [found.answers(Position("e0", number), 2) for number in (1, 2, 5, 6)] == [False, True, True, False]
    assert not found.answers(Position("e1", 3), 2)


def test_a_forgotten_log_leaves_its_latest_number():
    found = counted(5)
    found.forget(4)
    found.forget(2)
    assert found.lost == 4


def test_another_era_goes_on_counting():
    found = counted(5)
    before = found.position
    found.begin_anew()
    assert found.position == Position("e1", 5) != before
    assert not found.answers(before, 0)


def test_it_goes_on_as_it_was_kept():
    found = counted(0)
    found.restore("kept", 7, 3)
    assert (found.position, found.lost, found.next()) == (Position("kept", 7), 3, 8)
