"""WebSockets that carry a line which was asked for by a request; and lines that outlive them."""

from dataclasses import replace

import pytest
from tests.gateway.agreed import Client, agreeing
from tests.gateway.agreeing import Agreeing

from everywire.app import Everywire
from everywire.dialects.base import Carry, Move
from everywire.gateway.settings import HttpSettings
from everywire.http.handed import Handed
from everywire.http.request import Headers, Request
from everywire.hub.settings import Settings
from everywire.payloads import Payload
from everywire.transports.http import LineLimits


@pytest.fixture
def net(monkeypatch):
    with agreeing(monkeypatch, Agreeing()) as net:
        yield net


def test_a_websocket_carries_a_line(net):
    client = Client(net)
    socket = client.carry("how plain;in room;say room 1;")
    assert socket.said() == "hello;in room;1;"
    assert {attachment.carriage for attachment in net.app.hub.attachments} == {"websocket"}


def test_without_a_line_it_is_one_by_itself(net):
    client = Client(net, negotiate=False)
    socket = client.carry("how counted;in room;say room 1;")  # nothing could go on with it: it does not count
    assert socket.said() == "hello;in room;1;"
    socket.lose()
    assert not net.app.hub.attachments


def test_what_came_in_parts_is_put_together(net):
    client = Client(net)
    socket = client.carry("ho", "w plain;in ro", "om;")
    assert socket.said() == "hello;in room;"


def test_who_does_not_agree_is_sent_away_in_words_for_all(net):
    socket = Client(net).carry("in room;")
    assert socket.said() == "?closing 1002;"
    assert socket.ended is None  # its client may still be saying something: it closes
    net.run(6)
    assert socket.ended == 1002


def test_a_line_that_is_not_there(net):
    client = Client(net)
    client.id = client.id.partition(".")[0] + ".nobody"
    assert client.upgrade().status == 404


def test_a_second_websocket_is_refused_while_there_is_one(net):
    client = Client(net)
    socket = client.carry("how plain;")
    assert client.upgrade().status == 409
    socket.lose()
    assert client.upgrade().status == 404  # and the line is over with it


def test_two_that_come_at_once(net):
    client = Client(net)
    first, second = client.opening(), client.opening()
    for each in (first, second):
        net.gateway.opened(each)
    assert first.ended is None
    net.run(6)
    assert second.ended == 1008
    first.say("how plain;")
    assert first.said() == "hello;"


def test_another_page_s_line(net):
    client = Client(net, ("Origin", "http://here"))
    request = Request("GET", f"/hub?line={client.id}", Headers([*client.upgrading, ("Origin", "http://there")]))
    assert net.gateway.accept(request).status == 403


def test_a_line_is_carried_in_one_way(net):
    client = Client(net)
    client.carry("how plain;")
    assert [client.ask(method).status for method in ("GET", "POST", "DELETE")] == [400, 405, 400]
    client = Client(net)
    assert client.ask("GET").status == 200
    assert client.upgrade().status == 400
    assert client.ask("GET", headers=[("Accept", "text/event-stream")]).status == 400


def test_a_websocket_that_comes_to_the_wrong_node_is_handed_over(net):
    given = []

    class Relay:
        def hand(self, node, descriptor, read):
            given.append((node, descriptor, read))
            return True

    net.gateway.relay = Relay()
    client = Client(net)
    client.id = "elsewhere.x"
    answer = client.upgrade()
    assert isinstance(answer, Handed)
    assert answer.refusal.status == 404
    assert answer.give(3, b"GET")
    assert given == [("elsewhere", 3, b"GET")]
    assert isinstance(Client(net).upgrade(), Carry)


# Lines that count


def test_it_goes_on_over_another_websocket(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;say room 1;")
    assert socket.said() == "hello;in room;1;"
    socket.say("heard 1;")
    socket.lose()
    net.publish("room", 2)
    again = client.carry()
    assert again.said() == "from 2;1;2;"
    again.say("from 2;say room 1;say room 3;")  # what it said before it says again, having heard no word of that
    assert again.said() == "from 2;1;2;3;"


def test_it_begins_at_the_next_where_nothing_waits(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;say room 1;", "heard 2;")
    socket.lose()
    assert client.carry().said() == "from 3;"


def test_what_counts_waits_for_the_client_s_first_word(net):
    client = Client(net)
    socket = client.carry("how counted;in room;say room 1;")
    assert socket.said() == "hello;"
    socket.say("alive;")
    assert socket.said() == "hello;in room;1;"


def test_but_not_for_long(net):
    client = Client(net)
    socket = client.carry("how counted;in room;")
    net.run(0.6)
    assert socket.said() == "hello;in room;"


def test_what_was_heard_is_acknowledged_about_each_second(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;say room 1;")
    net.run(0.9)
    assert "heard" not in socket.said()
    socket.say("say room 2;")
    net.run(0.2)
    assert socket.said() == "hello;in room;1;2;heard 3;"
    net.run(5)
    assert socket.said() == "hello;in room;1;2;heard 3;"  # nothing new came


def test_what_is_said_again_is_acknowledged_again(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;")
    net.run(1.1)
    socket.lose()
    again = client.carry("from 1;in room;")
    net.run(1.1)
    assert again.said() == "from 1;in room;heard 1;"


def test_the_earlier_websocket_is_cut_off(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;")
    again = client.carry("from 2;")
    assert socket.ended == 4409
    socket.say("say room 1;")  # it is on its way still
    socket.lose()
    again.say("say room 2;")
    assert again.said() == "from 1;in room;2;"


def test_it_waits_for_another_websocket_as_long_as_a_session_does(net):
    client = Client(net)
    client.carry("how counted;", "in room;").lose()
    net.run(9)
    assert len(net.app.hub.attachments) == 1
    client.carry("from 2;").lose()
    net.run(11)
    assert not net.app.hub.attachments
    assert client.upgrade().status == 404


def test_it_may_wait_longer_than_a_client_may_be_silent(monkeypatch):
    app = Everywire(settings=Settings(linger=120))
    with agreeing(monkeypatch, Agreeing(), app) as net:
        client = Client(net)
        client.carry("how counted;", "in room;").lose()
        net.run(100)
        again = client.carry("from 2;")
        assert again.said() == "from 1;in room;"
        net.run(60)  # and is asked whether it is there, as before
        assert not app.hub.attachments
        assert again.said().endswith("beat;closing 4408;")


def test_a_line_that_a_websocket_carries_is_no_line_of_requests(monkeypatch):
    app = Everywire(http=HttpSettings(max_lines=1, address=lambda request: "here"))
    with agreeing(monkeypatch, Agreeing(), app) as net:
        sockets = [Client(net).carry("how counted;", "alive;") for _ in range(3)]
        assert Client(net).id
        assert Client(net, negotiate=False).ask("POST", path="/hub/negotiate").status == 429
        for socket in sockets:
            socket.lose(1000)
        net.run(11)
        assert Client(net).id
        assert Client(net, negotiate=False).ask("POST", path="/hub/negotiate").status == 429


def test_a_client_that_says_goodbye_is_gone(net):
    client = Client(net)
    socket = client.carry("how counted;", "bye;")
    socket.lose(1005)
    net.run()
    assert not net.app.hub.sessions
    assert client.upgrade().status == 404


def test_one_that_closes_for_good_is_gone(net):
    client = Client(net)
    client.carry("how counted;", "alive;").lose(1000)
    net.run()
    assert not net.app.hub.sessions
    assert client.upgrade().status == 404


def test_who_is_sent_away_while_it_has_no_websocket_stays_away(net):
    client = Client(net)
    client.carry("how counted;", "alive;").lose()
    (session,) = net.app.hub.sessions.values()
    session.attachment.close(4404, "kicked")
    net.run()
    assert client.upgrade().status == 404


def test_who_is_sent_away_is_told_why(net):
    client = Client(net)
    socket = client.carry("how counted;", "alive;")
    (session,) = net.app.hub.sessions.values()
    session.attachment.close(4404, "kicked")
    assert socket.said() == "hello;closing 4404;"
    net.run()
    assert client.upgrade().status == 404
    socket.lose(1005)
    net.run(30)


def test_a_beat_is_said_once_and_to_who_is_there(net):
    client = Client(net)
    socket = client.carry("how counted;", "alive;")
    net.run(26)
    assert "beat;" in socket.said()
    socket.lose()
    net.run(8)
    assert client.carry().said() == "from 1;"


def test_the_end_of_the_server(net):
    client = Client(net)
    socket, other = client.carry("how counted;", "alive;"), Client(net).carry("how plain;")
    net.gateway.close()
    assert (socket.said(), other.said()) == ("hello;closing 1001;", "hello;closing 1001;")


def test_each_websocket_that_carries_it_begins_its_beats_anew(net):
    client = Client(net)
    client.carry("how counted;in room;")
    for _ in range(5):
        net.run(3)
        again = client.carry("from 2;alive;")
    again.sent.clear()
    net.run(25)
    assert again.said().count("beat;") == 1  # and not one for each WebSocket that there was


def test_who_was_sent_away_is_not_heard_any_more(net):
    client = Client(net)
    socket = client.carry("bad;", "how counted;", "in room;")
    assert socket.said() == "?closing 1002;"
    socket.lose()
    assert client.upgrade().status == 404


def test_a_websocket_that_comes_as_the_line_ends(net):
    client = Client(net)
    socket = client.carry("how counted;", "in room;")
    second = client.opening()
    net.gateway.received(socket, "bye;")
    net.gateway.opened(second)
    net.run(6)
    assert second.ended == 1008


def test_who_is_too_far_behind_begins_anew(monkeypatch):
    app = Everywire()
    with agreeing(monkeypatch, Agreeing(), app) as net:
        net.gateway.lines.settings = replace(net.gateway.settings, limits=LineLimits(write_limit=300))
        client = Client(net)
        client.carry("how counted;", "in room;")
        for number in range(9):
            net.publish("room", number)  # whose WebSocket it is has noticed nothing yet
        assert client.upgrade().status == 404


class Upgrading(Agreeing):
    """It moves lines by a handshake of their own, too, as another language would."""

    def accept(self, request, new_id):
        if request.path != "/move":
            return super().accept(request, new_id)
        return Move(request.params["line"][0], "probe", Payload("yes"), "commit", Payload("wait"))


def test_a_line_is_moved_in_its_own_language_alone(monkeypatch):
    with agreeing(monkeypatch, Upgrading()) as net:
        client = Client(net)
        request = client.request("GET", headers=client.upgrading, path="/move")
        assert net.gateway.accept(request).status == 404
