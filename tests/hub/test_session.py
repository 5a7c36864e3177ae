"""A session's secret."""

import pytest

from everywire.hub.session import Session
from everywire.messages import Member


@pytest.mark.parametrize(("shown", "proven"), [("s1.secret", True), ("s1.secreT", False), ("s1", False), ("", False)])
def test_only_the_whole_secret_proves(shown, proven):
    assert Session(Member("s1"), "secret").proven(shown) is proven
