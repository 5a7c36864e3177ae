"""npm's client with several workers behind one port: when the one that holds its session is killed, it is told so, and may begin anew."""

import os
import signal
from urllib.parse import urlsplit

import pytest
from tests.cli import several
from tests.dialects.sockjs.client import TRANSPORTS
from tests.variants import everyday

MORE = """
app.sockjs(speaks="text", handler="pid")
"""


@pytest.mark.parametrize("transport", everyday(TRANSPORTS, "xhr-polling"))
async def test_its_worker_is_killed(clients, tmp_path, transport):
    async with several.serving(tmp_path, more=MORE) as (run, address):
        url = f"http://{urlsplit(address).netloc}/sockjs"
        client = await clients.connect(url, transport)
        await client.next("open")
        await client.send("which")
        worker = int((await client.messages(1))[0])
        os.kill(worker, signal.SIGKILL)
        if transport not in (
            "xhr-streaming",
            "eventsource",
        ):  # of a stream that breaks off, the client in Node may learn nothing
            closed = await client.next("close")
            assert (closed["code"], closed["clean"]) == (1006, False)
        await run.says(r"worker \d \(pid \d+\) was killed by SIGKILL; another is started")
        again = await clients.connect(url, transport)
        await again.next("open")
        await again.send("which")
        assert int((await again.messages(1))[0]) != worker
