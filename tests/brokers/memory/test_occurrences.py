"""What the application has yet to learn of: bounded, and given out one at a time."""

from everywire.brokers.memory.occurrences import Occurrences
from everywire.messages import Member
from everywire.metrics import Metrics

ANN = Member("s1", "ann")


def make(most):
    metrics = Metrics()
    return Occurrences(metrics, most), metrics


def test_beyond_the_bound_the_oldest_goes_and_is_counted():
    kept, metrics = make(3)
    for channel in "abcd":
        kept.add(channel, "join", ANN)
    assert [each.channel for each in kept.claim("n", 10)] == ["b", "c", "d"]
    assert (metrics.occurrences_dropped, len(kept)) == (1, 3)


def test_what_somebody_is_being_told_stays():
    kept, metrics = make(3)
    for kind in ("occupied", "join", "leave"):
        kept.add("a", kind, ANN)
    (taken,) = kept.claim("n", 10)
    kept.add("a", "vacated", None)
    kept.done("n", "a", taken.sequence)
    assert [each.kind for each in kept.claim("n", 1)] == ["leave"]
    assert metrics.occurrences_dropped == 1


def test_released_claims_are_given_out_again_in_their_order():
    kept, _ = make(10)
    for kind in ("occupied", "join"):
        kept.add("a", kind, ANN)
    (taken,) = kept.claim("one", 10)
    kept.release("two")
    assert kept.claim("two", 10) == ()
    kept.release("one")
    assert kept.claim("two", 10) == (taken,)
    kept.done("two", "a", taken.sequence + 1)
    kept.done("two", "b", taken.sequence)
    assert kept.claim("two", 10) == ()


def test_nothing_is_left_after_all_is_done():
    kept, _ = make(10)
    for channel in "aab":
        kept.add(channel, "join", ANN)
    while taken := kept.claim("n", 1):
        kept.done("n", taken[0].channel, taken[0].sequence)
    assert (len(kept), kept._queues, kept._ready, kept._claimed) == (0, {}, {}, {})
