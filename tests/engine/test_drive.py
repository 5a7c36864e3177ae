"""Coroutines that are resumed straight from a turn behave as if asyncio had done it."""

import asyncio
import contextvars
import gc
import traceback
import weakref

import pytest
from tests.engine.turns import bring, collect, driven, settle, turn
from tests.ws.raw import Pipe

from everywire.engine.inbox import READY, RECEIVING, Inbox, Next

WHO = contextvars.ContextVar("who", default="nobody")


async def tick(value):
    await asyncio.sleep(0)
    return value


# Cancellation and timeouts


async def test_a_timeout_around_waiting(inbox, start):
    async def handle():
        try:
            async with asyncio.timeout(0):
                await inbox
        except TimeoutError:
            return await inbox
        return "no timeout"

    task = start(handle())
    await settle()
    await bring(inbox, "late")
    assert await task == "late"
    assert task.cancelling() == 0


async def test_a_timeout_after_messages_came_from_the_turn(inbox, start):
    async def handle():
        got = [await inbox]
        try:
            async with asyncio.timeout(0):
                await inbox
        except TimeoutError:
            got.append("timeout")
        got.append(await inbox)
        return got

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    await settle()
    await bring(inbox, "2")
    assert await task == ["1", "timeout", "2"]


async def test_wait_for(inbox, start):
    async def handle():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Next(inbox, RECEIVING), 0.001)
        return await asyncio.wait_for(Next(inbox, RECEIVING), 5)

    task = start(handle())
    await bring(inbox)
    while inbox.waiting or not task.get_stack():
        await asyncio.sleep(0)
    await settle()
    await bring(inbox, "1")
    assert await task == "1"
    assert not inbox.waiting


async def test_cancelling_while_parked_loses_nothing(inbox, start):
    task = start(collect(inbox, [], 1))
    await settle()
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not inbox.waiting
    inbox.put("kept")
    assert await inbox == "kept"


async def test_cancelling_when_the_message_is_there_but_not_taken(inbox, start):
    got = []
    task = start(collect(inbox, got, 2))
    await settle()
    await turn(lambda: inbox.put("1"), inbox.wake, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    inbox.put("2")
    while len(got) < 2:
        got.append(await inbox)
    assert got == ["1", "2"]


async def test_cancelling_between_cancel_and_message(inbox, start):
    got = []
    task = start(collect(inbox, got, 1))
    await settle()
    await turn(task.cancel, lambda: inbox.put("1"), inbox.wake)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert got == []
    assert await inbox == "1"


async def test_a_handler_may_refuse_to_be_cancelled(inbox, start):
    async def handle():
        got = []
        while len(got) < 3:
            try:
                got.append(await inbox)
            except asyncio.CancelledError:
                got.append("cancelled")
        return got

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    task.cancel()
    await settle()
    await bring(inbox, "2")
    assert await task == ["1", "cancelled", "2"]


async def test_cancelling_while_something_else_is_awaited(inbox, start):
    other = asyncio.get_running_loop().create_future()

    async def handle():
        await inbox
        await other

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.cancelled()


async def test_cancelling_what_the_turn_has_just_begun_to_await(inbox, start):
    other = asyncio.get_running_loop().create_future()
    cancelled = []

    async def handle():
        await inbox
        try:
            await asyncio.gather(other)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    task = start(handle())
    await settle()
    await turn(lambda: inbox.put("1"), inbox.wake)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.cancelled() or cancelled == []
    if cancelled:
        assert other.cancelled()


async def test_cancelling_within_the_turn_what_it_has_begun_to_await(inbox):
    other = asyncio.get_running_loop().create_future()

    async def handle():
        await inbox
        await asyncio.gather(other)

    task = driven(handle())
    await settle()
    await turn(lambda: inbox.put("1"), inbox.wake, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.cancelled()


@pytest.mark.parametrize("wait", ["inbox", "gather", "tick"])
async def test_a_handler_may_cancel_itself(inbox, start, wait):
    other = asyncio.get_running_loop().create_future()
    awaitables = {"inbox": lambda: inbox, "gather": lambda: asyncio.gather(other), "tick": lambda: tick("never")}

    async def handle():
        await inbox
        asyncio.current_task().cancel()
        await awaitables[wait]()

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.cancelled() is (wait == "gather")
    inbox.put("kept")
    assert await inbox == "kept"


async def test_a_message_that_one_task_brings_to_another(inbox, start):
    got = []
    task = start(collect(inbox, got, 3))
    await settle()
    for i in range(3):
        inbox.put(str(i))
        inbox.wake()
        assert len(got) == i
        await settle()
    assert await task == 3
    assert got == ["0", "1", "2"]


async def test_cancelling_what_another_task_has_brought_a_message(inbox, start):
    got = []

    async def handle():
        while len(got) < 3:
            try:
                got.append(await inbox)
            except asyncio.CancelledError:
                got.append("cancelled")

    task = start(handle())
    await settle()
    inbox.put("1")
    inbox.wake()
    task.cancel()
    await settle()
    await bring(inbox, "2")
    await task
    assert got == ["cancelled", "1", "2"]


async def test_a_handler_that_ended_in_the_turn_stays_as_it_ended(inbox):
    task = driven(collect(inbox, [], 1))
    await settle()
    await turn(lambda: inbox.put("1"), inbox.wake, task.cancel)
    assert await task == 1


async def test_cancelling_before_the_first_step(inbox, start):
    task = start(collect(inbox, [], 1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Ends


async def test_return_values_and_exceptions(inbox, start):
    async def handle():
        if await inbox == "raise":
            raise ZeroDivisionError("here")
        return "returned"

    for message, expected in (("return", "returned"), ("raise", ZeroDivisionError)):
        task = start(handle())
        await settle()
        await bring(inbox, message)
        if expected == "returned":
            assert await task == expected
        else:
            with pytest.raises(expected, match="here") as caught:
                await task
            assert "handle" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


async def test_a_task_that_needs_no_message(start):
    async def handle():
        return 42

    assert await start(handle()) == 42


async def test_nothing_is_kept_of_a_task_that_is_over(inbox, start):
    class Thing:
        pass

    async def handle(thing):
        await inbox
        return weakref.ref(thing)

    task = start(handle(Thing()))
    await settle()
    await bring(inbox, "1")
    found = await task
    del task
    await settle()
    gc.collect()
    assert found() is None


# Among other awaitables


async def test_anything_else_may_be_awaited_between(inbox, start):
    queue = asyncio.Queue()

    async def handle():
        got = [await inbox]
        got.append(await queue.get())
        await asyncio.sleep(0)
        got.append(await inbox)
        await READY
        got.append(await asyncio.create_task(queue.get()))
        got.append(await inbox)
        return got

    task = start(handle())
    await settle()
    await bring(inbox, "1", "2", "3")
    queue.put_nowait("a")
    await settle()
    queue.put_nowait("b")
    assert await task == ["1", "a", "2", "b", "3"]


async def test_messages_that_come_while_something_else_is_awaited_are_kept(inbox, start):
    other = asyncio.get_running_loop().create_future()

    async def handle():
        await inbox
        await other
        return [await inbox, await inbox]

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    await bring(inbox, "2")
    await bring(inbox, "3")
    other.set_result(None)
    assert await task == ["2", "3"]


async def test_two_inboxes(inbox, start):
    other = Inbox(asyncio.get_running_loop(), Pipe(), 100_000)

    async def handle():
        got = []
        for _ in range(3):
            got += [await inbox, await other]
        return got

    task = start(handle())
    for i in range(3):
        await settle()
        await bring(inbox, f"a{i}")
        await settle()
        await bring(other, f"b{i}")
    assert await task == ["a0", "b0", "a1", "b1", "a2", "b2"]


async def test_a_resumed_handler_may_wake_another(inbox, start):
    other = Inbox(asyncio.get_running_loop(), Pipe(), 100_000)

    async def pass_on():
        while True:
            other.put(await inbox)
            if not isinstance(asyncio.current_task().get_coro(), type(None)):
                asyncio.get_running_loop().call_soon(other.wake)

    passing = start(pass_on())
    task = start(collect(other, got := [], 2))
    await settle()
    await bring(inbox, "1", "2")
    await task
    assert got == ["1", "2"]
    passing.cancel()


async def test_gather_and_task_groups(inbox, start):
    other = Inbox(asyncio.get_running_loop(), Pipe(), 100_000)

    async def one(box):
        return await box

    async def handle():
        gathered = await asyncio.gather(one(inbox), one(other))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(inbox)), group.create_task(one(other))]
        return [*gathered, *(task.result() for task in tasks)]

    task = start(handle())
    for i in range(2):
        await settle()
        await bring(inbox, f"a{i}")
        await bring(other, f"b{i}")
    assert await task == ["a0", "b0", "a1", "b1"]


async def test_inboxes_themselves_may_be_gathered(inbox, start):
    other = Inbox(asyncio.get_running_loop(), Pipe(), 100_000)

    async def handle():
        return await asyncio.gather(Next(inbox, RECEIVING), Next(other, RECEIVING))

    task = start(handle())
    await settle()
    await bring(inbox, "a")
    await bring(other, "b")
    assert await asyncio.wait_for(task, 1) == ["a", "b"]


async def test_the_first_of_several(inbox, start):
    async def handle():
        waiting = asyncio.ensure_future(Next(inbox, RECEIVING))
        timer = asyncio.ensure_future(tick("timer"))
        done, _ = await asyncio.wait([waiting, timer], return_when=asyncio.FIRST_COMPLETED)
        assert done == {timer}
        return await waiting

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    assert await asyncio.wait_for(task, 1) == "1"


async def test_a_failing_member_of_a_group_ends_the_waiting(inbox, start):
    async def fail():
        raise ZeroDivisionError

    async def handle():
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await inbox

    task = start(handle())
    with pytest.raises(ExceptionGroup):
        await task
    inbox.put("kept")
    assert await inbox == "kept"
