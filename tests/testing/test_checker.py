"""The checker finds each kind of broken promise, and nothing else."""

import pytest

from everywire.messages import Position
from everywire.testing import Log, Mark, Published, Repeat, Seen, check


def at(offset, epoch="e"):
    return Position(epoch, offset)


def seen(*numbers, epoch="e", shift=0):
    return [Seen(at(number + shift, epoch), "p", number) for number in numbers]


TRUTH = [Published(at(number), "p", number) for number in range(1, 10)]


def promises(*entries, ends=None):
    logs = [Log(f"client {place}", list(each)) for place, each in enumerate(entries)]
    return [fault.promise for fault in check(logs, TRUTH, ends)]


@pytest.mark.parametrize(
    "log",
    [
        [],
        [Mark(at(0)), *seen(1, 2, 3)],
        [Mark(at(4)), *seen(5, 6)],
        [Mark(at(0)), *seen(1), Mark(at(3)), *seen(4)],
        [Mark(at(0)), *seen(1, 2), Mark(at(0)), *seen(1, 2)],
        [Mark(at(3)), *seen(4), Mark(at(0, "f")), Seen(at(1, "f"), "p", 11)],
    ],
)
def test_honest_logs(log):
    assert promises(log) == []


@pytest.mark.parametrize(
    ("log", "promise"),
    [
        ([*seen(1)], "P2"),
        ([Mark(at(0)), *seen(1, 3)], "P2"),
        ([Mark(at(0)), *seen(2)], "P2"),
        ([Mark(at(0)), *seen(1), Seen(at(2, "f"), "p", 12)], "P2"),
        ([Mark(at(0)), *seen(1), Repeat(at(1))], "P1"),
        ([Mark(at(0)), Seen(at(10), "q", 1), Seen(at(11), "q", 1)], "P1"),
        ([Mark(at(9)), Seen(at(10), "q", 2), Seen(at(11), "q", 1)], "P3"),
        ([Mark(at(0)), Seen(at(1), "q", 1)], "P6"),
    ],
)
def test_broken_promises(log, promise):
    assert promise in promises(log)


def test_clients_that_saw_different_things_at_one_place():
    one, two = ([Mark(at(19)), Seen(at(20), "q", number)] for number in (1, 2))
    assert promises(one, two) == ["P4"]


def test_clients_that_are_not_at_the_end():
    log = [Mark(at(0)), *seen(1)]
    assert promises(log, ends={"client 0": at(1)}) == []
    assert promises(log, ends={"client 0": at(2)}) == ["P7"]
    assert promises([], ends={"client 0": at(2)}) == ["P7"]
