"""Who a session is for, and what comes with that: the answer of an application's connect hook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeAlias, get_args

import msgspec

from everywire.hub.access.capabilities import Capabilities
from everywire.hub.kinds import Action
from everywire.messages import Raw

__all__ = ["ANONYMOUS", "Identity", "Limits", "identity"]

Granted: TypeAlias = Mapping[str, Sequence[Action]]


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one session may use where that is not what the settings say; None leaves it to them.

    `commands` and `publishes` are per second, `bytes` are those received per second; `channels` is how many at once.
    """

    commands: float | None = None
    bytes: float | None = None
    publishes: float | None = None
    channels: int | None = None


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who connects: the `user`, None for an anonymous one, and what holds for this session.

    `expires` (seconds since 1970): the session is closed then, unless it is refreshed. `info` is what others see of it, in place of
    what the client says about itself. `capabilities` are {pattern of channels: actions}: whoever has any may do nothing else, whatever
    the channels' rules allow; and a rule may still say no. `channels` are those that the server subscribes the session to. `issued`
    (seconds since 1970) and `token` (its id) are what a revocation goes by.

    It can be encoded as it is, and read again by another node.
    """

    user: str | None = None
    expires: float | None = None
    info: Any = None
    capabilities: Granted | None = None
    channels: tuple[str, ...] = ()
    limits: Limits | None = None
    issued: float | None = None
    token: str | None = None

    def __post_init__(self) -> None:
        said: tuple[tuple[str, object, type | tuple[type, ...]], ...] = (
            ("user", self.user, str),
            ("token", self.token, str),
            ("expires", self.expires, (int, float)),
            ("issued", self.issued, (int, float)),
            ("limits", self.limits, Limits),
        )
        for name, value, kind in said:
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"an identity's {name} is not {value!r}")
        if self.expires is not None and not math.isfinite(self.expires):
            raise ValueError("an identity expires at a time, in seconds since 1970")
        channels: object = self.channels
        if isinstance(channels, str):
            raise TypeError("an identity's channels are several names")
        _check_actions(self.capabilities or {})

    def expired(self, now: float) -> bool:
        """Say whether its time was over at `now`, in seconds since 1970."""
        return self.expires is not None and now >= self.expires

    def shown(self, said: Raw | None) -> Raw | None:
        """Give what others see: `info`, or else what the client `said` about itself."""
        return Raw(msgspec.json.encode(self.info)) if self.info is not None else said

    def among(self, channels: Iterable[str]) -> Self:
        """Give the same for a session that the server subscribes to `channels`, each once."""
        return msgspec.structs.replace(self, channels=tuple(dict.fromkeys(channels)))

    def granted(self) -> Capabilities | None:
        """Give the capabilities, ready to be asked."""
        return Capabilities(self.capabilities) if self.capabilities is not None else None


def _check_actions(capabilities: Mapping[Any, Any]) -> None:
    for pattern, actions in capabilities.items():
        if not isinstance(pattern, str) or isinstance(actions, str):
            raise TypeError("capabilities are {pattern: [actions]}")
        if unknown := set(actions) - {*get_args(Action)}:
            raise ValueError(f"capabilities on {pattern!r}: no such action: {', '.join(sorted(map(str, unknown)))}")


ANONYMOUS: Final = Identity()


def identity(said: object) -> Identity:
    """Read what a connect hook returned: an identity, a user's name or None; raises `TypeError` for anything else."""
    if isinstance(said, Identity):
        return said
    if said is None:
        return ANONYMOUS
    if isinstance(said, str):
        return Identity(said)
    raise TypeError(f"the connect hook gives a user's name, an Identity or None, not {said!r}")
