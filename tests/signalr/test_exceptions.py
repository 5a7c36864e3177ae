"""What a client is told of an error: what it may know, in .NET's words."""

import logging

from everywire import Refused, StreamBroken
from everywire.signalr.exceptions import HubException, told


def test_a_hub_exception_is_told_and_not_logged(caplog):
    no = told(HubException("sold out"), "Order", detailed=False)
    assert no.reason == "An unexpected error occurred invoking 'Order' on the server. HubException: sold out"
    assert not caplog.records


def test_anything_else_is_logged_and_told_without_details(caplog):
    no = told(ValueError("the password is 1234"), "Order", detailed=False)
    assert no.reason == "An unexpected error occurred invoking 'Order' on the server."
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "1234" in caplog.text


def test_details_are_told_where_that_is_wanted():
    no = told(ValueError("bad"), "Order", detailed=True)
    assert no.reason == "An unexpected error occurred invoking 'Order' on the server. ValueError: bad"


def test_a_polite_no_is_told_as_it_is():
    no = Refused("not today", 1001, data={"until": 5})
    assert told(no, "Order", detailed=False) is no


def test_a_stream_that_its_client_broke_is_told_so_again(caplog):
    broken = StreamBroken("no more")
    assert told(broken, "Up", detailed=True).reason.endswith("invoking 'Up' on the server. Exception: no more")
    assert told(broken, "Up", detailed=False).reason == "An unexpected error occurred invoking 'Up' on the server."
    assert not caplog.records
