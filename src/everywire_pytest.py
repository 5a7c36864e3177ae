"""The fixtures of everywire for pytest, which finds them by itself.

This stands beside the package: to be found costs every test run in the same environment its import, and that of this module costs nothing. The package is
imported when a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from everywire.app import Everywire
    from everywire.testing import Cluster, Net

__all__ = ["everywire_cluster", "everywire_net"]


@pytest.fixture
def everywire_net() -> Iterator[Callable[..., Net]]:
    """Run applications in memory, under virtual time: `net = everywire_net(app)` until the test ends; arguments as of `everywire.testing.Net`."""
    from everywire.testing import Net

    with ExitStack() as stack:

        def run(app: Everywire, seed: int = 0, **options: Any) -> Net:
            return stack.enter_context(Net(app, seed, **options))

        yield run


@pytest.fixture
def everywire_cluster() -> Iterator[Callable[..., Cluster]]:
    """Run several nodes of an application: `cluster = everywire_cluster(make_app, 3)`; arguments as of `everywire.testing.Cluster`."""
    from everywire.testing import Cluster

    with ExitStack() as stack:

        def run(make: Callable[[], Everywire], count: int = 2, seed: int = 0) -> Cluster:
            return stack.enter_context(Cluster(make, count, seed))

        yield run
