"""Whom a hub says something to: each word for it, and who hears."""

import pytest
from tests.signalr.nets import hall, heard

from everywire import Everywire
from everywire.signalr import Hub


class Speaker(Hub):
    async def on_connected(self):
        await self.groups.add(self.context.connection_id, "everyone")

    async def join(self, group: str):
        await self.groups.add(self.context.connection_id, group)

    async def part(self, group: str):
        await self.groups.remove(self.context.connection_id, group)

    async def say(self, to: str, what: list[str]):
        clients = self.clients
        match to:
            case "all":
                chosen = clients.all
            case "caller":
                chosen = clients.caller
            case "others":
                chosen = clients.others
            case "others_in_group":
                chosen = clients.others_in_group(what[0])
            case "all_except" | "clients" | "groups" | "users":
                chosen = getattr(clients, to)(what)
            case "client" | "group" | "user":
                chosen = getattr(clients, to)(what[0])
            case "group_except":
                chosen = clients.group_except(what[0], what[1:])
        await chosen.send("Said", to)


@pytest.fixture
def speaking():
    app = Everywire()
    app.on_connect(lambda connecting: connecting.token)
    with hall(Speaker, app) as running:
        yield running


@pytest.fixture
def three(speaking):
    ada, bob, eve = clients = [speaking.come(token=name) for name in ("ada", "bob", "eve")]
    for client, groups in ((ada, ["tea"]), (bob, ["tea", "milk"]), (eve, ["milk"])):
        for group in groups:
            speaking.call(client, "join", {"group": group})
    for client in clients:
        client.events()
    return clients


@pytest.mark.parametrize(
    ("to", "what", "hears"),
    [
        ("all", [], "abe"),
        ("caller", [], "a"),
        ("others", [], "be"),
        ("client", ["b"], "b"),
        ("clients", ["a", "e", "e"], "ae"),
        ("all_except", ["b"], "ae"),
        ("group", ["tea"], "ab"),
        ("others_in_group", ["tea"], "b"),
        ("group_except", ["everyone", "a", "e"], "b"),
        ("groups", ["tea", "milk"], "abe"),
        ("groups", ["nobody"], ""),
        ("user", ["eve"], "e"),
        ("users", ["ada", "bob", "nobody"], "ab"),
        ("client", ["nobody"], ""),
    ],
)
def test_those_hear_who_are_meant_and_each_once(speaking, three, to, what, hears):
    ids = dict(zip("abe", [client.session for client in three], strict=True))
    speaking.call(three[0], "say", {"to": to, "what": [ids.get(each, each) for each in what]})
    heard_it = {letter: heard(client) for letter, client in zip("abe", three, strict=True)}
    assert heard_it == {letter: [("Said", to)] if letter in hears else [] for letter in "abe"}


def test_who_left_a_group_does_not_hear_it(speaking, three):
    speaking.call(three[1], "part", {"group": "tea"})
    three[1].events()
    speaking.call(three[0], "say", {"to": "group", "what": ["tea"]})
    assert heard(three[1]) == []


def test_one_word_is_one_id_not_its_letters(speaking, three):
    speaking.do(speaking.context.clients.clients(three[0].session).send("One"))
    speaking.do(speaking.context.clients.groups("milk").send("Two"))
    speaking.do(speaking.context.clients.all_except(three[2].session).send("Three"))
    assert [heard(client) for client in three] == [[("One",), ("Three",)], [("Two",), ("Three",)], [("Two",)]]


def test_a_declared_channel_is_a_group_whose_clients_of_any_language_meet():
    app = Everywire()
    app.channel("room:{name}")
    app.channel("everyone")
    with hall(Speaker, app, groups="{group}") as running:
        ada, native = running.come(), running.come()
        native.subscribe("room:tea")
        running.call(ada, "join", {"group": "room:tea"})
        ada.events()
        running.call(ada, "say", {"to": "group", "what": ["room:tea"]})
        assert heard(ada) == heard(native) == [("Said", "group")]


def test_a_groups_own_channel_is_nobodys_but_the_servers(speaking, three):
    with pytest.raises(Exception, match="103"):
        three[2].subscribe("hub:group:tea")


def test_who_may_name_a_group_comes_into_no_channel_of_the_application(speaking, three):
    speaking.net.app.channel("secret", may_subscribe=False)
    speaking.call(three[0], "join", {"group": "secret"})
    three[0].events()
    speaking.do(speaking.net.app.publish("secret", {"event": "Said", "args": []}))
    assert heard(three[0]) == []
