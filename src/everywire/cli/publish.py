"""`everywire publish`: publishes to a running application."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from everywire.cli.serving import fail
from everywire.errors import EverywireError
from everywire.publisher import Publisher

__all__ = ["publish"]


@click.command(short_help="Publish to a running application.")
@click.argument("channel")
@click.argument("data")
@click.option("--url", default="http://localhost:8001", show_default=True, help="Where app.admin listens.")
@click.option("--key", help="Its key; better in the environment, as EVERYWIRE_PUBLISH_KEY.")
@click.option("--text", is_flag=True, help="DATA is text, not JSON.")
@click.option("--once", metavar="KEY", help="Publish once only, however often this is said: an idempotency key.")
@click.option("--ephemeral", is_flag=True, help="Tell who listens now, and keep nothing.")
def publish(channel: str, data: str, *, url: str, key: str | None, **how: Any) -> None:
    """Publish DATA, which is JSON, to CHANNEL; - reads it from the input.

    \b
    Examples:
        everywire publish news '{"title": "Hello"}' --key "$KEY"
        everywire publish room:kitchen --text 'Dinner is ready'
        date | everywire publish clock --text -

    The application says where it can be asked: app.admin(port=8001, key=...).
    """
    value = _value(sys.stdin.read() if data == "-" else data, text=how["text"])
    try:
        with Publisher(url, key) as publisher:
            published = publisher.publish(channel, value, key=how["once"], ephemeral=how["ephemeral"])
    except (EverywireError, ConnectionError, ValueError) as fault:
        raise fail(str(fault)) from None
    place = "told to who listens" if published.offset is None else f"offset {published.offset}"
    click.echo(f"{published.channel}: {place}" + (", it was there already" if published.repeated else ""))


def _value(said: str, *, text: bool) -> Any:
    try:
        return said if text else msgspec.json.decode(said)
    except msgspec.DecodeError as fault:
        raise fail(f"DATA is no JSON ({fault}); quote it, or say --text") from None
