"""Threads whose connections to the database are looked after."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from everywire.django.threads import SiteWorld, closing

pytestmark = pytest.mark.usefixtures("database")


def asked() -> tuple[bool, int]:
    """Say whether there was a connection already, and in which thread; and open one."""
    open_before = connection.connection is not None
    connection.ensure_connection()
    return open_before, threading.get_ident()


def test_what_is_too_old_is_closed_before_and_after():
    for _ in range(2):
        assert closing(asked)()[0] is False
        assert connection.connection is None
    with pytest.raises(ZeroDivisionError):
        closing(lambda: (asked(), 1 / 0))()
    assert connection.connection is None


async def test_what_runs_aside_leaves_none_open():
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    world = SiteWorld(loop)
    first = await world.aside(asked)
    second = await world.aside(asked)
    assert (first[0], second[0], first[1] == second[1]) == (False, False, True)
