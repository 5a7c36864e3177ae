"""`everywire top`: a live view of a running application."""

from __future__ import annotations

import shutil
import sys
import time
import urllib.error
import urllib.request

import click
import msgspec

from everywire.ops.board import board
from everywire.ops.view import View

__all__ = ["top"]

_CLEAR = "\x1b[H\x1b[J"
_PATIENCE = 5.0  # seconds for one answer


@click.command(short_help="Watch a running application.")
@click.argument("url", default="http://localhost:8001")
@click.option("--key", required=True, help="The key of the admin API.")
@click.option("--every", default=1.0, show_default=True, type=click.FloatRange(0.1), help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and print it.")
@click.option("--json", "as_json", is_flag=True, help="Print each view as a line of JSON.")
def top(url: str, *, key: str, every: float, once: bool, as_json: bool) -> None:
    """Watch the application whose admin API is at URL: connections, sessions, messages per second, refusals.

    All workers are shown as one. Ctrl-C ends it.

    \b
    Examples:
        EVERYWIRE_TOP_KEY=… everywire top
        everywire top http://10.0.0.7:8001 --key … --once --json
    """
    before: View | None = None
    looked = time.monotonic()
    while True:
        view = _fetch(url, key)
        now = time.monotonic()
        if as_json:
            click.echo(msgspec.json.encode(view).decode())
        else:
            lines = board(view, before, now - looked, shutil.get_terminal_size().columns)
            click.echo((_CLEAR if sys.stdout.isatty() and not once else "") + "\n".join(lines))
        if once:
            return
        before, looked = view, now
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _fetch(url: str, key: str) -> View:
    asked = urllib.request.Request(url.rstrip("/") + "/view", headers={"Authorization": f"Bearer {key}"})
    if asked.type not in ("http", "https"):
        raise click.ClickException(f"{url} is no http address")
    try:
        with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
            return msgspec.json.decode(answer.read(), type=View)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise click.ClickException("the key is not that of the admin API there") from None
        raise click.ClickException(f"{url} answers {error.code}: is the admin API there?") from None
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(f"nothing to watch at {url}: {getattr(error, 'reason', error)}") from None
