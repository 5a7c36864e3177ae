"""What a subscriber is given of the policy that it asks for."""

import pytest

from everywire.errors import Refused
from everywire.hub.channels.policies import Bounds
from everywire.messages import Policy


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (Policy(), Policy()),
        (Policy("reliable", 5.0, 5), Policy()),
        (Policy("latest"), Policy("latest", 0.0)),
        (Policy("latest", 0.033), Policy("latest", 0.04)),
        (Policy("latest", 0.1), Policy("latest", 0.1)),
        (Policy("sample", 0.12), Policy("sample", 0.15)),
        (Policy("sample", 1.2), Policy("sample", 1.5)),
        (Policy("sample", 1e9), Policy("sample", 60.0)),
        (Policy("drop_oldest"), Policy("drop_oldest", 0.0, 1)),
        (Policy("drop_oldest", 1.0, 10**9), Policy("drop_oldest", 0.0, 256)),
    ],
)
def test_what_is_given(asked, given):
    settled = Bounds().settle(asked)
    assert (settled.kind, settled.size) == (given.kind, given.size)
    assert settled.interval == pytest.approx(given.interval)


def test_there_are_few_intervals():
    assert len({Bounds().settle(Policy("latest", n / 1000)).interval for n in range(60_000)}) < 150


def test_what_is_not_allowed():
    bounds = Bounds(frozenset({"latest"}), least_interval=2.0)
    assert bounds.settle(Policy("latest", 0.1)).interval == 2.0
    with pytest.raises(Refused):
        bounds.settle(Policy())
