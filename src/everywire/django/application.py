"""The application of a Django site: its users, its pages and its database's threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from everywire.app import Everywire as Application
from everywire.app import installed
from everywire.django import origins, users
from everywire.django.settings import chosen
from everywire.django.threads import SiteWorld
from everywire.gateway import Gateway
from everywire.http.origin import Besides
from everywire.hub.hooks import Connecting
from everywire.hub.world import World
from everywire.servers.machine import machine

__all__ = ["Everywire", "check_shared"]

Guard = Callable[[Connecting], None]


class Everywire(Application):
    """An `everywire.Everywire` of a Django site, declared in the same way.

    Unless it says otherwise, Django's sessions say who connects (`app.auth = everywire.django.identify`), a secret made of SECRET_KEY signs what continues
    sessions, and pages of the site alone may connect (ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS). All processes of the site on this machine share one broker.
    Plain handlers run in threads whose connections to the database are closed when they are too old, as after each request of Django's.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.make_world = SiteWorld
        self._said = options.get("broker") is not None  # "memory://" is a choice, too
        self._of_site = False  # whether the site says which pages may connect

    def resemble(self, other: Application) -> None:
        """Have the channels and the broker of `other`, and sign as it does: for a process that publishes, and has no clients."""
        self.settings = other.settings
        self._hooks.kinds, self._hooks.personal = other._hooks.kinds, other._hooks.personal
        self._hooks.secrets, self._make_broker = other._hooks.secrets, other._make_broker
        self._said = isinstance(other, Everywire) and other._said

    def start(self, world: World | None = None) -> Gateway:
        """Come to life on the running loop, as `everywire.Everywire.start`; Django is set up then."""
        if not apps.ready:
            django.setup()
        if self._hooks.connect is None:
            self.auth = users.identify
        if not self._hooks.secrets and self.default_secret is None:
            self.default_secret = salted_hmac("everywire.secret", settings.SECRET_KEY, algorithm="sha256").hexdigest()
        self._choose_broker()
        if own := self._http.origins is None:
            self._http = replace(self._http, origins=Besides(None, origins.patterns()))
        self._of_site = self._of_site or own
        gateway = super().start(world)
        if self._of_site:
            gateway.foreign.listed = "CSRF_TRUSTED_ORIGINS", "of Django's settings"
        self._hooks.guard = _both(self._hooks.guard, origins.check if self._of_site else origins.check_host)
        return gateway

    def _choose_broker(self) -> None:
        """Share, where nothing else was chosen, the broker of this machine with all processes of the site, wherever they were started."""
        if self._said or self.configuration.value("broker"):
            return
        url, base = chosen().broker, getattr(settings, "BASE_DIR", None)
        if url is None:
            self.default_broker = machine(None if base is None else f"site {base}")
        elif (broker := installed.broker(url)) is not None:
            self.default_broker = broker


def check_shared(app: Application, name: str) -> None:
    """Raise `ImproperlyConfigured` where `app`, which the site calls `name`, keeps its channels to its own process which others would publish past."""
    if not isinstance(app, Everywire) and app._make_broker is None:
        raise ImproperlyConfigured(
            f"{name} is a plain everywire.Everywire, with its log in its own memory: nobody would hear what other processes publish."
            ' Make it an everywire.django.Everywire, or say broker="machine://"'
        )


def _both(first: Guard | None, second: Guard) -> Guard:
    if first is None:
        return second
    before = first

    def guard(connecting: Connecting) -> None:
        before(connecting)
        second(connecting)

    return guard
