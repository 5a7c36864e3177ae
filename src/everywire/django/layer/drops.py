"""What becomes of messages that nobody gets: counted, logged, and told to whoever wants to know."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from django.utils.module_loading import import_string

__all__ = ["Drop", "Drops", "OnDrop", "Reason"]

Reason: TypeAlias = Literal["capacity", "expired", "gone", "link"]

_log = logging.getLogger("everywire.django")


@dataclass(frozen=True, slots=True)
class Drop:
    """Messages that were dropped: `count` of them, for `channel`.

    `reason` is "capacity" where its box was full, "expired" where nobody took them in time, "gone" where its process has ended, or does
    not answer. `group` is where they were sent to, "" for one that was sent to the channel itself.

    "link" is for no channel: this process lost its link to the broker, and what was sent to groups meanwhile; nobody knows how many those are.
    """

    reason: Reason
    channel: str
    group: str = ""
    count: int = 1


OnDrop: TypeAlias = Callable[[Drop], Any]


class Drops:
    """Counts drops by their reason in `counts`, and tells `hook` each: a callable or its import path; what it raises is logged.

    The hook is called in the thread that notices.
    """

    def __init__(self, hook: OnDrop | str | None) -> None:
        self.counts: Final[dict[str, int]] = dict.fromkeys(get_args(Reason), 0)
        self.meter: OnDrop | None = None  # of the hub that the layer shares, if it does
        self._hook = hook
        self._lock = threading.Lock()

    def tell(self, drop: Drop) -> None:
        """Take notice of one."""
        match drop:
            case Drop("link"):
                _log.warning("the link to the broker was lost, and with it what was sent to groups meanwhile")
            case Drop("capacity", group=group) if group:
                pass  # `full` says it of all of them at once
            case _:
                _log.info("%s messages dropped (%s) that were for %s", drop.count, drop.reason, drop.channel)
        with self._lock:
            self.counts[drop.reason] += drop.count
            if isinstance(self._hook, str):
                self._hook = import_string(self._hook)
        for told in (self.meter, self._hook):
            try:
                if callable(told):
                    told(drop)
            except Exception:
                _log.exception("the hook for dropped messages failed")

    def full(self, group: str, channels: list[str], members: int) -> None:
        """Take notice that `channels`, of `members` in a group, were full."""
        _log.info("%s of %s channels over capacity in group %s", len(channels), members, group)
        for channel in channels:
            self.tell(Drop("capacity", channel, group))
