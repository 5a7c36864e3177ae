"""Messages are values."""

import re

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


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (("lates",), "no policy 'lates'; did you mean 'latest'?"),
        (("x",), "no policy 'x'; there are reliable, latest, sample, drop_oldest"),
        ((None,), "no policy None"),
        (("latest", -1.0), "not negative"),
        (("latest", float("nan")), "not negative"),
        (("drop_oldest", 0.0, -1), "not negative"),
    ],
)
def test_a_policy_that_there_is_not(policy, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        m.Policy(*policy)
