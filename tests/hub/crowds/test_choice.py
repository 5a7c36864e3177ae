"""Which sessions are meant."""

import pytest
from tests.hub.crowds.nodes import Crowd

from everywire.hub.crowds.choice import Choice, chosen


@pytest.fixture
def crowd():
    with Crowd(1) as made:
        made.ann, made.ben = made.come(0, "ann", "tea"), made.come(0, "ben", "tea", "milk")
        made.cat, made.other = made.come(0, "cat"), made.come(0, "ann", "milk")
        made.names = {
            made.ann.session: "ann",
            made.ben.session: "ben",
            made.cat.session: "cat",
            made.other.session: "other",
        }
        yield made


def meant(crowd, **whom):
    """Name those who are meant; a client's own name stands for its id."""
    ids = {name: session for session, name in crowd.names.items()}
    said = {
        key: [ids[name] for name in value] if key in ("sessions", "exclude") else value for key, value in whom.items()
    }
    return "".join(sorted(crowd.names[each.id] + " " for each in chosen(said, all_=True).of(crowd.node().hub)))


CHOICES = [
    ({}, "ann ben cat other "),
    ({"everybody": True}, "ann ben cat other "),
    ({"channels": "room:tea"}, "ann ben "),
    ({"channels": ["room:tea", "room:milk"]}, "ann ben other "),
    ({"channels": []}, ""),
    ({"channels": ["room:none"]}, ""),
    ({"user": "ann"}, "ann other "),
    ({"user": "ann", "channels": "room:tea"}, "ann "),
    ({"sessions": ["cat", "ann", "cat"]}, "ann cat "),
    ({"sessions": ["cat", "ann"], "channels": "room:tea"}, "ann "),
    ({"sessions": []}, ""),
    ({"exclude": ["ann", "ben"]}, "cat other "),
    ({"channels": "room:tea", "exclude": ["ann"]}, "ben "),
    ({"outside": "room:tea"}, "cat other "),
    ({"channels": "room:tea", "outside": ["room:milk", "room:none"]}, "ann "),
    ({"space": ""}, "ann ben cat other "),
    ({"space": "/chat"}, ""),
]


@pytest.mark.parametrize(("whom", "expected"), CHOICES, ids=str)
def test_whom_a_choice_means(crowd, whom, expected):
    assert meant(crowd, **whom) == expected


WRONG = [
    ({"channel": "room:tea"}, "channel"),
    ({"channels": None}, "channels"),
    ({"channels": ["room:tea", 7]}, "channels"),
    ({"exclude": None}, "exclude"),
    ({"user": None}, "user"),
    ({"space": 7}, "space"),
    ({}, "everybody=True"),
    ({"exclude": ["ann"]}, "everybody=True"),
    ({"channels": "room:tea", "everybody": True}, "everybody=True"),
]


@pytest.mark.parametrize(("whom", "complaint"), WRONG, ids=str)
def test_what_is_no_choice_is_an_error_and_means_nobody(whom, complaint):
    with pytest.raises(TypeError, match=complaint):
        chosen(whom)


def test_a_choice_says_whether_it_leaves_everybody_open():
    assert Choice(exclude=("a",)).open
    assert not Choice(channels=()).open
