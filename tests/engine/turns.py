"""Turns without an engine: what happens outside of any task."""

import asyncio

from everywire.engine.drive import drive


def driven(coroutine):
    return drive(coroutine, asyncio.get_running_loop())


async def turn(*steps):
    """Run `steps` outside of any task, as an engine's turn does."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def run():
        assert asyncio.current_task() is None
        try:
            for step in steps:
                step()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    loop.call_soon(run)
    await done


async def bring(inbox, *messages):
    """Have a turn bring `messages`."""
    await turn(*(lambda message=message: inbox.put(message) for message in messages), inbox.wake)


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def collect(inbox, into, count):
    for _ in range(count):
        into.append(await inbox)
    return len(into)
