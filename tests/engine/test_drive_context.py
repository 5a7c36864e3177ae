"""What a driven handler sees of itself: its task, its context, its stack."""

import asyncio
import contextvars
import io
import weakref

import pytest
from tests.engine.turns import bring, collect, driven, settle, turn
from tests.ws.raw import Pipe

from everywire.engine.inbox import READY, Inbox

WHO = contextvars.ContextVar("who", default="nobody")


async def tick(value):
    await asyncio.sleep(0)
    return value


# What a handler sees of itself


async def test_the_current_task_is_the_handlers_own(inbox, start):
    async def handle():
        seen = []
        for _ in range(3):
            seen.append(asyncio.current_task())
            await inbox
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        return seen

    task = start(handle())
    for _ in range(3):
        await settle()
        await turn(lambda: inbox.put("x"), inbox.wake, lambda: None)
    assert await task == [task] * 4


async def test_no_task_is_current_after_the_turn(inbox):
    task = driven(collect(inbox, [], 1))
    await settle()
    seen = []
    await turn(lambda: inbox.put("x"), inbox.wake, lambda: seen.append(asyncio.current_task()))
    assert seen == [None]
    await task


async def test_context_variables_are_the_handlers_own(inbox, start):
    async def handle(name):
        seen = [WHO.get()]
        WHO.set(name)
        for _ in range(2):
            await inbox
            seen.append(WHO.get())
        return seen

    WHO.set("test")
    task = start(handle("handler"))
    for _ in range(2):
        await settle()
        await bring(inbox, "x")
    assert await task == ["test", "handler", "handler"]
    assert WHO.get() == "test"


async def test_context_managers_of_tasks_work_inside(inbox, start):
    async def handle():
        async with asyncio.timeout(5):
            await inbox
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        async with asyncio.Lock():
            return await inbox

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    await settle()
    await bring(inbox, "2")
    assert await task == "2"


async def test_tasks_started_from_the_turn_run(inbox, start):
    async def handle():
        await inbox
        child = asyncio.create_task(tick("child"))
        return await child

    task = start(handle())
    await settle()
    await bring(inbox, "1")
    assert await task == "child"


async def test_a_stack_can_be_printed(inbox, start):
    async def waiting_handler():
        await inbox

    task = start(waiting_handler())
    await settle()
    out = io.StringIO()
    task.print_stack(file=out)
    assert "waiting_handler" in out.getvalue()
    assert "waiting_handler" in repr(task)
    assert task.get_stack()
    assert task in asyncio.all_tasks()
    await bring(inbox, "1")
    await task


async def test_the_debug_mode_of_the_loop(inbox, start):
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        task = start(collect(inbox, [], 2))
        for _ in range(2):
            await settle()
            await bring(inbox, "x")
        assert await task == 2
    finally:
        loop.set_debug(False)


async def test_keyboard_interrupts_are_not_swallowed(inbox):
    class Interrupt(BaseException):
        pass

    async def handle():
        await inbox
        raise Interrupt

    task = driven(handle())
    await settle()
    await bring(inbox, "1")
    with pytest.raises(Interrupt):
        await task


def test_a_loop_that_ends_ends_its_handlers():
    ended = []

    async def handle(inbox):
        try:
            await inbox
        finally:
            ended.append(True)

    async def main():
        task = driven(handle(Inbox(asyncio.get_running_loop(), Pipe(), 100_000)))
        await settle()
        return weakref.ref(task)

    asyncio.run(main())
    assert ended == [True]


async def test_what_is_ready_is_there_at_once():
    assert await READY is None
    assert await READY is None
