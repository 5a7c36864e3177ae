"""Kinds of channels: a pattern of names, what is kept, who may do what."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast
from uuid import UUID

from everywire.brokers.base import Retention
from everywire.hub.calling.shapes import Shape
from everywire.hub.channels.policies import Bounds
from everywire.messages import Member
from everywire.wildcards import covers, wild

if TYPE_CHECKING:
    from everywire.hub.access.identity import Identity

__all__ = ["ACTIONS", "Access", "Action", "ChannelKind", "Kinds", "ParameterType", "Place", "Presence", "Rule"]

Action: TypeAlias = Literal["subscribe", "publish", "history", "presence"]
ParameterType: TypeAlias = Literal["str", "int", "uuid"]
Presence: TypeAlias = bool | Literal["sessions", "users"]
ACTIONS: tuple[Action, ...] = ("subscribe", "publish", "history", "presence")


@dataclass(frozen=True, slots=True)
class Access:
    """What a rule is asked: may `member` do `action` in `channel`, whose pattern took out `params`?

    If `wild`, `channel` is a name with wildcards and stands for many, and a parameter that it leaves open is "*" or ">". `request` is the one that
    opened the member's connection, None where there was none; `identity` what the application said of the member.
    """

    member: Member
    channel: str
    params: Mapping[str, Any]
    action: Action
    wild: bool = False
    request: Any = field(default=None, repr=False, compare=False)
    identity: Identity | None = field(default=None, repr=False, compare=False)


Rule: TypeAlias = bool | Callable[[Access], bool | Awaitable[bool]]
R = TypeVar("R", bound=Callable[[Access], bool | Awaitable[bool]])

_PARAMETER = re.compile(r"\{([a-z_][a-z0-9_]*)(?::(\w+))?\}")
_PLAIN_WORD = re.compile(r"[.:](?![^{}]*\})")  # what is between two words of a pattern, not within a parameter
# What a parameter may be, in one way of writing it only: two names must not be one channel.
_TYPES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "str": (r"[^:]+", str),
    "int": (r"0|-?[1-9][0-9]{0,17}", int),
    "uuid": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", UUID),
}


@dataclass(slots=True, eq=False)
class ChannelKind:
    """All channels whose names match `pattern`: "room:{name}" matches "room:kitchen", not "room:a:b".

    A `{parameter}` stands for one or more characters other than a colon, `{number:int}` for an integer, `{id:uuid}` for a UUID in lower case;
    rules and hooks are given them as such. An action without a rule is
    allowed to everyone who is connected. With `wildcards` many of them may be subscribed to as one. `shape` is what the data of
    every publication has to look like. `complete` makes, of a function that takes more than an `Access`, one that does not.
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
    complete: Callable[[str, Any], Any] | None = field(default=None, repr=False)

    @property
    def plain(self) -> str:
        """The pattern without its parameters' types."""
        return _PARAMETER.sub(r"{\1}", self.pattern)

    @property
    def parameters(self) -> dict[str, ParameterType]:
        """The types of the pattern's parameters by name, in its order."""
        return {name: cast("ParameterType", kind or "str") for name, kind in _PARAMETER.findall(self.pattern)}

    def __post_init__(self) -> None:
        said: object = self.presence  # it may be anything
        if said not in (False, True, "sessions", "users"):
            near = f"; did you mean '{said}s'?" if said in ("user", "session") else ""
            raise ValueError(
                f"channel pattern {self.pattern!r}: presence is True, False, 'sessions' or 'users', not {self.presence!r}{near}"
            )
        if self.leave_after < 0:
            raise ValueError(f"channel pattern {self.pattern!r}: leave_after is not negative")

    def allow(self, *actions: Action) -> Callable[[R], R]:
        """Make the decorated function, sync or async, the rule for `actions`; for all if none is named.

        It is given an `Access` and returns whether it is granted; it may raise `Refused` to say why not.
        """

        def decorate(rule: R) -> R:
            completed = rule if self.complete is None else self.complete(f"a rule of {self.pattern!r}", rule)
            self.rules.update(dict.fromkeys(actions or ACTIONS, completed))
            return rule

        return decorate


@dataclass(frozen=True, slots=True)
class Place:
    """One channel by name, with its kind and what the pattern took out of the name; or, if `wild`, all that the name matches."""

    name: str
    kind: ChannelKind
    params: Mapping[str, Any]
    wild: bool = False

    def has(self, other: Place) -> bool:
        """Say whether `other`, whose name this one matches, is one of those that the rule was asked about: of the same kind and parameters.

        In `game.{id}.{part}` an id may have a dot in it: "game.7.>" matches "game.7.b.a", too, which is of the game "7.b".
        """
        return self.kind is other.kind and all(
            word in ("*", ">") or word == other.params[name] for name, word in self.params.items()
        )


@dataclass(frozen=True, slots=True)
class _Template:
    """A pattern, understood: `expression` matches its names, `types` read what its parameters stand for."""

    expression: re.Pattern[str]
    types: Mapping[str, Callable[[str], Any]]
    literals: tuple[str, ...]

    def read(self, name: str) -> dict[str, Any] | None:
        """Give the parameters in `name`; None where it does not match."""
        match = self.expression.fullmatch(name)
        if match is None:
            return None
        return {parameter: self.types[parameter](word) for parameter, word in match.groupdict().items()}

    def has_all_of(self, other: _Template) -> bool:
        """Say whether each name of `other` is one of these: parameters in the same places, of the same type or any text."""
        if self.literals != other.literals:
            return False
        pairs = zip(self.types.values(), other.types.values(), strict=True)
        return all(mine in (str, others) for mine, others in pairs)


class Kinds:
    """All kinds of channels of one hub, asked in the order they were added; exact names come first."""

    def __init__(self) -> None:
        self._exact: dict[str, ChannelKind] = {}
        self._patterns: list[tuple[_Template, ChannelKind]] = []

    def __iter__(self) -> Iterator[ChannelKind]:
        yield from self._exact.values()
        yield from (kind for _, kind in self._patterns)

    def add(self, kind: ChannelKind) -> None:
        """Take up `kind`; raises `ValueError` for a pattern that is taken or makes no sense."""
        pattern = kind.pattern
        if not isinstance(pattern, str):
            raise TypeError(f"a channel's pattern is a text, not {pattern!r}")
        template = _template(pattern)
        if not pattern or self.with_pattern(pattern) is not None:
            raise ValueError(f"channel pattern {pattern!r} is empty or already there")
        for earlier, other in self._patterns:
            if template.types and earlier.has_all_of(template):
                raise ValueError(
                    f"channel pattern {pattern!r}: {other.pattern!r}, which comes before, has all these names"
                )
        if template.types:
            self._patterns.append((template, kind))
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
        for template, kind in self._patterns:
            if (params := template.read(name)) is not None:
                return Place(name, kind, params)
        return None

    def cover(self, name: str) -> Place | None:
        """Give the place of a name with wildcards: of the first kind that allows them and has channels that it may match."""
        for kind in self:
            if kind.wildcards and (params := covers(name, kind.plain)) is not None:
                found = _read_words(kind, params)
                if found is not None:
                    return Place(name, kind, found, wild=True)
        return None


def _read_words(kind: ChannelKind, words: Mapping[str, str]) -> dict[str, Any] | None:
    """Read the words that a name with wildcards has in the places of parameters; None where one of them fits no channel.

    A rule that refuses the number 7 has to be asked with the number 7, whatever is left open beside it.
    """
    found: dict[str, Any] = dict(words)
    for piece in _PLAIN_WORD.split(kind.pattern):
        template = _template(piece)
        named = [name for name in template.types if words[name] not in ("*", ">")]
        if not named:
            continue
        if (read := template.read(words[named[0]])) is None:
            return None
        found |= read
    return found


def _template(pattern: str) -> _Template:
    if wild(_PARAMETER.sub("x", pattern)):
        raise ValueError(
            f"channel pattern {pattern!r}: wildcards are for subscribers; declare parameters, as in 'room:{{name}}', and wildcards=True"
        )
    pieces = _PARAMETER.split(pattern)  # literal, name, type, literal, name, type, … literal
    literals, names, kinds = pieces[::3], pieces[1::3], [kind or "str" for kind in pieces[2::3]]
    if any("{" in piece or "}" in piece for piece in literals) or "" in literals[1:-1]:
        raise ValueError(f"channel pattern {pattern!r}: parameters are {{lower_case}}, text between them")
    if len({*names}) < len(names):
        raise ValueError(f"channel pattern {pattern!r}: two parameters have one name")
    if unknown := set(kinds) - set(_TYPES):
        raise ValueError(f"channel pattern {pattern!r}: {unknown.pop()!r} is none of {', '.join(_TYPES)}")
    expression = re.escape(literals[0])
    for name, kind, literal in zip(names, kinds, literals[1:], strict=True):
        expression += f"(?P<{name}>{_TYPES[kind][0]})" + re.escape(literal)
    types = {name: _TYPES[kind][1] for name, kind in zip(names, kinds, strict=True)}
    return _Template(re.compile(expression), types, tuple(literals))
