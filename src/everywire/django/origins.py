"""Which pages may connect to a site: those of its hosts, and those whose forms it takes."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from everywire.errors import Refused
from everywire.http.origin import OWN, source
from everywire.http.request import Request
from everywire.hub.codes import Code
from everywire.hub.hooks import Connecting

__all__ = ["check", "check_host", "patterns"]

_AT_HOME = (".localhost", "127.0.0.1", "[::1]")  # where ALLOWED_HOSTS is empty and DEBUG is True, as in Django itself


def check(connecting: Connecting) -> None:
    """Raise `Refused` for a page of another site, and for a host that is none of the site's.

    A page may connect if it comes from the host that it connects to, or from one in ALLOWED_HOSTS, at any port, or if its origin is in
    CSRF_TRUSTED_ORIGINS. "*" in ALLOWED_HOSTS makes every host the site's own, but no other page one of its pages.
    """
    request = connecting.request
    if not isinstance(request, Request):
        return  # it came by no HTTP
    check_host(connecting)
    origin = source(request)
    if origin not in (None, OWN) and not any(pattern.fullmatch(origin or "") for pattern in patterns()):
        raise Refused(
            f"pages of {origin} may not connect: ALLOWED_HOSTS and CSRF_TRUSTED_ORIGINS say which may", Code.DENIED
        )


def check_host(connecting: Connecting) -> None:
    """Raise `Refused` for a host that is none of the site's: pages of the same host may ask, whatever else is listed."""
    request = connecting.request
    if isinstance(request, Request) and not _is_ours(request):
        raise Refused("this host is not in ALLOWED_HOSTS", Code.DENIED)


def patterns() -> list[re.Pattern[str]]:
    """Give the origins of the site's pages."""
    hosts = [f"https?://{_host(each)}(:[0-9]+)?" for each in _hosts() if each != "*"]
    trusted = [_origin(each) for each in settings.CSRF_TRUSTED_ORIGINS]
    return [re.compile(each, re.IGNORECASE) for each in (*hosts, *trusted)]


def _hosts() -> Any:
    return settings.ALLOWED_HOSTS or (_AT_HOME if settings.DEBUG else ())


def _is_ours(request: Request) -> bool:
    """Say whether the host that was asked for is the site's, as Django's `get_host` finds it."""
    said = request.headers.get("x-forwarded-host") if settings.USE_X_FORWARDED_HOST else None
    said = said or request.headers.get("host")
    if said is None:
        return True  # nobody was named, and no page connects so
    domain, _ = split_domain_port(said)
    return bool(domain) and validate_host(domain, [*_hosts()])


def _host(allowed: str) -> str:
    """Give a pattern of a host in ALLOWED_HOSTS: one that begins with a dot is those below it, too."""
    if allowed.startswith("."):
        return rf"([a-z0-9_-]+\.)*{re.escape(allowed[1:])}"
    return re.escape(allowed)


def _origin(trusted: str) -> str:
    """Give a pattern of one in CSRF_TRUSTED_ORIGINS: an origin, whose host may begin with "*."."""
    scheme, _, host = trusted.partition("://")
    below = rf"[a-z0-9_-]+(\.[a-z0-9_-]+)*{re.escape(host[1:])}" if host.startswith("*.") else re.escape(host)
    return f"{re.escape(scheme)}://{below}"
