"""The channel layer itself, as Channels' specification wants it."""

from __future__ import annotations

import re
import secrets
from typing import Any, ClassVar, Final

import msgspec
from channels.exceptions import ChannelFull, MessageTooLarge
from channels.layers import BaseChannelLayer

from everywire.django.layer.boxes import Boxes
from everywire.django.layer.drops import Drop, Drops
from everywire.django.layer.groups import Groups
from everywire.django.layer.settings import LayerSettings
from everywire.messages import Data, Packed

__all__ = ["ChannelLayer"]

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_parse = msgspec.json.Decoder().decode


class ChannelLayer(BaseChannelLayer):
    """Channels and groups. CONFIG is what `LayerSettings` has.

    May be used from any thread and event loop.
    """

    extensions: ClassVar = ["groups", "flush"]
    ChannelFull = ChannelFull
    MessageTooLarge = MessageTooLarge
    channel_name_regex = re.compile(r"[a-zA-Z\d\-_.]+(![\d\w\-_.]*)?\Z")  # "$" lets a line's end pass
    group_name_regex = re.compile(r"[a-zA-Z\d\-_.]+\Z")

    def __init__(self, **config: Any) -> None:
        settings = self.settings = LayerSettings.read(config)
        super().__init__(expiry=settings.expiry, capacity=settings.capacity)
        self.channel_capacity = self.compile_capacities(settings.channel_capacity)
        self.group_expiry = settings.group_expiry
        self.client_prefix = secrets.token_hex(6)
        self._drops: Final = Drops(settings.on_drop)
        self._boxes = Boxes(self.expiry, self.get_capacity, self._over)
        self._groups = Groups(self.group_expiry)

    # What may be looked at.

    @property
    def channels(self) -> dict[str, Any]:
        """The channels of this process that hold something, or have readers, by name."""
        return self._boxes.channels

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """The groups that have members in this process, and when these were added."""
        return self._groups.all

    @property
    def dropped(self) -> dict[str, int]:
        """How many messages were dropped in this process, by reason."""
        return {**self._drops.counts}

    # Channels.

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send a message to a channel.

        Raises `ChannelFull`, `MessageTooLarge`, and `TypeError` for a name that is not valid, and for what is no message.
        """
        self.require_valid_channel_name(channel)
        if not self._boxes.put(channel, self._packed(message)):
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel. Of a name that ends with "!" that is one to any channel with that beginning: "__asgi_channel__" says which.

        Who is cancelled while it waits loses nothing. Raises `TypeError` for a name that is not valid.
        """
        self.require_valid_channel_name(channel)
        name, data = await self._boxes.get(channel)
        message: dict[str, Any] = _parse(data) if not isinstance(data, Packed) else self.deserialize(data)
        if name != channel:
            message["__asgi_channel__"] = name
        return message

    async def new_channel(self, prefix: str = "specific") -> str:
        """Give a new channel of this process."""
        return f"{prefix}.{self.client_prefix}!{secrets.token_hex(8)}"

    # Groups.

    async def group_add(self, group: str, channel: str) -> None:
        """Have a channel in a group, for `group_expiry` seconds from now."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        self._groups.add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Have it there no longer."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        self._groups.discard(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to all channels in a group; those that are full do not get it, which is counted. Raises `MessageTooLarge`."""
        self.require_valid_group_name(group)
        self._deliver(group, self._packed(message))

    def _deliver(self, group: str, data: Data) -> None:
        """Put a message into the boxes of the group's members here."""
        members = self._groups.members(group)
        if members and (full := self._boxes.put_all(members, data)):
            self._drops.full(group, full, len(members))

    # Flush, and the end.

    async def flush(self) -> None:
        """Have no messages and no groups."""
        self._boxes.clear()
        self._groups.clear()

    async def close(self) -> None:
        """Let go of what was opened; the layer may be used again."""

    # How a message is said.

    def serialize(self, message: Any) -> bytes:
        """Give a message as MessagePack."""
        return _pack(message)

    def deserialize(self, message: bytes) -> Any:
        """Read a message."""
        return _unpack(message)

    def _packed(self, message: dict[str, Any]) -> Packed:
        if not isinstance(message, dict):
            raise TypeError(f"a message is a dict, not {message!r:.80}")
        data = Packed(self.serialize(message))
        if len(data) > self.settings.max_size:
            raise MessageTooLarge(f"{len(data)} bytes, and {self.settings.max_size} at most")
        return data

    def _over(self, channel: str, count: int) -> None:
        self._drops.tell(Drop("expired", channel, count=count))
