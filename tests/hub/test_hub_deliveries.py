"""No silent gap, nothing twice, nothing for others, and in the end everybody's view is right: however things are told."""

import pytest
from tests.hub.deliveries import draw, play

from everywire.brokers.base import Query
from everywire.brokers.memory import MemoryBroker
from everywire.brokers.memory.entries import Entries
from everywire.hub.channels import entries, pages
from everywire.hub.channels.differing import Differing
from everywire.hub.channels.pacing import Pace
from everywire.hub.channels.repairs import Repairs
from everywire.messages import Audience

MANNERS = [
    {"keyed": keyed, "slow": slow, "crowd": crowd}
    for keyed in (False, True)
    for slow in (False, True)
    for crowd in (None, 2)
]
MANNERS += [{"keyed": keyed, "slow": slow, "late": True} for keyed in (False, True) for slow in (False, True)]


def named(manner):
    return " ".join(str(key) for key, value in manner.items() if value) or "plain"


@pytest.mark.parametrize("manner", MANNERS, ids=named)
def test_some_schedules(manner):
    found = {seed: faults for seed in range(25) if (faults := play(draw(seed), seed, **manner))}
    assert found == {}


@pytest.mark.slow
@pytest.mark.parametrize("manner", MANNERS, ids=named)
def test_several_hundred_schedules(manner):
    found = {seed: faults for seed in range(500) if (faults := play(draw(seed, 70), seed, **manner))}
    assert found == {}


# The schedules can fail: each of these is one line that somebody could write.


def holes_told(patch):
    """What comes after a hole is told at once."""

    def take(self, channel, news):
        channel.end = news.position or channel.end
        self._tell(channel, news)

    patch(Repairs, "take", take)


def nobody_looks(patch):
    """What was lost at the end is never missed."""
    patch(Repairs, "_compare", lambda self, name, end, suspects: None)


def audience_forgotten(patch):
    """Everybody is told."""
    patch(Audience, "has", lambda self, session, user: True)


def audience_forgotten_in_recovery(patch):
    """Who asks is told what is for others."""
    patch(pages, "meant", lambda page, session: tuple(page))


def passed_uncounted(patch):
    """What is left out is not said."""
    patch(Pace, "_words", lambda self, told, due: iter(due))


def latest_told_twice(patch):
    """A slow reader is told from the beginning."""
    speak = Pace._speak
    patch(Pace, "_speak", lambda self, session, told, due=None: speak(self, session, max(0, told - 1), due))


def base_of_others(patch):
    """A difference is told to who does not have its base."""
    patch(Differing, "forget", lambda self: None)


def removed_forgotten(patch):
    """Who was away is not told what was removed."""
    after = Entries.after
    patch(Entries, "after", lambda self, *at: tuple(each for each in after(self, *at) if not each.removed))


def floor_ignored(patch):
    """What was removed is claimed to be known."""
    real = MemoryBroker.entries

    async def entries(self, channel, query, retention):
        log = self._logs.get(channel)
        if log is not None and log.keyed is not None:
            log.keyed.floor = 0
        return await real(self, channel, query, retention)

    patch(MemoryBroker, "entries", entries)
    patch(Entries, "take", _without_removed(Entries.take))


def _without_removed(take):
    return lambda self, publication, most: take(self, publication, 0)


def pages_begin_where_they_are_read(patch):
    """What is removed between two pages is not told."""
    real = entries.read

    async def read(hub, place, since, after):
        found = await real(hub, place, since, after)
        end = (await hub.broker.entries(place.name, Query(limit=0), place.kind.retention)).position
        return found._replace(position=end)

    patch(entries, "read", read)


DEFECTS = {
    holes_told: {"keyed": False},
    nobody_looks: {"keyed": False},
    audience_forgotten: {"keyed": False},
    audience_forgotten_in_recovery: {"keyed": False},
    passed_uncounted: {"keyed": False},
    latest_told_twice: {"keyed": False, "crowd": 2},
    base_of_others: {"keyed": False},
    removed_forgotten: {"keyed": True},
    floor_ignored: {"keyed": True},
    pages_begin_where_they_are_read: {"keyed": True, "crowd": 2},
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(_wrong(seed, DEFECTS[defect]) for seed in range(150)), "not found"


def _wrong(seed, manner):
    return play(draw(seed), seed, **{"slow": False, "crowd": None, **manner})
