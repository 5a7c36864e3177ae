"""What both kinds of link have to be."""

from tests.brokers.local.lines import End

from everywire.brokers.local.link import Link
from everywire.brokers.local.sockets import SocketLink


def test_real_links_and_those_of_tests_offer_the_same():
    for offered in (name for name in vars(Link) if not name.startswith("_")):
        assert hasattr(SocketLink, offered)
        assert hasattr(End(None), offered)
