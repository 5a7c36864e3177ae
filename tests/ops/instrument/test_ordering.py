"""What UIs ask for is done on all nodes, and what cannot be done is said to who asked."""

import pytest
from tests.ops.instrument.city import City

from everywire.hub.world import pause


def reached(ui, *order):
    return ui.ask(*order, seconds=5.5)[0]


def test_emit_to_everybody_to_a_room_and_to_one():
    with City(2) as city:
        one, two, other = city.come(0), city.come(1), city.come(1, namespace="/chat")
        two.emit("everywire:subscribe", {"channel": "room:tea"})
        ui = city.look()
        assert reached(ui, "emit", "/", None, "all", 1, {"a": [2]}) == {"sockets": 2}
        assert reached(ui, "emit", "/", "room:tea", "some") == {"sockets": 1}
        assert reached(ui, "emit", "/chat", other.sid, "one", "zwei") == {"sockets": 1}
        assert one.hear() == [["all", 1, {"a": [2]}]]
        assert two.hear() == [["all", 1, {"a": [2]}], ["some"]]
        assert other.hear() == [["one", "zwei"]]


def test_join_and_leave():
    with City(2) as city:
        one, two = city.come(0), city.come(1)
        ui = city.look()
        assert reached(ui, "join", "/", "room:tea") == {"sockets": 2}
        hubs = [net.app.hub for net in city.nets]
        assert [len(hub.channels["room:tea"].subscriptions) for hub in hubs] == [1, 1]
        assert reached(ui, "leave", "/", "room:tea", two.sid) == {"sockets": 1}
        assert [("room:tea" in hub.channels) for hub in hubs] == [True, False]
        assert reached(ui, "leave", "/", "room:tea", "room:tea") == {"sockets": 1}
        assert "room:tea" not in hubs[0].channels
        told = [event[:-1] for event in ui.hear() if event[0] in ("room_joined", "room_left")]
        assert ["room_joined", "/", "room:tea", one.sid] in told
        assert ["room_left", "/", "room:tea", two.sid] in told


def test_what_takes_a_while_is_waited_for():
    with City(2) as city:
        client, ui, hub = city.come(1), city.look(), city.nets[1].app.hub
        inner = hub.enrolling.enter

        async def enter(session, channel):
            await pause(hub.world, 3)
            await inner(session, channel)

        hub.enrolling.enter = enter
        assert reached(ui, "join", "/", "room:tea", client.sid) == {"sockets": 1}


@pytest.mark.parametrize("close", [False, True])
def test_send_away(close):
    with City(2) as city:
        client, ui = city.come(1), city.look()
        client.namespace = "/chat"
        client.connect()
        other = client.sid
        client.namespace = "/"
        assert reached(ui, "_disconnect", "/chat", close, other) == {"sockets": 1}
        assert other not in city.nets[1].app.hub.sessions
        assert ["(disconnected)"] in client.hear()
        assert (client.transport.closed is not None) is close
        assert len(city.nets[1].app.hub.sessions) == (0 if close else 1)
        [gone] = [event for event in ui.events("socket_disconnected") if event[1] == other]
        assert gone[2] == "server namespace disconnect"


@pytest.mark.parametrize(
    ("order", "code", "why"),
    [
        (("emit",), 107, "emit does not take 0 arguments"),
        (("emit", "/", None), 107, "emit does not take 2 arguments"),
        (("emit", 1, None, "a"), 107, "a namespace is a text"),
        (("emit", "/", 1, "a"), 107, "a room is a text"),
        (("emit", "/", None, "connect"), 107, "connect is a name that clients keep for themselves"),
        (("emit", "/", None, "x" * 256), 107, "an event is a text"),
        (("join", "/", None), 107, "a room is a text"),
        (("join", "/", "what:is:that"), 104, "unknown channel"),
        (("leave", "/", "room:tea", "x", "y"), 107, "leave does not take 4 arguments"),
        (("_disconnect", "/", "yes"), 107, "true or false"),
        (("_disconnect", "/", False, "nobody"), 110, "nobody is there"),
        (("emit", "/nowhere", None, "a"), 110, "nobody is there"),
        (("restart",), 109, "unknown name"),
    ],
)
def test_what_cannot_be_done(order, code, why):
    with City() as city:
        client, ui = city.come(), city.look()
        error = reached(ui, *order)["error"]
        assert (error["code"], why in error["message"]) == (code, True), error
        assert client.hear() == []
        assert ui.transport.closed is None


def test_who_may_only_look_does_nothing():
    with City(read_only=True) as city:
        client, ui = city.come(), city.look()
        assert ui.events("config") == [[{"supportedFeatures": ["AGGREGATED_EVENTS", "ALL_EVENTS"]}]]
        for order in (
            ("emit", "/", None, "a"),
            ("join", "/", "room:tea"),
            ("leave", "/", "room:tea"),
            ("_disconnect", "/", True),
        ):
            assert reached(ui, *order)["error"] == {"code": 103, "message": "this UI may only look"}
        city.run()
        assert client.hear() == []
        assert client.transport.closed is None
