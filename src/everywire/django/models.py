"""The outbox: publications that a transaction has committed, until they are in a channel's log."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils import timezone

from everywire.messages import Data, Packed, Raw

__all__ = ["Outbox"]

if not apps.is_installed("everywire.django"):
    raise ImproperlyConfigured(
        'publish_on_commit needs its table: add "everywire.django" to INSTALLED_APPS, and migrate'
    )


class Outbox(models.Model):
    """A publication that waits. It is gone once it is in the log; `failed` ones, which nobody takes, stay to be looked at.

    Invariants: `key` is its idempotency key, so that it is published once however often it is tried. The rows of a channel are published by rising `id`.
    `data` is JSON text, or MessagePack where it is `packed`.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.UUIDField(default=uuid4, editable=False)
    channel = models.CharField(max_length=255)
    data = models.BinaryField()
    packed = models.BooleanField(default=False)
    options: Any = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now)
    due = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(default="", blank=True)
    failed = models.BooleanField(default=False)

    class Meta:
        """Names, and the index that channels are read by."""

        verbose_name = "publication"
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["channel", "id"], name="everywire_outbox_channel")]

    def __str__(self) -> str:
        return f"{self.key} in {self.channel}"

    def said(self) -> Data:
        """Give what is published."""
        return Packed(self.data) if self.packed else Raw(bytes(self.data))
