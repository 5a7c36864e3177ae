"""An inbox: messages in order, their end, and a bound."""

import pytest
from tests.engine.turns import bring, collect, driven, settle, turn

from everywire.engine.inbox import ITERATING
from everywire.errors import ConnectionClosedError, closed

# Messages


async def test_messages_that_are_there_are_given_at_once(inbox):
    inbox.put("a")
    inbox.put(b"b")
    assert [await inbox, await inbox] == ["a", b"b"]


async def test_messages_come_in_order(inbox, start):
    got = []
    task = start(collect(inbox, got, 5))
    await settle()
    await bring(inbox, "1")
    await bring(inbox, "2", "3")
    inbox.put("4")
    await bring(inbox, "5")
    assert await task == 5
    assert got == ["1", "2", "3", "4", "5"]


async def test_a_driven_handler_has_its_message_before_the_turn_is_over(inbox):
    got = []
    task = driven(collect(inbox, got, 2))
    await settle()
    await turn(lambda: inbox.put("1"), inbox.wake, lambda: got.append("turn over"))
    assert got == ["1", "turn over"]
    await bring(inbox, "2")
    await task


async def test_the_end_comes_after_the_messages(inbox, start):
    got = []

    async def handle():
        while True:
            got.append(await inbox)

    task = start(handle())
    await settle()
    await turn(lambda: inbox.put("1"), lambda: inbox.put("2"), lambda: inbox.end(closed(1006, "gone")))
    with pytest.raises(ConnectionClosedError, match="1006 gone"):
        await task
    assert got == ["1", "2"]
    with pytest.raises(ConnectionClosedError):
        await inbox


@pytest.mark.parametrize(
    ("code", "ends"), [(1000, True), (1001, True), (1005, True), (1006, False), (1011, False), (4000, False)]
)
async def test_iterating_ends_quietly_only_after_a_good_end(inbox, code, ends):
    inbox.manner = ITERATING
    inbox.end(closed(code))
    with pytest.raises(StopAsyncIteration if ends else ConnectionClosedError):
        inbox.poll()


async def test_two_cannot_wait_at_once(inbox, start):
    task = start(collect(inbox, [], 1))
    await settle()
    with pytest.raises(RuntimeError, match="already waiting"):
        await inbox
    await bring(inbox, "1")
    assert await task == 1


# The queue


async def test_a_full_queue_stops_reading_until_half_of_it_is_gone(inbox, source):
    for _ in range(9):
        inbox.put("x" * 10_000)
    assert source.calls == []
    inbox.put("x" * 20_000)
    assert source.calls == ["stop reading"]
    inbox.put("x" * 10_000)
    for _ in range(5):
        await inbox
    assert source.calls == ["stop reading"]
    for _ in range(4):
        await inbox
    assert source.calls == ["stop reading", "read"]
    assert inbox.left() == 2


async def test_empty_messages_fill_the_queue_too(inbox, source):
    for _ in range(10_000):
        inbox.put("")
    assert source.calls == ["stop reading"]
    for _ in range(10_000):
        await inbox
    assert source.calls == ["stop reading", "read"]


async def test_a_queue_that_is_never_empty_does_not_grow(inbox):
    inbox.put("x")
    for _ in range(10_000):
        inbox.put("x")
        await inbox
    assert len(inbox.messages) < 1000
