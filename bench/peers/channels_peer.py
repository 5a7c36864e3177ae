"""Django Channels with its layer in memory, on uvicorn: everybody is in one group, and what one says goes to the others."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from harness.serving import options, run, serve_asgi

given = options()
LAYER = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
settings.configure(CHANNEL_LAYERS={"default": LAYER})


class Fan(AsyncWebsocketConsumer):  # type: ignore[misc] # the package has no types
    async def connect(self) -> None:
        await self.channel_layer.group_add("bench", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("bench", self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = {"type": "publication", "data": text_data, "sender": self.channel_name}
        await self.channel_layer.group_send("bench", message)

    async def publication(self, message: dict[str, Any]) -> None:
        if message["sender"] != self.channel_name:
            await self.send(text_data=message["data"])


run(serve_asgi(Fan.as_asgi(), given), given.loop)
