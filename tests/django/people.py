"""Users of the site, and cookies that browsers of theirs would have."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client as Browser

from everywire import Headers, Request
from everywire.hub.hooks import Connecting


def person(name: str = "ada") -> Any:
    return get_user_model().objects.create_user(name, password="secret")


def logged_in(user: Any) -> Browser:
    """Give a browser in which somebody has logged in."""
    browser = Browser()
    browser.force_login(user)
    return browser


def cookie(browser: Browser) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def connecting(**fields: str) -> Connecting:
    """Give who connects by a request with these header fields."""
    given = [(name.replace("_", "-"), value) for name, value in {"Host": "testserver", **fields}.items()]
    return Connecting(None, Request("GET", "/everywire", Headers(given)), None)
