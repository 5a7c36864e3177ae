"""A group and the clients of every dialect: what is sent to it reaches them, and what they publish reaches its consumers."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from conformance.one_channel.clients import Node, Python, Remote
from conformance.one_channel.families import FAMILIES, PACKAGES
from conformance.one_channel.meeting import CHANNEL, application
from tests.conftest import need

import testbed
from everywire.django import ChannelLayer

NAMES = (
    "python",
    "typescript",
    "ws",
    "socketio-websocket",
    "socketio-polling",
    "signalr-websocket",
    "sockjs-websocket",
)


@pytest.mark.timeout(120)  # the first run fetches packages
async def test_clients_of_all_dialects_and_consumers_hear_each_other(node):
    packages = need(lambda: testbed.npm(*PACKAGES))
    prefix, _, group = CHANNEL.partition(":")
    layer = ChannelLayer(prefix=f"{prefix}:")
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        server = await stack.enter_async_context(application(packages).serving("127.0.0.1"))
        url = f"http://127.0.0.1:{server.port}"
        consumer = await layer.new_channel()
        await layer.group_add(group, consumer)
        program = await stack.enter_async_context(Node.running(node, packages))
        clients = {}
        for family in [each for each in FAMILIES if each.who in NAMES]:
            made = Python(family, url, CHANNEL) if family.home == "python" else Remote(family, program, url, CHANNEL)
            clients[family.who] = made
            await made.open()
            stack.push_async_callback(made.close)
        await layer.group_send(group, {"type": "chat.message", "who": "django", "n": 1})
        assert await layer.receive(consumer) == {"type": "chat.message", "who": "django", "n": 1}
        for who, client in clients.items():
            assert await client.heard(1, 30) == [("django", 1)], who
        for who, client in clients.items():
            await client.publish(1)
            message = await layer.receive(consumer)
            assert (message["type"], message["user"]) == ("everywire.message", who)
            assert (message["data"]["who"], message["data"]["n"]) == (who, 1)
        there = {each.user or each.dialect for each in await layer.group_members(group)}
        assert there == {*NAMES, "channels"}
