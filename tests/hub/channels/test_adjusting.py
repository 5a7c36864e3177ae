"""A subscriber that wants to be told in another way; what it is told then is in test_pacing."""

import pytest

from everywire.errors import Refused
from everywire.hub.channels.adjusting import wanted
from everywire.hub.channels.channel import Wants
from everywire.hub.kinds import ChannelKind, Place
from everywire.messages import Policy

PLACE = Place("c", ChannelKind("c"), {})
WILD = Place("c:*", ChannelKind("c:{n}", wildcards=True), {}, wild=True)


def test_the_plain_case_costs_nothing():
    assert wanted(PLACE, None, delta=False) is None
    assert wanted(PLACE, Policy("reliable", 3.0), delta=False) is None


def test_what_is_wanted():
    assert wanted(PLACE, Policy("latest", 1.0), delta=True) == Wants(Policy("latest", 1.0), delta=True)
    assert wanted(WILD, None, delta=True) == Wants(Policy(), delta=True)
    with pytest.raises(Refused):
        wanted(WILD, Policy("latest"), delta=False)
