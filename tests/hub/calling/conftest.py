"""One node for the application of a test, on which no call is left in the end."""

import pytest

from everywire.testing import Net


@pytest.fixture
def net(app):
    with Net(app) as net:
        yield net
        net.run(200)
        counted = [(each.running, each.working, each.queued) for at in app.hub.attachments if (each := at.calls)]
        assert all(count == ({}, 0, 0) for count in counted)
