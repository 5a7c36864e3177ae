"""Several workers as real processes."""

import asyncio

from tests.cli.several import serving, spread

PATIENCE = 20


async def test_a_message_crosses_from_one_worker_to_another(tmp_path):
    async with serving(tmp_path) as (run, address), spread(address, 2) as clients:
        ann, ben = clients.values()
        heard = ben.subscribe("log:a")
        await heard.ready()
        await ann.publish("log:a", "hello")
        async with asyncio.timeout(PATIENCE):
            async for publication in heard:
                assert publication.data == "hello"
                break
        assert await run.end() == 0
