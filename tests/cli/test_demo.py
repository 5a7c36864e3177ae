"""The chat as a command."""

import asyncio
import socket
import urllib.request
from random import Random

from tests.cli.commands import started

from everywire.cli.demo import introduction
from everywire.client.hub import Client, State


async def test_the_chat_is_served_and_ends_well():
    async with started("demo", "--host", "127.0.0.1", "--port", "0") as demo:
        port = await demo.port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"<title>" in page.read()
        away = asyncio.get_running_loop().create_future()
        client = Client(
            f"ws://127.0.0.1:{port}/everywire",
            on_state=lambda change: away.set_result(change.code) if change.state is State.WAITING else None,
            backoff=(60, 60),
            dice=Random(1),
        )
        async with client:
            room = client.subscribe("room:lobby", rewind=10)
            assert (await room.publish({"kind": "message", "text": "Hello!"})).offset == 1
            assert await demo.end() == 0
            assert await away == 1001


async def test_a_taken_port_is_told_and_another_one_is_taken():
    """Only where the port was not asked for."""
    blocker = socket.socket()
    with blocker:
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            blocker.bind(("127.0.0.1", 8000))
            blocker.listen()
        except OSError:
            pass  # somebody else has it, which serves as well
        async with started("demo", "--host", "127.0.0.1") as demo:
            told = await demo.says(r"Port 8000 is taken, so this is port (\d+)\.")
            assert await demo.port() == int(told[1])
            assert await demo.end() == 0
        async with started("demo", "--host", "127.0.0.1", "--port", "8000") as demo:
            assert await demo.exit() == 2
            assert "port 8000 is taken" in demo.said


def test_every_address_is_shown():
    text = introduction(["http://localhost:8000", "http://192.0.2.7:8000"])
    assert "http://localhost:8000/" in text
    assert "http://192.0.2.7:8000/" in text
    assert "http://localhost:8000/?guest" in text
    assert "Ctrl-C" in text
