"""Requests of who has no client."""

import json
from urllib.parse import quote

import pytest
from tests.gateway.place import Place, events, seen

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.gateway import HttpSettings
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings
from everywire.testing import Net
from everywire.transports.http import LineLimits


def application(http=None, **settings):
    app = Everywire(http=http or HttpSettings(), settings=Settings(**settings))
    app.channel("room:{name}", history=100, presence=True)
    app.channel("plain:{name}")
    app.channel("closed:{name}", history=100, may_subscribe=False, may_publish=False, may_history=False)

    @app.on_connect
    def who(connecting):
        if connecting.token == "bad":
            raise Refused("this token is bad", 101)
        if connecting.token == "busy":
            raise Refused("not now", 5, temporary=True)
        return connecting.token

    return app


@pytest.fixture
def place():
    with Net(application()) as net:
        yield Place(net)


def publish(place, channel="room:a", data=1, **fields):
    return place.ask("POST", "publish", {"channel": channel, "data": data, **fields})


def follow(place, target, **headers):
    """Begin to follow; give the sink."""
    answer = place.ask("GET", f"sse?{target}", **headers)
    assert answer.status == 200
    return answer.sink


def names(sink):
    return [name for name, _, _ in events(sink)]


def test_publishing(place):
    alice = place.net.connect()
    alice.subscribe("room:a")
    answer = place.ask("POST", "publish", {"channel": "room:a", "data": {"a": 1}}, Authorization="Bearer bob")
    assert answer.status == 200
    assert (answer.json["channel"], answer.json["offset"]) == ("room:a", 1)
    assert set(answer.json) == {"channel", "epoch", "offset"}
    (heard,) = alice.events("publication")
    assert (heard["data"], heard["from"]["user"]) == ({"a": 1}, "bob")


def test_nothing_of_who_published_is_left(place):
    publish(place)
    place.net.run()
    assert place.net.app.hub.sessions == {}
    assert place.net.app.hub.attachments == {}


def test_a_publication_said_again_is_the_same(place):
    first, again = publish(place, key="k"), publish(place, key="k")
    assert first.json == again.json


@pytest.mark.parametrize("show", [{"Authorization": "Bearer ann"}, {"Authorization": "bearer  ann"}, None])
def test_the_token_is_shown_in_a_header_or_in_the_address(place, show):
    answer = place.ask("GET", "presence?channel=room:a" + ("" if show else "&token=ann"), **(show or {}))
    assert answer.json == {"channel": "room:a", "members": [], "sessions": 0, "users": 0}


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("history?channel=room:a&token=bad", 401, 101),
        ("history?channel=room:a&token=busy", 503, 5),
        ("history?channel=closed:a", 403, 103),
        ("history?channel=nowhere", 404, 104),
        ("history?channel=plain:a", 404, 110),
        ("history", 400, 107),
        ("history?channel=", 400, 107),
        ("history?channel=room:a&channel=room:b", 400, 107),
        ("history?channel=room:a&limit=-1", 400, 107),
        ("history?channel=room:a&since=1", 400, 107),
        ("presence?channel=plain:a", 404, 110),
        ("sse", 400, 107),
        ("sse?channel=room:a&rewind=x", 400, 107),
        ("sse?channel=closed:a", 403, 103),
        ("sse?channel=room:a&channel=closed:a", 403, 103),
        ("sse?channel=room:a&token=bad", 401, 101),
    ],
)
def test_refusals(place, target, status, code):
    answer = place.ask("GET", target)
    assert (answer.status, answer.json["code"]) == (status, code)
    place.net.run()
    assert place.net.app.hub.sessions == {}


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"7", b"{}", b'{"channel":1,"data":1}', b'{"channel":"room:a"}', b"\xff", b"[" * 9999]
)
def test_what_is_nothing_to_publish(place, body):
    answer = place.ask("POST", "publish", body)
    assert (answer.status, answer.json["code"]) == (400, 107)


def test_a_publication_cannot_be_another_command(place):
    answer = place.ask("POST", "publish", {"type": "leave", "id": "x", "channel": "room:a", "data": 1})
    assert answer.json["offset"] == 1


def test_data_beyond_the_limit(place):
    answer = publish(place, data="x" * 70_000)
    assert (answer.status, answer.json["code"]) == (400, 108)


@pytest.mark.parametrize(("method", "target"), [("GET", "publish"), ("POST", "history"), ("DELETE", "sse")])
def test_methods(place, method, target):
    answer = place.ask(method, target)
    assert (answer.status, answer.headers["allow"] in ("GET", "POST")) == (405, True)


def test_a_form_of_another_page_publishes_nothing(place):
    answer = place.ask("POST", "publish", {"channel": "room:a", "data": 1}, Origin="http://evil", Cookie="a=b")
    assert answer.status == 403
    assert place.ask("GET", "history?channel=room:a").json["publications"] == []


@pytest.mark.parametrize(("address", "logged"), [("192.0.2.7", "192.0.2.7"), ("127.0.0.1", "nothing")])
def test_the_log_says_who_was_refused_as_far_as_that_is_known(place, caplog, address, logged):
    with caplog.at_level("INFO", "everywire.gateway"):
        place.ask("POST", "publish", {}, address, Cookie="a=b")
    (record,) = caplog.records
    assert [vars(record).get(name, "nothing") for name in ("address", "origin")] == [logged, "nothing"]


def test_history(place):
    for number in range(5):
        publish(place, data=number)
    page = place.ask("GET", "history?channel=room:a&limit=2&reverse=1").json
    assert [each["data"] for each in page["publications"]] == [4, 3]
    since = f"{quote(page['epoch'])}:3"
    page = place.ask("GET", f"history?channel=room:a&since={since}").json
    assert [each["data"] for each in page["publications"]] == [3, 4]


def test_a_slow_hook_is_waited_for_as_long_as_anybody_may_connect(place):
    async def slowly(connecting):
        await place.net.loop.create_future()

    place.net.app._hooks.connect = slowly
    task = place.begin("POST", "publish", {"channel": "room:a", "data": 1})
    place.net.run(11)
    assert seen(task.result()).status == 401


def test_a_client_that_goes_before_its_answer(place):
    async def slowly(connecting):
        await place.net.loop.create_future()

    place.net.app._hooks.connect = slowly
    asking = place.begin("POST", "publish", {"channel": "room:a", "data": 1})
    watching = place.begin("GET", "sse?channel=room:a")
    place.net.run()
    asking.cancel()
    watching.cancel()
    place.net.run()
    assert place.net.app.hub.attachments == {}


# Following


def test_following_a_channel(place):
    publish(place, data="before")
    sink = follow(place, "channel=room:a&rewind=5")
    publish(place, data="after\n")
    (subscribed, publication) = events(sink)
    assert subscribed[0] == "subscribed"
    assert [each["data"] for each in subscribed[1]["publications"]] == ["before"]
    assert (publication[0], publication[1]["data"]) == ("publication", "after\n")
    assert publication[2].endswith(":2")
    assert "id" not in subscribed[1]


def test_going_on_where_the_last_event_was(place):
    sink = follow(place, "channel=room:a&channel=room:b")
    publish(place, "room:a", "one")
    publish(place, "room:b", "two")
    last = events(sink)[-1][2]
    sink.producer.gone()
    publish(place, "room:b", "three")
    again = follow(place, "channel=room:a&channel=room:b", Last_Event_ID=last)
    told = {data["channel"]: data for _, data, _ in events(again)}
    assert told["room:a"]["recovered"]
    assert told["room:a"]["publications"] == []
    assert [each["data"] for each in told["room:b"]["publications"]] == ["three"]


@pytest.mark.parametrize("last", ["", "nonsense", "a:1,b:2,c:3", ":1,:2", "a:x,b:y", "-,-"])
def test_an_id_that_is_none_begins_anew(place, last):
    sink = follow(place, "channel=room:a&channel=room:b", Last_Event_ID=last)
    assert [data["recovered"] for _, data, _ in events(sink)] == [False, False]


def test_a_channel_that_is_asked_for_twice_is_one(place):
    assert names(follow(place, "channel=room:a&channel=room:a")) == ["subscribed"]


def test_who_comes_and_goes_is_told(place):
    sink = follow(place, "channel=room:a")
    bob = place.net.connect(token="bob")
    bob.subscribe("room:a")
    bob.ask("unsubscribe", channel="room:a")
    assert names(sink) == ["subscribed", "join", "leave"]


def test_more_than_a_page_is_asked_for_until_all_is_told():
    with Net(application(max_page=3, max_pages=2)) as net:
        place = Place(net)
        for number in range(20):
            publish(place, data=number)
        sink = follow(place, "channel=room:a&rewind=20")
        net.run()
        told = [each["data"] for _, data, _ in events(sink) for each in data["publications"]]
        assert told == list(range(20))
        publish(place, data="live")
        assert names(sink)[-1] == "publication"


def test_much_begins_before_all_of_it_is_read():
    with Net(application(HttpSettings(limits=LineLimits(write_high=1_000)), max_page=3)) as net:
        place = Place(net)
        for number in range(30):
            publish(place, data=f"{number:0100}")
        sink = follow(place, "channel=room:a&rewind=30&channel=closed:a")
        net.run()
        assert [name for name in names(sink) if name == "error"] == ["error"]
        assert sum(len(data.get("publications", ())) for _, data, _ in events(sink)) == 30


def test_a_stream_that_begins_anew_is_asked_for_anew(place):
    sink = follow(place, "channel=room:a")
    publish(place)
    place.net.app.hub.broker.forget("room:a")
    place.net.run()
    publish(place, data="again")
    assert names(sink) == ["subscribed", "publication", "moved", "subscribed", "publication"]
    assert events(sink)[-1][2].endswith(":1")


def test_one_that_takes_what_it_is_told_needs_no_pong(place):
    sink = follow(place, "channel=room:a")
    place.net.run(120)
    assert sink.over is None
    assert sink.body.count(b":\n\n") >= 4


def test_one_that_takes_nothing_is_closed(place):
    sink = follow(place, "channel=room:a")
    place.net.run(1)
    sink.backlog = 10
    place.net.run(120)
    assert sink.over == "ended"
    assert names(sink)[-1] == "close"
    assert place.net.app.hub.sessions == {}


def test_who_follows_is_not_seen(place):
    bob = place.net.connect(token="bob")
    bob.subscribe("room:a")
    sink = follow(place, "channel=room:a")
    [(_, told, _)] = events(sink)
    assert [member["user"] for member in told["members"]] == ["bob"]
    assert place.ask("GET", "presence?channel=room:a").json["sessions"] == 1
    sink.producer.gone()
    place.net.run()
    assert bob.events() == []


def test_who_follows_is_seen_where_that_is_asked_for(place):
    bob = place.net.connect(token="bob")
    bob.subscribe("room:a")
    sink = follow(place, "channel=room:a&presence=1&token=ann")
    sink.producer.gone()
    place.net.run()
    assert [(event["type"], event["member"]["user"]) for event in bob.events()] == [("join", "ann"), ("leave", "ann")]


def test_what_the_server_subscribes_everybody_to_is_not_told_to_who_did_not_ask():
    app = application()
    app.hooks.connect = lambda connecting: Identity("ann", channels=("room:b", "closed:a"))
    with Net(app) as net:
        place = Place(net)
        bob = net.connect()
        bob.events()
        sink = follow(place, "channel=closed:a")
        assert [(name, data["channel"]) for name, data, _ in events(sink)] == [("subscribed", "closed:a")]
        assert bob.events() == []


def test_who_goes_has_left(place):
    sink = follow(place, "channel=room:a&presence=1")
    assert place.ask("GET", "presence?channel=room:a").json["sessions"] == 1
    sink.producer.gone()
    place.net.run()
    assert place.ask("GET", "presence?channel=room:a").json["sessions"] == 0
    assert place.net.app.hub.sessions == {}
    assert place.gateway._crowd._counts == {}


def test_a_response_that_nobody_begins_ends(place):
    task = place.begin("GET", "sse?channel=room:a")
    place.net.run()
    assert task.result().status == 200
    place.net.run(6)
    assert place.net.app.hub.sessions == {}


def test_going_away(place):
    sink = follow(place, "channel=room:a")
    place.gateway.close()
    assert events(sink)[-1][:2] == ("close", {"type": "close", "code": 1001, "reason": "the server is going away"})
    assert place.ask("GET", "sse?channel=room:a").status == 503
    assert publish(place).status == 200  # what is short is still answered


def test_one_address_follows_only_so_much():
    with Net(application(HttpSettings(max_lines=1))) as net:
        place = Place(net)
        follow(place, "channel=room:a")
        assert place.ask("GET", "sse?channel=room:a").status == 429


def test_what_is_kept_of_the_request_outlives_its_connection(place):
    seen_requests = []
    place.net.app._hooks.connect = lambda connecting: seen_requests.append(connecting.request)
    publish(place, data=json.dumps("x"))
    (request,) = seen_requests
    assert (request.remote, request.secure, request.body) == (("192.0.2.7", 4711), False, b"")
    assert request.headers["host"] == "here"
