"""Sessions of all nodes are subscribed, taken out of channels, and sent away; who asks learns how many."""

import msgspec
import pytest
from tests.hub.crowds.nodes import Crowd

from everywire.brokers.base import Note
from everywire.errors import Refused
from everywire.hub.access.tallies import Reached
from everywire.hub.notes import VERSION


@pytest.fixture
def crowd():
    with Crowd(3) as made:
        yield made


def told(client):
    return [event["data"] for event in client.events("publication")]


def test_who_is_in_a_channel_enters_another_on_every_node(crowd):
    clients = [crowd.come(number, f"u{number}", "tea") for number in range(3)]
    other = crowd.come(1, "other")
    reached = crowd.get(crowd.node().subscribe_all("room:late", channels="room:tea"))
    assert (reached, crowd.took) == (Reached(3, 3, 0), 0.0)
    crowd.get(crowd.node(2).publish("room:late", "hello"))
    assert [told(client) for client in clients] == [["hello"]] * 3
    assert told(other) == []


def test_several_channels_are_entered_and_left_in_one_turn(crowd):
    ann = crowd.come(1, "ann", "tea")
    assert crowd.get(crowd.node().subscribe_all(["room:a", "room:b"], channels="room:tea")).sessions == 1
    assert crowd.get(crowd.node().unsubscribe_all(["room:tea", "room:a"], "over", channels="room:tea")).sessions == 1
    (seen,) = crowd.get(crowd.node().sessions()).sessions
    assert seen.channels == ("room:b",)
    left = [(event["channel"], event["reason"]) for event in ann.events("unsubscribed")]
    assert left == [("room:tea", "over"), ("room:a", "over")]


def test_what_the_server_began_is_begun_again_for_who_comes_back(crowd):
    ann = crowd.come(1, "ann", "tea")
    ann.drop()
    assert crowd.get(crowd.node().subscribe_all("room:late", channels="room:tea")).sessions == 1
    back = crowd.nodes[1].connect(token="ann", resume=ann.resume)
    crowd.get(crowd.node().publish("room:late", "hello"))
    assert told(back) == ["hello"]


def test_who_was_taken_out_while_away_stays_out(crowd):
    ann = crowd.come(1, "ann", "tea")
    crowd.get(crowd.node().subscribe_all("room:late", channels="room:tea"))
    ann.drop()
    crowd.get(crowd.node().unsubscribe_all("room:late", user="ann"))
    crowd.run(1)
    crowd.kill(1)
    back = crowd.nodes[2].connect(token="ann", resume=ann.resume)
    assert back.resumed
    crowd.get(crowd.node().publish("room:late", "hello"))
    assert told(back) == []


def test_who_is_in_too_many_channels_is_not_counted_and_keeps_nothing():
    with Crowd(2, max_channels=2) as crowd:
        crowd.come(0, "ann", "tea")
        ben = crowd.come(1, "ben", "tea", "milk")
        assert crowd.get(crowd.node().subscribe_all("room:late", channels="room:tea")) == (1, 2, 0)
        assert crowd.node(1).hub.sessions[ben.session].enrolled == ()


def test_sessions_are_sent_away_on_every_node(crowd):
    clients = [crowd.come(number, f"u{number}", "tea") for number in range(3)]
    crowd.come(1, "other")
    spared = clients[2].session
    reached = crowd.get(crowd.node().kick_all(channels="room:tea", exclude=[spared], code=4404, reason="closing time"))
    assert reached == Reached(2, 3, 0)
    crowd.run(0.1)
    assert [client.closed for client in clients] == [(4404, "closing time")] * 2 + [None]
    left = crowd.get(crowd.node().sessions()).sessions
    assert sorted(each.user for each in left) == ["other", "u2"]
    back = crowd.nodes[0].client()
    back.connect(token="u0", resume=clients[0].resume)
    assert not back.resumed


def test_a_node_that_was_killed_is_counted_and_not_waited_for(crowd):
    crowd.come(0, "ann", "tea")
    crowd.come(2, "cat", "tea")
    crowd.get(crowd.node().sessions())
    crowd.kill(2)
    assert (crowd.get(crowd.node().subscribe_all("room:a", channels="room:tea")), crowd.took) == ((1, 2, 1), 0.0)


def test_a_node_that_dies_while_it_is_asked_is_given_up_when_it_is_looked_for(crowd):
    crowd.come(0, "ann", "tea")
    crowd.come(2, "cat", "tea")
    asked = crowd.node().unsubscribe_all("room:tea", everybody=True)
    crowd.kill(2)
    assert crowd.get(asked) == (1, 2, 1)
    assert crowd.took == 1.0


def test_what_makes_no_sense_is_told_who_asks(crowd):
    app = crowd.node()
    with pytest.raises(Refused, match="unknown channel"):
        crowd.get(app.subscribe_all("nowhere", everybody=True))
    with pytest.raises(ValueError, match="no close code"):
        crowd.get(app.kick_all(code=1005, everybody=True))
    with pytest.raises(TypeError, match="everybody=True"):
        app.kick_all()
    with pytest.raises(TypeError, match="channels"):
        app.kick_all(channels=None)


def test_a_note_that_nobody_could_have_written_harms_nobody(crowd, caplog):
    ann = crowd.come(0, "ann")
    body = {"number": 1, "choice": {}, "what": "kick", "code": 1005}
    crowd.node().hub.broker._deliver(Note(msgspec.msgpack.encode((VERSION, "rule", "x", body))))
    crowd.run(0.1)
    assert ann.closed is None
    assert "not handled" in caplog.text


def test_more_than_are_subscribed_at_a_time_are_subscribed(crowd):
    for _ in range(300):
        crowd.nodes[1].connect(token=None)
    assert crowd.get(crowd.node().subscribe_all("room:a", everybody=True)) == (300, 3, 0)


def test_whose_client_is_away_is_counted_and_subscribed_as_it_comes_back(crowd):
    ann = crowd.come(0, "ann", "tea")
    ann.drop()
    assert crowd.get(crowd.node().subscribe_all("room:late", user="ann")).sessions == 1
    back = crowd.nodes[0].client()
    assert back.connect(resume=ann.resume)["channels"] == ["room:late"]
    assert [event["channel"] for event in back.events("subscribed")] == ["room:late"]
