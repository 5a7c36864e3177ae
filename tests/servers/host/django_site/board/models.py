"""What the board holds."""

from django.db import models


class Notice(models.Model):
    """A notice on the board."""

    title = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.title
