"""The control line: messages both ways, and its end."""

import asyncio
import socket

import pytest

from everywire.servers.workers.control import Adopt, Control, Drain, Drained, Ready, Release

MESSAGES = [Ready("/live", True), Drained(5), Drain(1.5, 100.0), Adopt(2), Release(2)]


async def line():
    near, far = socket.socketpair()
    heard, over = asyncio.Queue(), asyncio.Event()
    control = await Control.over(near, heard.put_nowait, over.set)
    return control, far, heard, over


async def test_messages_come_as_they_were_said():
    control, far, heard, over = await line()
    other = await Control.over(far, lambda _: None, lambda: None)
    for message in MESSAGES:
        other.say(message)
    assert [await heard.get() for _ in MESSAGES] == MESSAGES
    other.close()
    await over.wait()
    control.say(Ready())  # into the void


@pytest.mark.parametrize("nonsense", [b"{}\n", b"nonsense\n", b'{"type":"drain"}\n', b"x" * 5000])
async def test_nonsense_ends_the_line(nonsense):
    control, far, heard, over = await line()
    with far:
        far.send(nonsense)
        await over.wait()
    assert heard.empty()
    control.close()
