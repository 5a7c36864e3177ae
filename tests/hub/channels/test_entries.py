"""Keyed channels: entries set, removed, compared, expired, and told page by page."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal


@pytest.fixture
def net():
    app = Everywire(settings=Settings(max_page=3))
    app.channel("score:{game}", keyed=True, entries=8, history=2)
    app.channel("gone:{game}", keyed=True, entry_ttl=5.0)
    app.channel("bare:{game}", keyed=True)
    app.channel("plain", history=5)
    with Net(app) as net:
        yield net


def refused(code):
    return pytest.raises(Refusal, match=f"^{code} ")


def entries(answer):
    return {each["entry"]: None if each.get("removed") else each["data"] for each in answer["entries"]}


def place(answer, **more):
    return {"since": {"epoch": answer["epoch"], "offset": answer["offset"]}, **more}


def test_a_subscriber_is_told_the_entries_and_then_what_becomes_of_them(net):
    one, two = net.connect(), net.connect()
    for number in range(3):
        one.publish("score:1", number, entry=f"e{number}")
    one.publish("score:1", 9, entry="e0")
    one.publish("score:1", None, entry="e1", remove=True)
    answer = two.subscribe("score:1")
    assert (answer["offset"], answer["recovered"], answer["publications"]) == (5, False, [])
    assert entries(answer) == {"e2": 2, "e0": 9}
    assert [each["offset"] for each in answer["entries"]] == [3, 4]
    one.ask("publish", channel="score:1", entry="e2", remove=True)
    (event,) = two.events()
    assert (event["entry"], event["removed"], event["offset"]) == ("e2", True, 6)


def test_a_short_absence_is_recovered_by_publications(net):
    client = net.connect()
    answer = client.subscribe("score:1")
    client.ask("unsubscribe", channel="score:1")
    for number in range(2):
        client.publish("score:1", number, entry="e")
    answer = client.subscribe("score:1", **place(answer))
    assert (answer["recovered"], [each["data"] for each in answer["publications"]]) == (True, [0, 1])
    assert "entries" not in answer


def test_a_long_absence_is_recovered_by_what_changed(net):
    client = net.connect()
    client.publish("bare:1", 1, entry="a")
    client.publish("bare:1", 1, entry="b")
    answer = client.subscribe("bare:1")
    client.ask("unsubscribe", channel="bare:1")
    for number in range(3):
        client.publish("bare:1", number, entry="b")
    client.ask("publish", channel="bare:1", entry="a", remove=True)
    answer = client.subscribe("bare:1", **place(answer))
    assert (answer["recovered"], answer["offset"], entries(answer)) == (True, 6, {"b": 2, "a": None})


def test_what_was_removed_too_long_ago_is_not_claimed_to_be_known(net):
    client = net.connect()
    answer = client.subscribe("score:1")
    client.ask("unsubscribe", channel="score:1")
    client.publish("score:1", 0, entry="kept")
    for number in range(9):
        client.ask("publish", channel="score:1", entry=f"gone {number}", remove=True)
    answer = client.subscribe("score:1", **place(answer))
    assert (answer["recovered"], entries(answer)) == (False, {"kept": 0})


def test_many_entries_come_in_pages_while_they_change(net):
    one, two = net.connect(), net.connect()
    for number in range(8):
        one.publish("bare:1", number, entry=f"e{number}")
    answer = two.subscribe("bare:1")
    assert (answer["more"], answer["after"], answer["offset"]) == ("ask", 3, 8)
    told = entries(answer)
    one.ask("publish", channel="bare:1", entry="e0", remove=True)
    one.publish("bare:1", 40, entry="e4")
    one.ask("publish", channel="bare:1", entry="e7", remove=True)
    while answer.get("more"):
        answer = two.subscribe("bare:1", **place(answer, after=answer["after"]))
        assert answer["recovered"]
        told |= entries(answer)
    assert answer["offset"] == 11
    assert {k: v for k, v in told.items() if v is not None} == {"e1": 1, "e2": 2, "e3": 3, "e5": 5, "e6": 6, "e4": 40}
    one.publish("bare:1", 41, entry="e4")
    assert [event["data"] for event in two.events("publication")] == [41]


def test_pages_of_entries_follow_each_other(net):
    client = net.connect()
    for number in range(8):
        client.publish("score:1", number, entry=f"e{number}")
    ref = client.send("subscribe", channel="score:1", pages=5)
    answers = [event for event in client.events() if event.get("id") == ref]
    assert [answer.get("more") for answer in answers] == ["follows", "follows", None]
    assert [len(answer["entries"]) for answer in answers] == [3, 3, 2]
    assert [answer["recovered"] for answer in answers] == [False, True, True]


def test_entries_are_read_without_subscribing(net):
    client = net.connect()
    for number in range(4):
        client.publish("score:1", number, entry=f"e{number}")
    answer = client.ask("entries", channel="score:1")
    assert (answer["more"], answer["after"], answer["recovered"]) == (True, 3, False)
    answer = client.ask("entries", channel="score:1", **place(answer, after=3))
    assert ("more" in answer, entries(answer), answer["recovered"]) == (False, {"e3": 3}, True)
    with refused(110):
        client.ask("entries", channel="plain")


def test_compare_and_set(net):
    client = net.connect()
    assert client.publish("score:1", 1, entry="e", expect=0)["offset"] == 1
    ref = client.send("publish", channel="score:1", data=2, entry="e", expect=0)
    (error,) = (event for event in client.events() if event.get("id") == ref)
    assert (error["code"], error["data"]) == (111, {"offset": 1})
    assert client.publish("score:1", 2, entry="e", expect=1)["offset"] == 2
    with refused(111):
        client.publish("score:1", 2, entry="other", expect=7)
    client.ask("publish", channel="score:1", entry="e", remove=True, expect=2)
    assert client.publish("score:1", 3, entry="e", expect=0)["offset"] == 4


def test_the_application_compares_and_sets_as_well(net):
    receipts = [net.app.publish("score:1", 1, entry="e", expect=0).result() for _ in range(2)]
    assert [receipt.conflict for receipt in receipts] == [False, True]


def test_an_entry_that_is_over_is_told_to_idle_listeners(net):
    client = net.connect()
    client.subscribe("gone:1")
    client.publish("gone:1", 1, entry="e")
    client.publish("gone:1", 1, entry="short", ttl=1000)
    client.publish("gone:1", 1, entry="again", ttl=1000)
    client.publish("gone:1", 2, entry="again", ttl=0)
    first = client.events("publication")[0]["time"]
    net.run(1.1)
    assert [(event["entry"], event["removed"]) for event in client.events("publication")] == [("short", True)]
    net.run(4)
    (event,) = client.events("publication")
    assert (event["entry"], event["offset"], event["time"] - first) == ("e", 6, 5000)
    assert entries(net.connect().subscribe("gone:1")) == {"again": 2}


@pytest.mark.parametrize(
    ("code", "channel", "fields"),
    [
        (110, "plain", {"entry": "e"}),
        (107, "score:1", {}),
        (107, "score:1", {"entry": "e", "ephemeral": True}),
        (107, "score:1", {"entry": "e", "exclude": ["s"]}),
        (107, "score:1", {"entry": "e", "to": {"user": "u"}}),
    ],
)
def test_what_makes_no_sense_is_refused(net, code, channel, fields):
    with refused(code):
        net.connect().publish(channel, 1, **fields)


def test_the_number_of_entries_is_bounded(net):
    client = net.connect()
    for number in range(8):
        client.publish("score:1", 1, entry=f"e{number}")
    with refused(108):
        client.publish("score:1", 1, entry="one more")
    client.publish("score:1", 2, entry="e0")
    client.ask("publish", channel="score:1", entry="e1", remove=True)
    client.publish("score:1", 1, entry="one more")
