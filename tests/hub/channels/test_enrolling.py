"""Subscriptions that the server begins: told to the client, begun again when it is back, ended by either side."""

import asyncio

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.channels.enrolling import personal
from everywire.testing import Net, Refusal, SharedBroker, VirtualLoop

SECRET = "a secret of some length"


def make(shared=None, channels=(), **options):
    app = Everywire(broker=shared.view if shared else None, secret=SECRET)
    app.channel("news", history=10, may_subscribe=False, **options)
    app.channel("room:{name}", history=10, presence=True)
    app.personal(history=10)
    app.on_connect(lambda connecting: Identity(connecting.token, channels=channels))
    return app


def kinds(client):
    return [(event["type"], event.get("channel")) for event in client.events()]


def test_what_an_identity_names_is_subscribed_to_with_the_connect():
    with Net(make(channels=("news", "room:1"))) as net:
        net.app.publish("news", 1)
        client = net.client()
        answer = client.connect()
        assert answer["channels"] == ["news", "room:1"]
        told = client.events("subscribed")
        assert [(each["channel"], each["offset"], each["recovered"], "id" in each) for each in told] == [
            ("news", 1, False, False),
            ("room:1", 0, False, False),
        ]
        assert [member["session"] for member in told[1]["members"]] == [client.session]
        net.app.publish("news", 2)
        assert [event["data"] for event in client.events("publication")] == [2]


def test_a_user_has_a_personal_channel():
    with Net(make()) as net:
        ann, too, ben, nobody = (net.client() for _ in range(4))
        assert ann.connect(token="ann")["channels"] == ["user:ann"]
        too.connect(token="ann")
        ben.connect(token="ben")
        assert "channels" not in nobody.connect()
        for client in (ann, too, ben):
            client.events()
        net.app.publish_to("ann", "psst")
        assert [[event["data"] for event in client.events("publication")] for client in (ann, too, ben, nobody)] == [
            ["psst"],
            ["psst"],
            [],
            [],
        ]
        with pytest.raises(Refusal, match=r"^103 "):
            ben.subscribe("user:ann")
        with pytest.raises(Refusal, match=r"^103 "):
            ann.publish("user:ann", 1)
        assert [each["data"] for each in ann.ask("history", channel="user:ann")["publications"]] == ["psst"]


@pytest.mark.parametrize("user", ["a:b", "50%", "ann@example.org", "ü", "a/b c", "{user}", "*", ">"])
def test_every_users_name_makes_a_channels_name(user):
    with Net(make()) as net:
        client = net.connect(token=user)
        client.events()
        net.app.publish_to(user, 1)
        assert len(client.events("publication")) == 1


def test_no_two_users_share_a_personal_channel():
    names = ["a:b", "a%3Ab", "a%3ab", "a%253Ab", "a b"]
    assert len({personal("user:{user}", name) for name in names}) == len(names)


def test_a_user_whose_name_is_too_long_is_let_in_without(caplog):
    with Net(make()) as net:
        client = net.client()
        assert "channels" not in client.connect(token="x" * 300)
        assert "nobody can be subscribed" in caplog.text


def test_without_personal_channels_nothing_is_published_there():
    with Net(Everywire()) as net:
        with pytest.raises(Refused, match="personal"):
            net.app.publish_to("ann", 1)
        with pytest.raises(ValueError, match="pattern"):
            net.app.personal("user")


def test_what_is_missed_of_a_personal_channel_is_recovered():
    with Net(make()) as net:
        ann = net.client()
        ann.connect(token="ann")
        (start,) = ann.events("subscribed")
        ann.drop()
        net.app.publish_to("ann", 1)
        back = net.client()
        assert back.connect(resume=ann.resume)["channels"] == ["user:ann"]
        (told,) = back.events("subscribed")
        assert told["offset"] == 1
        since = {"epoch": start["epoch"], "offset": start["offset"]}
        answer = back.subscribe("user:ann", since=since)
        assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (True, [1])


def test_a_channel_that_is_not_there_is_passed_over(caplog):
    with Net(make(channels=("nowhere", "news"))) as net:
        client = net.client()
        assert client.connect()["channels"] == ["news"]
        assert kinds(client) == [("subscribed", "news")]


def test_a_client_that_cannot_be_subscribed_is_told():
    with Net(make(channels=tuple(f"room:{n}" for n in range(130)))) as net:
        client = net.connect()
        (told,) = [event for event in client.events() if event["type"] == "unsubscribed"][:1]
        assert "no more than 128" in told["reason"]


@pytest.fixture
def nets():
    with VirtualLoop() as loop:
        shared = SharedBroker()
        with Net(make(shared), 1, loop=loop) as one, Net(make(shared), 2, loop=loop) as two:
            yield one, two


def done(net, work):
    async def awaited():
        await work

    net.loop.run_until_complete(awaited())
    net.run()


def test_a_user_is_subscribed_on_every_node_while_connected(nets):
    one, two = nets
    here, there, other = one.connect(token="ann"), two.connect(token="ann"), two.connect(token="ben")
    for client in (here, there, other):
        client.events()
    done(one, one.app.subscribe("news", user="ann"))
    assert [kinds(client) for client in (here, there, other)] == [[("subscribed", "news")]] * 2 + [[]]
    done(one, one.app.subscribe("news", user="ann"))
    assert kinds(here) == []
    done(two, two.app.unsubscribe("ann", "news", "that is all"))
    assert kinds(there) == [("unsubscribed", "news")]


def test_who_is_on_this_node_hears_what_another_publishes_as_soon_as_that_is_done(nets):
    one, two = nets
    ann = one.connect(token="ann")
    ann.events()
    watch = one.app.hub.broker.watch

    async def later(channel):
        there = one.loop.create_future()
        one.loop.call_later(1.0, there.set_result, None)  # it is a way to the broker
        await there
        await watch(channel)

    one.app.hub.broker.watch = later

    async def subscribe_and_publish():
        await one.app.subscribe("news", session=ann.session)
        await two.app.publish("news", "at once")

    done(one, subscribe_and_publish())
    assert [event["data"] for event in ann.events("publication")] == ["at once"]


def test_who_waits_no_longer_for_a_subscription_does_not_end_it(nets):
    one, _ = nets
    ann = one.connect(token="ann")
    ann.events()
    watch, there = one.app.hub.broker.watch, one.loop.create_future()

    async def later(channel):
        await there
        await watch(channel)

    one.app.hub.broker.watch = later

    async def give_up():
        async with asyncio.timeout(1):
            await one.app.subscribe("news", session=ann.session)

    with pytest.raises(TimeoutError):
        done(one, give_up())
    there.set_result(None)
    one.run(1)
    assert kinds(ann) == [("subscribed", "news")]


def test_one_session_is_subscribed_from_another_node(nets):
    one, two = nets
    first, second = two.connect(token="ann"), two.connect(token="ann")
    for client in (first, second):
        client.events()
    done(one, one.app.subscribe("news", session=first.session))
    assert (kinds(first), kinds(second)) == ([("subscribed", "news")], [])
    done(one, one.app.unsubscribe(None, "news", session=first.session))
    assert kinds(first) == [("unsubscribed", "news")]


def test_a_lingering_session_is_subscribed_when_it_is_back_and_on_any_node(nets):
    one, two = nets
    ann = one.connect(token="ann")
    ann.drop()
    done(one, one.app.subscribe("news", user="ann"))
    one.run(1)
    back = two.client()
    assert back.connect(resume=ann.resume)["channels"] == ["user:ann", "news"]
    assert kinds(back) == [("subscribed", "user:ann"), ("subscribed", "news")]


def test_what_a_client_gave_up_is_not_begun_again(nets):
    one, two = nets
    ann = one.connect(token="ann")
    done(one, one.app.subscribe("news", user="ann"))
    ann.ask("unsubscribe", channel="news")
    one.run(1)
    back = two.client()
    assert back.connect(resume=ann.resume)["channels"] == ["user:ann"]


def test_who_is_subscribed_is_one_thing_or_the_other(nets):
    one, _ = nets
    for wrong in ({}, {"user": "ann", "session": "s"}):
        with pytest.raises(TypeError):
            done(one, one.app.subscribe("news", **wrong))
    with pytest.raises(TypeError):
        done(one, one.app.unsubscribe(None, "news"))
    with pytest.raises(Refused, match="unknown"):
        done(one, one.app.subscribe("nowhere", user="ann"))


def test_a_failing_broker_is_told_as_our_fault(nets, caplog):
    one, _ = nets
    ann = one.connect(token="ann")
    ann.events()
    read = one.app.hub.broker.read

    async def fail(*what):
        raise ConnectionError("gone")

    one.app.hub.broker.read = fail
    done(one, one.app.subscribe("news", user="ann"))
    one.app.hub.broker.read = read
    assert [event["reason"] for event in ann.events("unsubscribed")] == ["internal error"]


def test_who_comes_back_asks_for_what_was_missed_where_only_the_server_subscribes():
    with Net(make(channels=("news",))) as net:
        ann = net.connect(token="ann")
        [told] = [each for each in ann.events("subscribed") if each["channel"] == "news"]
        ann.drop()
        net.app.publish("news", 1)
        back = net.connect(resume=ann.resume)
        since = {"epoch": told["epoch"], "offset": told["offset"]}
        answer = back.subscribe("news", since=since)
        assert answer["recovered"]
        assert [each["data"] for each in answer["publications"]] == [1]
        back.ask("unsubscribe", channel="news")
        with pytest.raises(Refusal, match=r"^103 "):
            back.subscribe("news", since=since)


def test_a_session_of_this_node_enters_a_channel_and_leaves_it():
    with Net(make()) as net:
        ann = net.connect(token="ann")
        hub = net.app.hub
        session = hub.sessions[ann.session]
        net.loop.run_until_complete(hub.enrolling.enter(session, "news"))
        net.loop.run_until_complete(hub.enrolling.enter(session, "news"))
        assert session.enrolled == ("user:ann", "news")
        assert kinds(ann)[1:] == [("subscribed", "news")]
        assert [hub.enrolling.leave(session, "news", "over"), hub.enrolling.leave(session, "news")] == [True, False]
        assert (session.enrolled, kinds(ann)) == (("user:ann",), [("unsubscribed", "news")])


def test_who_cannot_enter_a_channel_keeps_nothing_of_it():
    with Net(make()) as net:
        session = net.app.hub.sessions[net.connect(token="ann").session]
        for channel in ("nowhere", "room:*"):
            with pytest.raises(Refused):
                net.loop.run_until_complete(net.app.hub.enrolling.enter(session, channel))
        assert session.enrolled == ("user:ann",)


def test_who_keeps_a_channel_where_there_was_no_room_for_it_enters_it_once_there_is():
    with Net(make(channels=tuple(f"room:{n}" for n in range(129)))) as net:
        client = net.connect()
        session = net.app.hub.sessions[client.session]
        with pytest.raises(Refused, match="no more than 128"):
            net.loop.run_until_complete(net.app.hub.enrolling.enter(session, "room:128"))
        assert "room:128" not in session.enrolled
        net.app.hub.enrolling.add(session, "room:128")
        client.ask("unsubscribe", channel="room:0")
        client.events()
        net.loop.run_until_complete(net.app.hub.enrolling.enter(session, "room:128"))
        assert kinds(client) == [("subscribed", "room:128")]
        assert session.enrolled.count("room:128") == 1
