"""Publishing what a transaction says, once it is committed.

The table is imported when something is written to it: a module of a site may be imported before Django's models can be.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack

from django.apps import apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from everywire.app.speaking import PublishOptions
from everywire.django.process import known, publisher
from everywire.django.publishing import elsewhere, waited
from everywire.django.relay import Relay
from everywire.django.settings import chosen
from everywire.errors import Refused
from everywire.hub.calling.shapes import encode
from everywire.hub.codes import Code
from everywire.messages import Packed

if TYPE_CHECKING:
    from everywire.django.models import Outbox

__all__ = ["publish_on_commit", "relay", "send"]

_REST: Final = 1.0  # seconds in which commits leave everything to the relay, after one that could not publish
_LONGEST_NAME: Final = 255  # of a channel, as the table has it
_NOT_LATER: Final = {
    "ephemeral": "it is told to who listens now, and kept for nobody: transaction.on_commit(…) publishes it once or not at all",
    "expect": "nobody would learn of a conflict: publish it in transaction.on_commit(…)",
}
_MISSING: Final = 'publish_on_commit needs its table: add "everywire.django" to INSTALLED_APPS, and migrate'
_log = logging.getLogger("everywire.django")
_rests_until = 0.0


def publish_on_commit(
    channel: str, data: Any = None, *, using: str | None = None, **options: Unpack[PublishOptions]
) -> None:
    """Publish `data` to `channel` when the transaction under way is committed: exactly once then, and never if it is rolled back.

    It is written to the outbox in the same transaction, of the database `using` (that of the model `Outbox`, unless given), and published right after the
    commit, before that comes back to its caller; if that cannot be done within EVERYWIRE["OUTBOX_DEADLINE"] seconds, or the process is killed, by the
    relay of another process. Publications of one channel are published in their order. Without a transaction it is published at once, as safely.

    `options` are those of `publish`; of `ephemeral` and `expect` nobody could be told what became. Raises `ValueError` for these, `TypeError` for data
    that cannot be said, `Refused` for a channel that the site's application (EVERYWIRE["APP"]) does not have, or whose data is of another type,
    `ImproperlyConfigured` where this process knows of no such application.
    """
    _check_installed()
    from everywire.django.models import Outbox
    from everywire.django.outbox import write

    database = using or router.db_for_write(Outbox)
    if database not in chosen().outbox_databases:
        raise ImproperlyConfigured(f"EVERYWIRE['OUTBOX_DATABASES'] has no {database!r}: no relay would look there")
    for name, why in _NOT_LATER.items():
        if options.get(name) is not None and options.get(name) is not False:
            raise ValueError(f"{name!r} cannot wait for a commit: {why}")
    said = encode(data)
    _check(channel, said, options)
    given = {name: value for name, value in options.items() if value is not None}  # or no key would be its own
    row = Outbox(
        channel=channel, data=bytes(said), packed=isinstance(said, Packed), options={**given, **_listed(options)}
    )
    write(row, database, partial(_committed, channel, database))


def _check_installed() -> None:
    if not apps.is_installed("everywire.django"):
        raise ImproperlyConfigured(_MISSING)


def _missing(**_: Any) -> list[checks.CheckMessage]:
    """Say at `manage.py check` what the app itself, which is not there, cannot."""
    return [] if apps.is_installed("everywire.django") else [checks.Error(_MISSING, id="everywire.E004")]


def _listed(options: PublishOptions) -> dict[str, list[str]]:
    """Give the options that are several names as JSON has them."""
    several = {name: options.get(name) for name in ("exclude", "outside") if options.get(name) is not None}
    return {name: [value] if isinstance(value, str) else [*value] for name, value in several.items()}  # type: ignore[misc]


def _check(channel: str, said: Any, options: PublishOptions) -> None:
    """Raise what publishing would raise, as long as somebody can be told: after the commit it is too late."""
    if len(channel) > _LONGEST_NAME:
        raise Refused(f"a channel's name in the outbox has at most {_LONGEST_NAME} characters", Code.LIMIT)
    known().check_publication(channel, said, **options)


def send(row: Outbox) -> None:
    """Publish a row of the outbox, and wait until it is in the log."""
    options: dict[str, Any] = {"key": f"outbox-{row.key}", **row.options}
    publishing = publisher().publish(row.channel, row.said(), **options)
    waited(elsewhere(publishing), chosen().outbox_deadline, "it")


def _committed(channel: str, using: str) -> None:
    """Publish what waits in a channel, after a commit; whatever fails is left to the relay."""
    global _rests_until
    from everywire.django.outbox import cleared

    if time.monotonic() >= _rests_until:
        try:
            if cleared(channel, using, send):
                return
        except Exception:
            _log.exception("what was committed is left to the relay of the outbox")
        _rests_until = time.monotonic() + _REST
    relay.wake()


relay: Final = Relay(send)

if apps.apps_ready:
    _check_installed()  # as the site starts, or is checked, and not with the first transaction
else:
    checks.register(_missing)
