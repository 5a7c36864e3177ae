"""What applications give to a client: wrong types and values that make no sense, told where they are given."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, Iterable, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final

import msgspec

from everywire.client.wire import Policy, Position

__all__ = [
    "callback",
    "choice",
    "count",
    "instance",
    "milliseconds",
    "names",
    "number",
    "only",
    "shape",
    "source",
    "text",
    "way",
]

_WAY: Final = frozenset(
    {"headers", "origin", "user_agent", "proxy", "ssl", "server_hostname", "max_redirects", "engine"}
)


def way(what: str, options: Mapping[str, Any]) -> None:
    """Raise TypeError for options of `everywire.connect` that are given where they go by `connect`."""
    for name in options:
        if name in _WAY:
            raise TypeError(f"{what}: {name} is an option of the connection: connect={{{name!r}: …}}")


def instance(name: str, value: Any, kind: type, what: str) -> None:
    """Raise TypeError unless `value` is a `kind`, which `what` says in words."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {what}, not {value!r:.80}")


def text(name: str, value: Any, *, none: bool = False) -> None:
    """Raise TypeError for what is not text, `none` aside."""
    if not (none and value is None):
        instance(name, value, str, "text")


def number(name: str, value: Any, *, positive: bool = True, none: bool = False) -> None:
    """Raise TypeError for what is no number, `ValueError` for nan, for what is negative and, if `positive`, for 0."""
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number, not {value!r:.80}")
    if not (value > 0 if positive else value >= 0):
        raise ValueError(f"{name} is {'more than 0' if positive else 'not negative'}, not {value!r}")


def count(name: str, value: Any, least: int = 0, *, none: bool = False) -> None:
    """Raise TypeError for what is no whole number, `ValueError` for less than `least`."""
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r:.80}")
    if value < least:
        raise ValueError(f"{name} is at least {least}, not {value!r}")


def milliseconds(name: str, seconds: float | None, *, positive: bool = False) -> int | None:
    """Give `seconds` as the wire has them, None for None; raises as `number` does, and `ValueError` for what is endless."""
    if seconds is None:
        return None
    number(name, seconds, positive=positive)
    if math.isinf(seconds):
        raise ValueError(f"{name} is a number of seconds with an end, not {seconds!r}")
    return max(round(seconds * 1000), int(positive))


def names(name: str, value: Any, what: str) -> None:
    """Raise TypeError for what is no sequence of texts; one text alone is none, though Python would take it for its letters."""
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{name} is a sequence of {what}, not {value!r:.80}")


def callback(name: str, value: Any) -> None:
    """Raise TypeError for what is neither None nor a plain function: nobody would await another."""
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        raise TypeError(f"{name} is a plain function, not {value!r:.80}")


def choice(policy: Any = None, since: Any = None) -> None:
    """Raise TypeError for what is no policy and no position, `ValueError` for a policy that would wait for ever."""
    if policy is not None:
        instance("policy", policy, Policy, 'a Policy, as Policy("latest", interval=0.1)')
        milliseconds("the policy's interval", policy.interval)
    if since is not None:
        instance("since", since, Position, "a Position, as a subscription's `position` is")


def only(verb: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise TypeError for an option that `verb` does not have."""
    if unknown := options.keys() - set(known):
        raise TypeError(f"{verb} has no option {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")


def source(items: Any) -> None:
    """Raise TypeError for what cannot be iterated over."""
    if items is not None:
        instance("items", items, AsyncIterable | Iterable, "an iterator, sync or async")  # type: ignore[arg-type]


def shape(kind: Any) -> None:
    """Raise TypeError for what is no type that data can be read as."""
    if kind is not Any:
        try:
            msgspec.json.Decoder(kind)
        except TypeError as error:
            raise TypeError(
                f"type is what the data is read as, a dataclass for one, not {kind!r:.80}: {error}"
            ) from None
