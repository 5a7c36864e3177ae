"""A plugin for pytest: the layers of Channels and channels_redis are ours, before their tests import them.

They are made with the arguments that the tests give, less `hosts`. What the tests reach for inside channels_redis' own layer, and which has a meaning
beyond Redis, leads to the same of ours: to close its pools, to cut its connection, to count the loops that it holds something for.
"""

import asyncio
import os
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

if os.environ.get("SUITE") == "channels_redis":
    settings.configure(SECRET_KEY="of a test", EVERYWIRE={})
    django.setup()

import channels.layers

from everywire.django import ChannelLayer


class InMemory(ChannelLayer):
    """In the place of `channels.layers.InMemoryChannelLayer`: of one process."""

    def __init__(self, **config: Any) -> None:
        super().__init__(shared=False, **config)


class Redis(ChannelLayer):
    """In the place of `channels_redis.core.RedisChannelLayer`."""

    def __init__(self, hosts: Any = None, **config: Any) -> None:
        super().__init__(**config)

    async def close_pools(self) -> None:
        await self.close()


class PubSub(Redis):
    """In the place of `channels_redis.pubsub.RedisPubSubChannelLayer`. One of its tests sends a text, which is no message: it is carried in one."""

    async def send(self, channel: str, message: Any) -> None:
        await super().send(channel, message if isinstance(message, dict) else {"text alone": message})

    async def receive(self, channel: str) -> Any:
        message = await super().receive(channel)
        return message.get("text alone", message)

    @property
    def _shards(self) -> list[Any]:
        return [SimpleNamespace(_redis=self)]

    @property
    def _layers(self) -> dict[Any, Any]:
        return {reader.get_loop(): box for box in self.channels.values() for reader in box.waiting}


async def cut(layer: ChannelLayer) -> None:
    """Cut the layer's link to its broker, in the place of `channels_redis.utils._close_redis`."""
    outside = await layer._reach()
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lose() -> None:
        outside.app.hub.broker._give_up("it is cut, as the test wants it")
        loop.call_soon_threadsafe(done.set)

    outside.world.hop(lose)
    await done.wait()


channels.layers.InMemoryChannelLayer = InMemory
if os.environ.get("SUITE") == "channels_redis":
    import channels_redis.core
    import channels_redis.pubsub
    import channels_redis.utils

    channels_redis.core.RedisChannelLayer = Redis
    channels_redis.pubsub.RedisPubSubChannelLayer = PubSub
    channels_redis.utils._close_redis = cut
