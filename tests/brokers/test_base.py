"""The values that brokers and hubs exchange."""

from everywire.brokers.base import Query, Receipt, Retention


def test_nothing_is_kept_unless_asked():
    assert Retention().size == 0


def test_a_receipt_is_for_something_new_unless_it_says_otherwise():
    assert not Receipt(None).repeated


def test_a_query_asks_for_everything_unless_it_says_otherwise():
    assert Query() == Query(since=None, limit=None, reverse=False)
