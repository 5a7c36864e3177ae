"""The half of a layer that is in this process: its boxes, its groups, what it drops."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from everywire.django.layer.boxes import Boxes
from everywire.django.layer.drops import Drop, Drops
from everywire.django.layer.groups import Groups
from everywire.django.layer.settings import LayerSettings
from everywire.messages import Data

__all__ = ["Inside"]


class Inside:
    """What one layer holds in this process; any thread may call it.

    `way` is the way out by which messages come in.

    Invariants: `process` is the name of the process in those of its channels; a fork's child has another.
    """

    def __init__(self, settings: LayerSettings, capacity: Callable[[str], int]) -> None:
        self.process: Final = secrets.token_hex(6)
        self.message_type: Final = settings.message_type
        self.drops: Final = Drops(settings.on_drop)
        self.boxes: Final = Boxes(settings.expiry, capacity, self._over)
        self.way: object = None
        self.groups: Final = Groups(settings.group_expiry)

    def _over(self, channel: str, count: int) -> None:
        self.drops.tell(Drop("expired", channel, count=count))

    def deliver(self, group: str, data: Data) -> bool:
        """Put a message into the boxes of the group's members here; false where there are none."""
        members = self.groups.members(group)
        if members and (full := self.boxes.put_all(members, data)):
            self.drops.full(group, full, len(members))
        return bool(members)

    def put(self, channel: str, data: Data) -> bool:
        """Put a message into a box; false where that is full."""
        return self.boxes.put(channel, data)

    def groups_here(self) -> list[str]:
        """Give the groups that have members here."""
        return [*self.groups.all]

    def members_here(self, group: str) -> list[str]:
        """Give these members."""
        return self.groups.members(group)

    def join(self, group: str, channel: str) -> None:
        """Have a channel in a group."""
        self.groups.add(group, channel)

    def leave(self, group: str, channel: str) -> None:
        """Have it there no longer."""
        self.groups.discard(group, channel)

    def clear(self) -> None:
        """Have no messages and no groups."""
        self.boxes.clear()
        self.groups.clear()

    def dropped(self, drop: Drop) -> None:
        """Take notice of messages that nobody gets."""
        self.drops.tell(drop)
