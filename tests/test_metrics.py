"""Counters."""

from everywire.metrics import Metrics


def test_counters_begin_at_zero_and_are_read_together():
    metrics = Metrics()
    metrics.publications += 2
    counted = metrics.snapshot()
    assert counted.pop("publications") == 2
    assert set(counted.values()) == {0}
