"""The options of python-socketio's server: what becomes of each here."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from everywire.hub.settings import Settings
from everywire.messages import Heartbeat

__all__ = ["OPTIONS", "Options", "read"]

Origins = list[str | re.Pattern[str] | None]

OPTIONS = (
    "async_handlers",
    "compression_threshold",
    "cors_allowed_origins",
    "http_compression",
    "max_http_buffer_size",
    "namespaces",
    "ping_interval",
    "ping_timeout",
    "settings",
)
# What means nothing here, with the values that ask for nothing.
_IDLE: Mapping[str, tuple[Any, str]] = {
    "logger": ((False, None), "the log is logging.getLogger('everywire')"),
    "engineio_logger": ((False, None), "the log is logging.getLogger('everywire')"),
    "async_mode": ((None, "asgi"), "there is one server, everywire's own"),
    "always_connect": ((False,), "what is emitted from a connect handler comes after the connection in any case"),
    "serializer": (("default", "msgpack"), "a client's parser is found out by what it says"),
    "monitor_clients": ((True,), "who does not answer is always noticed"),
    "allow_upgrades": ((True,), "a client decides whether it moves to a WebSocket"),
    "websocket_compression": (
        (True, False),
        "serving(compression=…) and run(compression=…) say how WebSockets are compressed",
    ),
    "cookie": ((None,), "no transport needs sticky sessions"),
}
# What would be unsafe, or wrong, if it were left aside.
_REFUSED: Mapping[str, tuple[Any, str]] = {
    "client_manager": ((None,), "several processes need none: everywire run --workers 4 module:app"),
    "json": ((None,), "JSON is read and written in one way alone"),
    "cors_credentials": ((True,), "origins that are listed by name may send cookies, '*' is for those without"),
    "transports": ((None,), "both transports are served"),
}
_BOTH = {"polling", "websocket"}


@dataclass(frozen=True, slots=True)
class Options:
    """What python-socketio's options come to: `origins` is None for the server's own pages alone, `compress` where no poll is compressed."""

    namespaces: frozenset[str]
    settings: Settings
    origins: Origins | None
    max_payload: int
    concurrent: bool
    compress: int | None


def read(given: Mapping[str, Any]) -> Options:
    """Understand options; warns of what means nothing here, raises `TypeError` or `ValueError` for what cannot be kept or is not known."""
    for name, value in given.items():
        _check(name, value)
    most = given.get("max_http_buffer_size", 1_000_000)
    settings = given.get("settings")
    if settings is None:
        settings = Settings(max_data=most, heartbeat=_heartbeat(given), call_deadline=None)
    elif {"ping_interval", "ping_timeout", "max_http_buffer_size"} & given.keys():
        raise ValueError("settings say all of it: Settings(heartbeat=Heartbeat(every, patience), max_data=…)")
    named = given.get("namespaces") or ("/",)
    return Options(
        frozenset((named,) if isinstance(named, str) else named),
        settings,
        _origins(given.get("cors_allowed_origins")),
        most,
        given.get("async_handlers", False),
        given.get("compression_threshold", 1024) if given.get("http_compression", True) else None,
    )


def _check(name: str, value: Any) -> None:
    if name in OPTIONS or (name == "transports" and isinstance(value, Iterable) and {*value} == _BOTH):
        return
    if name in _REFUSED:
        idle, why = _REFUSED[name]
        if value not in idle:
            raise ValueError(f"{name}={value!r} cannot be kept here: {why}")
    elif name in _IDLE:
        idle, why = _IDLE[name]
        if value not in idle:
            warnings.warn(f"{name}={value!r} means nothing here: {why}", UserWarning, stacklevel=4)
    else:
        close = get_close_matches(name, (*OPTIONS, *_IDLE, *_REFUSED), n=1)
        raise TypeError(f"AsyncServer: no option {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))


def _heartbeat(given: Mapping[str, Any]) -> Heartbeat:
    """Give how dead links are noticed; an interval may come with a grace, as a pair."""
    every, patience = given.get("ping_interval", 25), given.get("ping_timeout", 20)
    if isinstance(every, tuple | list):
        every, grace = every
        patience += grace
    return Heartbeat(every=float(every), patience=float(patience))


def _origins(given: Any) -> Origins | None:
    """Give which pages may ask: whoever is no page always may."""
    if given is None:
        return None
    if isinstance(given, str):
        return [given, None]
    if callable(given) or not isinstance(given, Iterable):
        raise TypeError(f"cors_allowed_origins are origins, or patterns of them (re.compile), not {given!r}")
    listed: Origins = [*given]
    if not listed:
        raise ValueError("cors_allowed_origins=[] would let in the pages of all origins: say '*' for that")
    return [*listed, None]
