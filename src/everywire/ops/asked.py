"""What is asked of the administration: the bodies of its requests."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from everywire.errors import sendable
from everywire.messages import Audience, EntryChange

__all__ = ["MOST", "Kick", "Publication", "Publish", "Revoke", "Unsubscribe"]

MOST: Final = 1_000  # publications of one batch; channels of one list

_NO_DATA: Final = msgspec.Raw()  # where none was said, which is not null
_NULL: Final = msgspec.Raw(b"null")
_Name = Annotated[str, msgspec.Meta(min_length=1)]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Exclude = Annotated[list[Annotated[str, msgspec.Meta(max_length=128)]], msgspec.Meta(max_length=64)]


class To(msgspec.Struct, forbid_unknown_fields=True):
    """Who alone is told: a session or a user."""

    session: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    user: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class Publication(msgspec.Struct, forbid_unknown_fields=True):
    """One publication: `channel`, `data`, and what the command of the native wire has beside them. Times in milliseconds."""

    channel: _Name
    data: msgspec.Raw = _NO_DATA
    key: _Key | None = None
    ephemeral: bool = False
    entry: _Key | None = None
    expect: _Count | None = None
    ttl: _Count | None = None
    remove: bool = False
    exclude: _Exclude = []
    to: To | None = None

    def __post_init__(self) -> None:
        _check_entry(self)
        _check_data(self)

    def audience(self) -> Audience | None:
        """Give whom it is for, None where it is for everybody."""
        to = self.to or To()
        if not self.exclude and to.session is None and to.user is None:
            return None
        return Audience(tuple(self.exclude), to.session, to.user)

    def change(self) -> EntryChange | None:
        """Give what it does to a keyed channel."""
        if self.entry is None:
            return None
        return EntryChange(self.entry, self.expect, self.ttl / 1000 if self.ttl else None, self.remove)


class Publish(msgspec.Struct, forbid_unknown_fields=True):
    """A publication, or a `batch` of them."""

    channel: _Name | None = None
    data: msgspec.Raw = _NO_DATA
    key: _Key | None = None
    ephemeral: bool = False
    entry: _Key | None = None
    expect: _Count | None = None
    ttl: _Count | None = None
    remove: bool = False
    exclude: _Exclude = []
    to: To | None = None
    batch: Annotated[list[Publication], msgspec.Meta(max_length=MOST)] | None = None

    def __post_init__(self) -> None:
        if (self.channel is None) == (self.batch is None):
            raise ValueError("either a `channel` or a `batch` is needed")
        _check_entry(self)
        if self.batch is None:
            _check_data(self)

    def only(self) -> Publication:
        """Give the one publication."""
        return Publication(**{name: getattr(self, name) for name in Publication.__struct_fields__})


def _check_entry(asked: Publication | Publish) -> None:
    """Raise `ValueError` for what is about an entry where none is named: nothing would be compared, and nothing removed."""
    if asked.entry is None and (asked.expect is not None or asked.ttl is not None or asked.remove):
        raise ValueError("`expect`, `ttl` and `remove` are about an `entry`, which is missing")


def _check_data(asked: Publication | Publish) -> None:
    """Raise `ValueError` where there is nothing to publish; what removes an entry says null."""
    if not asked.data:
        if not asked.remove:
            raise ValueError("`data` is missing; it may be null")
        asked.data = _NULL


class Kick(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to kick out: a user or a session."""

    user: str | None = None
    session: str | None = None
    code: int = 4404
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""

    def __post_init__(self) -> None:
        if (self.user is None) == (self.session is None):
            raise ValueError("either a `user` or a `session` is needed")
        if not sendable(self.code):
            raise ValueError(f"{self.code} is no close code that can be sent")


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

    def __post_init__(self) -> None:
        if (self.user is None) == (self.token is None):
            raise ValueError("either a `user` or a `token` is needed")
