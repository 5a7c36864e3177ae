"""Where a client is, and whom to believe."""

import pytest

from everywire.http.forwarded import client_address, networks
from everywire.http.request import Headers, Request


class Facts:
    def __init__(self, peername):
        self.peername = peername

    def extra(self, name):
        return self.peername if name == "peername" else None


def asked(peer, *forwarded):
    request = Request("GET", "/", Headers([("X-Forwarded-For", value) for value in forwarded]))
    request.facts = Facts(peer)
    return request


OURS = networks(["10.0.0.0/8", "127.0.0.1", "2001:db8:1::/48", "unix"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (("203.0.113.7", 1), [], "203.0.113.7"),
        (("203.0.113.7", 1), ["198.51.100.1"], "203.0.113.7"),  # nobody to be believed
        (("10.0.0.1", 1), ["198.51.100.1"], "198.51.100.1"),
        (("10.0.0.1", 1), ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # the client made the first up
        (("10.0.0.1", 1), ["1.2.3.4", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        (("10.0.0.1", 1), ["10.2.2.2"], "10.2.2.2"),
        (("10.0.0.1", 1), [], "10.0.0.1"),
        (("10.0.0.1", 1), ["evil"], "10.0.0.1"),
        (("10.0.0.1", 1), ["198.51.100.1, evil"], "10.0.0.1"),
        (("10.0.0.1", 1), ["198.51.100.1,"], "10.0.0.1"),
        (("10.0.0.1", 1), ["198.51.100.1:4711"], "198.51.100.1"),
        (("10.0.0.1", 1), ["[2001:db8:9::5]:4711"], "2001:db8:9::"),
        (("10.0.0.1", 1), ["2001:db8:9:0:ffff::5"], "2001:db8:9::"),
        (("10.0.0.1", 1), ["::ffff:198.51.100.1"], "198.51.100.1"),
        (("10.0.0.1", 1), ["1.1.1.1, " * 5000 + "198.51.100.1"], "198.51.100.1"),
        (("10.0.0.1", 1), ["10.1.1.1, " * 5000 + "10.1.1.1"], "10.1.1.1"),
        (("127.0.0.1", 1), ["198.51.100.1"], "198.51.100.1"),
        (("2001:db8:1::1", 1), ["198.51.100.1"], "198.51.100.1"),
        (("2001:db8:2:3:4::1", 1), ["198.51.100.1"], "2001:db8:2:3::"),
        (("::ffff:203.0.113.7", 1), [], "203.0.113.7"),
        (("fe80::1%eth0", 1), [], "fe80::"),
        ("", ["198.51.100.1"], "198.51.100.1"),
        ("/run/x.sock", [], None),
        (None, ["198.51.100.1"], "198.51.100.1"),
        (("somewhere", 1), [], None),
    ],
)
def test_where_a_client_is(peer, forwarded, address):
    assert client_address(asked(peer, *forwarded), OURS) == address


@pytest.mark.parametrize("peer", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1), "", None])
def test_this_machine_is_nobody_and_names_nobody_unless_trusted(peer):
    assert client_address(asked(peer, "198.51.100.1")) is None


@pytest.mark.parametrize("name", ["localhost", "10.0.0.1/8", "", "10.0.0"])
def test_a_network_that_is_none(name):
    with pytest.raises(ValueError):
        networks([name])
