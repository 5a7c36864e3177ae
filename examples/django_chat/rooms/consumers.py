"""Who is in a room, by a WebSocket of Channels: one consumer each."""

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer


class RoomConsumer(AsyncWebsocketConsumer):
    """Tells its page what is said in the room, and the room what its page says."""

    async def connect(self) -> None:
        self.group = f"room_{self.scope['url_route']['kwargs']['name']}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        said = json.loads(text_data or "{}")
        await self.channel_layer.group_send(self.group, {"type": "room.said", "text": str(said.get("text", ""))})

    async def room_said(self, event: dict[str, Any]) -> None:
        """What a consumer, or a view, has said in the room."""
        await self.send(json.dumps({"text": event["text"]}))

    async def everywire_message(self, event: dict[str, Any]) -> None:
        """What a client of another library has published in the channel that the room is."""
        await self.send(json.dumps({"text": event["data"]["text"]}))
