"""What Django is told of the application "everywire.django"."""

from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import register
from django.core.signals import request_started

__all__ = ["EverywireConfig"]


class EverywireConfig(AppConfig):
    """Has Django know the outbox, and check the settings."""

    name = "everywire.django"
    label = "everywire"
    verbose_name = "everywire"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Learn of logins and logouts, and of the first request, with which the relay of the outbox begins."""
        from everywire.django import checks, logins

        register(checks.check)
        if apps.is_installed("django.contrib.auth"):
            logins.watch()
        request_started.connect(_begin, dispatch_uid="everywire")


def _begin(**_: Any) -> None:
    from everywire.django.committing import relay

    relay.ensure()
