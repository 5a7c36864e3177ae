"""How many lines are open."""

from everywire.dialects.base import told_plainly
from everywire.gateway.crowd import Crowd
from everywire.gateway.exchange import Exchange
from everywire.http.request import Headers, Request

EXCHANGE = Exchange(Request("POST", "/", Headers()), None, told_plainly)


def test_addresses_are_counted_each_for_itself():
    crowd = Crowd(2)
    assert [crowd.enter(EXCHANGE, each) for each in ("a", "a", "b", None, None, None)] == [None] * 6
    assert crowd.enter(EXCHANGE, "a").status == 429
    crowd.leave("a")
    crowd.leave(None)
    assert crowd.enter(EXCHANGE, "a") is None


def test_nothing_is_kept_of_who_has_left():
    crowd = Crowd(2)
    crowd.enter(EXCHANGE, "a")
    crowd.leave("a")
    assert crowd._counts == {}


def test_nobody_comes_in_at_the_end():
    crowd = Crowd(2)
    crowd.over = True
    answer = crowd.enter(EXCHANGE, None)
    assert (answer.status, answer.headers["connection"]) == (503, "close")
