"""Messages are values."""

import msgspec
import pytest

from everywire import messages as m


def test_messages_are_immutable():
    with pytest.raises(AttributeError):
        m.Ping(1).ref = 2


def test_messages_are_compared_by_what_they_say():
    assert m.Publish(1, "c", m.Raw(b"1")) == m.Publish(1, "c", m.Raw(b"1"))
    assert m.Position("e", 1) != m.Position("f", 1)
    assert len({m.Position("e", 1), m.Position("e", 1)}) == 1


@pytest.mark.parametrize("message", [*m.Command.__args__, *m.Event.__args__])
def test_every_message_says_what_it_means(message):
    assert issubclass(message, msgspec.Struct)
    assert message.__doc__
    assert message.__name__ in m.__all__


def test_only_the_words_of_streams_go_both_ways():
    assert set(m.Command.__args__) & set(m.Event.__args__) == {m.Item, m.End, m.Credit, m.Cancel}
