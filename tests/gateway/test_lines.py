"""Lines: opened, asked, said to, lost and closed, as docs/protocol.md says."""

import asyncio
import json

import pytest
from tests.gateway.place import CONNECT, Place, kinds, lines, seen

from everywire.app import Everywire
from everywire.gateway import HttpSettings
from everywire.http.request import Response
from everywire.testing import Net
from everywire.transports.http import LineLimits

SUBSCRIBE = {"type": "subscribe", "id": 2, "channel": "room"}
LINGER, DEADLINE = 10, 10


def publish(number, data="x"):
    return {"type": "publish", "id": number, "channel": "room", "data": data}


def application(**settings):
    app = Everywire(http=HttpSettings(**settings))
    app.channel("room", history=100)
    return app


@pytest.fixture
def place():
    with Net(application()) as net:
        yield Place(net)


def test_a_line_is_opened_and_its_first_commands_heard(place):
    answer = place.ask("POST", "lines", [CONNECT, SUBSCRIBE])
    assert answer.status == 201
    node, _, secret = answer.json["line"].partition(".")
    assert node == place.net.app.hub.node
    assert len(secret) == 32
    assert answer.headers["cache-control"] == "no-store"
    assert kinds(place.poll("lines/" + answer.json["line"])) == ["connected", "subscribed"]


def test_a_line_may_be_opened_with_nothing_to_say(place):
    line = "lines/" + place.ask("POST", "lines").json["line"]
    assert place.ask("POST", f"{line}?seq=1", CONNECT).status == 204
    assert kinds(place.poll(line)) == ["connected"]


def test_a_line_that_does_not_connect_in_time_is_closed(place):
    line = "lines/" + place.ask("POST", "lines").json["line"]
    place.net.run(DEADLINE - 1)
    place.poll(line)
    place.net.run(2)
    answer = place.ask("GET", f"{line}/poll")
    assert (answer.status, answer.json["code"]) == (410, 4401)


def test_what_the_client_has_is_forgotten(place):
    line = place.open(SUBSCRIBE)
    assert kinds(place.poll(line, 1)) == ["subscribed"]
    assert kinds(place.poll(line, 1)) == ["subscribed"]
    assert place.poll(line, 2) == []
    answer = place.ask("GET", f"{line}/poll?after=0")
    assert (answer.status, answer.json["code"]) == (409, 4413)
    assert place.ask("GET", f"{line}/poll?after=2").status == 410


def test_a_client_that_has_what_was_never_sent(place):
    line = place.open()
    assert place.ask("GET", f"{line}/stream?after=2").status == 409
    assert place.ask("POST", f"{line}?seq=1", publish(3)).status == 410


def test_a_stream_goes_on_where_the_client_is(place):
    line = place.open(SUBSCRIBE)
    stream = place.ask("GET", f"{line}/stream?after=1")
    assert stream.headers["content-type"] == "application/x-ndjson"
    assert kinds(lines(stream.sink)) == ["subscribed"]
    place.ask("POST", f"{line}?seq=1", publish(3))
    assert kinds(lines(stream.sink)) == ["subscribed", "publication", "published"]
    stream.sink.producer.gone()
    again = place.ask("GET", f"{line}/stream?after=3")
    assert kinds(lines(again.sink)) == ["published"]


def test_an_event_stream(place):
    line = place.open()
    stream = place.ask("GET", f"{line}/sse")
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.sink.body.startswith(b":\n\ndata: {")


def test_a_line_break_in_the_data_does_not_break_a_line(place):
    line = place.open(SUBSCRIBE)
    stream, sse = place.ask("GET", f"{line}/stream?after=2"), place.open(SUBSCRIBE)
    events = place.ask("GET", f"{sse}/sse?after=2").sink
    place.ask("POST", f"{line}?seq=1", b'{"type":"publish","id":3,"channel":"room","data":{\r\n "a":\n 1}}')
    assert lines(stream.sink)[0]["data"] == {"a": 1}
    assert events.body.count(b"\n") == 4


def test_a_poll_waits(place):
    line = place.open()
    polling = place.begin("GET", f"{line}/poll?after=1&wait=20000")
    place.net.run(15)  # longer than a line lives that nobody asks
    assert not polling.done()
    place.ask("POST", f"{line}?seq=1", {"type": "ping", "id": 2})
    place.net.run()
    assert kinds(seen(polling.result()).json) == ["pong"]


def test_a_poll_waits_no_longer_than_the_server_lets_it(place):
    line = place.open()
    polling = place.begin("GET", f"{line}/poll?after=1&wait=999999999")
    place.net.run(23)
    assert not polling.done()
    place.net.run(3)
    assert kinds(seen(polling.result()).json) in ([], ["ping"])


def test_two_polls_at_once(place):
    line = place.open()
    first = place.begin("GET", f"{line}/poll?after=1&wait=20000")
    place.net.run()
    second = place.begin("GET", f"{line}/poll?after=1&wait=20000")
    place.net.run()
    assert seen(first.result()).json == []
    assert not second.done()


def test_a_line_that_nobody_asks_is_lost(place):
    line = place.open()
    place.net.run(LINGER + 1)
    assert place.ask("GET", f"{line}/poll?after=1").status == 404
    assert len(place.net.app.hub.sessions) == 1  # which lingers, as after a WebSocket
    place.net.run(LINGER + 1)
    assert place.net.app.hub.sessions == {}
    assert len(place.gateway.lines) == 0


def test_a_line_that_is_asked_now_and_then_is_not(place):
    line = place.open()
    for _ in range(3):
        place.net.run(LINGER - 1)
        assert place.ask("GET", f"{line}/poll?after=1&wait=0").status == 200


def test_a_client_that_goes_is_waited_for(place):
    line = place.open()
    stream = place.ask("GET", f"{line}/stream?after=1")
    place.net.run(LINGER * 2)
    stream.sink.producer.gone()
    place.net.run(LINGER - 1)
    assert place.ask("GET", f"{line}/poll?after=1&wait=0").status == 200


def test_who_does_not_answer_a_beat_is_closed(place):
    line = place.open()
    stream = place.ask("GET", f"{line}/stream?after=1")
    place.net.run(40)
    assert lines(stream.sink)[-1] == {"type": "close", "code": 4408, "reason": "no answer to a ping"}
    assert stream.sink.over == "ended"
    assert place.ask("POST", f"{line}?seq=1", publish(2)).json["code"] == 4408


def test_leaving(place):
    line = place.open()
    stream = place.ask("GET", f"{line}/stream?after=1")
    assert place.ask("DELETE", line).status == 204
    assert lines(stream.sink)[-1]["code"] == 1000
    assert place.net.app.hub.sessions == {}
    assert place.ask("DELETE", line).status == 410
    place.net.run(LINGER + 1)
    assert place.ask("DELETE", line).status == 404


def test_leaving_by_command(place):
    line = place.open()
    assert place.ask("POST", f"{line}?seq=1", {"type": "leave"}).json["code"] == 1000
    assert place.net.app.hub.sessions == {}


def test_a_session_goes_on_over_another_line(place):
    first = place.open(SUBSCRIBE)
    connected = place.poll(first)[0]
    second = place.ask("POST", "lines", [{**CONNECT, "resume": connected["resume"]}])
    assert place.poll("lines/" + second.json["line"])[0]["resumed"]
    assert kinds(place.poll(first)) == ["connected", "subscribed"]  # said before it was closed
    assert place.ask("GET", f"{first}/poll?after=2").json["code"] == 4409


def test_a_refusal_is_told_before_the_end(place):
    def nobody(connecting):
        raise ValueError

    place.net.app._hooks.connect = nobody
    line = place.open()
    assert kinds(place.poll(line)) == ["error"]
    assert place.ask("GET", f"{line}/poll?after=1").json["code"] == 1011


# Up


def test_a_body_said_again_does_nothing(place):
    line = place.open(SUBSCRIBE)
    for _ in range(2):
        assert place.ask("POST", f"{line}?seq=1", publish(3)).status == 204
    assert kinds(place.poll(line, 2)) == ["publication", "published"]


def test_a_body_waits_for_the_one_before(place):
    line = place.open(SUBSCRIBE)
    third = place.begin("POST", f"{line}?seq=3", publish(5, "three"))
    second = place.begin("POST", f"{line}?seq=2", publish(4, "two"))
    place.net.run()
    assert not second.done()
    assert place.ask("POST", f"{line}?seq=1", publish(3, "one")).status == 204
    place.net.run()
    assert (second.result().status, third.result().status) == (204, 204)
    told = [event["data"] for event in place.poll(line, 2) if event["type"] == "publication"]
    assert told == ["one", "two", "three"]


def test_a_body_does_not_wait_for_ever(place):
    line = place.open()
    early = place.begin("POST", f"{line}?seq=2", publish(3))
    place.net.run(3)
    assert early.result().status == 409
    assert place.ask("POST", f"{line}?seq=1", {"type": "ping", "id": 2}).status == 204


def test_few_bodies_wait(place):
    line = place.open()
    early = [place.begin("POST", f"{line}?seq={number}", publish(3)) for number in (2, 3, 4, 5, 6, 2)]
    place.net.run()
    assert [task.done() for task in early] == [False] * 4 + [True] * 2
    assert early[4].result().status == 409


def test_a_body_whose_line_ends_while_it_waits(place):
    line = place.open()
    early = place.begin("POST", f"{line}?seq=2", publish(3))
    place.net.run()
    place.ask("DELETE", line)
    place.net.run()
    assert early.result().status == 410


def test_a_body_whose_client_goes_while_it_waits(place):
    line = place.open()
    early = place.begin("POST", f"{line}?seq=2", publish(3))
    place.net.run()
    early.cancel()
    place.net.run()
    again = place.begin("POST", f"{line}?seq=2", {"type": "ping", "id": 2})
    place.ask("POST", f"{line}?seq=1", {"type": "ping", "id": 3})
    place.net.run()
    assert again.result().status == 204


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"7", b'{"type":"nonsense","id":1}'])
def test_what_is_no_message_closes_the_line(place, body):
    line = place.open()
    answer = place.ask("POST", f"{line}?seq=1", body)
    assert (answer.status, answer.json["code"]) == (410, 4400)


@pytest.mark.parametrize("target", ["", "?seq=0", "?seq=-1", "?seq=x", "?seq=1&seq=2", "?seq=" + "9" * 30])
def test_a_body_without_its_number(place, target):
    line = place.open()
    answer = place.ask("POST", line + target, publish(2))
    assert (answer.status, answer.json["code"]) == (400, 107)


# Who may


@pytest.mark.parametrize("line", ["x.y", "{node}.x", "{node}.0"])
def test_ids_that_nobody_was_given(place, line):
    place.open()
    target = f"lines/{line.format(node=place.net.app.hub.node)}"
    for method, path in (("GET", f"{target}/poll"), ("POST", f"{target}?seq=1"), ("DELETE", target)):
        assert place.ask(method, path, b"{}").status == 404


def test_a_line_of_another_page_is_not_taken_over(place):
    line = place.open(Origin="http://here")
    assert place.ask("GET", f"{line}/poll", Origin="http://evil").status == 403
    other = place.open()
    assert place.ask("GET", f"{other}/poll", Origin="http://evil").status == 403
    assert place.ask("GET", f"{other}/poll", Origin="http://here").status == 200  # a program, or an old browser
    assert place.ask("DELETE", other, Origin="http://evil").status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_a_form_of_another_page_has_no_effect(place, kind):
    answer = place.ask("POST", "lines", [CONNECT], Origin="https://evil.example", Content_Type=kind, Cookie="a=b")
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers
    assert (place.net.app.hub.sessions, len(place.gateway.lines)) == ({}, 0)


def test_pages_that_are_listed_may_ask():
    with Net(application(origins=["https://there.example"])) as net:
        place = Place(net)
        answer = place.ask("POST", "lines", [CONNECT], Origin="https://there.example", Cookie="a=b")
        assert answer.headers["access-control-allow-origin"] == "https://there.example"
        assert answer.headers["vary"] == "Origin"
        stream = place.ask("GET", f"lines/{answer.json['line']}/stream", Origin="https://there.example")
        assert stream.headers["access-control-allow-credentials"] == "true"
        assert place.ask("POST", "lines", [CONNECT]).status == 201  # the server's own are not shut out
        assert place.ask("POST", "lines", [CONNECT], Origin="https://other.example").status == 403


def test_preflights():
    with Net(application(origins=["https://there.example"])) as net:
        place = Place(net)
        wanted = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
        answer = place.ask("OPTIONS", "lines", Origin="https://there.example", **wanted)
        assert (answer.status, answer.headers["access-control-allow-headers"]) == (204, "content-type")
        refused = place.ask("OPTIONS", "lines", Origin="https://evil.example", **wanted)
        assert (refused.status, "access-control-allow-origin" in refused.headers) == (403, False)


def test_one_address_opens_only_so_many_lines():
    with Net(application(max_lines=2)) as net:
        place = Place(net)
        line = place.open()
        place.open()
        answer = place.ask("POST", "lines", [CONNECT])
        assert (answer.status, answer.json["code"]) == (429, 108)
        assert place.ask("POST", "lines", [CONNECT], address="192.0.2.8").status == 201
        for _ in range(3):
            place.open(address="127.0.0.1")  # a proxy's, maybe
        place.ask("DELETE", line)
        net.run()
        place.open()


def test_a_slow_reader_is_closed():
    with Net(application(limits=LineLimits(write_high=1_000, write_limit=10_000))) as net:
        place = Place(net)
        line = place.open(SUBSCRIBE)
        other = place.open()
        for number in range(1, 12):
            place.ask("POST", f"{other}?seq={number}", publish(number + 1, "x" * 1000))
            place.poll(other, number + 1 if number else 0)
        net.run()
        assert place.ask("GET", f"{line}/poll").json == {"code": 4413, "reason": "too slow"}


# Other nodes, and the end


class Forwards:
    """A relay to the node "elsewhere"."""

    def __init__(self):
        self.requests, self.waits = [], []

    def takes(self, node):
        return node == "elsewhere"

    async def forward(self, node, request, *, once=False, wait=0.0):
        assert not once  # the native wire numbers what it says
        self.waits.append(wait)
        self.requests.append((node, request.method, request.target, request.body))
        return Response(200, b"from elsewhere")


def test_a_line_of_another_node_is_asked_there(place):
    place.gateway.relay = relay = Forwards()
    answer = place.ask("POST", "lines/elsewhere.secret?seq=1", b"body")
    assert answer.body == b"from elsewhere"
    assert relay.requests == [("elsewhere", "POST", "/everywire/lines/elsewhere.secret?seq=1", b"body")]
    assert place.gateway.hub.metrics.forwards == 1
    assert place.ask("POST", "lines/nowhere.secret?seq=1", b"body").status == 404
    assert place.ask("GET", "lines/elsewhere.secret/poll", Origin="http://evil").status == 403


def test_a_poll_is_held_there_for_as_long_as_it_would_be_here(place):
    place.gateway.relay = relay = Forwards()
    assert place.ask("GET", "lines/elsewhere.secret/poll?wait=7000").status == 200
    assert place.ask("POST", "lines/elsewhere.secret?seq=1").status == 200
    assert relay.waits == [7, 0]


def test_a_node_that_lets_its_clients_go_takes_none(place):
    line = place.open()
    place.gateway.refrain()
    assert place.poll(line)
    assert place.ask("POST", "lines", [CONNECT]).status == 503


def test_going_away_ends_what_would_keep_a_server_waiting(place):
    line, other = place.open(), place.open()
    stream = place.ask("GET", f"{line}/stream?after=1")
    polling = place.begin("GET", f"{other}/poll?after=1&wait=20000")
    place.net.run()
    place.gateway.close()
    place.net.run()
    assert lines(stream.sink)[-1]["code"] == 1001
    assert json.loads(polling.result().body)["code"] == 1001
    assert place.ask("POST", "lines", [CONNECT]).status == 503


def test_nothing_is_left_of_many_lines(place):
    for _ in range(20):
        line = place.open()
        polling = place.begin("GET", f"{line}/poll?after=1&wait=20000")
        place.net.run()
        if isinstance(polling, asyncio.Task):
            polling.cancel()
    place.net.run(60)
    assert len(place.gateway.lines) == 0
    assert place.net.app.hub.attachments == {}
    assert place.gateway._crowd._counts == {}


def test_a_line_whose_stream_a_short_poll_has_ended_is_lost_when_nobody_asks_on(place):
    line = place.open()
    place.ask("GET", f"{line}/stream")
    assert kinds(place.poll(line)) == ["connected"]
    place.net.run(LINGER + 1)
    assert place.ask("GET", f"{line}/poll").status == 404


def test_a_poll_that_another_request_overtakes_gives_no_later_messages_for_earlier_ones(place):
    line = place.open(SUBSCRIBE)
    poll = place.begin("GET", f"{line}/poll?after=2")
    place.net.run(0)
    place.begin("POST", f"{line}?seq=1", [publish(3), publish(4)])
    place.begin("GET", f"{line}/poll?after=3")
    place.net.run()
    assert seen(poll.result()).json == []


def test_a_poll_that_begins_to_run_after_a_stream_took_over_gets_nothing(place):
    line = place.open()
    poll = place.begin("GET", f"{line}/poll?after=1")  # a task, that has not begun
    place.begin("POST", f"{line}?seq=1", [SUBSCRIBE, publish(3)])
    stream = place.ask("GET", f"{line}/stream?after=1")
    place.net.run()
    assert seen(poll.result()).json == []
    place.ask("POST", f"{line}?seq=2", publish(4))
    assert kinds(lines(stream.sink)) == ["subscribed", "publication", "published", "publication", "published"]


def test_a_line_whose_stream_a_poll_has_ended_that_never_began_to_run_is_lost_when_nobody_asks_on(place):
    line = place.open()
    place.ask("GET", f"{line}/stream")
    place.begin("GET", f"{line}/poll?after=1").cancel()
    place.net.run(LINGER + 1)
    assert place.ask("GET", f"{line}/poll").status == 404
