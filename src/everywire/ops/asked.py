"""What is asked of the administration: the bodies of its requests."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from everywire.messages import EntryChange

__all__ = ["MOST", "Kick", "Publication", "Publish", "Revoke", "Unsubscribe"]

MOST: Final = 1_000  # publications of one batch; channels of one list

_Name = Annotated[str, msgspec.Meta(min_length=1)]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Publication(msgspec.Struct, forbid_unknown_fields=True):
    """One publication: `channel`, `data`, and what the command of the native wire has beside them. Times in milliseconds."""

    channel: _Name
    data: msgspec.Raw = msgspec.Raw(b"null")
    key: _Key | None = None
    ephemeral: bool = False
    entry: _Key | None = None
    expect: _Count | None = None
    ttl: _Count | None = None
    remove: bool = False

    def change(self) -> EntryChange | None:
        """Give what it does to a keyed channel."""
        if self.entry is None:
            return None
        return EntryChange(self.entry, self.expect, self.ttl / 1000 if self.ttl else None, self.remove)


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    """A publication, or a `batch` of them."""

    channel: _Name | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    key: _Key | None = None
    ephemeral: bool = False
    entry: _Key | None = None
    expect: _Count | None = None
    ttl: _Count | None = None
    remove: bool = False
    batch: Annotated[list[Publication], msgspec.Meta(max_length=MOST)] | None = None

    def only(self) -> Publication:
        """Give the one publication; raises `ValueError` without a channel."""
        if self.channel is None:
            raise ValueError("a channel or a batch is needed")
        return Publication(
            self.channel, self.data, self.key, self.ephemeral, self.entry, self.expect, self.ttl, self.remove
        )


class Kick(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to kick out: a user or a session."""

    user: str | None = None
    session: str | None = None
    code: int = 4404
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Unsubscribe(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to take out of which channel."""

    user: _Name
    channel: _Name
    reason: str = ""


class Revoke(msgspec.Struct, forbid_unknown_fields=True):
    """Whose tokens, or which, hold no longer: times in seconds."""

    user: str | None = None
    token: str | None = None
    before: float | None = None
    lasting: Annotated[float, msgspec.Meta(gt=0)] | None = None
