"""An application of small limits, which the tests of the hub's commands share."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Refusal

SMALL = Settings(max_channels=2, max_name=20, max_data=50, max_info=30, max_waiting=3)


def make(**settings):
    """Give it, or one with other settings."""
    app = Everywire(settings=Settings(**settings) if settings else SMALL)
    app.channel("room:{name}", history=5, presence=True)
    app.channel("plain")
    return app


def refused(code):
    """Expect an answer with this code."""
    return pytest.raises(Refusal, match=f"^{code} ")
