"""What `everywire run` may be told about an ASGI application: options, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, get_args

import click

from everywire.app import Everywire
from everywire.app.program import settled
from everywire.cli.numbers import Finite, Whole
from everywire.cli.options import given_by_hand, with_options
from everywire.cli.serving import Place
from everywire.http.forwarded import networks
from everywire.http.head import HeadLimits
from everywire.servers.host.hosting import LIMITS, Hosted
from everywire.servers.host.lifespan import Application, Mode
from everywire.servers.host.proxies import Said

__all__ = ["Manner", "Served", "hosting_options"]

F = TypeVar("F", bound=Callable[..., Any])
Served: TypeAlias = Everywire | Hosted

# What an Everywire() has otherwise: the option, and where it is said.
_ASGI_ALONE: Final = {
    "lifespan": "an Everywire() has no lifespan",
    "root_path": "an Everywire() is told where it is by its path: Everywire(path=…)",
    "trusted_proxies": "an Everywire() trusts proxies by Settings(trusted_proxies=…)",
    "proxy_headers": "an Everywire() reads X-Forwarded-For",
    "access_log": "an Everywire() logs sessions, not requests",
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How an application is served; None is the default of whatever it is about."""

    lifespan: Mode = "auto"
    root_path: str = ""
    trusted_proxies: str = ""
    proxy_headers: Said = "x-forwarded"
    access_log: bool = False
    max_message: int | None = None
    max_body: int | None = None
    max_head: int | None = None
    keep_alive: float | None = None

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Manner:
        """Take its options out of those of the command; raises `BadParameter` for proxies that are none."""
        manner = cls(**{each.name: given.pop(each.name) for each in fields(cls)})
        try:
            networks(manner.proxies)
        except ValueError as error:
            known = "addresses, networks and unix are known, and 0.0.0.0/0,::/0,unix is everybody"
            raise click.BadParameter(f"{error}; {known}", param_hint="--trusted-proxies") from None
        return manner

    @property
    def proxies(self) -> tuple[str, ...]:
        """The trusted ones."""
        return tuple(name for part in self.trusted_proxies.split(",") if (name := part.strip()))

    def served(self, app: Everywire | Application, target: str, place: Place) -> Served:
        """Give what serves `app`; raises `UsageError` for options that mean nothing for it."""
        if isinstance(app, Everywire):
            if wrong := next((name for name in _ASGI_ALONE if given_by_hand(name)), None):
                raise click.UsageError(
                    f"--{wrong.replace('_', '-')} is for ASGI applications of others: {_ASGI_ALONE[wrong]}"
                )
            return app
        try:
            return Hosted(
                app,
                lifespan=self.lifespan,
                root_path=self.root_path,
                trusted_proxies=self.proxies,
                proxy_headers=self.proxy_headers,
                access_log=self.access_log,
                shutdown=max(place.grace / 2, 0.1),
                name=target,
                certificate=None if place.certfile is None else Path(place.certfile).read_text("ascii", "replace"),
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    def options(self, app: Served) -> dict[str, Any]:
        """Give those options of `everywire.serve` that were asked for, here or from outside."""
        hosted = isinstance(app, Hosted)
        found: dict[str, Any] = {}
        if self.max_message is not None:
            found["max_size"] = self.max_message
        if self.keep_alive is not None:
            found["idle_timeout"] = self.keep_alive
        said = settled(found) if hosted else found
        usual = LIMITS if hosted else HeadLimits()
        if self.max_head is not None:
            said["head_limits"] = replace(said.get("head_limits", usual), head=self.max_head)
        if self.max_body is not None:
            said["head_limits"] = replace(said.get("head_limits", usual), body=self.max_body)
        return said


def hosting_options(command: F) -> F:
    """Give a click command the options of a `Manner`, by the same names."""
    size = Whole(1)
    options = [
        click.option(
            "--lifespan",
            default="auto",
            show_default=True,
            type=click.Choice(get_args(Mode)),
            help="auto: an ASGI application that does not know lifespan is served without; on: it is not.",
        ),
        click.option(
            "--root-path",
            default="",
            metavar="PATH",
            help="Where a proxy has the application: it takes that off paths.",
        ),
        click.option(
            "--trusted-proxies",
            default="",
            metavar="NETWORKS",
            help="Who is believed about clients: 10.0.0.0/8,127.0.0.1,unix for instance.",
        ),
        click.option(
            "--proxy-headers",
            default="x-forwarded",
            show_default=True,
            type=click.Choice(get_args(Said)),
            help="By which headers they say it: X-Forwarded-For and -Proto, or Forwarded.",
        ),
        click.option("--access-log", is_flag=True, help="Log each request when it is over (logger everywire.access)."),
        click.option("--max-message", metavar="BYTES", type=size, help="Of a WebSocket's message."),
        click.option("--max-body", metavar="BYTES", type=size, help="Of a request."),
        click.option("--max-head", metavar="BYTES", type=size, help="Of a request's line and header."),
        click.option("--keep-alive", metavar="SECONDS", type=Finite(0.1), help="For a connection without a request."),
    ]
    return with_options(command, options)
