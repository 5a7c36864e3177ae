"""Which applications run in this process."""

import os

import pytest

from everywire.app import Everywire, running


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
