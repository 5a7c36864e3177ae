"""Official clients of one test, in a process that all tests of a file share."""

from collections.abc import AsyncIterator

import pytest
from tests.reporting import Reporters


@pytest.fixture
async def clients(process: Reporters) -> AsyncIterator[Reporters]:
    """The `process`, without clients before the test and after it: each would go on looking for its server, at a port that another may have then."""
    yield process
    await process.part()
