from typing import Any

from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver

from everywire.django import publish_on_commit


class Order(models.Model):
    task = models.CharField(max_length=20)
    number = models.IntegerField()


@receiver(post_save, sender=Order)
def tell(instance: Order, **_: Any) -> None:
    publish_on_commit("work", {"task": instance.task, "n": instance.number})
