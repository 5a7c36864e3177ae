"""Whatever kills a process that has committed, what it published is heard once; and what it did not commit never."""

import asyncio
import sys
import uuid
from types import ModuleType

import pytest
from django.db import connections
from django.test import override_settings
from tests.django import rows
from tests.django.killing import committed, killed
from tests.django.sites import serving

from everywire.django import Everywire, committing, publish
from everywire.django.relay import relieve

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def app(using, monkeypatch):
    """The application of a site whose processes share a broker of their own."""
    module = ModuleType("site_of_kills")
    module.app = Everywire()
    module.app.channel("room:{name}", history=10)
    monkeypatch.setitem(sys.modules, "site_of_kills", module)
    broker = f"machine://kills-{uuid.uuid4().hex}"
    with override_settings(EVERYWIRE={"BROKER": broker, "APP": "site_of_kills.app", "OUTBOX_DATABASES": [using]}):
        yield module.app


def told(point: int, channel: str, using: str) -> tuple[bool, bool, int]:
    """Kill a process at a point, and take over from it; say whether it was killed, whether it had committed, and how many rows it left."""
    try:
        came = killed(point, channel, using)
        there, waited = committed(channel, using), len(rows.there(using))
        assert relieve(committing.send, 0)
        assert rows.there(using) == []
        publish(channel, "end")
        return came, there, waited
    finally:
        connections.close_all()


async def heard(room) -> list[str]:
    """Give what a subscriber hears until the end."""
    said = []
    while "end" not in said:
        said.append((await asyncio.wait_for(anext(room), 10)).data)
    return said


async def test_killed_at_any_point_between_the_first_statement_and_the_last(app, using):
    """A subscriber of the site hears what was committed once, whether the process published it, or the relay of another did."""
    outcomes, point, came = set(), 0, True
    async with serving(app) as home, home.client() as client:
        while came:
            room = client.subscribe(f"room:{point}")
            await room.ready()
            came, there, waited = await asyncio.to_thread(told, point, f"room:{point}", using)
            assert await heard(room) == ([*("one", "two") * there, "end"]), f"killed at {point}"
            outcomes.add((there, waited))
            room.unsubscribe()
            point += 1
        assert app.metrics.repeats > 0  # what was published before the kill would have been published twice
    assert outcomes == {(False, 0), (True, 2), (True, 0)}
    assert point > 20
