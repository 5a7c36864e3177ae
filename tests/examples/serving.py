"""An application on a free port of the loopback, in the test's own event loop."""

import contextlib
from collections.abc import AsyncIterator

from everywire.app import Everywire


@contextlib.asynccontextmanager
async def served(app: Everywire) -> AsyncIterator[int]:
    """Serve `app` as long as the block lasts; gives the port."""
    async with app.serving() as server:
        yield server.port
