"""What a client knows of a channel by what it is told."""

from everywire.messages import Position
from everywire.testing.checker import Mark, Passed, Repeat, Seen
from everywire.testing.simulation.follow import Follow


def publication(offset, **more):
    return {"offset": offset, "data": {"sender": "s", "number": offset}, **more}


def answer(offset, *publications, recovered=False, **more):
    told = {"epoch": "e", "offset": offset, "recovered": recovered, "publications": [*publications]}
    return told | more


def test_it_begins_anew_and_goes_on():
    follow = Follow("c", "room:0")
    follow.begin(answer(3), "s")
    follow.see(publication(4), "s")
    follow.see(publication(4), "s")
    at = Position("e", 4)
    assert follow.log.entries == [Mark(Position("e", 3)), Seen(at, "s", 4), Repeat(at)]
    assert follow.wanted() == {"since": {"epoch": "e", "offset": 4}}


def test_what_an_answer_leaves_out_is_written_down():
    follow = Follow("c", "room:0")
    follow.begin(answer(0), "s")
    follow.wanted()
    follow.begin(answer(4, publication(2), recovered=True), "s")
    assert [type(entry) for entry in follow.log.entries] == [Mark, Passed, Seen, Passed]
    assert [(each.after.offset, each.end.offset) for each in follow.left_out] == [(0, 1), (2, 4)]
    assert follow.position == Position("e", 4)


def test_a_map_is_what_was_set_and_not_removed():
    follow = Follow("c", "map:0")
    entries = [publication(1, entry="a"), publication(2, entry="b")]
    follow.begin(answer(2, entries=entries), "s")
    follow.see(publication(3, entry="a", removed=True), "s")
    assert follow.map == {"b": 2}


def test_a_map_that_was_not_told_to_its_end_is_none():
    follow = Follow("c", "map:0")
    follow.begin(answer(2, entries=[publication(1, entry="a")], more="ask", after=1), "s")
    assert follow.wanted() == {"since": {"epoch": "e", "offset": 2}, "after": 1}
    follow.part()
    assert follow.wanted() == {}


def test_users_are_known_by_their_names():
    member = {"session": "s", "user": "ann"}
    assert (Follow("c", "desk:0").who(member), Follow("c", "room:0").who(member)) == ("ann", "s")
