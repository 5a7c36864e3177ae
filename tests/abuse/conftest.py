"""A server for each module of the suite, on every engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance.processes import EchoServer
from tests.abuse.unharmed import start

from everywire import engine as engines


@pytest.fixture(scope="session", params=engines.available())
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine that runs here."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(engine: str) -> Iterator[EchoServer]:
    """A server for all tests of a module."""
    with start(engine) as running:
        yield running
