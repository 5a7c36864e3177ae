"""A time that is up says for what it was."""

import asyncio

import pytest

from everywire.client.waiting import within


async def test_it_says_what_was_waited_for_and_how_long():
    with pytest.raises(TimeoutError, match=r"^no answer within 0.01 s$"):
        async with within(0.01, "no answer"):
            await asyncio.Event().wait()


async def test_an_error_of_the_bodys_own_passes():
    with pytest.raises(TimeoutError, match="mine"):
        async with within(5, "no answer"):
            raise TimeoutError("mine")


async def test_without_an_end_it_waits_as_long_as_it_takes():
    async with within(None, "no answer") as limit:
        assert limit.when() is None
