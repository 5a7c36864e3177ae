"""A process that commits publications, and is killed at a point of one's choice: before, between and after all that it does with the database and the hub."""

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, transaction
from tests.django.rows import there

from everywire.django import committing, publish_on_commit

__all__ = ["committed", "killed"]


class Points:
    """Counts the points that a process comes to, and kills it at one of them."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def pass_by(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            self.pass_by()
            result = work(*arguments, **named)
            self.pass_by()
            return result

        return done


@contextmanager
def watched(points: Points, using: str) -> Any:
    """Have each statement, each commit and each publication be two points: before it and after it."""
    connection = connections[using]
    connection._commit = points.around(connection._commit)  # type: ignore[method-assign]
    committing.waited = points.around(committing.waited)
    with connection.execute_wrapper(lambda execute, *rest: points.around(execute)(*rest)):
        yield


def killed(point: int, channel: str, using: str) -> bool:
    """Have a child process save a user and publish twice, in nested transactions, and kill it at `point`; say whether it came so far."""
    child = os.fork()
    if not child:
        try:
            with watched(Points(point), using), transaction.atomic(using=using):
                get_user_model().objects.using(using).create(username=channel)
                publish_on_commit(channel, "one", using=using)
                with transaction.atomic(using=using):
                    publish_on_commit(channel, "two", using=using)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"the child failed at {point}"
    return status != 0


def committed(channel: str, using: str) -> bool:
    """Say whether its transaction was committed: then its user is there."""
    found: bool = get_user_model().objects.using(using).filter(username=channel).exists()
    assert found or not [each for each in there(using) if each[0] == channel]
    return found
