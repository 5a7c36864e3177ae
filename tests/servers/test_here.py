"""The worker that this process is."""

import asyncio
import os
from typing import Any, cast

from everywire.servers import here


def test_a_child_of_a_worker_is_none(monkeypatch):
    worker = cast(Any, object())
    assert here.worker() is None
    here.settle(worker)
    assert here.worker() is worker
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert here.worker() is None
    here.settle(None)


async def test_what_is_mounted_is_known_on_the_loop_that_it_runs_on():
    one, other = cast(Any, object()), cast(Any, object())
    here.mount(one)
    here.mount(other)
    here.unmount(other)
    assert here.mounted() == [one]
    here.unmount(one)
    assert here.mounted() == []


async def test_a_task_whose_client_somebody_else_lets_go_of_is_told_apart():
    async def talk() -> None:
        here.set_apart()

    task, another = asyncio.ensure_future(talk()), asyncio.ensure_future(asyncio.sleep(0))
    await asyncio.gather(task, another)
    assert here.apart(task)
    assert not here.apart(another)
