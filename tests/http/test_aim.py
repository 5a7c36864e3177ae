"""Hosts, and the forms of a target."""

import pytest

from everywire.http import aim


@pytest.mark.parametrize(
    "host",
    [
        b"example",
        b"a.example:81",
        b"a_b.example",
        b"127.0.0.1:8000",
        b"[::1]:80",
        b"[fe80::1%25eth0]",
        b"a%20b",
        b"a,b",
        b"a:",
        b"",
    ],
)
def test_hosts(host):
    assert aim.is_host(host)
    assert aim.is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        b"a b",
        b"a/b",
        b"u@a",
        b"a:b",
        b"a:1:2",
        b"[::1",
        b"::1",
        b'a"',
        b"a?b",
        b"a#b",
        b"\xc3\xa9",
        b"a\\b",
        b"<a>",
        b"%zz",
    ],
)
def test_what_is_no_host(host):
    assert not aim.is_host(host)


def test_hosts_are_not_remembered_without_end():
    for number in range(5_000):
        assert aim.is_host(b"host%d.example" % number)
    assert len(aim._hosts) <= 1024


@pytest.mark.parametrize(
    ("target", "method", "good"),
    [
        (b"/", b"GET", True),
        (b"//a/../b?c=http://d", b"GET", True),
        (b"*", b"OPTIONS", True),
        (b"*", b"GET", False),
        (b"/a#b", b"GET", False),
        (b"/a?b#c", b"GET", False),
        (b"?a", b"GET", False),
        (b"http://a/", b"GET", False),
        (b"a:80", b"GET", False),
        (b"", b"GET", False),
    ],
)
def test_paths(target, method, good):
    assert aim.is_path(target, method) is good


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"http://a.example:81/p?q=1", (b"a.example:81", b"/p?q=1")),
        (b"HTTPS://a.example", (b"a.example", b"/")),
        (b"ws://a.example?b=/c", (b"a.example", b"/?b=/c")),
        (b"http://[::1]:80/", (b"[::1]:80", b"/")),
        (b"http:///p", None),  # RFC 9110 4.2.1
        (b"http://u:p@a.example/", None),  # RFC 9110 4.2.4
        (b"http://a.example/#b", None),
        (b"http://a b/", None),
        (b"ftp://a.example/p", None),
        (b"a.example:80", None),
        (b"*", None),
    ],
)
def test_targets_with_a_host(target, found):
    assert aim.absolute(target) == found
