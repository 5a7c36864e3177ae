"""Commands whose answers do not fit in a page."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


def make(**settings):
    app = Everywire(settings=Settings(**settings))
    app.channel("room:{name}", history=5, presence=True)
    return app


def place(answer, offset=None):
    return {"epoch": answer["epoch"], "offset": answer["offset"] if offset is None else offset}


def said(answer):
    return [each["data"] for each in answer["publications"]]


@pytest.fixture
def paged():
    app = make(max_page=2)
    with Net(app) as net:
        publisher = net.connect()
        for number in range(5):
            publisher.publish("room:a", number)
        net.publisher = publisher
        net.start = place(publisher.ask("history", channel="room:a", limit=0), 0)
        yield net


def test_what_does_not_fit_in_a_page_comes_in_several_and_the_last_attaches(paged):
    client = paged.connect()
    first = client.subscribe("room:a", since=paged.start)
    assert (said(first), first["recovered"], first["more"], first["offset"]) == ([0, 1], True, True, 2)
    assert "members" not in first
    assert paged.app.hub.channels == {}
    paged.publisher.publish("room:a", 5)
    assert client.events() == []
    assert paged.publisher.ask("presence", channel="room:a")["members"] == []
    second = client.subscribe("room:a", since=place(first))
    third = client.subscribe("room:a", since=place(second))
    assert (said(second), second["more"], said(third)) == ([2, 3], True, [4, 5])
    assert "more" not in third
    assert (third["recovered"], third["offset"], len(third["members"])) == (True, 6, 1)
    paged.publisher.publish("room:a", 6)
    assert [event["data"] for event in client.events("publication")] == [6]
    assert paged.app.metrics.recoveries == 1


def test_a_rewind_is_paged_from_its_oldest(paged):
    client = paged.connect()
    for wanted, oldest in ((2, 3), (3, 2), (4, 1), (99, 0)):
        first = client.subscribe("room:a", rewind=wanted)
        assert (said(first), first["recovered"]) == ([oldest, oldest + 1], False)
        assert first.get("more", False) is (wanted > 2)
        if wanted == 2:
            client.ask("unsubscribe", channel="room:a")


def test_what_expired_between_two_pages_is_not_recovered(paged):
    client = paged.connect()
    first = client.subscribe("room:a", since=paged.start)
    for number in range(5, 10):
        paged.publisher.publish("room:a", number)
    second = client.subscribe("room:a", since=place(first), rewind=1)
    assert (second["recovered"], said(second), "more" in second) == (False, [9], False)


def test_a_log_lost_between_two_pages_is_not_recovered(paged):
    client = paged.connect()
    first = client.subscribe("room:a", since=paged.start)
    paged.app.hub.broker.forget("room:a")
    second = client.subscribe("room:a", since=place(first))
    assert (second["recovered"], second["offset"], "more" in second) == (False, 0, False)


def test_pages_are_limited_in_bytes_but_never_empty():
    with Net(make(max_page_bytes=10, max_data=50)) as net:
        client = net.connect(info={"n": 1})
        for length in (5, 3, 40, 1):
            client.publish("room:a", "x" * length)
        sizes, at = [], place(client.ask("history", channel="room:a", limit=0), 0)
        while at is not None:
            answer = client.subscribe("room:a", since=at)
            sizes.append([len(data) for data in said(answer)])
            at = place(answer) if answer.get("more") else None
        assert sizes == [[5], [3], [40], [1]]


def test_a_session_that_pages_after_it_was_resumed_keeps_its_place_while_it_asks_on(paged):
    client = paged.connect()
    client.subscribe("room:a")
    paged.publisher.subscribe("room:a")
    client.drop()
    again = paged.connect(resume=client.resume)
    answer = again.subscribe("room:a", since=paged.start)
    for _ in range(2):
        paged.run(8)
        again.line.receive('{"type":"pong"}')
        assert len(paged.publisher.ask("presence", channel="room:a")["members"]) == 2
        answer = again.subscribe("room:a", since=place(answer, 0))
        assert answer["more"]
    paged.run(11)
    assert len(paged.publisher.ask("presence", channel="room:a")["members"]) == 1


def test_history_is_paged_in_both_directions(paged):
    client = paged.connect()
    first = client.ask("history", channel="room:a")
    assert (said(first), first["more"], first["offset"]) == ([0, 1], True, 5)
    second = client.ask("history", channel="room:a", since=place(first, 2))
    third = client.ask("history", channel="room:a", since=place(first, 4))
    assert (said(second), said(third), "more" in third) == ([2, 3], [4], False)
    latest = client.ask("history", channel="room:a", reverse=True)
    assert (said(latest), latest["more"]) == ([4, 3], True)
    earlier = client.ask("history", channel="room:a", reverse=True, before=place(latest, 4), limit=2)
    assert (said(earlier), "more" in earlier) == ([2, 1], False)
    assert client.ask("history", channel="room:a", limit=3)["more"]
