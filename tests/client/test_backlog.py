"""What waits for an iteration: in order, with its positions, and bounded by the entries there are."""

from everywire.client.backlog import Backlog
from everywire.client.wire import Position, Publication


def entry(name, offset, *, removed=False):
    return Publication(offset, offset=offset, entry=name, removed=removed)


def filled(*publications, limit=3):
    backlog = Backlog(limit)
    for each in publications:
        backlog.put(each, Position("e", each.offset))
    return backlog


def taken(backlog):
    found = []
    while backlog:
        item, place = backlog.take()
        found.append((item.offset, place.offset))
    return found


def test_what_is_put_is_taken_in_order():
    backlog = filled(Publication(1, offset=1), Publication(2, offset=2))
    assert not backlog.full
    backlog.advance(Position("e", 5))
    assert taken(backlog) == [(1, 1), (2, 5)]
    backlog.advance(Position("e", 6))
    assert len(backlog) == 0


def test_the_last_change_of_each_entry_is_kept():
    backlog = filled(entry("a", 1), entry("b", 2), entry("a", 3), entry("c", 4), entry("c", 5, removed=True))
    assert backlog.full
    backlog.compact()
    assert taken(backlog) == [(2, 2), (3, 3)]


def test_a_removal_of_what_was_told_is_kept():
    backlog = filled(entry("a", 1))
    backlog.take()
    for each in (entry("a", 2), entry("a", 3, removed=True)):
        backlog.put(each, None)
    backlog.compact()
    assert [backlog.take()[0].offset, len(backlog)] == [3, 0]


def test_errors_stay_in_their_place():
    backlog = filled(entry("a", 1))
    lost = LookupError()
    backlog.put(lost, None)
    backlog.put(entry("a", 2), None)
    backlog.compact()
    assert [backlog.take()[0], backlog.take()[0].offset] == [lost, 2]


def test_compacting_pays_off_or_waits():
    backlog = filled(*(entry(str(number), number + 1) for number in range(5)))
    backlog.compact()
    assert (len(backlog), backlog.full) == (5, False)
    for number in range(5):
        backlog.put(entry(str(number), number + 10), None)
    assert backlog.full
    backlog.clear()
    assert not backlog


def test_it_says_what_it_ends_with():
    backlog = Backlog(3)
    assert not backlog.ends_with(ValueError)
    backlog.put(ValueError(), None)
    assert backlog.ends_with(ValueError)
    backlog.put(Publication(1), None)
    assert not backlog.ends_with(ValueError)
