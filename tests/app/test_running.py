"""Which applications run in this process."""

import os

import pytest

from everywire.app import Everywire, running
from everywire.testing import Net


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_the_one_that_has_begun_last():
    before = running.latest()
    first, second = Everywire(), Everywire()
    first.start()
    second.start()
    assert running.latest() is second
    child = os.fork()
    if not child:
        os._exit(0 if running.latest() is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    await second.stop()
    assert running.latest() is first
    await first.stop()
    await first.stop()
    assert running.latest() is before


def test_what_runs_in_a_world_of_its_own_is_none_of_them():
    before = running.latest()
    with Net(Everywire()):
        assert running.latest() is before
