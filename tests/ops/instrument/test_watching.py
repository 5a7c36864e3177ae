"""What becomes of sessions, as it is told."""

import pytest
from tests.ops.instrument.city import City


def sent(ui):
    return [event for _, *event, _ in ui.events("event_sent")]


def test_events_are_shown_to_a_number_and_the_rest_is_always_told():
    with City(max_events=3) as city:
        ui, client = city.look(), city.come()
        for number in range(5):
            client.emit("say", number)
        city.run()
        assert [event[2][1] for event in ui.events("event_received")] == [0, 1, 2]
        client.leave()
        city.run()
        assert len(ui.events("socket_disconnected")) == 1
        other = city.come()
        city.run(2)
        other.emit("say", "again")
        city.run()
        assert [event[2][1] for event in ui.events("event_received")] == ["again"]


def test_publications_are_shown_for_each_who_hears_them():
    with City() as city:
        app, ui, one, two = city.nets[0].app, city.look(), city.come(), city.come()
        for client in (one, two):
            client.emit("everywire:subscribe", {"channel": "room:tea"})
        city.loop.run_until_complete(app.publish("room:tea", 1, exclude=[one.sid]))
        city.loop.run_until_complete(app.publish("room:tea", 2, to_session=one.sid))
        city.run()
        assert sent(ui) == [[two.sid, ["room:tea", 1]], [one.sid, ["room:tea", 2]]]


def test_who_is_in_a_channel_outside_is_not_shown_as_told():
    with City() as city:
        app, ui, one, two = city.nets[0].app, city.look(), city.come(), city.come()
        for client in (one, two):
            client.emit("everywire:subscribe", {"channel": "room:tea"})
        two.emit("everywire:subscribe", {"channel": "room:milk"})
        city.loop.run_until_complete(app.publish("room:tea", 1, outside=["room:milk"]))
        city.run()
        assert sent(ui) == [[one.sid, ["room:tea", 1]]]


def test_calls_of_the_server_are_shown():
    with City() as city:
        app, ui, client = city.nets[0].app, city.look(), city.come()
        told = []
        app.on("hello")(lambda caller: told.append(caller) or caller.tell("welcome", 1))
        client.emit("hello")
        asked = city.loop.create_task(app.call(client.sid, "sure", {"a": 1}, timeout=1))
        city.run(2)
        assert [event[1] for event in sent(ui)] == [["welcome", 1], ["sure", {"a": 1}]]
        assert isinstance(asked.exception(), TimeoutError)


def test_uis_are_not_shown_what_they_say_themselves():
    with City() as city:
        ui, other = city.look(), city.look()
        ui.emit("join", "/", "room:tea", "nobody")
        city.run(6)
        assert ui.events("event_received") == other.events("event_received") == []
        assert ui.events("event_sent") == []
        assert [event[0]["id"] for event in ui.events("socket_connected")] in ([], [other.sid])


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1006, "transport close"), (1000, "transport close"), (4408, "ping timeout"), (1012, "transport close")],
)
def test_why_a_client_is_gone(code, reason):
    with City() as city:
        ui, client = city.look(), city.come()
        client.lose(code)
        city.run(11)  # it might have come back
        [gone] = ui.events("socket_disconnected")
        assert gone[:3] == ["/", client.sid, reason]


def test_who_is_kicked_is_told_of_once():
    with City() as city:
        app, ui, client = city.nets[0].app, city.look(), city.come()
        city.loop.run_until_complete(app.kick(session=client.sid))
        city.run(11)
        assert [event[2] for event in ui.events("socket_disconnected")] == ["server namespace disconnect"]


def test_a_client_that_continues_on_another_node_is_still_there():
    with City(2) as city:
        ui, client = city.look(0), city.nets[0].connect()
        client.subscribe("room:tea")
        resume = client.resume
        city.run(1)
        client.drop()
        again = city.nets[1].connect(resume=resume)
        city.run(0.5)
        assert again.session == client.session
        told = [event for event in ui.hear() if client.session in str(event)]
        assert "socket_disconnected" not in [event[0] for event in told]
        assert "room_left" not in [event[0] for event in told]
