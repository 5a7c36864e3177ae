"""What a URI says, and where a redirect leads."""

import pytest

from everywire.client.address import Address, parse, redirected
from everywire.errors import InvalidURI, RedirectError


@pytest.mark.parametrize(
    ("uri", "expected", "host_header"),
    [
        ("ws://a", Address(False, "a", 80, "/"), "a"),
        ("ws://a:80/", Address(False, "a", 80, "/"), "a"),
        ("wss://a", Address(True, "a", 443, "/"), "a"),
        ("ws://a:443", Address(False, "a", 443, "/"), "a:443"),
        ("wss://A.Example:8443/x/y?z=1&w", Address(True, "a.example", 8443, "/x/y?z=1&w"), "a.example:8443"),
        ("http://a/x", Address(False, "a", 80, "/x"), "a"),
        ("https://a?x", Address(True, "a", 443, "/?x"), "a"),
        ("ws://[::1]:8000/", Address(False, "::1", 8000, "/"), "[::1]:8000"),
        ("wss://[2001:db8::1]", Address(True, "2001:db8::1", 443, "/"), "[2001:db8::1]"),
        ("ws://bücher.example/", Address(False, "xn--bcher-kva.example", 80, "/"), "xn--bcher-kva.example"),
        ("ws://ada:secret@a/", Address(False, "a", 80, "/", "Basic YWRhOnNlY3JldA=="), "a"),
        ("ws://a%40b:c%3Ad@a/", Address(False, "a", 80, "/", "Basic YUBiOmM6ZA=="), "a"),
        ("ws://ada@a/", Address(False, "a", 80, "/", "Basic YWRhOg=="), "a"),
    ],
)
def test_addresses(uri, expected, host_header):
    assert parse(uri) == expected
    assert parse(uri).host_header == host_header


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "scheme"),
        ("a", "scheme"),
        ("ftp://a", "scheme"),
        ("://a", "scheme"),
        ("ws:///x", "host"),
        ("ws://", "host"),
        ("ws://:80/", "host"),
        ("ws://a:99999/", "ort"),
        ("ws://a:b/", "ort"),
        ("ws://[::1/", "."),
        ("ws://a/#fragment", "fragment"),
        ("ws://a/ü", "percent-encoded"),
        ("ws://a/x y", "percent-encoded"),
    ],
)
def test_what_is_no_address(uri, reason):
    with pytest.raises(InvalidURI, match=reason):
        parse(uri)


@pytest.mark.parametrize("uri", ["ws://a\r\nX: y/", "ws://a/\r\nX: y", "ws://a/?\n"])
def test_a_uri_cannot_bring_headers(uri):
    try:
        found = parse(uri)
    except InvalidURI:
        return
    assert "\r" not in found.host_header + found.target
    assert "\n" not in found.host_header + found.target


def test_a_uri_is_shown_without_its_credentials():
    assert parse("wss://ada:secret@a:99/x?y").uri == "wss://a:99/x?y"


AUTH = "Basic YWRhOnNlY3JldA=="


@pytest.mark.parametrize(
    ("uri", "location", "expected"),
    [
        ("ws://a/x", "/y?z", Address(False, "a", 80, "/y?z")),
        ("ws://a/x/y", "z", Address(False, "a", 80, "/x/z")),
        ("ws://a/x", "ws://b/", Address(False, "b", 80, "/")),
        ("ws://a/x", "http://b:99/", Address(False, "b", 99, "/")),
        ("ws://a/x", "wss://a/x", Address(True, "a", 443, "/x")),
        ("ws://a/x", "//b/y", Address(False, "b", 80, "/y")),
        ("wss://a/x", "//b/y", Address(True, "b", 443, "/y")),
        ("wss://a/x", "https://b/", Address(True, "b", 443, "/")),
        ("ws://ada:secret@a/x", "/y", Address(False, "a", 80, "/y", AUTH)),
        ("ws://ada:secret@a/x", "ws://b/y", Address(False, "b", 80, "/y")),
        ("ws://ada:secret@a/x", "ws://a:99/y", Address(False, "a", 99, "/y")),
        ("ws://ada:secret@a:99/x", "wss://a:99/y", Address(True, "a", 99, "/y")),
        ("ws://a/x", "ws://ada:secret@b/y", Address(False, "b", 80, "/y", AUTH)),
    ],
)
def test_redirects(uri, location, expected):
    assert redirected(parse(uri), location) == expected


@pytest.mark.parametrize("location", ["ws://a/x", "http://a/x", "ws://b"])
def test_a_redirect_never_leaves_tls(location):
    with pytest.raises(RedirectError):
        redirected(parse("wss://a/x"), location)


@pytest.mark.parametrize("location", ["ftp://a", "ws://a:b/", "/#fragment"])
def test_a_redirect_to_nowhere(location):
    with pytest.raises(InvalidURI):
        redirected(parse("ws://a/"), location)


@pytest.mark.parametrize(
    "uri",
    ["ftp://u:canary@x/", "ws://u:canary@x/?t=canary#f", "ws://u:canary@x:port/", "ws://u:canary@x/\x01?token=canary"],
)
def test_what_is_wrong_is_said_without_secrets(uri):
    with pytest.raises(InvalidURI) as caught:
        parse(uri)
    assert "canary" not in str(caught.value)


def test_the_faithful_follow_within_the_origin_or_to_its_tls_alone():
    here = parse("ws://x/a")
    assert redirected(here, "/b", faithful=True).target == "/b"
    assert redirected(here, "wss://x/b", faithful=True).secure
    for there in ("ws://y/b", "wss://y/b", "ws://x:81/b"):
        with pytest.raises(RedirectError):
            redirected(here, there, faithful=True)
