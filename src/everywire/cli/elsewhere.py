"""What options of other ASGI servers are here: said to who passes them, and by docs/asgi-server.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import click

__all__ = ["SERVERS", "Welcoming", "advice", "options"]

_OTHERWISE: Final = frozenset({"--access-log", "--proxy-headers"})  # ours, too, which others write in another way
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-z][\w-]*", re.IGNORECASE)
_TLS: Final = "in a program: `everywire.run(app, ssl=context)`"
_LOGGING: Final = "none: an application that sets up `logging` itself is left as it is"
_STARTER: Final = "none: whoever starts it says so, [systemd](deploying.md) for instance"
_ENDLESS: Final = "none: workers are not ended after N requests"

Rows = Sequence[tuple[str, str]]

_UVICORN: Final[Rows] = (
    ("`uvicorn app:app --host H --port P`", "`everywire run app:app --host H --port P`"),
    (
        "`--factory`, `--interface I`",
        "needs nothing: a function without parameters that makes the application is seen by itself",
    ),
    ("`--uds PATH`, `--fd N`", "`--unix PATH`; sockets of systemd are found by themselves"),
    ("`--reload`, `--workers N`, `--lifespan`, `--root-path`", "the same"),
    (
        "`--reload-dir`, `--reload-include`, `--reload-exclude`, `--reload-delay`",
        "none: `--reload` looks at the Python files below the current directory",
    ),
    ("`--ssl-certfile`, `--ssl-keyfile`", "`--certfile`, `--keyfile`"),
    ("`--ssl-keyfile-password`, `--ssl-version`, `--ssl-cert-reqs`, `--ssl-ca-certs`, `--ssl-ciphers`", _TLS),
    ("`--proxy-headers`, `--no-proxy-headers`", "`--trusted-proxies IPS` says whose are believed; nobody's without it"),
    (
        "`--forwarded-allow-ips IPS`",
        "`--trusted-proxies IPS`; 127.0.0.1 is not trusted unless it is said, and `0.0.0.0/0,::/0,unix` is everybody",
    ),
    ("`--no-access-log`", "needs nothing; `--access-log` for one"),
    ("`--log-level L`", "`EVERYWIRE_LOG=L`"),
    ("`--log-config FILE`, `--use-colors`, `--no-use-colors`", _LOGGING),
    ("`--env-file FILE`", "`everywire.toml`, or whoever starts it"),
    ("`--ws-max-size N`, `--h11-max-incomplete-event-size N`", "`--max-message N`, `--max-head N`"),
    ("`--ws-max-queue N`", "`EVERYWIRE_SERVER__READ_LIMIT`, in bytes"),
    (
        "`--ws-ping-interval S`, `--ws-ping-timeout S`",
        "`EVERYWIRE_SERVER__PING_INTERVAL=S`, `EVERYWIRE_SERVER__PING_TIMEOUT=S`; `none` for never",
    ),
    ("`--ws-per-message-deflate false`", "`EVERYWIRE_SERVER__COMPRESSION=none`"),
    ("`--no-server-header`", "`EVERYWIRE_SERVER__SERVER_HEADER=none`"),
    (
        "`--server-header`, `--date-header`, `--no-date-header`, `--header`",
        "needs nothing: an application's own `Server` and `Date` are kept",
    ),
    ("`--timeout-keep-alive S`, `--timeout-graceful-shutdown S`", "`--keep-alive S`, `--grace S`"),
    (
        "`--loop`, `--http`, `--ws`, `--http2`, `--backlog N`",
        "needs nothing: there is one of each, and HTTP/2 with TLS and the extra `h2`",
    ),
    ("`--limit-concurrency N`", "none: `EVERYWIRE_SERVER__SLOW_REQUESTS` bounds the slow ones of an address"),
    ("`--limit-max-requests N`, `--limit-max-requests-jitter N`", _ENDLESS),
    ("`--timeout-worker-healthcheck S`", "needs nothing: a worker that ends is started again"),
    ("`--reset-contextvars`", "needs nothing: context variables are each request's own"),
    ("`--app-dir DIR`", "run it there"),
)

_GUNICORN: Final[Rows] = (
    ("`gunicorn app:app -w 4 -k uvicorn.workers.UvicornWorker`", "`everywire run app:app --workers 4`"),
    ("`-b H:P`, `--bind unix:PATH`", "`--host H --port P`, `--unix PATH`"),
    ("`-w N`", "`--workers N`"),
    ("`-k K`, `--worker-class K`", "needs nothing"),
    (
        "`--graceful-timeout S`, `--timeout S`, `-t S`",
        "`--finish S` when workers are replaced, `--grace S` at the end; none for a worker that hangs",
    ),
    ("`kill -HUP`", "the same signal, or `everywire reload`, which waits for the outcome"),
    ("`-p FILE`, `--pid FILE`", "`--pid-file FILE`"),
    ("`--forwarded-allow-ips IPS`", "`--trusted-proxies IPS`"),
    ("`--access-logfile -`", "`--access-log`"),
    ("`--log-level L`", "`EVERYWIRE_LOG=L`"),
    ("`--error-logfile FILE`, `--log-file FILE`", "`2> FILE`"),
    ("`-c FILE`, `--config FILE`", "`everywire.toml`; `EVERYWIRE_CONFIG=FILE` for another"),
    ("`--keep-alive S`", "the same"),
    ("`--limit-request-line N`, `--limit-request-field_size N`", "`--max-head N`"),
    ("`--limit-request-fields N`", "`EVERYWIRE_SERVER__HEAD_LIMITS__FIELDS=N`"),
    ("`--max-requests N`, `--max-requests-jitter N`", _ENDLESS),
    ("`--ca-certs`, `--ciphers`, `--cert-reqs`, `--do-handshake-on-connect`", _TLS),
    ("`--chdir DIR`, `--pythonpath DIR`", "run it there"),
    ("`--preload`, `--threads N`, `--worker-connections N`, `--backlog N`, `--worker-tmp-dir DIR`", "needs nothing"),
    (
        "`-D`, `--daemon`, `-u USER`, `--user USER`, `-g GROUP`, `--group GROUP`, `--umask M`, `-e VARIABLE`, `--env VARIABLE`",
        _STARTER,
    ),
)

_DAPHNE: Final[Rows] = (
    ("`daphne -b H -p P mysite.asgi:application`", "`everywire run mysite.asgi --host H --port P`"),
    ("`-b H`, `--bind H`, `-p P`", "`--host H`, `--port P`"),
    ("`-u PATH`, `--unix-socket PATH`, `--fd N`", "`--unix PATH`; sockets of systemd are found by themselves"),
    ("`-e ssl:443:privateKey=K:certKey=C`, `--endpoint`", "`--port 443 --certfile C --keyfile K`"),
    (
        "`--proxy-headers`, `--proxy-headers-host`, `--proxy-headers-port`",
        "`--trusted-proxies IPS`: daphne believes everybody",
    ),
    ("`--access-log FILE`", "`--access-log 2> FILE`"),
    ("`-v N`, `--verbosity N`", "`EVERYWIRE_LOG=debug`"),
    ("`--log-fmt F`", "`--log text` or `--log json`"),
    ("`-t S`, `--http-timeout S`, `--application-close-timeout S`", "none while it serves; `--grace S` at the end"),
    ("`--websocket_timeout S`", "none"),
    ("`--websocket_connect_timeout S`", "`EVERYWIRE_SERVER__OPEN_TIMEOUT=S`"),
    (
        "`--ping-interval S`, `--ping-timeout S`",
        "`EVERYWIRE_SERVER__PING_INTERVAL=S`, `EVERYWIRE_SERVER__PING_TIMEOUT=S`",
    ),
    ("`--websocket-max-message-size N`, `--websocket-max-frame-size N`", "`--max-message N`"),
    ("`-s NAME`, `--server-name NAME`, `--no-server-name`", "`EVERYWIRE_SERVER__SERVER_HEADER=NAME`, or `none`"),
    (
        "`manage.py runserver` with `daphne` installed",
        '`everywire run mysite.asgi --reload`, with `ASGIStaticFilesHandler(get_asgi_application())` for `"http"`',
    ),
)

_HYPERCORN: Final[Rows] = (
    ("`hypercorn app:app -b H:P -w N`", "`everywire run app:app --host H --port P --workers N`"),
    ("`-b H:P`, `--bind unix:PATH`", "`--host H --port P`, `--unix PATH`"),
    ("`-w N`", "`--workers N`"),
    ("`--certfile`, `--keyfile`, `--root-path`, `--reload`", "the same"),
    ("`--access-logfile -`", "`--access-log`"),
    ("`--access-logformat F`, `--log-config FILE`, `--statsd-host H`, `--statsd-prefix P`", _LOGGING),
    ("`--log-level L`", "`EVERYWIRE_LOG=L`"),
    ("`--error-log FILE`, `--error-logfile FILE`, `--log-file FILE`", "`2> FILE`"),
    ("`--graceful-timeout S`, `--keep-alive S`", "`--grace S`, `--keep-alive S`"),
    ("`--read-timeout S`", "`EVERYWIRE_SERVER__OPEN_TIMEOUT=S`, for the head of a request"),
    ("`-p FILE`, `--pid FILE`", "`--pid-file FILE`"),
    ("`-c FILE`, `--config FILE`", "`everywire.toml`; `EVERYWIRE_CONFIG=FILE` for another"),
    ("`--websocket-ping-interval S`", "`EVERYWIRE_SERVER__PING_INTERVAL=S`"),
    ("`-k K`, `--worker-class K`, `--backlog N`, `--debug`", "needs nothing"),
    ("`--max-requests N`, `--max-requests-jitter N`", _ENDLESS),
    ("`--ca-certs`, `--ciphers`, `--cert-reqs`, `--verify-mode`, `--keyfile-password`", _TLS),
    (
        "`--insecure-bind H:P`, `--quic-bind H:P`, `--server-name NAME`",
        "none: one port, without HTTP/3, for every name",
    ),
    ("`-D`, `--daemon`, `-u USER`, `--user USER`, `-g GROUP`, `--group GROUP`, `-m M`, `--umask M`", _STARTER),
)

SERVERS: Final[Mapping[str, Rows]] = {
    "uvicorn": _UVICORN,
    "gunicorn": _GUNICORN,
    "daphne": _DAPHNE,
    "hypercorn": _HYPERCORN,
}
"""By server: what is said there, and what is said here."""


def options(theirs: str) -> list[str]:
    """Give the options that are in what is said to another server."""
    return [found for code in re.findall(r"`([^`]*)`", theirs) for found in _OPTION.findall(code)]


def advice(option: str) -> str | None:
    """Say what an option of other servers is here, in a line for each of them; None for one that none of them has."""
    told: dict[str, list[str]] = {}
    for server, ours in _of(option):
        told.setdefault(_plain(ours), []).append(server)
    return "\n".join(f"  coming from {', '.join(servers)}: {ours}" for ours, servers in told.items()) or None


def _of(option: str) -> Iterator[tuple[str, str]]:
    for server, rows in SERVERS.items():
        for theirs, ours in rows:
            if option in options(theirs) and not theirs.startswith(f"`{server} "):  # a whole command
                yield server, ours
                break


def _plain(text: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "")


class Welcoming(click.Command):
    """A command that tells those who come from other servers what their options are here."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read them; raises `UsageError`."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if option := _about(error, {name for each in self.params for name in each.opts} - _OTHERWISE):
                said = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
                raise click.UsageError(f"{said.rstrip('.')}\n{advice(option)}", ctx) from None
            raise


def _about(error: click.UsageError, own: Collection[str]) -> str | None:
    """Give the option of other servers that an error is about; a wrong value of our `own` is no other server's."""
    name: Any = None
    if isinstance(error, click.NoSuchOption | click.BadOptionUsage):
        name = error.option_name
    elif isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0]
    return name if isinstance(name, str) and name not in own and advice(name) else None
