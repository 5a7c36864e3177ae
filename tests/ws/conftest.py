"""Both roles of a connection."""

import pytest
from tests.ws.line import Line

SERVER, CLIENT = False, True


@pytest.fixture(params=[SERVER, CLIENT], ids=["server", "client"])
def role(request):
    return request.param


@pytest.fixture
def line(role):
    return Line(role)
