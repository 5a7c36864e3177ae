"""A followed channel: every publication once and in order, gaps told, queues bounded."""

import asyncio

import msgspec
import pytest

from everywire.client.subscription import Following, HistoryLost, State, Subscription
from everywire.client.wire import Member, Position, Publication, Publishing, Subscribed
from everywire.errors import Refused


class Host:
    """The client's side: counts how often a channel is asked for."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    def follow(self, subscription: Subscription) -> None:
        self.asked.append(subscription.command())


def publication(offset: int | None) -> Publishing:
    return Publishing(offset, 0, offset)


def answer(last: int, *offsets: int, epoch: str = "e", recovered: bool = True, members: tuple = ()) -> Subscribed:
    return Subscribed(
        id=1,
        channel="c",
        epoch=epoch,
        offset=last,
        recovered=recovered,
        publications=[publication(offset) for offset in offsets],
        members=list(members),
    )


def page(*offsets: int, epoch: str = "e", recovered: bool = True, more: str = "ask") -> Subscribed:
    """An answer that is not the last."""
    return msgspec.structs.replace(answer(offsets[-1], *offsets, epoch=epoch, recovered=recovered), more=more)


def follow(**options: object) -> tuple[Subscription, Host]:
    host = Host()
    return Subscription(host, "c", Following(**options)), host


async def taken(subscription: Subscription) -> list:
    """Everything that is there now."""
    found = []
    while subscription._queue:
        found.append((await anext(subscription)).offset)
    return found


async def test_the_answer_comes_first_and_everything_once():
    subscription, host = follow(rewind=2)
    asked = {name: value for name, value in subscription.command().items() if value is not None}
    assert asked == {"type": "subscribe", "channel": "c", "rewind": 2}
    subscription.published(publication(5))  # of an earlier subscription: the answer will hold it
    subscription.answered(answer(5, 4, 5, recovered=False))
    for offset in (4, 5, 6, 6, 7):
        subscription.published(publication(offset))
    assert await taken(subscription) == [4, 5, 6, 7]
    assert subscription.position == Position("e", 7)
    assert host.asked == []


async def test_recovered_publications_say_their_channel():
    subscription, _ = follow(rewind=2)
    subscription.answered(answer(5, 4, 5, recovered=False))
    assert [(await anext(subscription)).channel for _ in range(2)] == ["c", "c"]


async def test_a_gap_asks_again_from_the_last_position():
    subscription, host = follow()
    subscription.answered(answer(3, recovered=False))
    subscription.published(publication(4))
    subscription.published(publication(6))
    assert subscription.state is State.SUBSCRIBING
    assert [command["since"] for command in host.asked] == [Position("e", 4)]
    subscription.published(publication(7))
    subscription.answered(answer(7, 5, 6, 7))
    assert await taken(subscription) == [4, 5, 6, 7]


async def test_an_ephemeral_one_moves_nothing():
    subscription, _ = follow()
    subscription.answered(answer(3, recovered=False))
    subscription.published(publication(None))
    assert await taken(subscription) == [None]
    assert subscription.position == Position("e", 3)


async def test_what_is_lost_is_raised_in_its_place():
    subscription, _ = follow()
    subscription.answered(answer(3, recovered=False))
    subscription.published(publication(4))
    subscription.link_lost()
    subscription.answered(answer(2, 1, 2, epoch="f", recovered=False))
    assert (await anext(subscription)).offset == 4
    with pytest.raises(HistoryLost) as lost:
        await anext(subscription)
    assert lost.value.since == Position("e", 4)
    assert await taken(subscription) == [1, 2]
    assert subscription.position == Position("f", 2)


async def test_or_given_to_a_callback():
    lost: list[HistoryLost] = []
    subscription, _ = follow(since=Position("e", 4), on_lost=lost.append)
    subscription.answered(answer(9, 9, epoch="f", recovered=False))
    assert [each.since for each in lost] == [Position("e", 4)]
    assert await taken(subscription) == [9]


async def test_or_at_least_logged(caplog):
    subscription, _ = follow(since=Position("e", 4), on_publication=lambda _: None)
    subscription.answered(answer(9, recovered=False))
    assert "publications after offset 4 are lost" in caplog.text


async def test_an_iteration_that_falls_behind_fetches_the_rest_from_the_log():
    subscription, host = follow(max_queue=3)
    subscription.answered(answer(0, recovered=False))
    for offset in range(1, 10):
        subscription.published(publication(offset))
    assert host.asked == []
    assert [(await anext(subscription)).offset for _ in range(3)] == [1, 2, 3]
    assert subscription.position == Position("e", 3)
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert host.asked[0]["since"] == Position("e", 3)
    subscription.answered(answer(9, *range(4, 10)))  # again more than it holds
    assert (await waiting).offset == 4
    assert await taken(subscription) == [5, 6]
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert host.asked[1]["since"] == Position("e", 6)
    subscription.answered(answer(9, 7, 8, 9))
    assert (await waiting).offset == 7
    assert await taken(subscription) == [8, 9]
    assert subscription.position == Position("e", 9)
    subscription.published(publication(10))
    assert await taken(subscription) == [10]


async def test_pages_are_asked_for_until_the_last_which_attaches():
    subscription, host = follow(since=Position("e", 3))
    for offsets in ((4, 5), (6, 7)):
        subscription.answered(page(*offsets))
        assert subscription.state is State.SUBSCRIBING
        assert host.asked.pop()["since"] == Position("e", offsets[-1])
        subscription.published(publication(offsets[-1] + 1))  # of another time: it is in the next page
        assert not subscription._answered.is_set()
    subscription.answered(answer(8, 8, members=(Member("a"),)))
    await subscription.ready()
    assert (subscription.state, host.asked) == (State.SUBSCRIBED, [])
    assert await taken(subscription) == [4, 5, 6, 7, 8]


async def test_members_stay_until_the_last_page():
    subscription, _ = follow(since=Position("e", 3))
    subscription.answered(answer(3, members=(Member("a"),)))
    subscription.link_lost()
    subscription.answered(page(4))
    assert list(subscription.members) == ["a"]
    subscription.answered(answer(5, 5, members=(Member("b"),)))
    assert list(subscription.members) == ["b"]


async def test_a_loss_between_two_pages_is_told_in_its_place():
    subscription, host = follow(since=Position("e", 3))
    subscription.answered(page(4, 5))
    subscription.answered(page(1, epoch="f", recovered=False))
    assert host.asked[-1]["since"] == Position("f", 1)
    subscription.answered(answer(2, 2, epoch="f"))
    assert [(await anext(subscription)).offset for _ in range(2)] == [4, 5]
    with pytest.raises(HistoryLost) as lost:
        await anext(subscription)
    assert lost.value.since == Position("e", 5)
    assert await taken(subscription) == [1, 2]


async def test_a_full_queue_does_not_ask_for_the_next_page_until_somebody_iterates():
    subscription, host = follow(since=Position("e", 0), max_queue=3)
    subscription.answered(page(1, 2))
    subscription.answered(page(3, 4))
    assert [each["since"].offset for each in host.asked] == [2]
    await subscription.ready()  # who waits for this first must not wait for ever
    assert await taken(subscription) == [1, 2, 3]
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert [each["since"].offset for each in host.asked] == [2, 3]
    subscription.answered(answer(5, 4, 5))
    assert (await waiting).offset == 4
    assert subscription.state is State.SUBSCRIBED


async def test_of_each_question_twice_as_many_pages_are_taken_until_it_is_attached_or_cut_off():
    subscription, host = follow(since=Position("e", 0))
    for end in (subscription.link_lost, lambda: subscription.answered(answer(99))):
        host.asked.clear()
        for offset in range(1, 9):
            subscription.answered(page(offset))
        assert [command["pages"] for command in host.asked] == [2, 4, 8, 16, 32, 64, 64, 64]
        end()
        assert subscription.command()["pages"] is None


async def test_pages_that_follow_are_not_asked_for():
    subscription, host = follow(since=Position("e", 0))
    for offsets in ((1, 2), (3, 4)):
        subscription.answered(page(*offsets, more="follows"))
        assert (subscription.state, subscription._answered.is_set()) == (State.SUBSCRIBING, False)
        subscription.published(publication(offsets[-1] + 1))  # of another time
    subscription.answered(answer(5, 5))
    assert (subscription.state, host.asked) == (State.SUBSCRIBED, [])
    assert await taken(subscription) == [1, 2, 3, 4, 5]


async def test_a_full_queue_ignores_the_pages_that_follow_and_asks_for_them_later():
    subscription, host = follow(since=Position("e", 0), max_queue=3)
    subscription.answered(page(1))
    assert host.asked.pop()["pages"] == 2
    subscription.asked = 7
    subscription.answered(page(2, 3, 4, more="follows"))
    assert subscription.asked == 0  # so that the client hands it no other answer to this question
    await subscription.ready()
    assert (await taken(subscription), host.asked) == ([1, 2, 3], [])
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert [(command["since"].offset, command["pages"]) for command in host.asked] == [(3, None)]
    subscription.answered(answer(5, 4, 5))
    assert (await waiting).offset == 4
    assert subscription.state is State.SUBSCRIBED


async def test_a_callback_that_leaves_in_a_page_asks_for_no_other():
    def on_publication(each: Publication) -> None:
        subscription.end()

    subscription, host = follow(on_publication=on_publication)
    subscription.answered(page(1, 2, recovered=False))
    assert host.asked == []


async def test_the_position_is_that_of_what_was_handed_on():
    subscription, _ = follow()
    subscription.answered(answer(3, recovered=False))
    subscription.published(publication(4))
    subscription.published(publication(5))
    await anext(subscription)
    assert subscription.position == Position("e", 4)
    await anext(subscription)
    assert subscription.position == Position("e", 5)


async def test_a_callback_that_leaves_hears_no_more():
    seen = []

    def on_publication(each: Publication) -> None:
        seen.append(each.offset)
        subscription.end()

    subscription, _ = follow(on_publication=on_publication)
    subscription.answered(answer(3, 1, 2, 3, recovered=False))
    subscription.published(publication(4))
    assert seen == [1]


async def test_members_come_and_go():
    seen: list[tuple[str, str]] = []
    subscription, _ = follow(
        on_join=lambda member: seen.append(("join", member.session)),
        on_leave=lambda member: seen.append(("leave", member.session)),
    )
    subscription.answered(answer(0, recovered=False, members=(Member("a"),)))
    subscription.joined(Member("b"))
    subscription.left(Member("a"))
    subscription.left(Member("nobody"))
    assert list(subscription.members) == ["b"]
    assert seen == [("join", "b"), ("leave", "a"), ("leave", "nobody")]
    subscription.answered(answer(0, members=(Member("c"),)))
    assert list(subscription.members) == ["c"]


async def test_its_end_ends_iterations_after_what_is_queued():
    subscription, _ = follow()
    subscription.answered(answer(1, 1, recovered=False))
    subscription.end(Refused("expelled", 103))
    assert (await anext(subscription)).offset == 1
    with pytest.raises(Refused, match="expelled"):
        await anext(subscription)
    with pytest.raises(Refused, match="expelled"):
        await subscription.ready()
