"""Sessions that go on: on another node, after their linger, after their node's death; and those that do not."""

import pytest
from tests.hub.nodes import SharedNodes

from everywire.app import Everywire
from everywire.hub.access.identity import Identity
from everywire.hub.continuity.proofs import Proof, Signer
from everywire.hub.settings import Settings
from everywire.messages import Heartbeat
from everywire.testing import Net, Refusal

SECRET = "a secret of some length"


class Cluster(SharedNodes):
    """Nodes of one secret, or of `secrets`; `asked` holds the tokens that the connect hook was shown."""

    def __init__(self, count=2, secrets=(SECRET,) * 9, **settings):
        self.asked, self.secrets = [], secrets
        self.settings = Settings(**{"linger": 10.0, "heartbeat": Heartbeat(1e6, 10), **settings})
        super().__init__(count)

    def node(self, number):
        app = Everywire(broker=self.shared.view, settings=self.settings, secret=self.secrets[number])
        app.channel("room:{name}", history=50, presence=True)
        app.channel("plain", history=50)

        @app.on_connect
        def who(connecting):
            self.asked.append(connecting.token)
            user, _, seconds = (connecting.token or "").partition(" ")
            return Identity(user or None, expires=connecting.time + float(seconds) if seconds else None)

        return Net(app, number, loop=self.loop)


@pytest.fixture
def cluster():
    with Cluster() as cluster:
        yield cluster


def watching(net):
    """Somebody who sees who comes and goes."""
    watcher = net.connect(token="watcher")
    watcher.subscribe("room:1")
    watcher.events()
    return watcher


def seen(watcher):
    return [
        (event["type"], event["member"]["session"]) for event in watcher.events() if event["type"] in ("join", "leave")
    ]


def since(answer):
    return {"epoch": answer["epoch"], "offset": answer["offset"]}


def test_a_session_goes_on_at_another_node(cluster):
    one, two = cluster.nets
    watcher = watching(two)
    ann = one.connect(token="ann", info={"nick": "A"})
    start = ann.subscribe("room:1")
    cluster.run(1)
    seen(watcher)
    ann.drop()
    watcher.publish("room:1", 1)
    again = two.connect(resume=ann.resume)
    assert (again.resumed, again.session) == (True, ann.session)
    answer = again.subscribe("room:1", since=since(start))
    assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (True, [1])
    again.publish("room:1", 2)
    cluster.run(60)
    published = watcher.events("publication")
    assert published[-1]["from"] == {"session": ann.session, "user": "ann", "info": {"nick": "A"}}
    assert seen(watcher) == []
    assert cluster.asked == ["watcher", "ann"]
    assert ann.session not in one.app.hub.sessions
    assert len(watcher.ask("presence", channel="room:1")["members"]) == 2


def test_the_node_that_had_it_closes_its_connection(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    again = two.connect(resume=ann.resume)
    cluster.run(0.1)
    assert ann.closed == (4409, "the session was continued elsewhere")
    ann.line.lost(4409)
    assert one.app.hub.sessions == {}
    assert one.app.hub.places._held == {}
    assert again.subscribe("room:1")["members"][0]["session"] == ann.session


def test_a_session_outlives_its_node(cluster):
    one, two = cluster.nets
    watcher = watching(two)
    ann = one.connect(token="ann")
    start = ann.subscribe("room:1")
    cluster.run(1)
    seen(watcher)
    cluster.kill(0)
    watcher.publish("room:1", 1)
    cluster.run(1)
    again = two.connect(resume=ann.resume)
    assert (again.resumed, again.session) == (True, ann.session)
    cluster.run(5)
    assert again.subscribe("room:1", since=since(start))["recovered"]
    cluster.run(60)
    assert seen(watcher) == []


def test_who_comes_back_after_the_lease_was_seen_to_leave(cluster):
    one, two = cluster.nets
    watcher = watching(two)
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    cluster.kill(0)
    cluster.run(4)
    again = two.connect(resume=ann.resume)
    again.subscribe("room:1")
    assert (again.resumed, again.session) == (True, ann.session)
    assert seen(watcher) == [("join", ann.session), ("leave", ann.session), ("join", ann.session)]


def test_what_is_not_claimed_on_the_other_node_is_left(cluster):
    one, two = cluster.nets
    watcher = watching(two)
    ann = one.connect(token="ann")
    for channel in ("room:1", "room:2", "plain"):
        ann.subscribe(channel)
    cluster.run(1)
    again = two.connect(resume=ann.resume)
    session = two.app.hub.sessions[ann.session]
    assert [*session.subscriptions] == ["room:1", "room:2", "plain"]
    again.subscribe("plain")
    cluster.run(9)
    assert seen(watcher) == [("join", ann.session)]
    cluster.run(2)
    assert seen(watcher) == [("leave", ann.session)]
    assert [*session.subscriptions] == ["plain"]


@pytest.mark.parametrize("minutes", [1, 59])
@pytest.mark.parametrize("node", [0, 1])
def test_the_secret_brings_back_user_and_id_after_the_linger(cluster, node, minutes):
    watcher = watching(cluster.nets[1])
    ann = cluster.nets[0].connect(token="ann")
    ann.subscribe("room:1")
    ann.drop()
    cluster.run(minutes * 60)
    assert seen(watcher) == [("join", ann.session), ("leave", ann.session)]
    back = cluster.nets[node].client()
    answer = back.connect(resume=ann.resume)
    assert (answer["resumed"], answer["session"], answer["user"]) == (True, ann.session, "ann")
    session = cluster.nets[node].app.hub.sessions[ann.session]
    assert [*session.subscriptions] == ["room:1"]


def test_after_its_time_the_secret_is_worth_nothing(cluster):
    ann = cluster.nets[0].connect(token="ann")
    ann.drop()
    cluster.run(10 + 3601)
    for net in cluster.nets:
        back = net.connect(resume=ann.resume, token="ann")
        assert not back.resumed
        assert back.session != ann.session


def test_the_time_begins_when_the_session_was_last_there(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(3 * 3600)
    cluster.kill(0)
    cluster.run(3500)
    assert two.connect(resume=ann.resume).session == ann.session


@pytest.mark.parametrize("node", [0, 1])
def test_a_session_that_ended_for_good_stays_ended(cluster, node):
    one = cluster.nets[0]
    for end in (lambda client: client.drop(1000), lambda client: client.line.receive('{"type": "leave"}')):
        ann = one.connect(token="ann")
        ann.subscribe("room:1")
        cluster.run(1)
        end(ann)
        assert not cluster.nets[node].connect(resume=ann.resume).resumed


def test_who_was_kicked_is_not_brought_back(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    two.app.kick("ann")
    cluster.run(0.1)
    assert ann.closed == (4404, "")
    assert not two.connect(resume=ann.resume).resumed


def test_a_foreign_or_forged_secret_opens_a_new_session():
    with Cluster(secrets=(SECRET, "another secret of that length")) as cluster:
        one, two = cluster.nets
        ann = one.connect(token="ann")
        cluster.run(1)
        forged = Signer(["a guess"]).sign(Proof(ann.session, "ann", 0))
        for shown in (ann.resume, forged, ann.resume[:-1], ann.session):
            back = two.connect(resume=shown)
            assert not back.resumed
        assert not one.connect(resume=forged).resumed
        assert ann.closed is None


def test_a_secret_that_says_another_user_is_not_taken(cluster):
    """Only whoever has the application's secret could make one."""
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    shown = Signer([SECRET]).sign(Proof(ann.session, "mallory", 0))
    assert not one.connect(resume=shown).resumed
    assert not two.connect(resume=shown).resumed


@pytest.mark.parametrize("node", [0, 1])
def test_another_users_token_opens_a_new_session(cluster, node):
    ann = cluster.nets[0].connect(token="ann")
    cluster.run(1)
    mallory = cluster.nets[node].connect(token="mallory", resume=ann.resume)
    assert not mallory.resumed
    cluster.run(1)
    assert ann.closed is None
    assert cluster.nets[node].connect(token="ann", resume=ann.resume).resumed


def test_an_identity_expires_on_the_other_node_too(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann 40")
    cluster.run(1)
    ann.drop()
    back = two.client()
    assert back.connect(resume=ann.resume)["expires"] == pytest.approx(39_000, abs=100)
    back.drop()
    cluster.run(75)
    asked = len(cluster.asked)
    with_token = two.connect(resume=ann.resume, token="ann 40")
    assert (with_token.resumed, with_token.session) == (True, ann.session)
    assert len(cluster.asked) == asked + 1
    with_token.drop()
    cluster.run(75)
    assert two.connect(resume=ann.resume).session != ann.session  # without a token: the hook is asked, who is nobody


def test_a_revoked_token_is_not_brought_back_by_the_secret():
    with Cluster() as cluster:
        one, two = cluster.nets
        for net in cluster.nets:
            net.app.hooks.connect = lambda connecting: Identity("ann", issued=connecting.time - 10)
        ann = one.connect()
        cluster.run(1)
        cluster.kill(0)
        two.app.revoke("ann")
        cluster.run(1)
        with pytest.raises(Refusal, match="revoked"):
            two.connect(resume=ann.resume)


def test_two_nodes_asked_at_once_agree_on_who_has_it():
    with Cluster(3) as cluster:
        one, two, three = cluster.nets
        ann = one.connect(token="ann")
        ann.subscribe("room:1")
        cluster.run(1)
        left, right = two.connect(resume=ann.resume), three.connect(resume=ann.resume)
        cluster.run(1)
        assert (left.session, right.session) == (ann.session, ann.session)
        assert sorted([left.closed is None, right.closed is None]) == [False, True]
        holders = [net for net in cluster.nets if ann.session in net.app.hub.sessions]
        assert holders == [three]
        cluster.run(30)
        assert len(cluster.loop.run_until_complete(cluster.shared.inner.members("room:1"))) <= 1


def test_a_node_that_could_not_be_told_is_told_later(caplog):
    with Cluster() as cluster:
        one, two = cluster.nets
        ann = one.connect(token="ann")
        cluster.run(1)
        tell, fails = two.app.hub.broker.tell, [True, True]

        async def flaky(data):
            if fails:
                fails.pop()
                raise ConnectionError("gone")
            await tell(data)

        two.app.hub.broker.tell = flaky
        assert two.connect(resume=ann.resume).resumed
        cluster.run(1.5)
        assert ann.closed is None
        cluster.run(2)
        assert ann.closed == (4409, "the session was continued elsewhere")
        assert two.app.hub.continuing._told == {}


def test_a_former_node_does_not_write_over_what_the_session_became(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    ann.drop()
    one.app.hub.notes._kinds.clear()  # it is not told
    back = two.connect(resume=ann.resume)
    back.subscribe("room:1")
    cluster.run(20)
    assert one.app.hub.sessions == {}
    record = cluster.loop.run_until_complete(two.app.hub.records.find(ann.session))
    assert (record.node, record.over) == (two.app.hub.node, False)
    assert len(cluster.loop.run_until_complete(cluster.shared.inner.members("room:1"))) == 1


def test_a_channel_that_is_not_there_any_more_is_left_out(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    for channel in ("room:1", "plain"):
        ann.subscribe(channel)
    cluster.run(1)
    two.app._hooks.kinds._exact.clear()
    assert two.connect(resume=ann.resume).resumed
    assert [*two.app.hub.sessions[ann.session].subscriptions] == ["room:1"]


def test_a_broker_that_does_not_answer_closes_so_that_the_client_comes_back(cluster, caplog):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    cluster.shared.views[1].cut()
    client = two.client()
    with pytest.raises(Refusal, match="100 "):
        client.connect(resume=ann.resume)
    assert client.closed is not None
    assert client.closed[0] == 1013


def test_places_that_cannot_be_taken_over_are_entered_later(cluster, caplog):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    cluster.kill(0)
    enter = two.app.hub.broker.enter

    async def fail(*what):
        raise ConnectionError("gone")

    two.app.hub.broker.enter = fail
    back = two.connect(resume=ann.resume)
    cluster.run(5)
    two.app.hub.broker.enter = enter
    assert "not taken over" in caplog.text
    assert len(back.subscribe("room:1")["members"]) == 1


def test_what_a_node_that_stops_knows_is_written_down():
    with Cluster() as cluster:
        one, two = cluster.nets
        ann = one.connect(token="ann")
        ann.subscribe("room:1")
        cluster.loop.run_until_complete(one.app.stop())
        assert ann.closed == (1001, "the server is going away")
        back = two.connect(resume=ann.resume)
        assert (back.resumed, back.session) == (True, ann.session)
        assert [*two.app.hub.sessions[ann.session].subscriptions] == ["room:1"]
        cluster.nets.remove(one)


def test_a_secret_signed_before_a_rotation_still_counts():
    newer = ("another secret of that length", SECRET)
    with Cluster(secrets=(SECRET, newer)) as cluster:
        one, two = cluster.nets
        ann = one.connect(token="ann")
        cluster.run(1)
        back = two.connect(resume=ann.resume)
        assert back.resumed
        assert back.resume.partition(".")[0] != ann.resume.partition(".")[0]


def held_by(cluster, session):
    place = cluster.shared.inner._places._channels["room:1"].places[session]
    return place.holder.name


def test_a_session_that_is_back_before_its_node_knew_that_it_was_gone_stays(cluster):
    one, two = cluster.nets
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    ann.drop()
    there = two.connect(resume=ann.resume)
    back = one.connect(resume=ann.resume)  # no note was read meanwhile
    cluster.run(1)
    assert (there.closed is None, back.closed is None) == (False, True)
    assert (ann.session in one.app.hub.sessions, ann.session in two.app.hub.sessions) == (True, False)
    assert held_by(cluster, ann.session) == one.app.hub.node
    back.subscribe("room:1")
    back.ask("unsubscribe", channel="room:1")
    assert cluster.loop.run_until_complete(cluster.shared.inner.members("room:1")) == ()


def test_a_node_that_missed_the_note_finds_out_when_it_hears_of_the_loss(cluster):
    one, two = cluster.nets
    ann, ben = one.connect(token="ann"), one.connect(token="ben")
    ann.subscribe("room:1")
    cluster.run(1)
    cluster.shared.views[0].cut()
    back = two.connect(resume=ann.resume)
    back.subscribe("room:1")
    cluster.run(1)
    assert ann.closed is None
    cluster.shared.views[0].heal()
    cluster.run(1)
    assert ann.closed == (4409, "the session was continued elsewhere")
    assert (ben.closed, back.closed) == (None, None)
    assert held_by(cluster, ann.session) == two.app.hub.node


def test_a_loss_while_the_broker_is_away_again_is_survived(cluster, caplog):
    one, _ = cluster.nets
    ann = one.connect(token="ann")
    cluster.run(1)
    cluster.shared.views[0].cut()
    cluster.loop.run_until_complete(one.app.hub.continuing.verify())
    assert ann.closed is None
    assert "went on elsewhere" in caplog.text


def test_a_node_that_enters_its_places_again_takes_none_from_who_has_the_session_now(cluster):
    one, two = cluster.nets
    watcher = watching(two)
    ann = one.connect(token="ann")
    ann.subscribe("room:1")
    cluster.run(1)
    cluster.shared.views[0].cut()
    ann.drop()
    two.connect(resume=ann.resume).subscribe("room:1")
    cluster.run(4)
    cluster.shared.views[0].broken = False  # it is not told that anything was lost
    cluster.run(20)
    assert held_by(cluster, ann.session) == two.app.hub.node
    assert seen(watcher) == [("join", ann.session)]
