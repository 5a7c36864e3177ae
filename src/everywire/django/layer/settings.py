"""What a channel layer may be told in CONFIG, with its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from everywire.django.layer.drops import OnDrop

__all__ = ["LayerSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSettings:
    """The settings of one layer. Raises `ValueError` for what is no number, or none above zero."""

    expiry: float = 60.0  # seconds for which a message waits for its reader
    group_expiry: float = 86_400.0  # seconds after the last `group_add` for which a channel is in a group
    capacity: int = 100  # messages that may wait in a channel
    channel_capacity: Mapping[Any, int] = field(
        default_factory=dict
    )  # the same by name, with wildcards: the first that fits
    max_size: int = 16 << 20  # bytes of a message, as MessagePack or JSON
    shared: bool = True  # False: this process alone; no hub, no clients, no other processes
    prefix: str = ""  # of the hub's channels that the groups are
    message_type: str | None = (
        "everywire.message"  # of what clients and the application publish there; None: consumers do not hear it
    )
    on_drop: OnDrop | str | None = None  # is told of each message that is dropped: a callable or its import path

    def __post_init__(self) -> None:
        for name in ("expiry", "group_expiry", "capacity", "max_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"CHANNEL_LAYERS: {name} is a number above zero, not {value!r}")

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> LayerSettings:
        """Take what CONFIG says; raises `TypeError` for what there is no setting for."""
        known = [each.name for each in fields(cls)]
        for name in config:
            if name not in known:
                close = get_close_matches(name, known, n=1)
                cure = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
                raise TypeError(f"CHANNEL_LAYERS: no setting {name!r}; {cure}")
        given = dict(config)
        if given.get("channel_capacity", {}) is None:
            del given["channel_capacity"]
        return cls(**given)
