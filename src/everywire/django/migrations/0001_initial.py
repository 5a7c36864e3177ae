"""Make the outbox."""

import uuid
from typing import Any, ClassVar

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of `Outbox`, and its index."""

    initial = True
    dependencies: ClassVar[list[Any]] = []
    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("channel", models.CharField(max_length=255)),
                ("data", models.BinaryField()),
                ("packed", models.BooleanField(default=False)),
                ("options", models.JSONField(default=dict)),
                ("created", models.DateTimeField(default=django.utils.timezone.now)),
                ("due", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="")),
                ("failed", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "publication",
                "verbose_name_plural": "outbox",
                "indexes": [models.Index(fields=["channel", "id"], name="everywire_outbox_channel")],
            },
        ),
    ]
