"""The board."""

from django.apps import AppConfig


class BoardConfig(AppConfig):
    """Its configuration."""

    name = "board"
