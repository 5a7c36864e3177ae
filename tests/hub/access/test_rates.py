"""Token buckets, and how many of them there are."""

import pytest

from everywire.hub.access.rates import Bucket, Buckets, Rate


def test_a_burst_and_then_as_many_as_time_brings():
    rate = Rate(2, 4)
    bucket = Bucket(rate, 10.0)
    assert [bucket.take(rate, 10.0) for _ in range(5)] == [True] * 4 + [False]
    assert not bucket.take(rate, 10.4)
    assert bucket.take(rate, 10.5)
    assert [bucket.take(rate, 1000.0) for _ in range(5)] == [True] * 4 + [False]


def test_a_clock_that_stands_or_goes_back_brings_nothing():
    rate = Rate(2, 1)
    bucket = Bucket(rate, 10.0)
    assert bucket.take(rate, 10.0)
    assert not bucket.take(rate, 5.0)


@pytest.mark.parametrize("wrong", [(0, 5), (-1, 5), (1, 0)])
def test_a_rate_is_more_than_nothing(wrong):
    with pytest.raises(ValueError):
        Rate(*wrong)


def test_a_faster_rate_has_a_larger_burst():
    assert Rate(10, 20).faster(5) == Rate(5, 10)
    assert Rate(10, 20).faster(None) == Rate(10, 20)
    assert Rate(10, 20).faster(0.1) == Rate(0.1, 1)


def test_each_name_has_its_own_bucket():
    buckets = Buckets(lambda: 0.0)
    rate = Rate(1, 1)
    assert buckets.take("ann", rate)
    assert not buckets.take("ann", rate)
    assert buckets.take("ben", rate)


def test_the_number_of_buckets_is_bounded():
    buckets = Buckets(lambda: 0.0, most=100)
    for number in range(10_000):
        buckets.take(f"user {number}", Rate(1, 1))
        buckets.take("busy", Rate(1, 5))
    assert len(buckets) == 100
    assert not buckets.take("busy", Rate(1, 5))  # who is seen often is not forgotten
