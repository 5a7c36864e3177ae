"""`everywire publish`: publishes to a running application."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from everywire.cli.numbers import Finite, Whole
from everywire.cli.serving import fail
from everywire.errors import EverywireError, Refused
from everywire.hub.codes import Code
from everywire.publisher import Publisher

__all__ = ["publish"]


@click.command(short_help="Publish to a running application.")
@click.argument("channel")
@click.argument("data", required=False)
@click.option("--url", default="http://localhost:8001", show_default=True, help="Where app.admin listens.")
@click.option("--key", help="The key of app.admin; better in the environment, as EVERYWIRE_PUBLISH_KEY.")
@click.option("--text", is_flag=True, help="DATA is text, not JSON.")
@click.option(
    "--once",
    "--idempotency-key",
    "once",
    metavar="KEY",
    help="Publish once only, however often this is said: an idempotency key, remembered for minutes.",
)
@click.option("--ephemeral", is_flag=True, help="Tell who listens now, and keep nothing.")
@click.option("--to-user", metavar="USER", help="Tell this user's sessions alone.")
@click.option("--to-session", metavar="SESSION", help="Tell this session alone.")
@click.option("--entry", metavar="NAME", help="In a keyed channel: the entry to set. Such a channel needs one.")
@click.option(
    "--ttl",
    metavar="SECONDS",
    type=Finite(0, min_open=True),
    help="With --entry: remove it after that time.",
)
@click.option(
    "--expect",
    metavar="OFFSET",
    type=Whole(0),
    help="With --entry: only if the publication in it is the one at OFFSET; 0: only if there is none.",
)
@click.option("--remove", is_flag=True, help="With --entry: remove it; DATA may be left out.")
def publish(channel: str, data: str | None, *, url: str, key: str | None, text: bool, **how: Any) -> None:
    """Publish DATA, which is JSON, to CHANNEL; - reads it from the input.

    \b
    Examples:
        everywire publish news '{"title": "Hello"}' --key "$KEY"
        everywire publish room:kitchen --text 'Dinner is ready'
        date | everywire publish clock --text -
        everywire publish map:lobby '{"x": 3}' --entry ann --expect 0
        everywire publish map:lobby --entry ann --remove

    The application says where it can be asked: app.admin(port=8001, key=...).
    """
    _check(data, how)
    value = None if data is None else _value(sys.stdin.read() if data == "-" else data, text=text)
    try:
        with Publisher(url, key) as publisher:
            published = publisher.publish(channel, value, key=how.pop("once"), **how)
    except (EverywireError, ConnectionError, ValueError) as fault:
        raise fail(_explain(url, key, fault)) from None
    place = "told to who listens" if published.offset is None else f"offset {published.offset}"
    click.echo(f"{published.channel}: {place}" + (", it was there already" if published.repeated else ""))


def _check(data: str | None, how: dict[str, Any]) -> None:
    """Raise `UsageError` for options that make no sense together."""
    if how["entry"] is None:
        for name in ("ttl", "expect", "remove"):
            if how[name] is not None and how[name] is not False:  # 0 is an offset
                raise click.UsageError(f"--{name} is about an entry: name it by --entry")
    if how["to_user"] is not None and how["to_session"] is not None:
        raise click.UsageError("either --to-user or --to-session")
    if data is None and not how["remove"]:
        raise click.UsageError("DATA is missing: JSON, or text with --text, or - for the input")


def _explain(url: str, key: str | None, fault: Exception) -> str:
    """Say in one line what to do about it."""
    match fault:
        case Refused(code=Code.UNAUTHORIZED) if key is None:
            return (
                f"{url} asks for a key: give that of app.admin by --key, or in the environment as EVERYWIRE_PUBLISH_KEY"
            )
        case Refused(code=Code.UNAUTHORIZED):
            return f"{url} has another key than that given by --key, or in the environment as EVERYWIRE_PUBLISH_KEY"
        case Refused(code=Code.CONFLICT, data={"offset": 0}):
            return "the entry is not there; --expect 0 sets it then"
        case Refused(code=Code.CONFLICT, data={"offset": int(offset)}):
            return f"the entry was set by another publication, at offset {offset}"
        case _:
            return str(fault)


def _value(said: str, *, text: bool) -> Any:
    try:
        return said if text else msgspec.json.decode(said)
    except msgspec.DecodeError as fault:
        raise fail(f"DATA is no JSON ({fault}); quote it, or say --text") from None
