"""What a site chooses in EVERYWIRE, a dictionary in Django's settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

__all__ = ["Chosen", "chosen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """EVERYWIRE, with the default of what it does not say; there the names are written in capitals.

    `app`: where the site's `Everywire` is, "site.realtime.app" for instance, so that processes which do not serve know its channels, too. `broker`: the
    address of the broker of a process that has no application (None: the machine's). `publish_timeout`: how many seconds `publish` waits.
    `user`: what a user is called here, an attribute of Django's ("pk"), or a function of it. `anonymous`: whether who is not logged in may connect.
    `logout`: what ends with a logout: the sessions that came with the same Django "session", those of the "user", or None.
    `outbox_deadline`: how many seconds a commit waits for its publications, which are left to the relay then. `outbox_interval`: how often, in seconds, the
    relay looks for publications that nobody took care of, in `outbox_databases`; without `outbox_relay` it runs as `manage.py everywire_outbox` alone.
    `static`: whether `asgi` serves static files where DEBUG is on, as `runserver` does.
    """

    app: str | None = None
    broker: str | None = None
    publish_timeout: float = 5.0
    user: str | Callable[[Any], str] = "pk"
    anonymous: bool = True
    logout: str | None = "session"
    outbox_deadline: float = 2.0
    outbox_interval: float = 2.0
    outbox_databases: tuple[str, ...] = ("default",)
    outbox_relay: bool = True
    static: bool = True


_NAMES: Final = {field.name.upper(): field.name for field in fields(Chosen)}
_TEXTS: Final = ("app", "broker")
_SECONDS: Final = ("publish_timeout", "outbox_deadline", "outbox_interval")
_SWITCHES: Final = ("anonymous", "outbox_relay", "static")


def chosen() -> Chosen:
    """Read the settings; raises `ImproperlyConfigured`, which names what is wrong with them."""
    said = getattr(settings, "EVERYWIRE", {})
    if not isinstance(said, Mapping):
        raise ImproperlyConfigured("EVERYWIRE is a dictionary")
    for name in said:
        if name not in _NAMES:
            near = get_close_matches(str(name).upper(), _NAMES, 1)
            raise ImproperlyConfigured(f"EVERYWIRE has no {name!r}" + (f": {near[0]!r} was meant?" if near else ""))
    found = {_NAMES[name]: value for name, value in said.items()}
    _check(found)
    if "outbox_databases" in found:
        found["outbox_databases"] = tuple(found["outbox_databases"])
    return Chosen(**found)


def _check(found: Mapping[str, Any]) -> None:
    for name, value in found.items():
        if (wanted := _wanted(name, value)) is not None:
            raise ImproperlyConfigured(f"EVERYWIRE[{name.upper()!r}] is {wanted}, not {value!r}")


def _wanted(name: str, value: Any) -> str | None:
    """Say what the value should be, where it is not."""
    fits, wanted = True, ""
    if name in _TEXTS:
        fits, wanted = value is None or (isinstance(value, str) and value != ""), "a text"
    elif name in _SECONDS:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits, wanted = number and 0 < value < math.inf, "a number of seconds, more than 0"
    elif name in _SWITCHES:
        fits, wanted = isinstance(value, bool), "True or False"
    elif name == "user":
        fits, wanted = callable(value) or (isinstance(value, str) and value != ""), "an attribute or a function"
    elif name == "logout":
        fits, wanted = value in ("session", "user", None), '"session", "user" or None'
    else:
        several = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        fits, wanted = several, "a list of names in DATABASES"
    return None if fits else wanted
