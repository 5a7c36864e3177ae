"""What an application says while it runs."""

import pytest

from everywire.app import Everywire
from everywire.errors import EverywireError, Refused, SessionGone
from everywire.testing import Net


@pytest.fixture
def app():
    app = Everywire()
    app.channel("news", history=5)
    return app


def test_nothing_is_said_before_the_start(app):
    with pytest.raises(EverywireError, match="not running"):
        app.publish("news", 1)


def test_a_key_makes_publishing_again_harmless(app):
    with Net(app) as net:
        client = net.connect()
        client.subscribe("news")
        app.publish("news", {"n": 1}, key="k")
        app.publish("news", {"n": 1}, key="k")
        assert [event["data"] for event in client.events("publication")] == [{"n": 1}]


def test_what_no_kind_has_and_what_json_cannot_say(app):
    with Net(app):
        with pytest.raises(Refused):
            app.publish("elsewhere", 1)
        with pytest.raises(TypeError):
            app.publish("news", object())


@pytest.mark.parametrize("ttl", [-1, float("inf"), float("nan")])
def test_a_time_to_live_that_is_none_is_refused(app, ttl):
    app.channel("map", keyed=True)
    with Net(app), pytest.raises(ValueError, match="ttl is a number of seconds, finite and not negative"):
        app.publish("map", 1, entry="x", ttl=ttl)


def test_what_is_binary_may_be_said(app):
    with Net(app) as net:
        client = net.connect()
        client.subscribe("news")
        app.publish("news", {"icon": b"x"})
        assert [event["data"] for event in client.events("publication")] == [{"icon": "eA=="}]


def test_one_that_is_left_out_may_be_given_by_itself(app):
    app.channel("late")
    with Net(app) as net:
        one, two = net.connect(), net.connect()
        for client in (one, two):
            client.subscribe("news")
        two.subscribe("late")
        app.publish("news", 1, outside="late")
        app.publish("news", 2, exclude=one.session)
        assert [event["data"] for event in one.events("publication")] == [1]
        assert [event["data"] for event in two.events("publication")] == [2]


def test_a_client_is_called_by_its_sessions_id(app):
    with Net(app) as net:
        client = net.connect()
        task = net.loop.create_task(app.call(client.session, "rename", {"to": "Ada"}, timeout=1, returns=str))
        net.run()
        [event] = client.events("call")
        assert (event["name"], event["data"], event["timeout"]) == ("rename", {"to": "Ada"}, 1000)
        client.send("answer", call=event["call"], data="done")
        net.run()
        assert task.result() == "done"
        with pytest.raises(SessionGone, match="there is no session nobody"):
            net.loop.run_until_complete(app.call("nobody", "rename"))


def test_who_is_subscribed_to_another_channel_may_be_left_out():
    app = Everywire()
    app.channel("room:{name}", history=10)
    with Net(app) as net:
        ann, ben = net.connect(), net.connect()
        ann.subscribe("room:a")
        for client in (ann, ben):
            client.subscribe("room:b")
        app.publish("room:b", 1, outside=["room:a"])
        app.publish("room:b", 2)
        net.run()
        assert [[event["data"] for event in client.events("publication")] for client in (ann, ben)] == [[2], [1, 2]]
        kept = [
            [each["data"] for each in client.ask("history", channel="room:b")["publications"]] for client in (ann, ben)
        ]
        assert kept == [[2], [1, 2]]


def test_what_cannot_be_published_is_known_before_the_start(app):
    app.channel("number:{name}", data=int)
    app.channel("map", keyed=True)
    assert app.check_publication("news", {"any": "thing"}) is None
    assert app.check_publication("map", 1, entry="a", ttl=1) is None
    for channel, data, options, error in (
        ("elsewhere", 1, {}, Refused),
        ("number:*", 1, {}, Refused),
        ("number:1", "one", {}, Refused),
        ("map", 1, {}, Refused),
        ("news", 1, {"entry": "a"}, Refused),
        ("news", object(), {}, TypeError),
        ("map", 1, {"entry": "a", "ttl": -1}, ValueError),
    ):
        with pytest.raises(error):
            app.check_publication(channel, data, **options)
