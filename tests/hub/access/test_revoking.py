"""Who is sent away is sent away on every node, and stays away where that is meant."""

import msgspec
import pytest

from everywire.app import Everywire
from everywire.brokers.base import Note
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal, SharedBroker, VirtualLoop, passed
from everywire.ws.frames import close_payload


def make(shared):
    app = Everywire(broker=shared.view, settings=Settings(linger=50))
    app.channel("room:{name}", history=5)

    @app.on_connect
    def who(connecting):
        user, _, rest = (connecting.token or "anybody").partition(" ")
        issued, _, token = rest.partition(" ")
        return Identity(user, issued=float(issued) if issued else None, token=token or None)

    return app


@pytest.fixture
def shared():
    return SharedBroker()


@pytest.fixture
def nets(shared):
    with VirtualLoop() as loop:
        with Net(make(shared), 1, loop=loop) as one, Net(make(shared), 2, loop=loop) as two:
            yield one, two


def now(net):
    return net.app.hub.expiries.now()


def does(net, work):
    """Do it, and let a tenth of a second pass."""
    net.loop.run_until_complete(work)
    net.run(0.1)


def test_a_user_is_kicked_out_on_every_node(nets):
    one, two = nets
    here, there, other = one.connect(token="ann"), two.connect(token="ann"), two.connect(token="ben")
    does(one, one.app.hub.revoking.kick("ann", None, 4404, "out with you"))
    assert here.closed == there.closed == (4404, "out with you")
    assert other.closed is None
    assert not two.connect(token="ann", resume=there.resume).resumed


def test_a_long_reason_is_told_whole_and_cut_only_where_a_close_frame_ends(nets):
    one, _ = nets
    ann = one.connect(token="ann")
    does(one, one.app.hub.revoking.kick("ann", None, 4404, "é" * 100))
    assert ann.closed == (4404, "é" * 100)
    assert close_payload(*ann.closed)[2:].decode() == "é" * 61


def test_half_a_character_is_no_part_of_a_reason(nets):
    one, _ = nets
    ann = one.connect(token="ann")
    one.app.hub.revoking.expel(one.app.hub.sessions[ann.session], 4404, "out \ud800")
    assert ann.closed == (4404, "out ?")


def test_one_session_is_kicked_out_from_another_node(nets):
    one, two = nets
    first, second = two.connect(token="ann"), two.connect(token="ann")
    does(one, one.app.hub.revoking.kick(None, first.session, 4000, ""))
    assert first.closed == (4000, "")
    assert second.closed is None


def test_a_lingering_session_is_kicked_out_too(nets):
    one, _ = nets
    ann = one.connect(token="ann")
    ann.drop()
    does(one, one.app.hub.revoking.kick("ann", None, 4404, ""))
    assert one.app.hub.sessions == {}
    assert one.app.hub.of_user("ann") == []


@pytest.mark.parametrize(
    ("kick", "error"),
    [
        ((None, None, 4404, ""), TypeError),
        (("ann", "s", 4404, ""), TypeError),
        (("ann", None, 1006, ""), ValueError),
        (("ann", None, 99, ""), ValueError),
    ],
)
def test_a_senseless_kick_is_refused(nets, kick, error):
    with pytest.raises(error):
        does(nets[0], nets[0].app.hub.revoking.kick(*kick))


def test_a_user_is_taken_out_of_one_channel(nets):
    one, two = nets
    ann, ben = two.connect(token="ann"), two.connect(token="ben")
    for client in (ann, ben):
        client.subscribe("room:1")
        client.subscribe("room:2")
    does(one, one.app.hub.revoking.remove("ann", "room:1", "be quiet"))
    assert ann.events() == [{"type": "unsubscribed", "channel": "room:1", "reason": "be quiet"}]
    ben.publish("room:1", 1)
    ben.publish("room:2", 2)
    assert [event["data"] for event in ann.events("publication")] == [2]


def test_a_users_older_tokens_hold_no_longer(nets):
    one, two = nets
    old, new = f"ann {now(one) - 5}", f"ann {now(one) + 5}"
    before, after, unknown = two.connect(token=old), two.connect(token=new), two.connect(token="ann")
    does(one, one.app.hub.revoking.revoke("ann", None, None, None))
    assert before.closed == (4401, "the token was revoked")
    assert after.closed is unknown.closed is None
    for net in nets:
        client = net.client()
        with pytest.raises(Refusal, match="101 the token was revoked"):
            client.connect(token=old)
        assert client.closed == (4401, "the token was revoked")
        assert net.connect(token=new).session
        assert net.connect(token=f"ben {now(one) - 5}").session


def test_one_token_is_revoked_by_its_id(nets):
    one, two = nets
    time = now(one) - 5
    bad, good = two.connect(token=f"ann {time} t1"), two.connect(token=f"ann {time} t2")
    does(one, one.app.hub.revoking.revoke(None, "t1", None, None))
    assert bad.closed == (4401, "the token was revoked")
    assert good.closed is None
    with pytest.raises(Refusal, match="revoked"):
        good.ask("refresh", token=f"ann {now(one) + 9} t1")
    assert good.closed is None


def test_a_revocation_is_kept_until_its_time(nets):
    one, two = nets
    old = f"ann {now(one) - 5}"
    does(one, one.app.hub.revoking.revoke("ann", None, None, 1000.0))
    two.app.hub.revoking._lately.clear()  # as a node that was started later
    one.run(990)
    with pytest.raises(Refusal, match="revoked"):
        two.connect(token=old)
    one.run(20)
    assert two.connect(token=old).session


def test_a_revoked_session_cannot_be_resumed_by_its_secret(nets, shared):
    one, two = nets
    ann = two.connect(token=f"ann {now(one) - 5}")
    ann.drop()
    shared.views[1].cut()  # this node does not hear of it
    does(one, one.app.hub.revoking.revoke("ann", None, None, None))
    shared.views[1].broken = False
    with pytest.raises(Refusal, match="revoked"):
        two.connect(resume=ann.resume)


def test_who_is_let_past_the_record_meets_the_note(nets):
    one, two = nets
    old = f"ann {now(one) - 5}"
    broker = two.app.hub.broker
    get = broker.get

    async def slow(name):
        found = await get(name)
        await two.app.hub.world.task(passed(1))
        return found

    broker.get = slow
    client = two.client()
    client.send("connect", token=old)
    does(one, one.app.hub.revoking.revoke("ann", None, None, None))
    one.run(3)
    assert client.closed == (4401, "the token was revoked")


@pytest.mark.parametrize("record", [b"", b"\xff", b"\xa1x"])
def test_a_broken_record_keeps_out(nets, record):
    one, _ = nets
    does(one, one.app.hub.broker.put("revoked:token:t1", record, 100))
    with pytest.raises(Refusal, match="revoked"):
        one.connect(token=f"ann {now(one)} t1")


def test_a_broker_that_does_not_answer_lets_nobody_in(nets, shared, caplog):
    one, _ = nets
    shared.views[0].cut()
    client = one.client()
    with pytest.raises(Refusal, match="100 "):
        client.connect(token=f"ann {now(one)}")
    assert client.closed == (1011, "internal error")  # the client comes back


@pytest.mark.parametrize("revocation", [(None, None), ("ann", "t")])
def test_a_senseless_revocation_is_refused(nets, revocation):
    with pytest.raises(TypeError):
        does(nets[0], nets[0].app.hub.revoking.revoke(*revocation, None, None))


@pytest.mark.parametrize("body", [{"code": 1006, "reason": "", "user": "ann"}, {"code": "x", "reason": ""}, {}])
def test_a_strangers_kick_does_nothing(nets, body, caplog):
    one, _ = nets
    ann = one.connect(token="ann")
    one.app.hub.delivering.take(Note(msgspec.msgpack.encode((1, "kick", "n", body))))
    one.run()
    assert ann.closed is None


def test_what_a_node_remembers_is_bounded(nets):
    one, _ = nets
    hub = one.app.hub
    for number in range(12_000):
        hub.delivering.take(Note(msgspec.msgpack.encode((1, "revoke", "n", {"name": f"x{number}", "before": 1.0}))))
    one.run()
    assert len(hub.revoking._lately) == 10_000


def test_a_token_that_does_not_say_when_it_was_issued_is_an_old_one(nets):
    one, two = nets
    for net in nets:
        net.app._hooks.connect = lambda connecting: Identity("ann", issued=0.0)  # as JWT gives it
    client = two.connect()
    does(one, one.app.hub.revoking.revoke("ann", None, None, None))
    assert client.closed == (4401, "the token was revoked")
    again = one.client()
    with pytest.raises(Refusal, match="101 the token was revoked"):
        again.ask("connect")
