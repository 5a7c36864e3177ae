"""Where a request comes from, and which pages may make it: the Origin, Sec-Fetch-Site and CORS (RFC 6454, Fetch)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from everywire.http.request import Request

__all__ = [
    "OWN",
    "Besides",
    "Only",
    "Origins",
    "Pages",
    "allowed",
    "cors",
    "fits",
    "framing",
    "preflight",
    "source",
    "strictly",
]

Origins: TypeAlias = Sequence[str | re.Pattern[str] | None]
"""Who may ask: origins, patterns of them; None for requests without any. "*" is every origin, but without cookies."""

OWN = "own"
"""Stands for the origin of the server's own pages, whatever it is called outside."""


class Besides(NamedTuple):
    """Who else may ask besides those who may by `usual`, which is None where they are not listed."""

    usual: Pages
    more: Origins


class Only(NamedTuple):
    """Who alone may ask: not even the server's own pages, unless they are among them, nor programs without None."""

    listed: Origins


Pages: TypeAlias = Origins | Besides | Only | None
"""Who may ask: origins are those that may besides the server's own pages."""


_OURS = (None, OWN)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?=/|\Z)")  # no one's name or password before it
_SCHEMES = ("http", "https")
_NO_PAGE = (None, "none")  # of Sec-Fetch-Site: no browser, or its user who typed the address
_HEADERS = frozenset({"authorization", "content-type", "last-event-id", "cache-control"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 5.6.2
_METHODS = "GET, POST, DELETE"
_LASTS = "3600"  # seconds


def source(request: Request) -> str | None:
    """Give the origin of the page that makes a request: `OWN` for one of this host; None where no page does.

    A browser names it in `Origin`, except where a page asks its own host by GET, or any host by a script or a frame: then it tells in `Sec-Fetch-Site`
    whether it is its own, and in `Referer` which; an old browser in the latter alone. "null", which any page can have, is what it is told where there is
    more than one, and where a page of another origin does not say which.
    """
    found = request.headers.get_all("origin")
    if found:
        origin = found[0] if len(found) == 1 else "null"
        return OWN if _same_host(origin, request) else origin
    site = request.headers.get("sec-fetch-site")
    if site not in _NO_PAGE:
        return OWN if site == "same-origin" else _elsewhere(_referring(request), request)
    if site is None and "referer" in request.headers:
        page = _referring(request)
        return OWN if page is not None and _same_host(page, request) else page or "null"
    return None


def _elsewhere(origin: str | None, request: Request) -> str:
    """Give the origin of a page that is not of this host, as it says itself."""
    return "null" if origin is None or _same_host(origin, request) else origin


def allowed(request: Request, origins: Pages) -> bool:
    """Say whether `request` may be carried out: what a page of another origin has a browser send is refused unless `origins` lists that page's.

    The server's own pages may ask, whatever is listed, and whoever is no page, but for one that brings cookies along. `Only` says otherwise.
    """
    origin = source(request)
    if origin == "null":
        return False
    if isinstance(origins, Besides):
        return allowed(request, origins.usual) or _listed(request, origins.more)
    bare = "cookie" not in request.headers
    if isinstance(origins, Only):
        return _listed(request, origins) or ("*" in origins.listed and (origin == OWN or bare))
    if origin == OWN or (origin is None and bare):
        return True
    return origins is not None and (_listed(request, origins) or ("*" in origins and bare))


def strictly(origins: Pages) -> Besides | Only:
    """Give `origins` without what is allowed though it is not listed; with nothing listed that is nobody."""
    if isinstance(origins, Besides):
        return Besides(strictly(origins.usual), origins.more)
    return origins if isinstance(origins, Only) else Only(origins or ())


def _listed(request: Request, origins: Pages) -> bool:
    """Say whether the origin is one of `origins` by name: "*" is none, as nobody's cookies are for everyone."""
    origin = source(request)
    names = _names(request) if origin == OWN else (origin,)
    return any(wanted != "*" and _matches(wanted, name) for wanted in _all(origins) for name in names)


def _all(origins: Pages) -> Origins:
    """Give all that is listed."""
    if isinstance(origins, Besides):
        return [*_all(origins.usual), *origins.more]
    return origins.listed if isinstance(origins, Only) else origins or ()


def fits(request: Request, opened_by: str | None) -> bool:
    """Say whether `request` may come from the same page, or program, as one whose `source` was `opened_by`.

    An old browser tells of its own host's pages at times, and some programs name that host where they open a WebSocket and else nothing.
    """
    origin = source(request)
    return origin == opened_by or (origin in _OURS and opened_by in _OURS)


def cors(request: Request, origins: Pages) -> list[tuple[str, str]]:
    """Give the header fields that let the page of an allowed request read the answer; with its cookies only where it is listed by name."""
    origin = source(request)
    fields = [("Vary", "Origin")]
    if origin is None or origin == OWN:
        return fields
    fields.append(("Access-Control-Allow-Origin", origin))
    if _listed(request, origins):
        fields.append(("Access-Control-Allow-Credentials", "true"))
    return fields


def framing(request: Request, origins: Pages) -> list[tuple[str, str]]:
    """Give the header fields that let a page be in a frame of an allowed page alone (CSP 3, 6.4.2), one that is listed by name or pattern.

    The server's own is, but for `Only`. Who asks for the page, and is listed by a pattern, is named in `Referer`.
    """
    listed = _all(origins)
    named = ["'self'"] * _has_own(origins) + [each for each in listed if isinstance(each, str) and each != "*"]
    origin = _referring(request)
    if origin is not None and origin not in named and any(each != "*" and _matches(each, origin) for each in listed):
        named.append(origin)
    ancestors = " ".join(named or ["'none'"])
    return [("Content-Security-Policy", f"frame-ancestors {ancestors}"), ("Vary", "Referer")]


def _has_own(origins: Pages) -> bool:
    """Say whether the server's own pages may ask though they are not listed."""
    return _has_own(origins.usual) if isinstance(origins, Besides) else not isinstance(origins, Only)


def _referring(request: Request) -> str | None:
    """Give the origin of the page that asks, as far as `Referer` names it: that is cut short, or left out, but not another's."""
    scheme, _, rest = (request.headers.get("referer") or "").partition("://")
    host = _HOST.match(rest)
    return f"{scheme}://{host[0]}" if scheme in _SCHEMES and host is not None else None


def preflight(request: Request, origins: Pages, *, any_header: bool = False) -> list[tuple[str, str]]:
    """Give the header fields that answer an OPTIONS request of an allowed page (Fetch 4.8).

    The page may send those of our own that it asks for; with `any_header` all that it asks for.
    """
    wanted = request.headers.tokens("access-control-request-headers")
    named = ", ".join(name for name in wanted if name in _HEADERS or (any_header and _NAME.fullmatch(name)))
    fields = [*cors(request, origins), ("Vary", "Access-Control-Request-Headers")]
    fields += [("Access-Control-Allow-Methods", _METHODS), ("Access-Control-Max-Age", _LASTS)]
    return [*fields, ("Access-Control-Allow-Headers", named)] if named else fields


def _names(request: Request) -> tuple[str, ...]:
    """Give what the server's own origin may be called: TLS may end before it."""
    host = request.headers.get("host") or ""
    return f"https://{host}", f"http://{host}"


def _matches(wanted: str | re.Pattern[str] | None, origin: str | None) -> bool:
    if wanted is None or origin is None:
        return wanted is origin
    if isinstance(wanted, str):
        return wanted == origin
    return wanted.fullmatch(origin) is not None


def _same_host(origin: str, request: Request) -> bool:
    scheme, found, host = origin.partition("://")
    port = ":443" if scheme == "https" else ":80"
    return bool(found and host) and _bare(host, port) == _bare(request.headers.get("host", "") or "", port)


def _bare(host: str, port: str) -> str:
    return host.lower().removesuffix(port)
