"""Both engines, wherever they can run."""

import pytest

from everywire import engine as engines


@pytest.fixture(params=engines.available())
def engine(request):
    """The name of an engine: every test that asks for it runs on each."""
    return request.param
