"""Defects that somebody could write, each a small change: what the simulation has to find.

Each takes `patch(owner, name, replacement)`.
"""

from msgspec import structs
from tests.testing.simulation import schedules

from everywire.brokers.base import Gap
from everywire.brokers.local.client import LocalBroker
from everywire.brokers.local.host import Host
from everywire.brokers.memory.broker import MemoryBroker
from everywire.brokers.memory.entries import Entries
from everywire.brokers.memory.log import Log
from everywire.brokers.memory.places import Places as Seats
from everywire.hub.channels import channel as channels
from everywire.hub.channels import pages, subscribing
from everywire.hub.channels.channel import Channel
from everywire.hub.channels.delivering import Delivering
from everywire.hub.channels.pacing import Pace
from everywire.hub.channels.presence import Places
from everywire.hub.channels.repairs import Repairs
from everywire.hub.continuity.continuing import Continuing
from everywire.hub.continuity.records import Records
from everywire.hub.deadlines import Deadlines
from everywire.hub.notes import Notes
from everywire.messages import Audience, Passed, Position, Publication


def window_off_by_one(patch):
    """The log claims one publication more than it keeps."""
    patch(Log, "answers", lambda self, s: s.epoch == self.epoch and self.first - 2 <= s.offset <= self.top)


def window_too_small(patch):
    """The log denies a recovery that it could give."""
    patch(Log, "answers", lambda self, s: s.epoch == self.epoch and self.first <= s.offset <= self.top)


def epoch_ignored(patch):
    """Positions of an earlier life are believed."""
    patch(Log, "answers", lambda self, s: self.first - 1 <= s.offset <= self.top)


def epoch_reused(patch):
    """A log that was lost comes back under its old name."""
    born = MemoryBroker.__init__
    patch(MemoryBroker, "__init__", lambda self, clock, new_epoch, **kw: born(self, clock, lambda: "one", **kw))


def first_missed_skipped(patch):
    """A recovery begins one publication too late."""
    between = Log.between
    patch(Log, "between", lambda self, after, before: between(self, after + 1, before))


def recovery_repeats(patch):
    """A recovery begins one publication too early."""
    between = Log.between
    patch(Log, "between", lambda self, after, before: between(self, max(0, after - 1), before))


def expiry_ignored(patch):
    """What is too old is still there."""
    prune = Log.prune
    patch(Log, "prune", lambda self, now, retention: prune(self, 0.0, retention))


def never_recovered(patch):
    """Every recovery is called broken."""
    real = subscribing._missed

    async def missed(hub, place, command):
        found = await real(hub, place, command)
        return type(found)(found.position, found.publications, whole=False)

    patch(subscribing, "_missed", missed)


def always_recovered(patch):
    """Every recovery is called whole."""
    real = subscribing._missed

    async def missed(hub, place, command):
        found = await real(hub, place, command)
        return type(found)(found.position, found.publications, whole=True)

    patch(subscribing, "_missed", missed)


def keys_forgotten(patch):
    """Publishing again publishes again."""
    patch(Log, "remember", lambda self, key, deadline: None)


def refusals_forgotten(patch):
    """What was refused may be carried out when it is said again."""
    patch(Log, "was_refused", lambda self, draft: None)


def compare_and_set_ignored(patch):
    """An entry is set whatever was expected to be there."""
    patch(MemoryBroker, "_refused", lambda self, log, draft, change, retention: None)


def removed_still_listed(patch):
    """A snapshot has entries that were removed."""
    patch(Entries, "all", lambda self, limit: tuple([*self._last.values()][:limit]))


def removals_not_told(patch):
    """Whoever was away is not told what was removed."""
    real = Entries.after
    patch(
        Entries,
        "after",
        lambda self, offset, removed, limit: tuple(
            each for each in real(self, offset, removed, limit) if not each.removed
        ),
    )


def removals_forgotten_without_a_floor(patch):
    """What is not known any more of removed entries is not taken notice of."""
    real = Entries.take

    def take(self, publication, most):
        floor = self.floor
        real(self, publication, most)
        self.floor = floor

    patch(Entries, "take", take)


def held_in_vain(patch):
    """What comes while history is read is not kept, and nobody looks."""
    patch(Channel, "continues", lambda self, subscription, told: True)
    patch(Channel, "_keep", lambda self, subscription, news: None)


def kept_told_without_looking(patch):
    """What was kept is told although history had it already."""
    patch(channels, "_is_news", lambda news, told, subscription: True)


def own_leaving_told(patch):
    """A user who subscribes is told its own, earlier leaving afterwards."""
    patch(channels, "_is_own", lambda member, subscription: member.session == subscription.session.id)


def one_listener_forgotten(patch):
    """The fan-out misses one of many."""
    real = Channel.tell

    def tell(self, news):
        whole = self.listeners
        self.listeners = {
            codec: {carrier: dict([*live.items()][:1]) for carrier, live in carriers.items()}
            for codec, carriers in whole.items()
        }
        real(self, news)
        self.listeners = whole

    patch(Channel, "tell", tell)


def loss_not_told(patch):
    """Listeners of a lost log are left in peace."""
    patch(Channel, "move", lambda self, news, *, lost=False: None)


def hole_told(patch):
    """What comes after a hole is told at once."""

    def take(self, channel, news):
        channel.end = news.position
        self._tell(channel, news)

    patch(Repairs, "take", take)


def told_twice_by_repairs(patch):
    """A repair begins one publication too early."""
    real = Repairs._tell_all

    def tell_all(self, channel, publications):
        publications = [*publications]
        for each in publications[:1]:
            self._tell(channel, each)
        real(self, channel, publications)

    patch(Repairs, "_tell_all", tell_all)


def gap_ignored(patch):
    """After a new link nobody looks whether news were lost, now or later."""
    patch(Repairs, "gap", lambda self: None)
    patch(Repairs, "_look", lambda self: None)


def gap_not_delivered(patch):
    """A link that comes again is taken for one that was never lost, and nobody looks later."""
    real = Delivering.take
    patch(Delivering, "take", lambda self, news: None if isinstance(news, Gap) else real(self, news))
    patch(Repairs, "_look", lambda self: None)


def not_watched_again(patch):
    """After a new link nothing is watched."""
    real = LocalBroker.opened

    def opened(self, link):
        self._watches.clear()
        real(self, link)

    patch(LocalBroker, "opened", opened)


def watch_forgotten_at_the_host(patch):
    """A link that ends takes the watches of all links with it."""
    real = Host.left

    def left(self, peer):
        self._watchers.clear()
        real(self, peer)

    patch(Host, "left", left)


def reads_shared_beyond_the_answer(patch):
    """Who asks later gets the answer of who asked before."""
    patch(LocalBroker, "_has_read", lambda self, key, answer: answer.cancelled() or answer.exception())
    real = LocalBroker.read

    async def read(self, channel, query, retention):
        answer = self._reads.get((channel, query, retention))
        if answer is not None and answer.done() and answer.exception() is None:
            return answer.result()
        return await real(self, channel, query, retention)

    patch(LocalBroker, "read", read)


def earlier_link_heard(patch):
    """What comes late over a link that was given up is carried out."""
    patch(Host, "greeted", lambda self, peer: None)
    _left_alone(patch)


def places_kept(patch):
    """A session that ends stays listed."""
    patch(Places, "exit", lambda self, subscription: None)


def places_not_entered_again(patch):
    """A lease that was lost is begun again without what was held by it."""

    async def nothing(self):
        self._lost = False

    patch(Places, "_enter_again", nothing)


def lease_never_ends(patch):
    """Members of a killed node stay."""
    patch(Seats, "_end", lambda self, holder: setattr(holder, "deadline", holder.deadline + 1e6))


def fencing_off(patch):
    """Anybody gives up anybody's place."""
    real = Seats.exit

    def exit_(self, channel, session, holder):
        there = self._channels.get(channel)
        place = there.places.get(session) if there is not None else None
        real(self, channel, session, place.holder.name if place is not None else holder)

    patch(Seats, "exit", exit_)


def unclaimed_forever(patch):
    """A lingering session never ends."""
    patch(Deadlines, "_fire", lambda self: None)


def records_not_written(patch):
    """Sessions end with their node."""
    patch(Records, "changed", lambda self, session: None)
    patch(Records, "find", lambda self, session: _nothing())


async def _nothing():
    return None


def resumed_as_somebody_new(patch):
    """A session of another node is not found."""
    real = Continuing.find

    async def find(self, resume):
        found = await real(self, resume)
        return None if found is not None and found.record is not None else found

    patch(Continuing, "find", find)


def _left_alone(patch):
    """Nobody enters again a place that an earlier holder gave up: that alone makes good what several other mistakes do."""
    patch(Continuing, "left", lambda self, channel, name: None)


def notes_lost(patch):
    """Nodes do not hear each other."""
    patch(Notes, "take", lambda self, data: None)
    patch(Continuing, "verify", lambda self: _nothing())
    _left_alone(patch)


def taken_not_written(patch):
    """Who went on with a session last is not written down."""
    patch(Records, "take", lambda self, session, taken: _nothing())
    _left_alone(patch)


def rest_of_a_page_forgotten(patch):
    """An answer is cut, and does not say so."""
    real = subscribing._catch_up

    async def catch_up(hub, subscription, command):
        answer = await real(hub, subscription, command)
        return structs.replace(answer, more=None)

    patch(subscribing, "_catch_up", catch_up)


def page_one_too_long(patch):
    """A page's position is one publication further than the page."""
    real = pages.end

    def end(stretch, page):
        at = real(stretch, page)
        return at if at == stretch.position else Position(at.epoch, at.offset + 1)

    patch(pages, "end", end)


def audience_ignored(patch):
    """Everybody is told what is for some."""
    patch(Audience, "has", lambda self, session, user: True)


def audience_ignored_in_answers(patch):
    """Whoever comes back is told what was for others."""
    patch(pages, "meant", lambda page, session: tuple(page))


def audience_too_small(patch):
    """Nobody is told what is for some."""
    real = Channel._tell_some
    patch(Channel, "_tell_some", lambda self, news, audience: real(self, news, Audience(session="nobody")))


def passed_not_told(patch):
    """What is left out is left out silently."""
    real = Pace._words
    patch(
        Pace,
        "_words",
        lambda self, told, due: (each for each in real(self, told, due) if not isinstance(each, Passed)),
    )


def passed_miscounted(patch):
    """What is left out is counted one short."""
    real = Pace._words
    patch(
        Pace,
        "_words",
        lambda self, told, due: (
            structs.replace(each, count=each.count - 1) if isinstance(each, Passed) else each
            for each in real(self, told, due)
        ),
    )


def latest_not_told(patch):
    """A pace tells nothing while its interval lasts, and forgets to afterwards."""
    real = Pace.take

    def take(self, publication):
        if self._timer is None or publication.position is None:
            real(self, publication)
        else:
            self.end = publication.position

    patch(Pace, "take", take)


def publications_lost_on_the_way(patch):
    """Now and then news are lost between broker and node, and nobody looks."""
    patch(Repairs, "_look", lambda self: None)
    real, count = Host._deliver, [0]

    def deliver(self, news):
        count[0] += 1
        if not isinstance(news, Publication) or count[0] % 7:
            real(self, news)

    patch(Host, "_deliver", deliver)


DEFECTS = [
    each
    for name, each in [*globals().items()]
    if callable(each) and getattr(each, "__module__", "") == __name__ and not name.startswith("_")
]

# Where runs have to be lopsided for a defect to show soon.
MAPS = {"channels": ("map:0",)}
USERS = {"channels": ("desk:0",), "nodes": 1, "clients": 3}
TAKEOVERS = {"channels": ("desk:0",), "nodes": 2, "clients": 4}
PRIVATE = {"channels": ("room:0",), "private": 0.5}
PACED = {"channels": ("room:0",), "paced": 0.7}
LINKS = {
    "channels": ("room:0",),
    "nodes": 2,
    "history": 12,
    "weights": {"publish": 8, "wait": 24, "deafen": 5, "unlink": 4, "stall": 4, "cut": 5, "freeze": 3, "lose": 1},
}
WHERE = {
    window_off_by_one: {"history": 3},
    rest_of_a_page_forgotten: {"page": 2},
    told_twice_by_repairs: LINKS,
    fencing_off: TAKEOVERS | {"weights": {"publish": 2, "wait": 20, "cut": 14, "unlink": 4, "stall": 3}},
    refusals_forgotten: MAPS,
    removed_still_listed: MAPS,
    removals_not_told: MAPS,
    removals_forgotten_without_a_floor: MAPS | {"clients": 4},
    compare_and_set_ignored: MAPS,
    own_leaving_told: USERS,
    not_watched_again: LINKS,
    places_not_entered_again: LINKS,
    earlier_link_heard: LINKS,
    notes_lost: TAKEOVERS,
    taken_not_written: TAKEOVERS,
    audience_ignored: PRIVATE,
    audience_ignored_in_answers: PRIVATE,
    audience_too_small: PRIVATE,
    gap_ignored: LINKS,
    gap_not_delivered: LINKS,
    passed_not_told: PACED,
    passed_miscounted: PACED,
    latest_not_told: PACED,
}

# What random steps seldom show: a schedule that does, drawn from a seed.
SCHEDULES = {
    refusals_forgotten: schedules.publications_that_are_said_again,
    removals_forgotten_without_a_floor: schedules.long_absences,
    own_leaving_told: schedules.leavings_under_way,
    earlier_link_heard: schedules.links_given_up,
    notes_lost: schedules.takeovers_that_are_not_heard,
    taken_not_written: schedules.takeovers_that_are_not_heard,
}
