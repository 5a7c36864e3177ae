"""The channel layer itself, as Channels' specification wants it."""

from __future__ import annotations

import os
import re
import secrets
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from asgiref.sync import sync_to_async
from channels.exceptions import ChannelFull, MessageTooLarge
from channels.layers import BaseChannelLayer

from everywire.app import Everywire, running
from everywire.brokers.base import Holding
from everywire.django.layer import words
from everywire.django.layer.boxes import prefix_of
from everywire.django.layer.inside import Inside
from everywire.django.layer.outside import Outside
from everywire.django.layer.reading import read
from everywire.django.layer.settings import LayerSettings
from everywire.fitness import as_builtin
from everywire.hub.threads import started
from everywire.messages import Data, Member, Packed

__all__ = ["ChannelLayer"]

T = TypeVar("T")

_pack = msgspec.msgpack.Encoder(enc_hook=as_builtin).encode
_unpack = msgspec.msgpack.Decoder().decode


class ChannelLayer(BaseChannelLayer):
    """Channels and groups, which are channels of the hub. CONFIG is what docs/django-channels.md lists: seconds, messages, bytes.

    Raises `TypeError` for a name in it that there is not, `ValueError` for a value that is no number above zero where one is needed.

    May be used from any thread and event loop; in a fork's child it is a process of its own, with none of its parent's channels.

    Invariants: `_outside` is by way of the application that ran here last, None before anything is shared.
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
        self.forked()
        _layers.add(self)

    def forked(self) -> None:
        """Begin anew: this is another process."""
        self._lock = threading.Lock()
        self._inside = Inside(self.settings, self.get_capacity)
        self._outside: Outside | None = None

    # What may be looked at.

    @property
    def client_prefix(self) -> str:
        """The name of this process in those of its channels."""
        return self._inside.process

    @property
    def channels(self) -> dict[str, Any]:
        """The channels of this process that hold something, or have readers, by name."""
        return self._inside.boxes.channels

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """The groups that have members in this process, and when these were added."""
        return self._inside.groups.all

    @property
    def dropped(self) -> dict[str, int]:
        """How many messages were dropped in this process, by reason."""
        return {**self._inside.drops.counts}

    # Channels.

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send a message to a channel.

        Raises `ChannelFull`, `MessageTooLarge`, and `TypeError` for a name that is not valid, and for what is no message.
        """
        self.require_valid_channel_name(channel)
        data = self._packed(message)
        if self._is_here(channel):
            taken = self._inside.put(channel, data)
        elif (process := _process(channel)) is not None:
            taken = await self._shared(lambda outside: outside.send(process, channel, data))
        else:
            holding = self._holding(channel)
            taken = await self._shared(lambda outside: outside.push(channel, data, holding))
        if not taken:
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel. Of a name that ends with "!" that is one to any channel with that beginning: "__asgi_channel__" says which.

        Who is cancelled while it waits loses nothing. Raises `TypeError` for a name that is not valid, `AssertionError` for a channel of another process.
        """
        self.require_valid_channel_name(channel)
        if not self._is_here(channel):
            if "!" in channel:
                raise AssertionError(f"{channel} is not a channel of this process, {self.client_prefix}")
            return self._read(await read(await self._reach(), channel))
        name, data = await self._inside.boxes.get(channel)
        message = self._read(data)
        if name != channel:
            message["__asgi_channel__"] = name
        return message

    async def new_channel(self, prefix: str = "specific") -> str:
        """Give a new channel of this process."""
        return f"{prefix}.{self.client_prefix}!{secrets.token_hex(8)}"

    # Groups.

    async def group_add(self, group: str, channel: str) -> None:
        """Have a channel in a group, for `group_expiry` seconds from now."""
        self._check(group, channel)
        if self._is_here(channel):
            self._inside.join(group, channel)
            if self.settings.shared:
                await self._shared(lambda outside: outside.open(group))
        elif (process := _process(channel)) is not None:
            await self._shared(lambda outside: outside.join(process, group, channel))
        else:
            holding = self._holding(channel)
            await self._shared(lambda outside: outside.bind(group, channel, holding, self.group_expiry))

    async def group_discard(self, group: str, channel: str) -> None:
        """Have it there no longer."""
        self._check(group, channel)
        if self._is_here(channel):
            if self._inside.groups.discard(group, channel) and self.settings.shared:
                await self._shared(lambda outside: outside.shut(group))
        elif (process := _process(channel)) is not None:
            await self._shared(lambda outside: outside.leave(process, group, channel))
        else:
            await self._shared(lambda outside: outside.unbind(group, channel))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to all channels in a group, and to the clients subscribed to the channel that it is.

        Channels that are full do not get it, which is counted. Raises `MessageTooLarge`, and `TypeError` as `send` does.
        """
        self.require_valid_group_name(group)
        if self.settings.shared:
            data = self._said(words.encoded, message)
            await self._shared(lambda outside: outside.publish(group, data))
        else:
            self._inside.deliver(group, self._packed(message))

    async def group_members(self, group: str) -> list[Member]:
        """Give who is in a group: channels, whose `dialect` is "channels", and clients, where the hub's channel has presence."""
        self.require_valid_group_name(group)
        if self.settings.shared:
            return await self._shared(lambda outside: outside.members(group))
        return [Member(name, dialect=words.DIALECT) for name in self._inside.members_here(group)]

    # Flush, and the end.

    async def flush(self) -> None:
        """Have no messages and no groups, in any process."""
        self._inside.clear()
        if self.settings.shared:
            await self._shared(lambda outside: outside.flush())

    async def close(self) -> None:
        """Let go of what was opened; the layer may be used again."""
        with self._lock:
            outside, self._outside = self._outside, None
        if outside is not None:
            outside.end()

    # How a message is said.

    def serialize(self, message: Any) -> bytes:
        """Give a message as MessagePack."""
        return _pack(message)

    def deserialize(self, message: bytes) -> Any:
        """Read a message."""
        return _unpack(message)

    def _packed(self, message: Any) -> Packed:
        return self._said(lambda said: Packed(self.serialize(said)), message)

    def _said(self, encode: Callable[[dict[str, Any]], D], message: Any) -> D:
        """Give what is written of a message; raises `TypeError` for what is none, whatever is wrong with it, and `MessageTooLarge`."""
        if not isinstance(message, dict):
            raise TypeError(f"a message is a dict, not {message!r:.80}")
        try:
            data = encode(message)
        except (TypeError, ValueError, OverflowError, RecursionError) as fault:
            raise TypeError(f"a message that cannot be sent: {fault}") from fault
        if len(data) > self.settings.max_size:
            raise MessageTooLarge(f"{len(data)} bytes, and {self.settings.max_size} at most")
        return data

    def _read(self, data: Data) -> dict[str, Any]:
        message: dict[str, Any] = self.deserialize(data) if isinstance(data, Packed) else words.decoded(data)
        return message

    # Which way.

    def _is_here(self, channel: str) -> bool:
        """Say whether a channel is of this process; all are, where nothing is shared."""
        return not self.settings.shared or _process(channel) == self.client_prefix

    def _check(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)

    def _holding(self, channel: str) -> Holding:
        return Holding(self.get_capacity(channel), self.expiry)

    async def _shared(self, ask: Callable[[Outside], Coroutine[Any, Any, T]]) -> T:
        """Give what others answer; asked on the hub's loop."""
        outside = await self._reach()
        return await started(outside.world, lambda: ask(outside))

    async def _reach(self) -> Outside:
        """Give the way out: by the application that runs here, or one begun for that."""
        outside = self._outside
        if outside is None or outside.app is not running.latest():
            outside = self._by_way_of(await sync_to_async(_application, thread_sensitive=False)())
        if not outside.begun:
            await started(outside.world, outside.begin)
        return outside

    def _by_way_of(self, app: Everywire) -> Outside:
        with self._lock:
            before = self._outside
            if before is not None and before.app is app:
                return before
            self._outside = Outside(app, self._inside, self.settings.prefix, before)
            return self._outside


D = TypeVar("D", bound=Data)
_layers: Final[weakref.WeakSet[ChannelLayer]] = weakref.WeakSet()


def _application() -> Everywire:
    from everywire.django.process import (
        hub_of_process,
    )  # it reads Django's settings, which a layer of one process need not have

    return hub_of_process()


def _forked() -> None:
    for each in [*_layers]:
        each.forked()


os.register_at_fork(after_in_child=_forked)


def _process(channel: str) -> str | None:
    """Give the process that a channel belongs to; None for a channel of all."""
    return prefix_of(channel)[:-1].rpartition(".")[2] if "!" in channel else None
