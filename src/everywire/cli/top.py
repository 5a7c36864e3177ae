"""`everywire top`: a live view of a running application."""

from __future__ import annotations

import http.client
import shutil
import sys
import time
import urllib.error
import urllib.request

import click
import msgspec

from everywire.cli.numbers import Finite
from everywire.ops.board import board
from everywire.ops.view import View

__all__ = ["top"]

_CLEAR = "\x1b[H\x1b[J"
_PATIENCE = 5.0  # seconds for one answer


@click.command(short_help="Watch a running application.")
@click.argument("url", default="http://localhost:8001", envvar="EVERYWIRE_TOP_URL")
@click.option("--key", help="Its key; better in the environment, as EVERYWIRE_TOP_KEY.")
@click.option("--every", default=1.0, show_default=True, type=Finite(0.1), help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and print it.")
@click.option("--json", "as_json", is_flag=True, help="Print each view as a line of JSON.")
def top(url: str, *, key: str | None, every: float, once: bool, as_json: bool) -> None:
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
        sys.stdout.flush()
        try:
            time.sleep(every)
        except KeyboardInterrupt:
            return


def _fetch(url: str, key: str | None) -> View:
    if not url.startswith(("http://", "https://")):
        raise click.ClickException(f"{url} is no http address")
    shown = {"Authorization": f"Bearer {key}"} if key is not None else {}
    asked = urllib.request.Request(url.rstrip("/") + "/view", headers=shown)
    try:
        with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
            return msgspec.json.decode(answer.read(), type=View)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 401:
            why = "that is not the key" if key is not None else "a key is needed: --key, or EVERYWIRE_TOP_KEY"
            raise click.ClickException(f"{url} does not let you look: {why}") from None
        raise click.ClickException(f"{url} answers {error.code}: is the admin API there?") from None
    except (OSError, http.client.HTTPException, msgspec.DecodeError, ValueError) as error:
        raise click.ClickException(f"nothing to watch at {url}: {getattr(error, 'reason', error)}") from None
