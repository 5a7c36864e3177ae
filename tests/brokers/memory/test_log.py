"""One channel's log: offsets without a hole, and the word on what is whole."""

from everywire.brokers.base import Query, Retention
from everywire.brokers.memory.log import LOG_COST, Log
from everywire.messages import Position, Publication, Raw

KEEP = Retention(size=3)


def make(count):
    log = Log("e")
    for number in range(1, count + 1):
        log.append(Publication("c", Raw(b"%d" % number), number, Position("e", number)), 100.0 + number)
        log.prune(0.0, KEEP)
    return log


def offsets(publications):
    return [each.position.offset for each in publications]


def test_it_keeps_the_latest():
    log = make(5)
    assert (log.position, log.first) == (Position("e", 5), 3)
    assert offsets(log.between(0, 9)) == [3, 4, 5]
    assert offsets(log.backwards(3, 9)) == [5, 4]


def test_what_is_too_old_goes():
    log = make(5)
    log.prune(104.0, KEEP)
    assert offsets(log.between(0, 9)) == [5]
    log.prune(105.0, KEEP)
    assert (offsets(log.between(0, 9)), log.top, log.cost) == ([], 5, LOG_COST)


def test_it_answers_only_what_it_has():
    log = make(5)
    assert [log.answers(Position("e", offset)) for offset in (1, 2, 5, 6)] == [False, True, True, False]
    assert not log.answers(Position("f", 3))


def test_keys_go_with_their_time_or_their_number():
    log = make(1)
    log.remember("a", 10.0)
    log.remember("b", 20.0)
    log.prune(15.0, KEEP)
    assert [*log.keys] == ["b"]
    log.remember("c", 20.0)
    log.prune(15.0, Retention(size=3, keys=1))
    assert [*log.keys] == ["c"]


def test_it_knows_the_order_of_the_latest_and_of_the_latest_that_it_does_not_keep():
    log = Log("e", lost=3)
    assert (log.last, log.lost) == (0, 3)
    for number in range(1, 6):
        log.append(Publication("c", Raw(b"1"), 1, Position("e", number), order=10 * number), 100.0 + number)
        log.prune(0.0, KEEP)
    assert (log.last, log.lost) == (50, 20)
    since = [log.bounds(Query(since_order=Position("era", order)), "era")[0] for order in (0, 30, 39, 40, 50, 60)]
    assert since == [2, 3, 3, 4, 5, 5]
    assert log.bounds(Query(since_order=Position("another", 40)), "era") == (0, 6)
