"""What `manage.py check` says of a site's settings."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from everywire.django.process import site
from everywire.django.settings import chosen

__all__ = ["check"]

_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"


def check(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Look at EVERYWIRE, and at what of Django's it needs."""
    try:
        choice = chosen()
    except ImproperlyConfigured as fault:
        return [checks.Error(str(fault), id="everywire.E001")]
    return [*_application(), *_databases(choice.outbox_databases), *_users()]


def _application() -> list[checks.CheckMessage]:
    try:
        found = site()
    except ImproperlyConfigured as fault:
        return [checks.Error(str(fault), id="everywire.E002")]
    if found is not None:
        return []
    hint = 'EVERYWIRE = {"APP": "mysite.realtime.app"}, where that is an everywire.django.Everywire.'
    text = "Processes that do not serve know none of the site's channels, and cannot publish."
    return [checks.Warning(text, hint=hint, id="everywire.W001")]


def _databases(names: tuple[str, ...]) -> list[checks.CheckMessage]:
    unknown = [name for name in names if name not in settings.DATABASES]
    text = "EVERYWIRE['OUTBOX_DATABASES'] has {!r}, which DATABASES has not."
    return [checks.Error(text.format(name), id="everywire.E003") for name in unknown]


def _users() -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = []
    if not (apps.is_installed("django.contrib.auth") and _SESSIONS in settings.MIDDLEWARE):
        text = "Django's sessions say who connects, and there are none: everybody is anonymous."
        hint = "Install django.contrib.auth and SessionMiddleware, or say who connects: app.auth, @app.on_connect."
        found.append(checks.Warning(text, hint=hint, id="everywire.W002"))
    if "*" in settings.ALLOWED_HOSTS and settings.SESSION_COOKIE_SAMESITE in ("None", False):
        text = "Whatever host is asked for is the site's ('*' in ALLOWED_HOSTS), and browsers send its cookies to pages of other sites."
        hint = "List the site's hosts in ALLOWED_HOSTS: a page of a host that was made to resolve to the site could connect as its users."
        found.append(checks.Warning(text, hint=hint, id="everywire.W003"))
    return found
