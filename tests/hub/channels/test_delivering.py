"""Many channels subscribed to as one."""

import pytest

from everywire.app import Everywire
from everywire.errors import Refused
from everywire.hub.access.identity import Identity
from everywire.hub.settings import Settings
from everywire.testing import Net, Refusal


@pytest.fixture
def asked():
    return []


@pytest.fixture
def net(asked):
    app = Everywire(settings=Settings(max_name=20))
    score = app.channel("score:{game}:{part}", wildcards=True, history=5, presence=True)
    app.channel("score:{game}", history=5)
    app.channel("other:{name}")

    @score.allow("subscribe")
    def allow(access):
        asked.append((access.channel, dict(access.params)))
        return access.params["game"] != "secret"

    with Net(app) as net:
        yield net


def heard(client):
    return [(event["channel"], event["data"]) for event in client.events("publication")]


def refused(code):
    return pytest.raises(Refusal, match=f"^{code} ")


def test_publications_name_the_channel_that_they_were_published_to(net, asked):
    client = net.connect()
    answer = client.subscribe("score:*:a", since={"epoch": "e", "offset": 5}, rewind=3)
    assert answer["channel"] == "score:*:a"
    assert (answer["recovered"], answer["publications"]) == (False, [])
    assert not {"epoch", "offset", "members", "more"} & answer.keys()
    for channel in ("score:1:a", "score:1:b", "score:2:a", "score:1", "other:1"):
        net.app.publish(channel, channel)
    assert heard(client) == [("score:1:a", "score:1:a"), ("score:2:a", "score:2:a")]
    assert asked == [("score:*:a", {"game": "*", "part": "a"})]


def test_only_channels_are_heard_whose_parameters_the_rule_has_seen():
    app = Everywire()
    app.channel("game.{id}.{part}", wildcards=True, may_subscribe=lambda access: access.params["id"] == "7")
    with Net(app) as net:
        client = net.connect()
        client.subscribe("game.7.>")
        with refused(103):
            client.subscribe("game.7.b.a")
        net.app.publish("game.7.a", 1)
        net.app.publish("game.7.b.a", 2)  # of the game "7.b"
        assert heard(client) == [("game.7.a", 1)]


def test_only_channels_of_that_kind_are_heard(net):
    client = net.connect()
    client.subscribe("score:>")
    net.app.publish("score:1", 1)
    net.app.publish("score:1:a", 2)
    assert heard(client) == [("score:1:a", 2)]


@pytest.mark.parametrize("ephemeral", [False, True])
def test_who_hears_a_publication_by_several_names_is_told_it_once(net, ephemeral):
    client, other = net.connect(), net.connect()
    for name in ("score:>", "score:1:a", "score:*:*"):
        client.subscribe(name)
    other.subscribe("score:>")
    for name in (None, "score:1:a", "score:>"):
        if name is not None:
            client.ask("unsubscribe", channel=name)
        net.app.publish("score:1:a", name, ephemeral=ephemeral)
        assert heard(client) == heard(other) == [("score:1:a", name)]
    client.ask("unsubscribe", channel="score:*:*")
    net.app.publish("score:1:a", 3)
    assert heard(client) == []
    other.ask("unsubscribe", channel="score:>")
    assert len(net.app.hub.patterns) == 0
    assert len(net.app.hub.broker._patterns) == 0


@pytest.mark.parametrize("wish", [{"delta": True}, {"policy": {"kind": "sample", "interval": 1000}}])
def test_who_hears_the_channel_itself_in_another_way_is_told_by_wildcards_too(net, wish):
    client = net.connect()
    client.subscribe("score:1:a", **wish)
    client.subscribe("score:>")
    for number in range(3):
        net.app.publish("score:1:a", {"long": "x" * 50, "number": number})
    whole = [event["data"]["number"] for event in client.events("publication") if "data" in event]
    assert {0, 1, 2} <= {*whole}
    assert len(whole) >= 3


def test_who_comes_and_goes_is_not_heard(net):
    client, other = net.connect(), net.connect()
    client.subscribe("score:>")
    other.subscribe("score:1:a")
    net.app.hub.broker.forget("score:1:a")
    assert client.events() == []


def test_a_resumed_session_subscribes_again(net):
    client = net.connect()
    client.subscribe("score:>")
    client.drop()
    net.app.publish("score:1:a", 1)
    again = net.connect(resume=client.resume)
    assert not again.subscribe("score:>")["recovered"]
    net.app.publish("score:1:a", 2)
    assert heard(again) == [("score:1:a", 2)]


@pytest.mark.parametrize("name", ["other:*", "score:*", "nothing:>", "score:*:a:b"])
def test_where_wildcards_are_not_allowed(net, name):
    with refused(110):
        net.connect().subscribe(name)


def test_a_name_with_wildcards_is_no_channel(net):
    client = net.connect()
    client.subscribe("score:>")
    with refused(107):
        client.publish("score:>", 1)
    with refused(107):
        client.ask("history", channel="score:*:a")
    with pytest.raises(Refused):
        net.app.publish("score:*:a", 1)
    with refused(108):
        client.subscribe("score:>" + "x" * 20 + ":>")
    with refused(103):
        client.subscribe("score:secret:*")
    with refused(105):
        client.subscribe("score:>")


# Who may not subscribe to a channel, and what wildcards give him of it.

RULES = {
    "none": lambda access: access.params["name"] != "secret",  # thinks of no wildcards
    "careful": lambda access: not access.wild and access.params["name"] != "secret",
}


def secretive(rule, *, wildcards, capabilities=None):
    app = Everywire()
    app.on_connect(lambda connecting: Identity("ann", capabilities=capabilities))
    app.channel("room.vault", may_subscribe=False)
    app.channel("room.{name}", wildcards=wildcards, may_subscribe=RULES[rule])
    return app


def got(app, name):
    """What a client hears of three rooms that asked for `name`; the code where it was refused."""
    with Net(app) as net:
        client = net.connect()
        for channel in ("room.secret", "room.vault"):
            with refused(103):
                client.subscribe(channel)
        try:
            client.subscribe(name)
        except Refusal as no:
            return no.code
        for room in ("room.secret", "room.vault", "room.open"):
            app.publish(room, 1)
        return [channel for channel, _ in heard(client)]


@pytest.mark.parametrize("name", ["room.>", "room.*", "*.*", "*.secret", ">"])
def test_without_the_kinds_consent_nothing_secret_is_heard_by_wildcards(name):
    assert got(secretive("none", wildcards=False), name) == 110


def test_a_rule_that_looks_whether_a_name_is_wild_keeps_its_secret():
    assert got(secretive("careful", wildcards=True), "room.>") == 103


def test_a_kind_that_allows_wildcards_opens_all_its_channels_that_its_rule_lets_pass_and_no_other_kind():
    """The rule is asked of the name with wildcards, not of each channel; `room.vault` is of another kind."""
    assert got(secretive("none", wildcards=True), "room.>") == ["room.secret", "room.open"]
    assert got(secretive("none", wildcards=True), "*.secret") == 103


def test_capabilities_grant_wildcards_only_where_they_cover_every_channel():
    some, every = {"room.open": ["subscribe"], "room.other": ["subscribe"]}, {"room.*": ["subscribe"]}
    assert got(secretive("none", wildcards=True, capabilities=some), "room.*") == 103
    assert got(secretive("none", wildcards=True, capabilities=every), "room.>") == 103
    assert got(secretive("none", wildcards=True, capabilities=every), "room.*") == ["room.secret", "room.open"]
