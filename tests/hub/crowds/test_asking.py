"""Clients of all nodes are called at once: who answered, who did not, and why; within a time and within bounds."""

import tracemalloc

import pytest
from tests.hub.crowds.nodes import Crowd

from everywire.errors import Declined, Refused, SessionGone
from everywire.hub.calling.asking import Question
from everywire.hub.calling.outcomes import Outcome
from everywire.hub.calling.shapes import Shape
from everywire.hub.crowds.asking import _Asked, _Ballot, _Over, _Part
from everywire.hub.crowds.choice import Choice


@pytest.fixture
def crowd():
    with Crowd(3) as made:
        yield made
        made.run(30)
        for net in made.nodes:
            if net.alive:
                assert net.app.hub.crowds.asking._errands == {}
                assert net.app.hub.crowds.rounds._open == {}
                assert not any(each.calls.asked for each in net.app.hub.attachments if each.calls is not None)


def asked(crowd, *clients, **options):
    """Begin a call of all in room:tea by the first node; give what comes of it, and the numbers that clients heard."""
    options = {"timeout": 5, "channels": "room:tea"} | options
    work = crowd.loop.create_task(_called(crowd.node(), options))
    crowd.run(0.1)
    return work, [client.events("call")[0]["call"] for client in clients]


async def _called(app, options):
    return await app.call_all("ready", {"round": 1}, **options)


def answer(crowd, client, call, data):
    client.send("answer", call=call, data=data)
    crowd.run(0.1)


def why(result, client):
    return type(result.failures[client.session])


def test_all_answer_from_every_node(crowd):
    clients = [crowd.come(number, f"u{number}", "tea") for number in range(3)]
    other = crowd.come(1, "other")
    work, calls = asked(crowd, *clients)
    for number in (2, 0, 1):
        assert not work.done()
        answer(crowd, clients[number], calls[number], number)
    result = work.result()
    assert result.answers == {client.session: number for number, client in enumerate(clients)}
    assert list(result.answers.values()) == [2, 0, 1]
    assert (result.failures, result.nodes, result.silent, result.complete) == ({}, 3, 0, True)
    assert other.events("call") == []


def test_who_does_not_answer_in_time_is_named_and_told_that_nobody_waits(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    answer(crowd, ann, calls[0], "yes")
    result = crowd.get(work)
    assert (result.answers, why(result, ben), result.complete) == ({ann.session: "yes"}, TimeoutError, False)
    assert (round(crowd.loop.time(), 1), result.silent) == (5.0, 0)
    assert [event["call"] for event in ben.events("cancel")] == [calls[1]]
    answer(crowd, ben, calls[1], "late")
    assert result.answers == {ann.session: "yes"}


def test_who_leaves_or_is_away_is_not_waited_for(crowd):
    ann, ben, cat = (crowd.come(number, f"u{number}", "tea") for number in range(3))
    away = crowd.come(1, "away", "tea")
    away.drop()
    work, calls = asked(crowd, ann, ben, cat)
    answer(crowd, ann, calls[0], 1)
    ben.drop()
    assert not work.done()
    cat.send("answer", call=calls[2], error={"code": 1234, "reason": "no"})
    crowd.run(0.1)
    result = work.result()
    assert result.answers == {ann.session: 1}
    assert [why(result, each) for each in (ben, cat, away)] == [SessionGone, Declined, SessionGone]
    assert crowd.loop.time() < 1


def test_whoever_comes_meanwhile_is_not_asked(crowd):
    ann = crowd.come(0, "ann", "tea")
    work, calls = asked(crowd, ann)
    late = crowd.come(1, "late", "tea")
    answer(crowd, ann, calls[0], 1)
    assert (work.result().answers, late.events("call")) == ({ann.session: 1}, [])


def test_an_answer_that_comes_twice_counts_once(crowd):
    ann, ben = crowd.come(1, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    answer(crowd, ann, calls[0], 1)
    answer(crowd, ann, calls[0], 2)
    answer(crowd, ben, calls[1], 3)
    assert work.result().answers == {ann.session: 1, ben.session: 3}


def test_a_node_that_is_killed_meanwhile_does_not_hold_it_up(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    answer(crowd, ann, calls[0], 1)
    crowd.kill(1)
    result = crowd.get(work)
    assert (result.answers, why(result, ben)) == ({ann.session: 1}, TimeoutError)
    assert (result.nodes, result.silent, round(crowd.loop.time(), 1)) == (2, 1, 1.0)


def test_the_others_have_their_time_where_a_node_is_killed(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    cat = crowd.come(2, "cat", "tea")
    work, calls = asked(crowd, ann, ben, cat)
    crowd.kill(1)
    crowd.run(4)
    answer(crowd, cat, calls[2], "late, but in time")
    assert not work.done()
    result = crowd.get(work)
    assert (result.answers, result.failures.keys()) == ({cat.session: "late, but in time"}, {ann.session, ben.session})
    assert (result.nodes, result.silent, round(crowd.loop.time(), 1)) == (2, 1, 5.0)


def test_a_node_that_hears_nothing_is_waited_for_a_second_longer_than_clients(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    answer(crowd, ann, calls[0], 1)
    crowd.node(1).hub.notes.take = lambda data: None
    crowd.node(1).hub.crowds.rounds.say = _nothing
    result = crowd.get(work)
    assert (result.answers, why(result, ben)) == ({ann.session: 1}, TimeoutError)
    assert (result.nodes, result.silent, round(crowd.loop.time(), 1)) == (2, 1, 6.0)


async def _nothing(*_, **__):
    """Say nothing."""


def test_nobody_to_ask_is_no_answers_at_once(crowd):
    result = crowd.get(crowd.node().call_all("ready", channels="room:none"))
    assert (result, crowd.took) == (({}, {}, 3, 0), 0.0)


def test_who_gives_up_has_clients_told(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    work.cancel()
    crowd.run(0.1)
    assert [event["call"] for client in (ann, ben) for event in client.events("cancel")] == calls


def test_who_gives_up_in_the_turn_in_which_it_asks_has_clients_told(crowd):
    ann = crowd.come(0, "ann", "tea")
    asker = crowd.node().hub.crowds.asking
    asker._asked(_Asked(1, Choice(channels=("room:tea",)), "ready", b"1", packed=False, timeout=5.0), "elsewhere")
    asker._over(_Over(1), "elsewhere")
    crowd.run(0.1)
    assert [event["type"] for event in ann.events()] == ["call", "cancel"]


def test_an_error_that_no_note_could_carry_spoils_no_other_answer(crowd):
    ann, ben = crowd.come(1, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben)
    ann.send("answer", call=calls[0], error={"code": 1 << 64, "reason": "no"})
    answer(crowd, ben, calls[1], "yes")
    result = crowd.get(work)
    assert (result.answers, why(result, ann)) == ({ben.session: "yes"}, TimeoutError)


def test_answers_are_read_as_they_should_be(crowd):
    ann, ben = crowd.come(0, "ann", "tea"), crowd.come(1, "ben", "tea")
    work, calls = asked(crowd, ann, ben, returns=int)
    answer(crowd, ann, calls[0], 1)
    answer(crowd, ben, calls[1], "x")
    result = work.result()
    assert (result.answers, why(result, ben)) == ({ann.session: 1}, Refused)


def test_who_has_too_many_calls_waiting_is_not_asked_another_one():
    with Crowd(2, max_asked=1) as crowd:
        ann = crowd.come(1, "ann", "tea")
        first, calls = asked(crowd, ann)
        second = crowd.get(crowd.node().call_all("ready", channels="room:tea"))
        assert (why(second, ann), crowd.took < 0.1) == (Refused, True)
        answer(crowd, ann, calls[0], 1)
        assert first.result().answers == {ann.session: 1}


def test_more_than_may_be_asked_are_refused():
    with Crowd(2, max_gathered=3) as crowd:
        clients = [crowd.come(number, "u", "tea") for number in (0, 0, 1, 1, 1, 1)]
        with pytest.raises(Refused, match="no more than 3 sessions"):
            crowd.get(crowd.node().call_all("ready", channels="room:tea"))
        assert [client.events("call") for client in clients[2:]] == [[]] * 4
        crowd.run(0.1)
        assert [[event["type"] for event in client.events()] for client in clients[:2]] == [["call", "cancel"]] * 2
        assert all(net.app.hub.crowds.asking._errands == {} for net in crowd.nodes)


def test_more_on_all_nodes_together_are_refused_and_told_that_nobody_waits():
    with Crowd(2, max_gathered=3) as crowd:
        clients = [crowd.come(number, "u", "tea") for number in (0, 0, 1, 1)]
        with pytest.raises(Refused, match="no more than 3 sessions"):
            crowd.get(crowd.node().call_all("ready", channels="room:tea"))
        crowd.run(0.1)
        assert [[event["type"] for event in client.events()] for client in clients] == [["call", "cancel"]] * 4


@pytest.mark.parametrize("number", [0, 1])
def test_answers_have_room_for_so_many_bytes(number):
    with Crowd(2, max_gathered_bytes=1000) as crowd:
        ann, ben = crowd.come(number, "ann", "tea"), crowd.come(0, "ben", "tea")
        work, calls = asked(crowd, ann, ben)
        answer(crowd, ann, calls[0], "x" * 700)
        answer(crowd, ben, calls[1], "x" * 700)
        result = work.result()
        assert (list(result.answers), why(result, ben)) == ([ann.session], Declined)


def test_an_answer_that_no_note_could_carry_is_left_out():
    with Crowd(2, max_data=2 << 20) as crowd:
        ann, ben = crowd.come(1, "ann", "tea"), crowd.come(1, "ben", "tea")
        work, calls = asked(crowd, ann, ben)
        answer(crowd, ann, calls[0], "x" * (1 << 20))
        answer(crowd, ben, calls[1], "x" * (1 << 19))
        result = work.result()
        assert (list(result.answers), why(result, ann)) == ([ben.session], Declined)


@pytest.mark.slow
def test_ten_thousand_are_asked_at_once_and_take_two_kilobytes_each():
    with Crowd(2) as crowd:
        clients = [crowd.come(number % 2, None, "tea") for number in range(10_000)]
        tracemalloc.start()
        try:
            work, _ = asked(crowd)
            for client in clients:
                client.send("answer", call=client.events("call")[0]["call"], data=1)
            result = crowd.get(work)
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()
        assert (len(result.answers), result.complete, crowd.loop.time() < 1) == (10_000, True, True)


def test_without_its_broker_a_node_can_ask_nobody(crowd):
    crowd.cut(0)
    with pytest.raises(ConnectionError, match="gone"):
        crowd.get(crowd.node().call_all("ready", everybody=True))


def test_a_session_that_went_on_elsewhere_counts_by_its_answer():
    ballot = _Ballot(10, 1000, 5.0)
    ballot.take("one", _Part(asked=("ann",), came=(("ann", Outcome("gone")),)))
    ballot.take("two", _Part(asked=("ann",), came=(("ann", Outcome("answered", b"1")),)))
    ballot.take("one", _Part(came=(("ann", Outcome("late")),)))
    assert ballot.count(Shape(), Question("ready")) == ({"ann": 1}, {})
