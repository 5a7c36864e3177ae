"""Deadlines of entries, on one timer."""

from everywire.brokers.memory.expiries import Expiries, Expiry


class Clock:
    """Time that a test lets pass, and the one timer."""

    def __init__(self):
        self.now, self.due, self.armed = 0.0, None, 0

    def later(self, delay, action):
        assert self.due is None
        self.due = (self.now + delay, action)
        self.armed += 1
        return self

    def cancel(self):
        self.due = None

    def run(self, until):
        while self.due is not None and self.due[0] <= until:
            self.now, action = self.due
            self.due = None
            action()
        self.now = until


def make(holds=lambda *what: True):
    clock, over = Clock(), []
    return clock, over, Expiries(lambda: clock.now, clock.later, holds, lambda *what: over.append(what))


def test_the_earliest_is_first_whenever_it_was_added():
    clock, over, expiries = make()
    for age in (5.0, 3.0, 9.0):
        expiries.add(Expiry(age, "c", f"e{age}", 1, age))
    clock.run(6)
    assert over == [("c", "e3.0", 1, 3.0), ("c", "e5.0", 1, 5.0)]
    clock.run(20)
    assert len(over) == 3
    assert clock.due is None


def test_without_a_timer_they_are_seen_by_looking():
    over, now = [], [0.0]
    expiries = Expiries(lambda: now[0], None, lambda *what: True, lambda *what: over.append(what))
    expiries.add(Expiry(1.0, "c", "e", 1, 1.0))
    expiries.look()
    assert over == []
    now[0] = 1.0
    expiries.look()
    assert len(over) == 1


def test_what_was_set_again_does_not_pile_up():
    clock, over, expiries = make(lambda channel, entry, offset: offset == 9999)
    for number in range(10_000):
        expiries.add(Expiry(100.0, "c", "e", number, 100.0))
    assert len(expiries) < 600
    clock.run(200)
    assert over[-1] == ("c", "e", 9999, 100.0)


def test_closing_stops_the_timer():
    clock, over, expiries = make()
    expiries.add(Expiry(1.0, "c", "e", 1, 1.0))
    expiries.close()
    clock.run(5)
    assert (over, clock.due) == ([], None)
