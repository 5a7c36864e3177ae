"""What tests of the outbox share: rows, and somebody who takes them."""

from typing import Any

from everywire.django.models import Outbox
from everywire.hub.calling.shapes import encode


def row(channel: str, data: Any = None, **fields: Any) -> Outbox:
    """Make a row that is not written yet."""
    return Outbox(channel=channel, data=bytes(encode(data)), **fields)


class Log:
    """Takes rows as a log does: each key once. `answers` are raised, in turn, instead of it; None lets one pass."""

    def __init__(self, *answers: Exception | None) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.keys: list[Any] = []
        self.tries = 0
        self.answers = list(answers)

    def __call__(self, row: Outbox) -> None:
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        if row.key not in self.keys:
            self.keys.append(row.key)
            self.said.append((row.channel, bytes(row.said())))


def there(using: str = "default") -> list[tuple[str, bytes]]:
    """Give what waits."""
    return [(each.channel, bytes(each.data)) for each in Outbox.objects.using(using).order_by("id")]
