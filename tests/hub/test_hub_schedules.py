"""Recovery never lies: whatever is published, dropped, resumed, expired or lost, and in whatever order."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.hub.schedules import BUSY, CALM, CLIENTS, HISTORY, Play, draw, play
from tests.testing.simulation.defects import (
    always_recovered,
    epoch_ignored,
    epoch_reused,
    expiry_ignored,
    first_missed_skipped,
    keys_forgotten,
    page_one_too_long,
    recovery_repeats,
    rest_of_a_page_forgotten,
    unclaimed_forever,
    window_off_by_one,
    window_too_small,
)

from everywire.hub import hub as hubs
from everywire.hub.attachment import Attachment
from everywire.hub.channels import channel as channels
from everywire.hub.channels import pages, subscribing
from everywire.hub.channels.channel import Channel, State
from everywire.hub.channels.presence import Places
from everywire.hub.hub import Hub
from everywire.messages import Member, Position, Subscribed

WHO = st.integers(0, CLIENTS - 1)
STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 4)),
    st.tuples(st.just("retry")),
    st.tuples(st.just("take"), WHO, st.integers(1, 4)),
    st.tuples(st.just("drop"), WHO),
    st.tuples(st.just("come"), WHO, st.booleans()),
    st.tuples(st.just("miss"), WHO, st.integers(0, HISTORY)),
    st.tuples(st.just("rain"), st.integers(1, HISTORY)),
    st.tuples(st.just("wait"), st.sampled_from((0.005, 0.1, 1.0, 2.5, 8.0, 21.0))),
    st.tuples(st.just("flush")),
)
BURST = {"page": 1, "pages": 3, "crowd": 0}
SLOW_BURST = {"page": 3, "pages": 3, "crowd": 0, "slow": True}
SCHEDULES = st.lists(STEPS, max_size=40)


@given(SCHEDULES)
@settings(max_examples=60, deadline=None)
def test_every_log_is_whole_or_says_that_it_is_not(steps):
    assert play(steps) == []


@given(SCHEDULES, st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_the_same_holds_where_the_broker_takes_its_time(steps, seed):
    assert play(steps, seed, slow=True) == []


SHORT = st.fixed_dictionaries({"slow": st.booleans(), "page": st.integers(1, 3)})
BURSTS = st.fixed_dictionaries({"pages": st.integers(1, 3), "crowd": st.sampled_from((None, 0, 1))})


@given(SCHEDULES, st.integers(0, 2**16), SHORT)
@settings(max_examples=60, deadline=None)
def test_the_same_holds_where_an_answer_has_room_for_little(steps, seed, short):
    assert play(steps, seed, **short) == []


@given(SCHEDULES, st.integers(0, 2**16), SHORT, BURSTS)
@settings(max_examples=100, deadline=None)
def test_the_same_holds_where_several_answers_follow_each_other_and_clients_read_slowly(steps, seed, short, bursts):
    assert play(steps, seed, **short, **bursts) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [1000, 2])
@pytest.mark.parametrize("slow", [False, True])
def test_a_thousand_schedules(slow, page):
    found = {seed: faults for seed in range(1000) if (faults := play(draw(seed), seed, slow=slow, page=page))}
    assert found == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("crowd", [None, 0, 1])
@pytest.mark.parametrize(("page", "pages"), [(1, 3), (2, 2), (3, 3)])
@pytest.mark.parametrize("slow", [False, True])
def test_several_hundred_busy_schedules(slow, page, pages, crowd):
    manner = {"slow": slow, "page": page, "pages": pages, "crowd": crowd}
    found = {seed: faults for seed in range(300) if (faults := play(draw(seed, 60, BUSY), seed, **manner))}
    assert found == {}


@pytest.mark.parametrize(
    ("waits", "kinds", "manner"),
    [("ask", CALM, {"page": 2}), ("follows", BUSY, BURST), ("follows", BUSY, SLOW_BURST)],
    ids=["asked for", "following", "following slowly"],
)
def test_drawn_schedules_publish_drop_and_come_back_between_two_pages(waits, kinds, manner):
    """Otherwise nothing above would say anything about pages."""
    met = set()
    for seed in range(60):
        run = Play(seed, **manner)
        with run.net:
            for step in draw(seed, 40, kinds):
                if any(follower.waits == waits for follower in run.followers):
                    met.add(step[0])
                run.step(step)
    assert met == {*kinds}


def test_a_schedule_replays_exactly():
    assert _logs(draw(7), 7) == _logs(draw(7), 7)


def _logs(steps: Any, seed: int) -> Any:
    run = Play(seed, slow=True)
    with run.net:
        for step in steps:
            run.step(step)
        run.settle()
        return [follower.log.entries for follower in run.followers]


# The checker can fail: each of these defects is one line that somebody could write.


def loss_not_told(patch):
    """Watchers of a lost log are left in peace."""
    patch(Channel, "move", lambda self, news: None)


# The next two are healed: a hole between what was read and what was kept is seen, and read again. Here nobody looks.


def held_in_vain(patch):
    """What comes while history is read is not kept."""
    patch(Channel, "continues", lambda self, subscription, told: True)
    patch(Channel, "_keep", lambda self, subscription, news: None)


def held_after_reading(patch):
    """History is read first and the subscriber held afterwards."""
    patch(Channel, "continues", lambda self, subscription, told: True)
    real_hold, real_read = Channel.hold, subscribing._catch_up

    async def catch_up(hub, subscription, command):
        attachment = subscription.attachment
        subscription.channel.rest(subscription)
        subscription.attachment = attachment
        answer = await real_read(hub, subscription, command)
        if subscription.attachment is attachment and subscription.state is State.RESTING:
            real_hold(subscription.channel, subscription, attachment)
        return answer

    patch(subscribing, "_catch_up", catch_up)


def kept_told_without_looking(patch):
    """What was kept is told although history had it already."""
    patch(channels, "_is_news", lambda news, told, session: True)


def one_listener_forgotten(patch):
    """The fan-out misses the last of its group."""
    real = Channel.tell

    def tell(self, news):
        spared = {codec: dict(carriers) for codec, carriers in self.listeners.items()}
        shown = {c: {k: dict([*live.items()][:2]) for k, live in group.items()} for c, group in spared.items()}
        whole, self.listeners = self.listeners, shown
        real(self, news)
        self.listeners = whole

    patch(Channel, "tell", tell)


def places_kept(patch):
    """A session that ends stays listed."""
    patch(Places, "exit", lambda self, channel, session: None)


def page_ends_at_the_end_of_the_log(patch):
    """A page's position is not that of its last publication."""
    patch(pages, "end", lambda stretch, page: stretch.position)


def attached_at_the_first_page(patch):
    """Who has a page to come hears what is published all the same."""
    real = Hub.drop

    def attach(hub, subscription):
        subscription.channel.release(subscription, Position("", 0))

    def drop(self, subscription):
        (attach if subscription.state is State.HELD else real)(self, subscription)

    patch(Hub, "wait_for", attach)
    patch(Hub, "drop", drop)


def present_before_the_last_page(patch):
    """Who is still to be given a page is listed, and stays so if it never asks on."""
    real = subscribing._missed

    async def missed(hub, place, command):
        stretch = await real(hub, place, command)
        if len(stretch.publications) > hub.settings.max_page:
            await hub.places.enter(place.name, Member(f"ghost {command.ref}"))
        return stretch

    patch(subscribing, "_missed", missed)


def kept_since_the_first_page(patch):
    """What the log has anyway is kept while pages follow, until it is too much."""
    real = Channel.hold

    def hold(self, subscription, attachment):
        if subscription.attachment is not attachment:
            real(self, subscription, attachment)

    patch(Channel, "hold", hold)


def held_for_the_first_page_only(patch):
    """What comes while a page that follows is read is not kept, and nobody looks."""
    patch(Channel, "continues", lambda self, subscription, told: True)
    hold, keep, deaf = Channel.hold, Channel._keep, set()

    def hold_again(self, subscription, attachment):
        (deaf.add if subscription.attachment is attachment else deaf.discard)(subscription)
        hold(self, subscription, attachment)

    patch(Channel, "hold", hold_again)
    patch(Channel, "_keep", lambda self, subscription, news: subscription in deaf or keep(self, subscription, news))


def attached_while_pages_follow(patch):
    """Who waits for the next page hears what is published before it."""

    class Hasty(Attachment):
        def tell(self, event):
            super().tell(event)
            if isinstance(event, Subscribed) and event.more == "follows":
                subscription = self.session.subscriptions[event.channel]
                subscription.channel.release(subscription, event.position)
                subscription.attachment = self

    patch(hubs, "Attachment", Hasty)


def next_page_from(patch, place):
    """The pages that follow begin at `place(where they should, where the first one did)`."""
    real, begun = subscribing._catch_up, {}

    async def catch_up(hub, subscription, command):
        first = begun.setdefault((subscription.attachment, command.ref), command.since)
        if command.since != first:
            command = structs.replace(command, since=place(command.since, first))
        return await real(hub, subscription, command)

    patch(subscribing, "_catch_up", catch_up)


def page_skipped(patch):
    """The next page begins one publication too late."""
    next_page_from(patch, lambda since, first: Position(since.epoch, since.offset + 1))


def page_repeated(patch):
    """The next page is the first one again."""
    next_page_from(patch, lambda since, first: first)


def last_page_not_known_as_such(patch):
    """The last of several answers promises another."""

    class Promising(Attachment):
        def tell(self, event):
            promises = isinstance(event, Subscribed) and event.more
            super().tell(structs.replace(event, more="follows") if promises else event)

    patch(hubs, "Attachment", Promising)


def burst_outlives_its_transport(patch):
    """Pages follow, and the last attaches, whoever has the session by then."""

    async def page_by_page(hub, subscription, attachment, command):
        for left in range(command.pages, 0, -1):
            subscription.channel.hold(subscription, attachment)
            answer = await subscribing._catch_up(hub, subscription, command)
            if answer.more and left > 1:
                attachment.tell(structs.replace(answer, more="follows"))
                await attachment.transport.drain()
                command = structs.replace(command, since=answer.position)
            else:
                break
        return answer

    patch(subscribing, "_page_by_page", page_by_page)


FOUND_AT_ONCE = [
    places_kept,
    unclaimed_forever,
    window_off_by_one,
    window_too_small,
    epoch_ignored,
    epoch_reused,
    loss_not_told,
    first_missed_skipped,
    recovery_repeats,
    always_recovered,
    keys_forgotten,
    expiry_ignored,
    one_listener_forgotten,
]
FOUND_WHERE_PAGES_ARE_SHORT = [
    rest_of_a_page_forgotten,
    page_ends_at_the_end_of_the_log,
    page_one_too_long,
    attached_at_the_first_page,
    present_before_the_last_page,
]
FOUND_WHERE_PAGES_FOLLOW = [
    kept_since_the_first_page,
    attached_while_pages_follow,
    page_skipped,
    page_repeated,
    last_page_not_known_as_such,
    burst_outlives_its_transport,
]
FOUND_WHERE_PAGES_FOLLOW_SLOWLY = [held_for_the_first_page_only, held_after_reading, page_skipped]
FOUND_WHERE_THE_BROKER_IS_SLOW = [held_in_vain, held_after_reading, kept_told_without_looking]


@pytest.mark.parametrize("defect", FOUND_AT_ONCE, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(play(draw(seed), seed) for seed in range(120)), "not found"


@pytest.mark.parametrize("defect", FOUND_WHERE_PAGES_ARE_SHORT, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found_between_two_pages(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(play(draw(seed), seed, page=2) for seed in range(120)), "not found"


@pytest.mark.parametrize("defect", FOUND_WHERE_PAGES_FOLLOW, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found_where_pages_follow(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(play(draw(seed, 40, BUSY), seed, **BURST) for seed in range(120)), "not found"


@pytest.mark.parametrize("defect", FOUND_WHERE_PAGES_FOLLOW_SLOWLY, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found_where_pages_follow_slowly(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(play(draw(seed, 60, BUSY), seed, **SLOW_BURST) for seed in range(120)), "not found"


@pytest.mark.parametrize("defect", FOUND_WHERE_THE_BROKER_IS_SLOW, ids=lambda defect: defect.__name__)
def test_a_seeded_defect_is_found_between_question_and_answer(defect, monkeypatch):
    defect(monkeypatch.setattr)
    assert any(play(draw(seed), seed, slow=True) for seed in range(120)), "not found"
