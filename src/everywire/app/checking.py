"""What makes no sense in a declaration: an error where it is written, which names the cure."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from everywire.configuration import Configuration
from everywire.errors import SettingError
from everywire.hub.channels.policies import Bounds
from everywire.hub.settings import Settings
from everywire.messages import PolicyKind

__all__ = [
    "check_application",
    "check_begins",
    "check_function",
    "check_handler",
    "check_kind",
    "check_known",
    "check_namespaces",
    "check_path",
    "check_personal",
    "check_place",
    "check_secrets",
    "check_sockjs",
    "found_path",
    "found_secrets",
]

_SHORTEST_SECRET = 16
_COUNTS = ("history", "keys", "entries", "max_size")
_TIMES = ("ttl", "window", "entry_ttl", "min_interval", "leave_after")
_FLAGS = ("keyed", "wildcards", "concurrent", "inline", "finish")
_RULES = ("may_subscribe", "may_publish", "may_history", "may_presence")
# (what is said in vain, without what else, the cure)
_VAIN = (
    ("ttl", "history", "history=100 keeps publications for that long"),
    ("entries", "keyed", "only a channel with keyed=True has entries"),
    ("entry_ttl", "keyed", "only a channel with keyed=True has entries"),
    ("leave_after", "presence", "say presence=True, or presence='users', too"),
    ("may_presence", "presence", "say presence=True, or presence='users', too"),
)
_AT_LEAST_ONE = (
    ("ttl", "nothing would be kept; history=0 keeps nothing"),
    ("entries", "nothing could be set; leave keyed out for a channel without entries"),
    ("max_size", "a queue has room for one publication at least"),
)


def check_application(path: str, settings: object, broker: object) -> None:
    """Raise `ValueError` or `TypeError` for what an application cannot be made of."""
    check_path("Everywire", path)
    if not isinstance(settings, Settings | None):
        raise TypeError(f"settings are a Settings(…), not {settings!r}")
    if broker is not None and not callable(broker) and not isinstance(broker, str):
        raise TypeError(f"a broker is a URL, or a function of a World and a Metrics, which makes one, not {broker!r}")


def check_secrets(where: str, secrets: Iterable[str]) -> None:
    """Raise `ValueError` for secrets that could be guessed."""
    if any(len(secret) < _SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"{where}: a secret has at least {_SHORTEST_SECRET} characters")


def found_secrets(configuration: Configuration) -> tuple[str, ...]:
    """Give the secrets that are said from outside, by EVERYWIRE_SECRET for instance; raises `SettingError` for those that could be guessed."""
    said = configuration.settings.get(("secret",))
    if said is None:
        return ()
    try:
        check_secrets(said.where, said.value)
    except ValueError as error:
        raise SettingError(*error.args) from None
    return tuple(said.value)


def found_path(configuration: Configuration) -> str | None:
    """Give the path that is said from outside, if one is; raises `SettingError` for what is none."""
    said = configuration.settings.get(("path",))
    if said is None or not said.value:
        return None
    try:
        check_path(said.where, said.value)
    except ValueError as error:
        raise SettingError(f"{said.where}: {error}") from None
    return str(said.value)


def check_known(what: str, options: Iterable[str], known: Collection[str]) -> None:
    """Raise `TypeError` for an option of `what` that is not `known`."""
    for name in options:
        if name not in known:
            raise TypeError(f"{what}: no option {name!r}{_close(name, known)}")


def check_kind(pattern: str, options: Mapping[str, Any]) -> None:
    """Raise `ValueError` or `TypeError` for options of a kind of channels that make no sense, alone or together."""
    what = f"channel {pattern!r}"
    for name in options.keys() & {*_COUNTS, *_TIMES}:
        _check_number(what, name, options[name], int if name in _COUNTS else float)
    _check_flags(what, options)
    for name in options.keys() & {*_RULES}:
        if not isinstance(options[name], bool):
            check_function(f"{what}: {name} is True, False or a function", options[name], "an `Access`")
    _check_policies(what, options)
    for name, other, cure in _VAIN:
        if options.get(name) and other not in options:
            raise ValueError(f"{what}: {name} means nothing without {other}: {cure}")
    for name, cure in _AT_LEAST_ONE:
        if options.get(name, 1) == 0:
            raise ValueError(f"{what}: {name} is 0: {cure}")


def _check_number(what: str, name: str, value: Any, kind: type) -> None:
    number = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, number) or not value >= 0:
        raise ValueError(f"{what}: {name} is a{' whole' if kind is int else ''} number and not negative, not {value!r}")


def _check_flags(what: str, options: Mapping[str, Any]) -> None:
    for name in options.keys() & {*_FLAGS}:
        if not isinstance(options[name], bool):
            raise TypeError(f"{what}: {name} is True or False, not {options[name]!r}")


def _check_policies(what: str, options: Mapping[str, Any]) -> None:
    defaults = Bounds()
    given = options.get("policies", defaults.kinds)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{what}: policies are a list: policies=[{given!r}]")
    kinds = [*given]
    for kind in kinds:
        if kind not in defaults.kinds:
            raise ValueError(f"{what}: no policy {kind!r}{_close(kind, get_args(PolicyKind), said=True)}")
    if not kinds:
        raise ValueError(f"{what}: policies are empty, so that nobody could subscribe: may_subscribe=False says so")
    if "min_interval" in options and not {"latest", "sample"} & {*kinds}:
        raise ValueError(f"{what}: min_interval is for the policies latest and sample: allow one of them")
    if "max_size" in options and "drop_oldest" not in kinds:
        raise ValueError(f"{what}: max_size is for the policy drop_oldest: allow it")
    if options.get("min_interval", 0.0) > defaults.most_interval:
        raise ValueError(f"{what}: min_interval is {defaults.most_interval:g} seconds at most")
    if options.get("wildcards") and "reliable" not in kinds:
        raise ValueError(f"{what}: wildcards come with the policy reliable alone: allow it, or leave them out")


def check_personal(pattern: str) -> None:
    """Raise `ValueError` for a pattern from which a user's name does not make a channel's."""
    if "{user}" not in pattern:
        raise ValueError(f"a personal channel's pattern has {{user}} in it, {pattern!r} has not")
    if "{" in pattern.replace("{user}", "", 1):
        raise ValueError(f"a personal channel's pattern has no parameter but {{user}}, {pattern!r} has")


def check_path(what: str, path: object) -> None:
    """Raise `ValueError` or `TypeError` for what is no path of clients."""
    if not isinstance(path, str):
        raise TypeError(f"{what}: a path is a text, not {path!r}")
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError(f"path {path!r} begins with a slash, and does not end with one: '/everywire'")


def check_begins(what: str, path: object) -> None:
    """Raise `ValueError` or `TypeError` for what is no path, with or without a slash behind it."""
    if not isinstance(path, str):
        raise TypeError(f"{what}: a path is a text and comes first, not {path!r}")
    if not path.startswith("/"):
        raise ValueError(f"{what}: a path begins with a slash, {path!r} does not: nobody would find it")


def check_place(path: str, clients: str, own: str, taken: Mapping[str, str]) -> None:
    """Raise `ValueError` for a path at which `clients` would never be served: it is everywire's `own`, below it, or `taken`."""
    if path == own or path.startswith(f"{own}/"):
        raise ValueError(f"{clients} at {path!r}: everywire's own clients connect to {own} and what is below")
    if path in taken:
        raise ValueError(f"{clients} at {path!r}: {taken[path]} is served there already; another path is needed")


def check_sockjs(path: object, speaks: object, options: Mapping[str, Any]) -> None:
    """Raise `TypeError` or `ValueError` for what SockJS cannot be served by."""
    check_path("app.sockjs", path)
    if speaks not in ("native", "text"):
        raise ValueError(f'app.sockjs: what is spoken in its strings is "native" or "text", not {speaks!r}')
    for name in options.keys() & {"response_limit", "disconnect_delay", "max_payload"}:
        _check_number("app.sockjs", name, options[name], float if name == "disconnect_delay" else int)
        if options[name] <= 0:
            raise ValueError(f"app.sockjs: {name} is above 0, not {options[name]!r}")
    for name in options.keys() & {"websocket", "cookie"}:
        if not isinstance(options[name], bool):
            raise TypeError(f"app.sockjs: {name} is True or False, not {options[name]!r}")


def check_namespaces(namespaces: object) -> None:
    """Raise `TypeError` or `ValueError` for what are no namespaces of Socket.IO."""
    if callable(namespaces):
        return
    if isinstance(namespaces, str | bytes) or not isinstance(namespaces, Collection):
        raise TypeError(f"namespaces are several, or a function of a name: ({namespaces!r},)")
    for name in namespaces:
        if not isinstance(name, str) or not name.startswith("/"):
            raise ValueError(f"a namespace's name begins with a slash, as in '/admin': not {name!r}")


def check_handler(name: object, options: Mapping[str, Any]) -> None:
    """Raise `ValueError` or `TypeError` for a handler's name or options that make no sense."""
    if not isinstance(name, str) or not name:
        raise TypeError('a handler has a name: @app.on("name")')
    _check_flags(f"handler {name!r}", options)
    limit = options.get("timeout")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0):
        raise ValueError(f"handler {name!r}: timeout is more than 0 seconds, or None for no limit, not {limit!r}")


def check_function(what: str, function: Any, given: str, count: int = 1) -> None:
    """Raise `TypeError` for what cannot be called with `count` arguments, which are `given`; `what` begins the sentence."""
    if function is None and what.startswith("@"):
        raise TypeError(f"{what}, and has no options: write {what.split()[0]} without ()")
    if not callable(function):
        raise TypeError(f"{what}, not {function!r}")
    if isinstance(function, type):
        raise TypeError(f"{what}; {function.__name__} is a class: write {function.__name__}(…)")
    try:
        signature = inspect.signature(function)
    except ValueError:
        return  # it does not say what it takes
    try:
        signature.bind(*[None] * count)
    except TypeError:
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{what} of {given}; {name}{signature} cannot be called with that alone") from None


def _close(name: Any, known: Collection[str], *, said: bool = False) -> str:
    close = get_close_matches(str(name), known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(known)}" if said else ""
