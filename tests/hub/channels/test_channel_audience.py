"""Publications that are not for everybody: live, missed, and in history."""

import pytest

from everywire.app import Everywire
from everywire.hub.settings import Settings
from everywire.testing import Net


@pytest.fixture
def net():
    app = Everywire(settings=Settings(max_page=2))
    app.channel("room", history=10)
    app.channel("room:{name}", wildcards=True)
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        yield net


@pytest.fixture
def people(net):
    clients = [net.connect(token=name) for name in ("ann", "ben", "ben")]
    for client in clients:
        client.subscribe("room")
    return clients


def heard(client):
    return [
        event["data"] if event["type"] == "publication" else f"passed {event['offset']}" for event in client.events()
    ]


def history(net, client, **how):
    """Read history, over as many turns as it takes."""
    number = client.send("history", channel="room", **how)
    net.run()
    return client.answer(number)


def test_some_are_excluded(people):
    ann, ben, _other = people
    ann.publish("room", 1, exclude=[ann.session, ben.session])
    ann.publish("room", 2)
    assert [heard(client) for client in people] == [["passed 1", 2], ["passed 1", 2], [1, 2]]


def test_one_session_or_one_user_is_told(people):
    ann, ben, other = people
    ann.publish("room", 1, to={"user": "ben"})
    ann.publish("room", 2, to={"session": other.session})
    ann.publish("room", 3, to={"user": "ben"}, exclude=[ben.session])
    assert heard(ann) == ["passed 1", "passed 2", "passed 3"]
    assert heard(ben) == [1, "passed 2", "passed 3"]
    assert heard(other) == [1, 2, 3]


def test_of_what_is_ephemeral_others_hear_nothing(people):
    ann, _ben, _other = people
    ann.publish("room", 1, to={"user": "ben"}, ephemeral=True)
    assert [heard(client) for client in people] == [[], [1], [1]]


def test_what_is_for_others_is_not_recovered_but_passed_over(net, people):
    ann, _ben, _other = people
    for number in range(1, 6):
        ann.publish("room", number, **({"to": {"user": "ben"}} if number % 2 else {}))
    asking, since = net.connect(token="ann"), {"offset": 0}
    answers = []
    while not answers or answers[-1].get("more"):
        epoch = answers[-1]["epoch"] if answers else asking.ask("history", channel="room")["epoch"]
        since = {"epoch": epoch, "offset": since["offset"]}
        answers.append(asking.subscribe("room", since=since))
        since = {"offset": answers[-1]["offset"]}
    assert [answer["recovered"] for answer in answers] == [True, True, True]
    assert [each["data"] for answer in answers for each in answer["publications"]] == [2, 4]
    assert answers[-1]["offset"] == 5


def test_history_is_only_what_is_for_who_asks(net, people):
    ann, ben, _other = people
    for number in range(1, 9):
        ann.publish("room", number, **({} if number in (1, 8) else {"to": {"user": "ben"}}))
    page = ann.ask("history", channel="room")
    assert ([each["data"] for each in page["publications"]], page["more"]) == ([1], True)
    since = {"epoch": page["epoch"], "offset": 1}
    page = history(net, ann, since=since)
    assert ([each["data"] for each in page["publications"]], "more" in page) == ([8], False)
    before = {"epoch": page["epoch"], "offset": 8}
    page = history(net, ann, before=before, reverse=True)
    assert [each["data"] for each in page["publications"]] == [1]
    assert [each["data"] for each in ben.ask("history", channel="room", limit=2)["publications"]] == [1, 2]


def test_what_is_for_others_is_no_part_of_a_limit(net, people):
    ann = people[0]
    for number in range(1, 6):
        ann.publish("room", number, **({"to": {"user": "ben"}} if number in (2, 4) else {}))
    page = ann.ask("history", channel="room", limit=2, reverse=True)
    assert ([each["data"] for each in page["publications"]], page.get("more")) == ([5], True)
    before = {"epoch": page["epoch"], "offset": 5}
    page = history(net, ann, before=before, limit=1, reverse=True)
    assert ([each["data"] for each in page["publications"]], "more" in page) == ([3], False)


@pytest.fixture
def crowded():
    """A log of which only the first and the last publication are for everybody, and few pages for an answer."""
    app = Everywire(settings=Settings(max_page=2, max_pages=3))
    app.channel("room", history=100)
    app.on_connect(lambda connecting: connecting.token)
    with Net(app) as net:
        ben = net.connect(token="ben")
        for number in range(1, 31):
            ben.publish("room", number, **({} if number in (1, 30) else {"to": {"user": "ben"}}))
        yield net


@pytest.mark.parametrize(("reverse", "first", "steps"), [(False, 1, [7, 13, 19, 25]), (True, 30, [24, 18, 12, 6])])
@pytest.mark.parametrize("limit", [None, 2])
def test_an_answer_looks_at_so_many_pages_of_what_is_for_others_and_says_how_far_it_went(
    crowded, reverse, first, steps, limit
):
    ann = crowded.connect(token="ann")
    page = history(crowded, ann, reverse=reverse, limit=1)
    assert [each["data"] for each in page["publications"]] == [first]
    place, went = {"epoch": page["epoch"], "offset": first}, []
    while True:
        bounds = {"before" if reverse else "since": place}
        page = history(crowded, ann, reverse=reverse, **bounds, **({"limit": limit} if limit else {}))
        if "after" not in page:
            break
        assert (page["publications"], page["more"]) == ([], True)
        place = {"epoch": page["epoch"], "offset": page["after"]}
        went.append(page["after"])
    assert [each["data"] for each in page["publications"]] == [31 - first]
    assert went == steps


def test_others_have_their_turn_between_two_pages_of_what_is_for_others(crowded):
    ann, turns = crowded.connect(token="ann"), []
    inner = crowded.app.hub.broker.read

    async def read(*what):
        turns.append("read")
        crowded.loop.call_soon(turns.append, "turn")
        return await inner(*what)

    epoch = history(crowded, ann, limit=1)["epoch"]
    crowded.app.hub.broker.read = read
    assert history(crowded, ann, since={"epoch": epoch, "offset": 1})["after"] == 7
    assert turns == ["read", "turn"] * 3


def test_the_application_chooses_as_well(net, people):
    ann, ben, _other = people
    net.app.publish("room", 1, to_user="ann")
    net.app.publish("room", 2, exclude=[ann.session])
    assert heard(ann) == [1, "passed 2"]
    assert heard(ben) == ["passed 1", 2]


def test_by_wildcards_others_hear_nothing(net, people):
    ann, ben, _other = people
    for client in (ann, ben):
        client.subscribe("room:*")
    ann.publish("room:a", 1, to={"user": "ben"})
    assert [heard(client) for client in (ann, ben)] == [[], [1]]
