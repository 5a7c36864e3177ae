import os
import threading
from contextlib import suppress

from celery import shared_task
from django.db import transaction

from everywire.django import publish, publish_on_commit
from shop.models import Order


class Failed(Exception):
    """On purpose."""


def say(task: str, n: int) -> None:
    publish("work", {"task": task, "n": n, "by": [os.getpid(), threading.get_ident()]})


@shared_task
def shift(task: str, many: int, mode: str) -> None:
    """Count and order while who opens `meeting` the other way round does so, too; the reader goes on at the gate."""
    with open("meeting", mode):
        count(f"{task} counts", many)
        order(f"{task} orders", many)
    if mode == "r":
        hold(f"{task} holds")


def count(task: str, many: int) -> None:
    for n in range(many):
        say(task, n)


def order(task: str, many: int) -> None:
    """Save orders, whose signal publishes, and publish beside that; each second transaction is rolled back."""
    for n in range(0, many, 2):
        with suppress(Failed), transaction.atomic():
            Order.objects.create(task=task, number=n)
            publish_on_commit("work", {"task": task, "n": n + 1})
            if n % 4 == 2:
                raise Failed


def hold(task: str) -> None:
    """Publish, wait for a byte, and publish again."""
    say(task, 0)
    with open("gate", "rb", buffering=0) as gate:
        gate.read(1)
    say(task, 1)
