"""Who answered lately, and how many of them are believed."""

from everywire.hub.neighbours import Neighbours


class Clock:
    """A world that has nothing but a time."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time


def test_who_says_nothing_for_long_is_forgotten():
    clock = Clock()
    neighbours = Neighbours(clock)
    assert (neighbours.heard("a"), neighbours.heard("b")) == (True, True)
    clock.time = 9.0
    neighbours.heard("b")
    assert neighbours.known() == {"a", "b"}
    clock.time = 10.0
    assert neighbours.known() == {"b"}


def test_what_comes_beyond_all_measure_is_no_node():
    neighbours = Neighbours(Clock())
    heard = [neighbours.heard(str(number)) for number in range(1_001)]
    assert (heard.count(True), heard[-1], neighbours.heard("0")) == (1_000, False, True)
    assert len(neighbours.known()) == 1_000


def test_who_has_ended_is_known_no_more():
    neighbours = Neighbours(Clock())
    neighbours.heard("a")
    neighbours.gone("a")
    neighbours.gone("b")
    assert neighbours.known() == frozenset()
