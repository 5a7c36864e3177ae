"""Kinds of channels: a pattern of names, what is kept, who may do what."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from everywire.brokers.base import Retention
from everywire.hub.policies import Bounds
from everywire.hub.shapes import Shape
from everywire.messages import Member
from everywire.wildcards import covers

__all__ = ["ACTIONS", "Access", "Action", "ChannelKind", "Kinds", "Place", "Presence", "Rule"]

Action: TypeAlias = Literal["subscribe", "publish", "history", "presence"]
Presence: TypeAlias = bool | Literal["sessions", "users"]
ACTIONS: tuple[Action, ...] = ("subscribe", "publish", "history", "presence")


@dataclass(frozen=True, slots=True)
class Access:
    """What a rule is asked: may `member` do `action` in `channel`, whose pattern took out `params`?"""

    member: Member
    channel: str
    params: Mapping[str, str]
    action: Action


Rule: TypeAlias = bool | Callable[[Access], bool | Awaitable[bool]]
R = TypeVar("R", bound=Callable[[Access], bool | Awaitable[bool]])

_PARAMETER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(slots=True, eq=False)
class ChannelKind:
    """All channels whose names match `pattern`: "room:{name}" matches "room:kitchen", not "room:a:b".

    A `{parameter}` stands for one or more characters other than a colon. An action without a rule is
    allowed to everyone who is connected. With `wildcards` many of them may be subscribed to as one. `shape` is what the data of
    every publication has to look like.
    """

    pattern: str
    retention: Retention = field(default_factory=Retention)
    presence: Presence = False
    leave_after: float = 0.0
    told: bool = False
    wildcards: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    rules: dict[Action, Rule] = field(default_factory=dict)
    shape: Shape | None = None

    def __post_init__(self) -> None:
        if self.presence not in (False, True, "sessions", "users") or self.leave_after < 0:
            raise ValueError(
                f"channel pattern {self.pattern!r}: presence is a bool, 'sessions' or 'users', leave_after not negative"
            )

    def allow(self, *actions: Action) -> Callable[[R], R]:
        """Make the decorated function, sync or async, the rule for `actions`; for all if none is named.

        It is given an `Access` and returns whether it is granted; it may raise `Refused` to say why not.
        """

        def decorate(rule: R) -> R:
            self.rules.update(dict.fromkeys(actions or ACTIONS, rule))
            return rule

        return decorate


@dataclass(frozen=True, slots=True)
class Place:
    """One channel by name, with its kind and what the pattern took out of the name; or, if `wild`, all that the name matches."""

    name: str
    kind: ChannelKind
    params: Mapping[str, str]
    wild: bool = False


class Kinds:
    """All kinds of channels of one hub, asked in the order they were added; exact names come first."""

    def __init__(self) -> None:
        self._exact: dict[str, ChannelKind] = {}
        self._patterns: list[tuple[re.Pattern[str], ChannelKind]] = []

    def __iter__(self) -> Iterator[ChannelKind]:
        yield from self._exact.values()
        yield from (kind for _, kind in self._patterns)

    def add(self, kind: ChannelKind) -> None:
        """Take up `kind`; raises `ValueError` for a pattern that is taken or makes no sense."""
        pattern = kind.pattern
        if not pattern or pattern in self._exact or any(pattern == k.pattern for _, k in self._patterns):
            raise ValueError(f"channel pattern {pattern!r} is empty or already there")
        expression, parameters = _expression(pattern)
        if parameters:
            self._patterns.append((expression, kind))
        else:
            self._exact[pattern] = kind

    def with_pattern(self, pattern: str) -> ChannelKind | None:
        """Give the kind that was added with `pattern`."""
        if (kind := self._exact.get(pattern)) is not None:
            return kind
        return next((kind for _, kind in self._patterns if kind.pattern == pattern), None)

    def find(self, name: str) -> Place | None:
        """Give the place that `name` names; None where no kind has it."""
        if (kind := self._exact.get(name)) is not None:
            return Place(name, kind, {})
        for expression, kind in self._patterns:
            if (match := expression.fullmatch(name)) is not None:
                return Place(name, kind, match.groupdict())
        return None

    def cover(self, name: str) -> Place | None:
        """Give the place of a name with wildcards: of the first kind that allows them and has channels that it may match."""
        for kind in [*self._exact.values(), *(kind for _, kind in self._patterns)]:
            if kind.wildcards and (params := covers(name, kind.pattern)) is not None:
                return Place(name, kind, params, wild=True)
        return None


def _expression(pattern: str) -> tuple[re.Pattern[str], int]:
    pieces = _PARAMETER.split(pattern)  # literal, name, literal, name, … literal
    literals, names = pieces[::2], pieces[1::2]
    if any("{" in piece or "}" in piece for piece in literals) or "" in literals[1:-1]:
        raise ValueError(f"channel pattern {pattern!r}: parameters are {{lower_case}}, text between them")
    expression = re.escape(literals[0])
    for name, literal in zip(names, literals[1:], strict=True):
        expression += f"(?P<{name}>[^:]+)" + re.escape(literal)
    return re.compile(expression), len(names)
