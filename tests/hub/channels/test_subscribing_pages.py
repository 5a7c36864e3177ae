"""Commands whose answers do not fit in a page."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal


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
    assert (said(first), first["recovered"], first["more"], first["offset"]) == ([0, 1], True, "ask", 2)
    assert "members" not in first
    assert paged.app.hub.channels == {}
    paged.publisher.publish("room:a", 5)
    assert client.events() == []
    assert paged.publisher.ask("presence", channel="room:a")["members"] == []
    second = client.subscribe("room:a", since=place(first))
    third = client.subscribe("room:a", since=place(second))
    assert (said(second), second["more"], said(third)) == ([2, 3], "ask", [4, 5])
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
        assert first.get("more") == ("ask" if wanted > 2 else None)
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


def follow(net, client, limit=10_000, **fields):
    """Take page after page, with a publication before each but the first; give the answers to one subscribe."""
    number, answers = client.send("subscribe", channel="room:a", **fields), []
    while True:
        answers += [event for event in client.events(most=1) if event["id"] == number]
        net.publisher.publish("room:a", "new")
        net.run()
        if answers[-1].get("more") != "follows" or len(answers) >= limit:
            return answers


@pytest.fixture
def burst():
    """Ten publications, pages of two, and clients that keep the server waiting until they took the page before."""
    app = Everywire(settings=Settings(max_page=2, max_pages=16, max_held=1))
    app.channel("room:{name}", history=100, presence=True)
    with Net(app, crowd=0) as net:
        net.publisher = net.connect()
        for number in range(10):
            net.publisher.publish("room:a", number)
        net.start = place(net.publisher.ask("history", channel="room:a", limit=0), 0)
        yield net


def test_as_many_pages_follow_as_the_client_takes_and_the_next_is_to_be_asked_for(burst):
    client = burst.connect()
    answers = follow(burst, client, since=burst.start, pages=3)
    assert [answer["more"] for answer in answers] == ["follows", "follows", "ask"]
    assert [said(answer) for answer in answers] == [[0, 1], [2, 3], [4, 5]]
    assert all(answer["recovered"] and "members" not in answer for answer in answers)
    assert burst.app.hub.channels == {}


def test_a_page_is_read_when_there_is_room_for_it(burst):
    client = burst.connect()
    client.send("subscribe", channel="room:a", since=burst.start, pages=9)
    burst.run()
    assert len(client.transport.outbox) == 1


def test_who_takes_several_pages_gets_in_although_something_is_published_at_each(burst):
    """A page holds two, and by the time of each one more is published: asking page by page, with two of them
    published in a round trip, would never come to an end."""
    client, at, pages, answers = burst.connect(), burst.start, 1, []
    while not answers or answers[-1].get("more"):
        for number in range(2):
            burst.publisher.publish("room:a", f"on the way {number}")
        answers += follow(burst, client, since=at, pages=pages)
        assert all(answer["recovered"] for answer in answers)
        at, pages = place(answers[-1]), 2 * pages
        assert len(answers) < 40
    offsets = [each["offset"] for answer in answers for each in answer["publications"]]
    assert offsets == [*range(1, len(offsets) + 1)]
    assert answers[-1]["members"][0]["session"] == client.session
    burst.publisher.publish("room:a", "live")
    assert [event["data"] for event in client.events("publication")][-1] == "live"


def test_asking_page_by_page_alone_never_gets_in_there(burst):
    client, at = burst.connect(), burst.start
    for _ in range(20):
        for number in range(2):
            burst.publisher.publish("room:a", number)
        (answer,) = follow(burst, client, since=at)
        assert answer["more"] == "ask"
        at = place(answer)


def test_no_more_pages_follow_than_the_server_allows():
    for bound, expected in ((3, 3), (0, 1)):
        with Net(make(max_page=1, max_pages=bound)) as net:
            client = net.connect()
            for number in range(5):
                client.publish("room:a", number)
            client.send("subscribe", channel="room:a", rewind=5, pages=64)
            answers = client.events("subscribed")
            assert [answer["more"] for answer in answers] == ["follows"] * (expected - 1) + ["ask"]
            assert [answer["recovered"] for answer in answers] == [False, True, True][:expected]


def test_a_log_lost_while_pages_follow_is_not_recovered(burst):
    client = burst.connect()
    number = client.send("subscribe", channel="room:a", since=burst.start, pages=9)
    burst.app.hub.broker.forget("room:a")
    assert client.answer(number)["more"] == "follows"
    burst.run()
    last = client.answer(number)
    assert (last["recovered"], last["offset"], said(last), "more" in last) == (False, 0, [], False)


@pytest.mark.parametrize("code", [1000, 1006])
def test_a_transport_lost_while_pages_follow_leaves_nothing_behind(burst, code):
    client = burst.connect()
    follow(burst, client, limit=2, since=burst.start, pages=9)
    client.drop(code)
    burst.run(11)
    assert burst.app.hub.channels == {}
    assert burst.publisher.ask("presence", channel="room:a")["members"] == []


def test_what_fails_while_pages_follow_is_refused_by_the_same_id(burst, monkeypatch):
    client = burst.connect()
    number = client.send("subscribe", channel="room:a", since=burst.start, pages=9)
    assert client.answer(number)["more"] == "follows"

    async def broken(*_):
        raise ConnectionError("the broker is gone")

    monkeypatch.setattr(type(burst.app.hub.broker), "read", broken)
    burst.run()
    with pytest.raises(Refusal) as refused:
        client.answer(number)
    assert (refused.value.code, refused.value.temporary) == (100, True)
    assert burst.app.hub.channels == {}
