"""What Django is told of the application "everywire.django"."""

from django.apps import AppConfig

__all__ = ["EverywireConfig"]


class EverywireConfig(AppConfig):
    """Has Django know the outbox, and check the settings."""

    name = "everywire.django"
    label = "everywire"
    verbose_name = "everywire"
    default_auto_field = "django.db.models.BigAutoField"
